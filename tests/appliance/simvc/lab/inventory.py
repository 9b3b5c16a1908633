# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible inventory of a lab."""

from .node import Node


def render(nodes: list[Node]) -> str:
    """YAML: group `vcenters`, and below it one group per linked group, named by its SSO domain."""
    lines = ["---", "vcenters:", "  children:"]
    for domain in dict.fromkeys(node.plan.sso_domain for node in nodes):
        members = [node for node in nodes if node.plan.sso_domain == domain]
        lines += [f"    {domain.replace('.', '_')}:", "      vars:", f"        sso_domain: {domain}", "      hosts:"]
        for node in members:
            lines += [f"        {node.name}:", f"          ansible_host: {node.address}"]
    first = nodes[0]
    lines += [
        "  vars:",
        "    ansible_user: root",
        f"    ansible_ssh_private_key_file: {first.key}",
        f"    ansible_ssh_common_args: >-\n      {' '.join(first.ssh_options)}",
    ]
    return "\n".join(lines) + "\n"
