# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab is to be: nodes, their linked groups, releases and interpreters."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..profiles import PROFILES

DNS_DOMAIN = "lab.example"
ADMINISTRATOR_PASSWORD = "VMware1!"


class BadPlan(ValueError):
    """A lab that cannot be."""


@dataclass(frozen=True)
class NodePlan:
    """One node before it exists. `sso_domain` names its linked group, `python` is an interpreter's real path.

    `pnid` is what the node and its group call it, when that is not its name.
    """

    name: str
    number: int
    sso_domain: str
    profile: str
    python: str
    shell: str = "appliance"
    legacy_store: bool = False
    pnid: str = ""
    knobs: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, Any] = field(default_factory=dict)

    @property
    def called(self) -> str:
        return self.pnid or self.name

    @property
    def short(self) -> str:
        return self.name.split(".", 1)[0]

    @property
    def mac(self) -> str:
        """Fixed, so that a boot leaves its neighbours' ARP tables right."""
        return f"02:53:56:43:00:{self.number:02x}"


@dataclass(frozen=True)
class LabPlan:
    """`jump_host`: there is one, and a place from where it is the only way to the nodes."""

    nodes: tuple[NodePlan, ...]
    inventory: str | None = None
    jump_host: bool = False

    def group(self, sso_domain: str) -> list[NodePlan]:
        return [node for node in self.nodes if node.sso_domain == sso_domain]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "LabPlan":
        return cls(tuple(NodePlan(**node) for node in data["nodes"]), data["inventory"], data["jump_host"])


def group_sizes(text: str) -> list[int]:
    """Sizes of the linked groups: `2x3,1x1` is two groups of three nodes and one lone node.

    Raises BadPlan.
    """
    sizes: list[int] = []
    for part in text.split(","):
        count, cross, size = part.strip().partition("x")
        if not (cross and count.isdigit() and size.isdigit() and int(count) and int(size)):
            raise BadPlan(f"groups are written like 2x3,1x1 (two of three nodes, one of one), not {text!r}")
        sizes += [int(size)] * int(count)
    return sizes


def make_plan(
    sizes: list[int],
    *,
    profiles: list[str],
    pythons: dict[str, str],
    shell: str = "appliance",
    legacy_store: bool = False,
    pnids: Sequence[str] = (),
    knobs: dict[str, Any] | None = None,
    identity: dict[str, Any] | None = None,
    inventory: str | None = None,
    jump_host: bool = False,
) -> LabPlan:
    """Lay out linked groups of these sizes; `profiles` are dealt to the nodes in turn, `pythons` is by profile.

    `pnids` are the first nodes' own, in their order.

    Raises BadPlan.
    """
    unknown = set(profiles) - set(PROFILES)
    if unknown:
        raise BadPlan(f"no profile {', '.join(sorted(unknown))}; there are {', '.join(PROFILES)}")
    domains = [domain for index, size in enumerate(sizes) for domain in [_sso_domain(index)] * size]
    if not 1 <= len(domains) <= 200:
        raise BadPlan(f"a lab has 1 to 200 nodes, not {len(domains)}")
    nodes = []
    for index, domain in enumerate(domains):
        release = profiles[index % len(profiles)]
        nodes.append(
            NodePlan(
                name=f"vc{index + 1:02d}.{DNS_DOMAIN}",
                number=index + 1,
                sso_domain=domain,
                profile=release,
                python=pythons[release],
                shell=shell,
                legacy_store=legacy_store,
                pnid=pnids[index] if index < len(pnids) else "",
                knobs=dict(knobs or {}),
                identity=dict(identity or {}),
            )
        )
    return LabPlan(tuple(nodes), inventory, jump_host)


def identity(node: NodePlan, group: list[NodePlan], address_of: dict[str, str]) -> dict[str, Any]:
    """What a node knows of itself and its linked group before first boot; partners form a ring."""
    place = group.index(node)
    neighbours = {each.called: address_of[each.name] for each in (group[place - 1], group[(place + 1) % len(group)])}
    neighbours.pop(node.called, None)
    return {
        "pnid": node.called,
        "domain": node.sso_domain,
        "site": "default-site",
        "machine_id": str(uuid.uuid4()),
        "ldu": str(uuid.uuid4()),
        "node_type": "embedded",
        "address": address_of[node.name],
        "partners": [{"name": name, "address": address} for name, address in sorted(neighbours.items())],
        "servers": [{"name": member.called, "site": "default-site"} for member in group],
        "administrator_password": ADMINISTRATOR_PASSWORD,
        "machine_account": {"name": f"{node.name}@{node.sso_domain}", "password": secrets.token_urlsafe(15)},
        "profile": node.profile,
        "legacy_store": node.legacy_store,
        **node.identity,
    }


def _sso_domain(index: int) -> str:
    return "vsphere.local" if index == 0 else f"vsphere{index + 1}.local"
