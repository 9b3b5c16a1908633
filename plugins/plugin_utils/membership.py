# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The members of a linked group as its directory has them, compared with those that the inventory has.

One node of a group is asked, and its record has the answer as `linked_mode` (that of the module linked_mode_info), or
{"problem"} when there was none. The gates are P6, P7 and P22 of the gate table, field notes §5.2.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import names
from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import INFO, REFUSE, WARN, Finding

Record = Mapping[str, Any]
LinkedMode = Mapping[str, Any]

_HEALTHY = ("Normal", "Standalone")


def members(record: Record) -> set[str]:
    """The names, in one spelling, that the node's directory lists; empty when the node was not asked."""
    return _listed(record.get("linked_mode") or {})


def _listed(linked_mode: LinkedMode) -> set[str]:
    return {spelled(member["name"]) for member in linked_mode.get("members", [])}


def judge(
    nodes: Sequence[str], records: Mapping[str, Record], inventory: Collection[str], strange: Sequence[str] = ()
) -> list[Finding]:
    """All findings about the members of one group. `strange` are subjects of VMCA roots that it trusts and nobody has.

    `nodes` are the inventory names of its nodes; `inventory` the names and addresses of all hosts, those outside this
    run too: a member that only this run leaves out is known, and refused with other words.
    """
    answers = {node: records[node]["linked_mode"] for node in nodes if "linked_mode" in records.get(node, {})}
    if not answers:
        return [_stranger(strange) if strange else _not_asked()]
    pnids = {_pnid(records[node]): node for node in nodes if node in records and _pnid(records[node])}
    surveyed = {name for name in map(_pnid, records.values()) if name}
    known = {*map(spelled, filter(None, inventory)), *surveyed}
    return [
        finding
        for node, linked_mode in answers.items()
        for finding in (
            _unanswered(node, linked_mode) if "problem" in linked_mode else _judged(linked_mode, pnids, known, surveyed)
        )
    ]


def spelled(name: str) -> str:
    """One spelling of a name or an address, by which two that mean the same are the same."""
    return names.normal("ip" if names.is_ip(name) else "dns", name)


def _pnid(record: Record) -> str:
    return spelled(str(record["survey"].get("pnid") or ""))


def _stranger(roots: Sequence[str]) -> Finding:
    """P22. Where the run has no lease, another one may be at work: a slice of the same job, say."""
    return Finding(
        "member-unknown",
        REFUSE,
        f"It trusts VMCA roots of nodes that this run does not see: {'; '.join(roots)}. Another run may be at work"
        " there.",
        {"roots": list(roots)},
        "Run with all nodes of the linked group, or define vcfleet_sso_password to have its directory asked who they"
        " are. Where the root is of a node that is long gone, unpublish it, or say with vcfleet_groups who belongs"
        " together.",
    )


def _not_asked() -> Finding:
    return Finding(
        "membership-not-asked",
        INFO,
        "Who is linked is judged from the trusted roots only, and no replication gate is run, since"
        " vcfleet_sso_password is not defined.",
        {},
        "Define it, best as a vaulted variable, to have the directory asked.",
    )


def _unanswered(node: str, linked_mode: LinkedMode) -> Iterator[Finding]:
    yield Finding(
        "membership-unknown",
        REFUSE,
        f"{node} did not tell who its linked group's members are: {linked_mode['problem']}",
        {"node": node},
    )


def _judged(
    linked_mode: LinkedMode, pnids: Mapping[str, str], known: Collection[str], surveyed: Collection[str]
) -> Iterator[Finding]:
    yield from _without_itself(linked_mode)
    yield from _strangers(linked_mode, known)
    yield from _left_out(linked_mode, known, surveyed)
    yield from _out_of_reach(linked_mode)
    yield from _ill(linked_mode)
    yield from _not_replicating(linked_mode)
    yield from _no_members(linked_mode, pnids)


def _without_itself(linked_mode: LinkedMode) -> Iterator[Finding]:
    """A directory that lists nobody, or not the node it is on, cannot tell who is linked, nor in which state it is."""
    listed = [member["name"] for member in linked_mode["members"]]
    if spelled(linked_mode["node"]) not in _listed(linked_mode):
        yield Finding(
            "membership-unknown",
            REFUSE,
            f"The directory of {linked_mode['node']} lists {', '.join(listed) or 'nobody'}, and not that node itself.",
            {"node": linked_mode["node"], "members": listed},
            "Compare `vdcrepadmin -f showservers` and `vmafd-cli get-pnid` on the node, and put that right first.",
        )


