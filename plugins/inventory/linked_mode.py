# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: linked_mode
short_description: All vCenter Servers of linked groups, from one node of each
version_added: 0.1.0
description:
  - Asks one node of each linked group (Enhanced Linked Mode) over ssh for all its members, as its directory has them,
    and makes them hosts, with a group for each linked group.
  - Uses Ansible's own ssh connection. What C(ansible.cfg) and the environment set for it holds here, too. Nothing is
    installed on the node or left there. A login shell that is the appliance shell is as good as bash.
  - A member that the asked node could not reach is a host as well, with C(linked_mode_reachable) false.
  - The source must end in C(linked_mode.yml) or C(linked_mode.yaml).
author:
  - The vcfleet.certs authors (@vcfleet)
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: Says that the source is for this plugin.
    type: str
    required: true
    choices: [vcfleet.certs.linked_mode]
  linked_groups:
    description: The linked groups, one entry each. A lone node is a group of one.
    type: list
    elements: dict
    required: true
    suboptions:
      ask:
        description:
          - Names or addresses of one or more nodes of the group. They are asked in this order until one answers.
          - When one refuses the password, the others are not asked, since a few wrong passwords lock the account.
        type: list
        elements: str
        required: true
      name:
        description: Name of the group in the inventory. By default it is made from the SSO domain. Two linked groups
          with the same SSO domain need names, which must differ in letters and digits.
        type: str
      sso_user:
        description: Goes before the O(sso_user) of all groups.
        type: str
      sso_password:
        description: Goes before the O(sso_password) of all groups.
        type: str
  group:
    description: Name of the group that has all linked groups as children. The playbooks of this collection take the
      hosts of V(vcenters).
    type: str
    default: vcenters
  sso_user:
    description: An administrator of the SSO domains, with or without the domain.
    type: str
    default: administrator
  sso_password:
    description:
      - The user's password, 32 bytes in UTF-8 at most. In the source it may be a template, such as a lookup, or
        encrypted with C(ansible-vault). From the environment it is taken as it is.
      - Travels on standard input only. It is not cached.
    type: str
    env:
      - name: VCFLEET_SSO_PASSWORD
  member_timeout:
    description: How long the asked node waits for the answer of one other member, in seconds. After that it counts as
      not reached.
    type: float
    default: 20
  tool_timeout:
    description: How long one call of one vendor tool may take on the node, in seconds.
    type: float
    default: 120
  ssh_user:
    description: User to log in as.
    type: str
    default: root
  ssh_port:
    description: Port of the ssh servers. By default it is what Ansible is set to.
    type: int
  ssh_private_key_file:
    description: Private key to log in with. By default it is what Ansible or ssh are set to.
    type: path
  ssh_common_args:
    description: Further arguments for ssh, such as a jump host. By default they are what Ansible is set to.
    type: str
  ssh_timeout:
    description: How long making the connection may take, in seconds.
    type: int
    default: 30
  become:
    description: Become root by C(sudo), which must not ask for a password.
    type: bool
    default: false
  python_interpreter:
    description: Absolute path of a Python 3.7 or newer on the nodes, when it is in an unusual place.
    type: str
requirements:
  - Python 3.7 or newer on the nodes that are asked. Every vCenter Server from 7.0 brings it.
