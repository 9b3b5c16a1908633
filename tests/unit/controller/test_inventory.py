# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin over nodes of ours; the real way there is in tests/integration."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from ansible_collections.vcfleet.certs.plugins.plugin_utils import ssh
from ansible_collections.vcfleet.certs.plugins.plugin_utils.ssh import NoAnswer, Node, Ssh

Nodes = dict[str, Any]
PASSWORD = {"sso_password": "VMware1!"}


def linked(domain: str, *names: str, lost: str = "") -> dict[str, Any]:
    """The answer of a node; every member has all others as partners."""
    members = [
        {
            "name": name,
            "type": "directory",
            "site": f"site of {name}",
            "partners": [other for other in names if other != name],
            "reachable": name != lost,
            "state": None if name == lost else "Normal",
            "addresses": [] if name == lost else ["192.0.2.11"],
            "problem": None,
        }
        for name in names
    ]
    return {"node": names[0], "sso_domain": domain, "members": members, "replication": []}


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    """What each node says when asked, and under "asked" who was, with which options."""
    said: Nodes = {"asked": []}

    class Fake:
        def __init__(self, host: str) -> None:
            self.host = host

        def ask(self, verb: str, options: dict[str, Any]) -> dict[str, Any]:
            said["asked"].append((self.host, verb, options["sso_user"], options["sso_password"]))
            answer = said[self.host]
            if isinstance(answer, Exception):
                raise answer
            return {"linked_mode": answer}

    monkeypatch.setattr(Ssh, "node", lambda self, host: Fake(host))
    return said


@pytest.fixture
def parse(tmp_path: Path) -> Callable[..., InventoryData]:
    """The inventory that a source makes."""

    def run(use_cache: bool = True, text: str = "", **source: Any) -> InventoryData:
        path = tmp_path / "vcenters.linked_mode.yml"
        path.write_text(text or json.dumps({"plugin": "vcfleet.certs.linked_mode", **source}))
        inventory, loader = InventoryData(), DataLoader()
        plugin = inventory_loader.get("vcfleet.certs.linked_mode")
        assert plugin.verify_file(str(path))
        plugin.parse(inventory, loader, str(path), cache=use_cache)
        if source.get("cache"):
            plugin.update_cache_if_changed()  # as ansible-core does after a source
        inventory.reconcile_inventory()
        return inventory

    return run


def hosts(inventory: InventoryData, group: str) -> list[str]:
    return [host.name for host in inventory.groups[group].get_hosts()]


def test_one_node_yields_the_whole_group(nodes: Nodes, parse: Callable[..., InventoryData]) -> None:
    nodes["vc01"] = linked("vsphere.local", "vc01.lab", "vc02.lab", lost="vc02.lab")
    inventory = parse(linked_groups=[{"ask": ["vc01"]}], **PASSWORD)
    assert hosts(inventory, "vsphere_local") == ["vc01.lab", "vc02.lab"] == hosts(inventory, "vcenters")
    variables = inventory.get_host("vc02.lab").get_vars()
    assert {name: value for name, value in variables.items() if name.startswith("linked_mode_")} == {
        "linked_mode_sso_domain": "vsphere.local",
        "linked_mode_addresses": [],
        "linked_mode_site": "site of vc02.lab",
        "linked_mode_partners": ["vc01.lab"],
        "linked_mode_reachable": False,
        "linked_mode_state": None,
        "linked_mode_type": "directory",
    }
    assert nodes["asked"] == [("vc01", "linked_mode_info", "administrator", "VMware1!")]


def test_candidates_are_tried_in_order(nodes: Nodes, parse: Callable[..., InventoryData]) -> None:
    nodes.update(vc01=NoAnswer("no route"), vc02=linked("vsphere.local", "vc01.lab"), vc03=NoAnswer("never asked"))
    parse(linked_groups=[{"ask": ["vc01", "vc02", "vc03"]}], **PASSWORD)
    assert [asked[0] for asked in nodes["asked"]] == ["vc01", "vc02"]