def _strangers(linked_mode: LinkedMode, known: Collection[str]) -> Iterator[Finding]:
    """P22. Hosts outside the run have shown no PNID: for them an address, or the first label of a name, will do."""
    found = [member["name"] for member in linked_mode["members"] if not _called(member) & set(known)]
    if found:
        yield Finding(
            "member-not-in-inventory",
            REFUSE,
            f"The directory has members that the inventory does not know: {', '.join(found)}.",
            {"members": found, "asked": linked_mode["node"]},
            "Add them to the inventory. Hosts that are outside of this run are known by inventory name and ansible_host"
            " only; where neither says who it is, run with all nodes of the group. What was decommissioned is removed"
            " from the directory with `cmsso-util unregister`.",
        )


def _left_out(linked_mode: LinkedMode, known: Collection[str], surveyed: Collection[str]) -> Iterator[Finding]:
    """P22. A run that does not see a member has no lease there, and another one may be at work on it."""
    found = [
        member["name"]
        for member in linked_mode["members"]
        if _called(member) & set(known) and spelled(member["name"]) not in surveyed
    ]
    if found:
        yield Finding(
            "member-not-surveyed",
            REFUSE,
            f"Members of the linked group were not surveyed by this run: {', '.join(found)}.",
            {"members": found, "asked": linked_mode["node"]},
            "Run with all nodes of the group, without --limit; vcfleet_only selects those that are to be rotated.",
        )


def _called(member: Mapping[str, Any]) -> set[str]:
    """By what the inventory may know a member."""
    called = {spelled(name) for name in (member["name"], *member.get("addresses", []))}
    return called if names.is_ip(member["name"]) else called | {member["name"].lower().partition(".")[0]}


def _out_of_reach(linked_mode: LinkedMode) -> Iterator[Finding]:
    """P22. A member that is down may be one that was lost for good, or one in the middle of something."""
    found = [member for member in linked_mode["members"] if member["reachable"] is False]
    if found:
        told = ", ".join(f"{member['name']} ({member['problem']})" for member in found)
        yield Finding(
            "member-not-reached",
            REFUSE,
            f"{linked_mode['node']} does not reach these members of its linked group: {told}.",
            {"members": found},
            "Bring them up. One that was lost for good is removed from the directory with `cmsso-util unregister`.",
        )


def _ill(linked_mode: LinkedMode) -> Iterator[Finding]:
    """P6. Read only is what a directory becomes when a partner's certificate has ended, among other reasons."""
    found = [member for member in linked_mode["members"] if member["reachable"] and member["state"] not in _HEALTHY]
    if found:
        told = ", ".join(f"{member['name']} is {member['state']}" for member in found)
        yield Finding(
            "directory-state",
            REFUSE,
            f"The directory must be Normal on every member: {told}.",
            {"members": found},
            "See /var/log/vmware/vmdird/vmdird-syslog.log there, and put the reason right first.",
        )


def _not_replicating(linked_mode: LinkedMode) -> Iterator[Finding]:
    """P7, but for changes that are on their way: those the gate waits for."""
    reached = {spelled(member["name"]) for member in linked_mode["members"] if member["reachable"]}
    found = [
        status
        for status in linked_mode["replication"]
        if not status["status_available"] and spelled(status["partner"]) in reached
    ]
    if found:
        yield Finding(
            "replication-broken",
            REFUSE,
            f"{linked_mode['node']} cannot tell whether these partners have its changes:"
            f" {', '.join(status['partner'] for status in found)}.",
            {"replication": found},
            "See `vdcrepadmin -f showpartnerstatus` on the node.",
        )


def _no_members(linked_mode: LinkedMode, pnids: Mapping[str, str]) -> Iterator[Finding]:
    """A node that trusts the group and is trusted by it, and left the directory."""
    listed = _listed(linked_mode)
    found = sorted(node for pnid, node in pnids.items() if pnid not in {*listed, spelled(linked_mode["node"])})
    if found:
        yield Finding(
            "node-not-a-member",
            WARN,
            f"{', '.join(found)}: taken for linked because of trusted roots, and the directory of"
            f" {linked_mode['node']} does not list it.",
            {"nodes": found, "members": sorted(listed)},
            "It is rotated in turn with this group all the same. vcfleet_groups says where it belongs.",
        )