notes:
  - Each host has the variables C(linked_mode_sso_domain), C(linked_mode_addresses), C(linked_mode_site),
    C(linked_mode_partners), C(linked_mode_reachable), C(linked_mode_state) and C(linked_mode_type), with the meaning
    that they have in RV(vcfleet.certs.linked_mode_info#module:linked_mode.members).
  - The C(ssh_) options are for the question only. How plays connect to the hosts, through a jump host for example, is
    said as for any inventory, such as in C(group_vars). Where their names do not resolve,
    C(compose) may set C(ansible_host) to one of C(linked_mode_addresses).
seealso:
  - module: vcfleet.certs.linked_mode_info
"""

EXAMPLES = r"""
# vcenters.linked_mode.yml: one linked group, the password from the environment (VCFLEET_SSO_PASSWORD)
plugin: vcfleet.certs.linked_mode
linked_groups:
  - ask: [vc01.example.com]

# Two linked groups of the same SSO domain name, a second candidate, a lookup, a cache, and groups by site
# plugin: vcfleet.certs.linked_mode
# linked_groups:
#   - name: production
#     ask: [vc01.example.com, vc02.example.com]
#     sso_password: "{{ lookup('ansible.builtin.file', '/run/secrets/production') }}"
#   - name: test
#     ask: [test-vc01.example.com]
#     sso_user: svc-certs@vsphere.local
#     sso_password: "{{ lookup('ansible.builtin.file', '/run/secrets/test') }}"
# ssh_private_key_file: ~/.ssh/vcenters
# cache: true
# cache_plugin: ansible.builtin.jsonfile
# cache_connection: ~/.cache/ansible-inventory
# cache_timeout: 3600
# keyed_groups:
#   - key: linked_mode_site
#     prefix: site
# groups:
#   lost: not linked_mode_reachable
# compose:
#   ansible_user: "'root'"

# Nodes behind a jump host, which does not know their names
# plugin: vcfleet.certs.linked_mode
# linked_groups:
#   - ask: ["2001:db8::11", "192.0.2.12"]
# ssh_common_args: -o ProxyJump=operator@jump.example.com
# compose:
#   ansible_host: linked_mode_addresses[0]
#   ansible_ssh_common_args: "'-o ProxyJump=operator@jump.example.com'"
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.vcfleet.certs.plugins.plugin_utils.argspec import argument_spec
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import plain
from ansible_collections.vcfleet.certs.plugins.plugin_utils.ssh import NoAnswer, Node, Ssh

_FACTS = ("addresses", "site", "partners", "reachable", "state", "type")
_AT_ONCE = 8

LinkedMode = dict[str, Any]


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc] # ansible-core has no types
    """Asks one node of each linked group for all its members."""

    NAME = "vcfleet.certs.linked_mode"

    def verify_file(self, path: str) -> bool:
        """Only a file whose name says that it is one of ours."""
        return bool(super().verify_file(path)) and path.endswith(("linked_mode.yml", "linked_mode.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory. Raises AnsibleParserError with everything that stands in the way."""
        super().parse(inventory, loader, path, cache)
        entries = self._entries(self._read_config_data(path))
        answers = self._answers(entries, path, cache)
        names = [entry["name"] or linked_mode["sso_domain"] for entry, linked_mode in zip(entries, answers)]
        for name, linked_mode in _named([self._sanitize_group_name(name) for name in names], answers).items():
            self._populate(name, linked_mode)

    def _entries(self, source: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The linked groups of the source, validated, with their accounts filled in."""
        documented = {"linked_groups": yaml.safe_load(DOCUMENTATION)["options"]["linked_groups"]}
        given = self._value("linked_groups", source)
        found = ArgumentSpecValidator(argument_spec(documented)).validate({"linked_groups": given})
        if found.error_messages:
            raise AnsibleParserError(f"linked_mode: {'; '.join(found.error_messages)}")
        entries: list[dict[str, Any]] = found.validated_parameters["linked_groups"]
        for entry in entries:
            for name in ("sso_user", "sso_password"):
                entry[name] = entry[name] or self._value(name, source)
            if not entry["ask"]:
                raise AnsibleParserError("linked_mode: an entry of linked_groups names no node to ask.")
            if not entry["sso_password"]:
                raise AnsibleParserError(
                    f"linked_mode: there is no sso_password for the linked group of {entry['ask'][0]}. Set it for the"
                    " group, for all groups, or by the environment variable VCFLEET_SSO_PASSWORD."
                )
        return entries

    def _value(self, name: str, source: Mapping[str, Any]) -> Any:
        """An option's value. One from the environment is no template, whatever braces a password has.

        Whether it is from there is seen by its absence in the source: ansible-core 2.16 tells no option's true origin.
        """
        value = self.get_option(name)
        if name not in source:
            return plain(value)
        try:
            return plain(self.templar.template(value))
        except AnsibleError as error:
            # Its text quotes the template, and that may be a password.
            raise AnsibleParserError(
                f"linked_mode: {name} cannot be rendered as a template ({type(error).__name__}). Its text is not shown,"
                " since it may hold a password. Mark a password that holds {{, {% or {# with !unsafe, encrypt it with"
                " ansible-vault, or set the environment variable VCFLEET_SSO_PASSWORD."
            ) from None

    def _answers(self, entries: list[dict[str, Any]], path: str, cache: bool) -> list[LinkedMode]:
        """What each group's node says, from the cache where it is there: nobody is asked twice."""
        key, caches = self.get_cache_key(path), self.get_option("cache")
        known: dict[str, LinkedMode] = dict(self._cache.get(key) or {}) if caches and cache else {}
        missing = [entry for entry in entries if _cache_name(entry) not in known]
        if missing:
            known |= self._ask_all(missing)
        if caches and (missing or not cache):
            self._cache[key] = known
        return [known[_cache_name(entry)] for entry in entries]

    def _ask_all(self, entries: list[dict[str, Any]]) -> dict[str, LinkedMode]:
        """All groups at the same time. Raises AnsibleParserError naming every one that did not answer."""
        ssh = Ssh(
            **{name: self.get_option(f"ssh_{name}") for name in ("user", "port", "private_key_file", "common_args")},
            timeout=self.get_option("ssh_timeout"),
            become=self.get_option("become"),
            interpreter=self.get_option("python_interpreter"),
        )
        timeouts = {name: self.get_option(name) for name in ("member_timeout", "tool_timeout")}
        candidates = [{host: ssh.node(host) for host in entry["ask"]} for entry in entries]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            begun = [
                pool.submit(_ask_group, nodes, _account(entry) | timeouts) for nodes, entry in zip(candidates, entries)
            ]
        problems = [str(future.exception()) for future in begun if future.exception()]
        if problems:
            raise AnsibleParserError("linked_mode: " + "\n".join(problems))
        return {_cache_name(entry): future.result() for entry, future in zip(entries, begun)}

    def _populate(self, group: str, linked_mode: LinkedMode) -> None:
        top = self.inventory.add_group(self._sanitize_group_name(self.get_option("group")))
        group = self.inventory.add_group(group)
        if group != top:
            self.inventory.add_child(top, group)
        for member in linked_mode["members"]:
            host = self.inventory.add_host(member["name"], group=group)
            # An answer from the cache may be an older version's, which had no addresses.
            facts = {f"linked_mode_{fact}": member.get(fact, []) for fact in _FACTS}
            facts["linked_mode_sso_domain"] = linked_mode["sso_domain"]
            for name, value in facts.items():
                self.inventory.set_variable(host, name, value)
            self._construct(host)

    def _construct(self, host: str) -> None:
        facts, strict = self.inventory.get_host(host).get_vars(), self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), facts, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), facts, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), facts, host, strict=strict)