def test_a_refused_password_is_given_to_no_other_candidate(nodes: Nodes, parse: Callable[..., InventoryData]) -> None:
    nodes.update(vc01=NoAnswer("the password was refused", "Correct it", final=True), vc02=linked("x", "vc02.lab"))
    with pytest.raises(AnsibleParserError, match=r"vc01: the password was refused\. Correct it\."):
        parse(linked_groups=[{"ask": ["vc01", "vc02"]}], **PASSWORD)
    assert [asked[0] for asked in nodes["asked"]] == ["vc01"]


def test_everything_that_stands_in_the_way_is_told_at_once(nodes: Nodes, parse: Callable[..., InventoryData]) -> None:
    nodes.update(vc01=NoAnswer("no route"), vc02=NoAnswer("no key"), vc11=NoAnswer("no Python"))
    with pytest.raises(AnsibleParserError) as caught:
        parse(linked_groups=[{"ask": ["vc01", "vc02"]}, {"ask": ["vc11"]}], **PASSWORD)
    for words in ("vc01: no route.", "vc02: no key.", "vc11: no Python."):
        assert words in str(caught.value)


def test_accounts_of_the_groups_go_before_the_common_one(nodes: Nodes, parse: Callable[..., InventoryData]) -> None:
    nodes.update(vc01=linked("a.local", "vc01.lab"), vc11=linked("b.local", "vc11.lab"))
    groups = [{"ask": ["vc01"]}, {"ask": ["vc11"], "sso_user": "svc@b.local", "sso_password": "other's"}]
    parse(linked_groups=groups, **PASSWORD)
    assert sorted(asked[2:] for asked in nodes["asked"]) == [("administrator", "VMware1!"), ("svc@b.local", "other's")]


