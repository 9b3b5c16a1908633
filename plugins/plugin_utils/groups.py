# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. Which nodes are linked (Enhanced Linked Mode), found out from their surveys.

Linked nodes replicate their directory, and the directory fills TRUSTED_ROOTS. So where one node's VMCA root is among
another's trusted roots, and both are of one SSO domain, the two are linked. Where a node's directory was asked for its
members, that counts as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import membership, x509
from ansible_collections.vcfleet.certs.plugins.plugin_utils.assess import KEEP, ROTATE
from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import REFUSE, refusals
from ansible_collections.vcfleet.certs.plugins.plugin_utils.gates import trusted_roots
from ansible_collections.vcfleet.certs.plugins.plugin_utils.selection import listed

Records = Mapping[str, Mapping[str, Any]]

# What a member that is not due itself must have for another one to be rotated: its directory, and what that stands on.
_HEALTH = frozenset({"vmafdd-down", "services-missing"})


@dataclass
class Group:
    """A linked group on its way: its nodes in inventory order; `unknown` may belong to it but were not surveyed.

    Of those `claimed` are no other group's, and are shown with this one. `left_out` may belong to it as well, and the
    run is not about them.
    """

    name: str
    nodes: list[str]
    sso_domain: str | None = None
    unknown: list[str] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def linked_groups(
    records: Records,
    unsurveyed: Sequence[str] = (),
    overrides: Mapping[str, str] | None = None,
    inventory: Collection[str] = (),
    left_out: Collection[str] = (),
    addresses: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Sort nodes into linked groups: [{"name", "nodes", "leader", "sso_domain", "left_out", "verdict", ...}].

    `records` maps nodes to {"survey", "assessment", "linked_mode"}; `overrides` nodes to groups, and goes before what
    surveys say; `inventory` has the names of all hosts, `addresses` those by which they are reached, `left_out` the
    names of those that may be nodes and that this run leaves out. `leader` is the node to ask for the members.
    A node that no override places and that was not surveyed, or not so far that its links are known, may belong to any
    group that trusts a VMCA root whose node is not known; such groups are refused with it, since a member that nobody
    looked at may be down already. So may one that was left out, unless a directory has told who the members are. And
    where neither is there, such a root is a member's that this run does not see: who is due is refused.
    """
    placed = dict(overrides or {})
    order = [*records, *unsurveyed]
    groups = _merged([*_by_hand(records, unsurveyed, placed), *_by_survey(records, placed)], order)
    lost = [node for node in unsurveyed if node not in placed]
    unplaced = [*lost, *_adrift(groups, records, placed)]
    for group in groups:
        strange = bool(unplaced or left_out) and bool(_unknown_roots(group.nodes, records))
        group.unknown += [node for node in unplaced if strange and node not in group.nodes]
        group.left_out += [node for node in left_out if _may_belong(node, group, records, placed, strange)]
    for node in lost:
        _list_once(groups, node)
    groups = sorted(_merged(groups, order), key=lambda group: order.index(group.nodes[0]))
    return [_judged(group, records, [*inventory, *addresses], placed) for group in groups]


def override_problems(overrides: Mapping[str, Any], inventory: Collection[str]) -> list[str]:
    """What is wrong with groups by hand, each with its value; hosts are known where `inventory` names any."""
    option = "overrides (vcfleet_groups)"
    nameless = {node: name for node, name in overrides.items() if not (isinstance(name, str) and name.strip())}
    strangers = [node for node in overrides if inventory and node not in inventory]
    problems = [f"{option} has {name!r} for {node}, which names no group" for node, name in nameless.items()]
    if strangers:
        are = "is no host" if len(strangers) == 1 else "are no hosts"
        problems.append(f"{option} places {listed(strangers)}, which {are} of the inventory by that name")
    return problems


def _may_belong(node: str, group: Group, records: Records, placed: Mapping[str, str], strange: bool) -> bool:
    """May a node that was left out be of this group: by hand, or since the group has a member that nobody knows?"""
    if node in placed or all(each in placed for each in group.nodes):
        return placed.get(node) == group.name
    return strange and not any(membership.members(records.get(each, {})) for each in group.nodes)


def _adrift(groups: Iterable[Group], records: Records, placed: Mapping[str, str]) -> list[str]:
    """Nodes that are linked with none and whose survey cannot tell, since vmafdd or vmcad did not answer, say."""
    alone = [group.nodes[0] for group in groups if len(group.nodes) == 1]
    return [
        node
        for node in alone
        if node in records and node not in placed and not (_domain(records[node]) and _vmca(records[node]))
    ]


def _list_once(groups: list[Group], node: str) -> None:
    """An unsurveyed node is listed with the one group that it may belong to, or else on its own."""
    claiming = [group for group in groups if node in group.unknown]
    if len(claiming) == 1:
        claiming[0].claimed.append(node)
    else:
        groups.append(Group(node, [node], unknown=[node]))


def _merged(groups: Iterable[Group], order: Sequence[str]) -> list[Group]:
    """One group of each name: whoever places a node by hand in a group that is found means that one."""
    merged: dict[str, Group] = {}
    for group in groups:
        same = merged.setdefault(group.name, group)
        if same is not group:
            same.nodes = sorted([*same.nodes, *group.nodes], key=order.index)
            same.sso_domain = same.sso_domain or group.sso_domain
            same.unknown += [node for node in group.unknown if node not in same.unknown]
    return list(merged.values())


def _by_hand(records: Records, unsurveyed: Sequence[str], placed: Mapping[str, str]) -> Iterable[Group]:
    named: dict[str, Group] = {}
    for node in [*records, *unsurveyed]:
        if node in placed:
            group = named.setdefault(placed[node], Group(placed[node], []))
            group.nodes.append(node)
            if node in records:
                group.sso_domain = group.sso_domain or _domain(records[node])
            else:
                group.unknown.append(node)
    return named.values()


def _by_survey(records: Records, placed: Mapping[str, str]) -> Iterable[Group]:
    """The connected parts of the graph of nodes and links."""
    members: dict[str, list[str]] = {}
    for node in records:
        if node in placed:
            continue
        near = [
            first for first, nodes in members.items() if any(_linked(records[node], records[each]) for each in nodes)
        ]
        merged = [each for first in near for each in members.pop(first)]
        members[(merged or [node])[0]] = [*merged, node]
    order = list(records)
    for nodes in members.values():
        nodes.sort(key=order.index)
        domain = next((domain for domain in (_domain(records[node]) for node in nodes) if domain), None)
        yield Group(f"{domain or 'unknown'}@{nodes[0]}", nodes, domain)


def _linked(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    domains = {_domain(one), _domain(other)} - {None}
    if len(domains) > 1:
        return False
    if _lists(one, other) or _lists(other, one):
        return True
    return bool(_vmca(one) & _trusted(other) or _vmca(other) & _trusted(one))


def _lists(node: Mapping[str, Any], partner: Mapping[str, Any]) -> bool:
    """Is the partner node a member by the word of this node's directory?"""
    return membership.spelled(str(partner["survey"].get("pnid") or "")) in membership.members(node)


def _domain(record: Mapping[str, Any]) -> str | None:
    domain: str | None = record["survey"].get("sso_domain")
    return domain.lower() if domain else None


def _vmca(record: Mapping[str, Any]) -> set[str]:
    """SHA-256 of the node's own signing certificate, and not of its issuers: an enterprise root links nobody."""
    return {x509.sha256(pem) for pem in (record["survey"].get("vmca_root") or [])[:1]}


def _trusted(record: Mapping[str, Any]) -> set[str]:
    return {x509.sha256(pem) for pem in trusted_roots(record["survey"])}


def _unknown_roots(nodes: Iterable[str], records: Records) -> list[str]:
    """The subjects of the VMCA roots of its own domain that a node of a group trusts, and that no surveyed node has.

    A surveyed node's former root is no other node's: a VMCA root has the name of its host (vmware-cli.md §8).
    """
    known = {sha256 for record in records.values() for sha256 in _vmca(record)}
    hosts = [f"O={record['survey']['pnid']}".lower() for record in records.values() if record["survey"].get("pnid")]
    subjects = [
        x509.subject(pem)
        for node in nodes
        if node in records
        for pem in trusted_roots(records[node]["survey"])
        if x509.sha256(pem) not in known and _looks_like_vmca(pem, records[node])
    ]
    return [each for each in dict.fromkeys(subjects) if not set(each.lower().split(",")) & set(hosts)]


def _looks_like_vmca(pem: str, record: Mapping[str, Any]) -> bool:
    """A VMCA root names its SSO domain in its subject (vmware-cli.md §1.6, selfca)."""
    components = ",".join(f"DC={part}" for part in (_domain(record) or "").split("."))
    return components.lower() in x509.subject(pem).lower()


def _judged(group: Group, records: Records, inventory: Collection[str], placed: Collection[str]) -> dict[str, Any]:
    refused = [f"{node}: {reason}" for node in group.nodes for reason in _refusals(records.get(node))]
    refused += [f"{node} could not be surveyed{_membership(group, node, records)}." for node in group.unknown]
    refused += _left_out(group)
    due = [
        f"{node}: {' '.join(assessment['reasons'])}"
        for node in group.nodes
        for assessment in [records.get(node, {}).get("assessment")]
        if assessment and assessment["verdict"] == ROTATE
    ]
    by_hand = all(node in placed for node in group.nodes)
    strange = _unknown_roots(group.nodes, records) if due and not by_hand else []
    findings = [finding.to_dict() for finding in membership.judge(group.nodes, records, inventory, strange)]
    refused += [with_remedy(finding) for finding in refusals(findings)]
    if due:
        refused += [f"{node}: {reason}" for node in group.nodes for reason in _unsafe(records.get(node, {}))]
    verdict = REFUSE if refused else ROTATE if due else KEEP
    return {
        "name": group.name,
        "nodes": [*group.nodes, *group.claimed],
        "leader": _leader(group, records),
        "sso_domain": group.sso_domain,
        "left_out": group.left_out,
        "verdict": verdict,
        "reasons": refused or due or [f"No node of {group.name} is due."],
        "findings": findings,
    }


def _leader(group: Group, records: Records) -> str | None:
    """The first node that was surveyed and has a directory; None without any."""
    surveyed = [node for node in group.nodes if node in records]
    return next((node for node in surveyed if records[node]["survey"].get("node_type") != "management"), None)


def _refusals(record: Mapping[str, Any] | None) -> list[str]:
    """What stands in the way of a surveyed node; of one that could not be surveyed, `unknown` tells."""
    if record is None:
        return []
    assessment = record.get("assessment")
    if not assessment:
        return ["It was surveyed and could not be assessed; its failed task says why."]
    if assessment["verdict"] != REFUSE:
        return []
    return [with_remedy(finding) for finding in refusals(assessment["findings"])]


def _unsafe(record: Mapping[str, Any]) -> list[str]:
    """Why nobody else of its group may be rotated: what was to be finished there has failed, or it is ill."""
    return [*([record["failure"]] if "failure" in record else []), *ailments(record)]


def ailments(record: Mapping[str, Any] | None) -> list[str]:
    """Why a node that is kept would be no safe partner."""
    assessment = (record or {}).get("assessment")
    if not assessment or assessment["verdict"] != KEEP:
        return []
    return [with_remedy(finding) for finding in refusals(assessment["findings"]) if finding["id"] in _HEALTH]


def with_remedy(finding: Mapping[str, Any]) -> str:
    """A finding's message, and what to do about it."""
    return f"{finding['message']} {finding['remedy']}".strip()


def _membership(group: Group, node: str, records: Records) -> str:
    if node in group.nodes:
        return ""
    return (
        f"{' in full' * (node in records)} and may belong to this group, which trusts a VMCA root of an unknown node;"
        f" vcfleet_groups (overrides of linked_groups) says where it belongs, as {{'{node}': 'a name'}}"
    )


def _left_out(group: Group) -> list[str]:
    if not group.left_out:
        return []
    return [
        f"It may be linked with hosts that this run leaves out: {listed(group.left_out)}. Run with all nodes of the"
        " group; vcfleet_only selects those that are to be rotated. Or say with vcfleet_groups where each node belongs."
    ]