def _account(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("sso_user", "sso_password")}


def _ask_group(candidates: dict[str, Node], options: dict[str, Any]) -> LinkedMode:
    """The first answer of the candidates. Raises NoAnswer with what each of them said."""
    problems = []
    for host, node in candidates.items():
        try:
            return dict(node.ask("linked_mode_info", options)["linked_mode"])
        except NoAnswer as silence:
            problems.append(f"{host}: {silence}")
            if silence.final:
                break
    raise NoAnswer(" ".join(problems))


def _named(names: list[str], answers: list[LinkedMode]) -> dict[str, LinkedMode]:
    """The answers by the names of their groups. Raises AnsibleParserError where two groups would become one."""
    named: dict[str, LinkedMode] = {}
    for name, linked_mode in zip(names, answers):
        other = named.setdefault(name, linked_mode)
        if _names(other) != _names(linked_mode):
            raise AnsibleParserError(
                f"linked_mode: {name} would be the group of {', '.join(_names(other))} and of"
                f" {', '.join(_names(linked_mode))}, which are not linked. Give each entry of linked_groups a"
                " name of its own; what cannot stand in the name of a group becomes an underscore."
            )
    return named


def _names(linked_mode: LinkedMode) -> list[str]:
    return sorted(member["name"].lower() for member in linked_mode["members"])


def _cache_name(entry: dict[str, Any]) -> str:
    return " ".join([entry["sso_user"], *entry["ask"]])