def test_the_password_from_the_environment(
    nodes: Nodes, parse: Callable[..., InventoryData], monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes["vc01"] = linked("vsphere.local", "vc01.lab")
    monkeypatch.setenv("VCFLEET_SSO_PASSWORD", "from there")
    parse(linked_groups=[{"ask": ["vc01"]}])
    assert nodes["asked"][0][3] == "from there"


@pytest.mark.parametrize("password", ["{{ 7 * 7 }}", "a{{b", "a{%b", "a{#b#}c", "a}}b", "Pässwörd"])
def test_a_password_from_the_environment_is_no_template(
    nodes: Nodes, parse: Callable[..., InventoryData], monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    nodes["vc01"] = linked("vsphere.local", "vc01.lab")
    monkeypatch.setenv("VCFLEET_SSO_PASSWORD", password)
    parse(linked_groups=[{"ask": ["vc01"]}])
    assert nodes["asked"][0][3] == password


def test_the_source_goes_before_the_environment_and_may_be_a_template(
    nodes: Nodes, parse: Callable[..., InventoryData], monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.update(vc01=linked("a.local", "vc01.lab"), vc11=linked("b.local", "vc11.lab"))
    monkeypatch.setenv("VCFLEET_SSO_PASSWORD", "from {{ there")
    groups = [{"ask": ["vc01"]}, {"ask": ["vc11"], "sso_password": "{{ 'ab' | upper }}"}]
    parse(linked_groups=groups, sso_password="{{ 7 * 7 }}!")
    assert sorted(asked[3] for asked in nodes["asked"]) == ["49!", "AB"]


def test_a_password_that_is_marked_unsafe_is_no_template(nodes: Nodes, parse: Callable[..., InventoryData]) -> None:
    nodes["vc01"] = linked("vsphere.local", "vc01.lab")
    head = "plugin: vcfleet.certs.linked_mode\nlinked_groups: [{ask: [vc01]}]\n"
    parse(text=head + "sso_password: !unsafe 'a{{b{#'\n")
    assert nodes["asked"][0][3] == "a{{b{#"


@pytest.mark.parametrize("secret", ["s3cret{{", "s3cret{%", "{{ s3cret }}", "{{ lookup('file', '/s3cret') }}"])
@pytest.mark.parametrize("where", ["sso_password", "linked_groups"])
def test_a_template_that_fails_is_told_without_its_text(
    nodes: Nodes, parse: Callable[..., InventoryData], secret: str, where: str
) -> None:
    source: dict[str, Any] = {"linked_groups": [{"ask": ["vc01"]}], "sso_password": secret}
    if where == "linked_groups":
        source = {"linked_groups": [{"ask": ["vc01"], "sso_password": secret}]}
    with pytest.raises(AnsibleParserError, match=f"{where} cannot be rendered as a template") as caught:
        parse(**source)
    assert "s3cret" not in f"{caught.value} {caught.value!r}"
    assert caught.value.__suppress_context__ and caught.value.__cause__ is None
    assert nodes["asked"] == []


def test_two_groups_of_one_domain_need_names(nodes: Nodes, parse: Callable[..., InventoryData]) -> None:
    nodes.update(vc01=linked("vsphere.local", "vc01.lab"), vc11=linked("vsphere.local", "vc11.lab"))
    with pytest.raises(AnsibleParserError, match=r"vc01\.lab and of vc11\.lab, which are not linked\. Give each"):
        parse(linked_groups=[{"ask": ["vc01"]}, {"ask": ["vc11"]}], **PASSWORD)
    named = [{"ask": ["vc01"], "name": "production"}, {"ask": ["vc11"], "name": "dr-site"}]
    inventory = parse(linked_groups=named, **PASSWORD)
    assert hosts(inventory, "production") == ["vc01.lab"]
    assert hosts(inventory, "dr_site") == ["vc11.lab"]


def test_two_names_that_become_one_group_are_an_error(nodes: Nodes, parse: Callable[..., InventoryData]) -> None:
    nodes.update(vc01=linked("a.local", "vc01.lab"), vc11=linked("b.local", "vc11.lab"))
    named = [{"ask": ["vc01"], "name": "dr-site"}, {"ask": ["vc11"], "name": "dr.site"}]
    with pytest.raises(AnsibleParserError, match=r"dr_site would be the group of vc01\.lab and of vc11\.lab"):
        parse(linked_groups=named, **PASSWORD)


def test_it_composes_with_the_name_of_the_host(nodes: Nodes, parse: Callable[..., InventoryData]) -> None:
    nodes["vc01"] = linked("vsphere.local", "vc01.lab")
    compose = {"ansible_host": "inventory_hostname ~ '.mgmt'", "short": "inventory_hostname_short"}
    inventory = parse(linked_groups=[{"ask": ["vc01"]}], compose=compose, strict=True, **PASSWORD)
    variables = inventory.get_host("vc01.lab").get_vars()
    assert (variables["ansible_host"], variables["short"]) == ("vc01.lab.mgmt", "vc01")


def test_two_nodes_of_one_group_are_one_group(nodes: Nodes, parse: Callable[..., InventoryData]) -> None:
    answer = linked("vsphere.local", "vc01.lab", "vc02.lab")
    nodes.update(vc01=answer, vc02=answer)
    inventory = parse(linked_groups=[{"ask": ["vc01"]}, {"ask": ["vc02"]}], **PASSWORD)
    assert hosts(inventory, "vcenters") == ["vc01.lab", "vc02.lab"]


def test_it_composes(nodes: Nodes, parse: Callable[..., InventoryData]) -> None:
    nodes["vc01"] = linked("vsphere.local", "vc01.lab", "vc02.lab", lost="vc02.lab")
    inventory = parse(
        linked_groups=[{"ask": ["vc01"]}],
        compose={"short": "inventory_hostname | default(linked_mode_site[8:])", "where": "linked_mode_site | upper"},
        groups={"lost": "not linked_mode_reachable"},
        keyed_groups=[{"key": "linked_mode_type", "prefix": "type"}],
        strict=True,
        **PASSWORD,
    )
    assert hosts(inventory, "lost") == ["vc02.lab"]
    assert hosts(inventory, "type_directory") == ["vc01.lab", "vc02.lab"]
    assert inventory.get_host("vc01.lab").get_vars()["where"] == "SITE OF VC01.LAB"


def test_the_cache_spares_the_nodes_and_knows_no_password(
    nodes: Nodes, parse: Callable[..., InventoryData], tmp_path: Path
) -> None:
    nodes.update(vc01=linked("a.local", "vc01.lab"), vc11=linked("b.local", "vc11.lab"))
    settings = {
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
        **PASSWORD,
    }
    parse(linked_groups=[{"ask": ["vc01"]}], **settings)
    inventory = parse(linked_groups=[{"ask": ["vc01"]}], **settings)
    assert hosts(inventory, "vcenters") == ["vc01.lab"]
    assert len(nodes["asked"]) == 1
    assert "VMware1!" not in "".join(path.read_text() for path in (tmp_path / "cache").iterdir())
    parse(linked_groups=[{"ask": ["vc01"]}, {"ask": ["vc11"]}], **settings)
    assert [asked[0] for asked in nodes["asked"]] == ["vc01", "vc11"]
    parse(use_cache=False, linked_groups=[{"ask": ["vc01"]}], **settings)
    assert len(nodes["asked"]) == 3


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"linked_groups": [{"ask": ["vc01"]}]}, "there is no sso_password for the linked group of vc01"),
        ({"linked_groups": [{"ask": []}], **PASSWORD}, "names no node to ask"),
        ({"linked_groups": [{"aks": ["vc01"]}], **PASSWORD}, "aks"),
        ({"linked_groups": [{}], **PASSWORD}, "missing required arguments: ask"),
    ],
)
def test_a_source_with_a_fault_asks_nobody(
    nodes: Nodes, parse: Callable[..., InventoryData], source: dict[str, Any], said: str
) -> None:
    with pytest.raises(AnsibleParserError, match=said):
        parse(**source)
    assert nodes["asked"] == []


def test_other_files_are_not_ours(tmp_path: Path) -> None:
    other = tmp_path / "inventory.yml"
    other.write_text("plugin: vcfleet.certs.linked_mode\n")
    assert not inventory_loader.get("vcfleet.certs.linked_mode").verify_file(str(other))


class Line:
    """A connection: a login shell that answers what it is told to."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.commands: list[str] = []

    def exec_command(self, cmd: str, in_data: bytes, sudoable: bool) -> tuple[int, bytes, bytes]:
        self.commands.append(cmd)
        assert b"secret" not in cmd.encode() and in_data
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return 0, answer, b""


def told(**answer: Any) -> bytes:
    return json.dumps({"commands": [], **answer}).encode()


class TestNode:
    def ask(self, line: Line, **settings: Any) -> dict[str, Any]:
        return Node(Ssh(**settings), line).ask("linked_mode_info", {"sso_password": "secret"})

    def test_through_a_posix_shell(self) -> None:
        line = Line(b"banner\n" + told(ok=True, result={"x": 1}))
        assert self.ask(line) == {"x": 1}
        assert line.commands[0].startswith("/bin/sh -c ")

    def test_through_the_appliance_shell(self) -> None:
        line = Line(b"Unknown command: `/bin/sh'\n", told(ok=True, result={"x": 1}))
        assert self.ask(line, interpreter="/opt/python3") == {"x": 1}
        assert line.commands[1] == "shell /opt/python3 -IB -"

    def test_by_sudo(self) -> None:
        line = Line(told(ok=True, result={}))
        self.ask(line, become=True)
        assert line.commands[0].startswith("sudo -n /bin/sh -c ")

    @pytest.mark.parametrize(
        ("answers", "said", "final"),
        [
            ((AnsibleConnectionFailure("Connection refused"),), "Connection refused", False),
            ((b"Unknown command: `/bin/sh'\n", b"Shell is disabled.\n"), "appliance shell", False),
            ((b"nothing",), "did not answer as it should", False),
            ((told(ok=False, error={"message": "No", "remedy": "Do", "details": {}}),), r"No\. Do\.", False),
            (
                (told(ok=False, error={"message": "Wrong", "remedy": "", "details": {"login_refused": True}}),),
                r"Wrong\.",
                True,
            ),
        ],
    )
    def test_silence_has_words(self, answers: tuple[Any, ...], said: str, final: bool) -> None:
        with pytest.raises(NoAnswer, match=said) as caught:
            self.ask(Line(*answers))
        assert caught.value.final is final

    def test_what_is_not_set_is_left_to_ansible(self) -> None:
        connection = Ssh(user="root", port=2222).node("vc01.lab")._connection
        assert (connection.get_option("host"), connection.get_option("remote_user")) == ("vc01.lab", "root")
        assert connection.get_option("port") == 2222
        assert ssh._OPTIONS["timeout"] == "timeout" and connection.get_option("timeout") == 10
