# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. A reviewed plan against what the nodes say now: what still fits is kept, what has drifted is refused.

A linked group is refused whole, since its review was about the whole. A node that the plan rotates and whose newest
swap already replaced the planned certificate counts as done: so an interrupted run of the same plan goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import names
from ansible_collections.vcfleet.certs.plugins.plugin_utils.assess import KEEP, ROTATE, why_waits
from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import REFUSE, refusals
from ansible_collections.vcfleet.certs.plugins.plugin_utils.groups import ailments, with_remedy
from ansible_collections.vcfleet.certs.plugins.plugin_utils.names import KINDS
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import (
    NOT_SELECTED,
    UNSURVEYED,
    Group,
    Plan,
    Record,
    clear,
    hold_back,
    make_plan,
    number_turns,
    set_aside,
)
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_text import certificate_words
from ansible_collections.vcfleet.certs.plugins.plugin_utils.selection import Selection
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC

REMEDY = "Nothing was changed in this linked group. Make a new plan, have it reviewed, and apply that one."


@dataclass(frozen=True)
class Present:
    """What a run has found out and is about: records by node, linked groups, selection, all hosts' names, and when."""

    records: Mapping[str, Record]
    groups: Sequence[Group]
    selection: Selection
    inventory: Collection[str]
    now: datetime

    def groups_of(self, name: str, nodes: Collection[str]) -> list[Group]:
        """The linked groups that a planned one is now: those with a node of it, or with its name."""
        return [group for group in self.groups if group["name"] == name or set(group["nodes"]) & set(nodes)]

    def assessment(self, node: str) -> Mapping[str, Any]:
        """A node's assessment; empty when there is none."""
        return self.records.get(node, {}).get("assessment") or {}

    def current(self, node: str) -> Mapping[str, Any]:
        """Facts of the certificate that a node has now; empty when they are not known."""
        return self.assessment(node).get("current") or {}


def apply_plan(reviewed: Plan, present: Present) -> Plan:
    """The reviewed plan as it may be carried out now: the same order, without what is done and what has drifted.

    Whatever is in this run and not in the plan is "not selected", and so is what a selection leaves out of the plan.
    """
    plan = deepcopy(reviewed)
    found = make_plan(present.records, present.groups)
    for name, group in plan["groups"].items():
        now = present.groups_of(name, group["nodes"])
        if not now:
            _absent(plan, name, present)
        elif group["turns"]:
            _walked(plan, name, found, present)
        else:
            _not_walked(plan, name, found, present)
    _add_unplanned(plan, found)
    waiting = [node for node in reviewed["nodes"] if _why_waits(reviewed, node, present)]
    hold_back(plan["groups"], plan["nodes"], waiting, present.records)
    walked = [[name for name in wave if plan["groups"][name]["turns"]] for wave in plan["waves"]]
    plan["waves"] = [wave for wave in walked if wave]
    return number_turns(plan)


# ---- Linked groups that the plan rotates -----------------------------------------------------------------------------


def _walked(plan: Plan, name: str, found: Plan, present: Present) -> None:
    """Keep what is done or has to wait, and the order of the rest; or refuse the whole group, new members too."""
    group = plan["groups"][name]
    now = present.groups_of(name, group["nodes"])
    kept = {node: why for node in group["turns"] for why in [_why_kept(plan, node, present)] if why}
    left = [node for node in group["turns"] if node not in kept]
    drift = list(_drifts(plan, name, now, left, kept, present)) if left else []
    if drift:
        for node in (node for each in now for node in each["nodes"] if node not in plan["nodes"]):
            _add(plan, node, name, found)
        _refuse(plan, name, drift, present)
        return
    for node, (verdict, why) in kept.items():
        set_aside(plan["nodes"][node], verdict, why)
        plan["nodes"][node]["current"] = dict(present.current(node)) or plan["nodes"][node]["current"]
    group["turns"] = left
    if not left:
        clear(group, KEEP, [f"Plan {plan['id']} has nothing left to do here in this run."])
        for node in (node for node in group["nodes"] if node not in kept):
            _let_be(plan, node, found, present)


def _why_kept(plan: Plan, node: str, present: Present) -> tuple[str, list[str]] | None:
    """Verdict and reasons of a node whose turn is planned and that has none now: not selected, done, or to wait."""
    if why_not := _why_not(plan, node, present):
        return NOT_SELECTED, [why_not]
    if swap := _done_by(plan, node, present):
        return KEEP, [f"Done: swap {swap} replaced the certificate that plan {plan['id']} was made for."]
    waits = _why_waits(plan, node, present)
    return (KEEP, waits) if waits else None


def _why_waits(plan: Plan, node: str, present: Present) -> list[str]:
    """Why a node that is planned to be rotated, is selected and is not done, may not begin now."""
    planned = plan["nodes"][node]
    if planned["verdict"] != ROTATE or _why_not(plan, node, present) or _done_by(plan, node, present):
        return []
    return why_waits(present.assessment(node), bool(planned["force_reason"]))


def _why_not(plan: Plan, node: str, present: Present) -> str | None:
    """Why a node of the plan is not selected. Whoever is not in this run has the PNID that the plan says."""
    name = plan["nodes"][node]["group"]
    nodes = plan["groups"][name]["nodes"]
    planned = {each: {"survey": {"pnid": plan["nodes"][each]["pnid"]}} for each in nodes}
    return present.selection.why_not(node, {"name": name, "nodes": nodes}, {**planned, **present.records})


def _done_by(plan: Plan, node: str, present: Present) -> str:
    """The swap that has done what was planned for the node; empty when none has."""
    swap = (present.records.get(node, {}).get("survey") or {}).get("last_swap") or {}
    return str(swap.get("id")) if _is_done(plan["nodes"][node], swap, present.current(node)) else ""


def _is_done(planned: Mapping[str, Any], swap: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Has the node's newest swap replaced the planned certificate, and has the new one every name it should?"""
    if swap.get("state") != "committed" or not current:
        return False
    old, new = (swap.get(which, {}).get("sha256") for which in ("old", "new"))
    has_names = all(
        names.contains(kind, current["sans"][kind], name) for kind in KINDS for name in planned["wanted"][kind]
    )
    return old == planned["current"]["sha256"] and new == current["sha256"] and has_names


def _drifts(
    plan: Plan,
    name: str,
    now: Sequence[Group],
    left: Collection[str],
    kept: Collection[str],
    present: Present,
) -> Iterator[str]:
    """All that is not as it was when the plan was made, in sentences."""
    if plan["valid_until"] and present.now > _moment(plan["valid_until"]):
        yield f"It was valid until {plan['valid_until']}, and it is {present.now:%Y-%m-%dT%H:%M:%SZ}."
    planned = plan["groups"][name]["nodes"]
    members = [node for group in now for node in group["nodes"]]
    for node in members:
        if node not in planned:
            yield f"{node} is a new member of the linked group {name}."
    for node in planned:
        if node not in members:
            yield f"{node} is not among the linked group's members in this run any more."
        elif node not in kept:
            yield from _node_drifts(plan["nodes"][node], node, node in left, present)
    yield from _blockers(now, planned, left, present)


def _node_drifts(planned: Mapping[str, Any], node: str, is_left: bool, present: Present) -> Iterator[str]:
    old, new = (planned["current"] or {}).get("sha256"), present.current(node).get("sha256")
    if old and new and old != new:
        yield f"{node} has another certificate: SHA-256 {old[:12]}… when planned, {new[:12]}… now."
    wanted = present.assessment(node).get("wanted")
    if is_left and wanted and wanted != planned["wanted"]:
        yield (
            f"{node} would get another certificate than planned: {certificate_words(planned['wanted'])}"
            f" when planned, {certificate_words(wanted)} now."
        )


def _blockers(now: Sequence[Group], members: Collection[str], left: Collection[str], present: Present) -> Iterator[str]:
    """What refuses the group now: its own verdict, and what was not asked since none of its nodes is due by itself."""
    refused = [group for group in now if group["verdict"] == REFUSE]
    for group in refused:
        yield from group["reasons"]
    if refused:
        return
    for node in members:
        forced = node in left and present.assessment(node).get("verdict") == KEEP
        record = present.records.get(node)
        reasons = map(with_remedy, refusals(present.assessment(node)["findings"])) if forced else ailments(record)
        yield from (f"{node}: {why}" for why in reasons)


# ---- The others ------------------------------------------------------------------------------------------------------


def _absent(plan: Plan, name: str, present: Present) -> None:
    """None of the group's nodes is in this run: left out on purpose, or gone."""
    group = plan["groups"][name]
    why_not = {node: _why_not(plan, node, present) for node in group["nodes"]}
    gone = [node for node in group["nodes"] if node not in present.inventory]
    if gone and any(why_not[node] is None for node in group["turns"]):
        drift = [f"{node} is not in the inventory any more." for node in gone]
        _refuse(plan, name, drift, present)
        return
    absent = "None of its nodes is among the hosts of this run."
    clear(group, NOT_SELECTED, list(dict.fromkeys(why or absent for why in why_not.values())))
    for node in group["nodes"]:
        set_aside(plan["nodes"][node], NOT_SELECTED, [why_not[node] or absent])


def _not_walked(plan: Plan, name: str, found: Plan, present: Present) -> None:
    """Nothing is done in a group that the plan leaves alone; what was in its way then is still said."""
    for node in plan["groups"][name]["nodes"]:
        _let_be(plan, node, found, present)


def _let_be(plan: Plan, node: str, found: Plan, present: Present) -> None:
    planned, now = plan["nodes"][node], found["nodes"].get(node, {})
    if node not in present.records:
        why = now.get("reasons") or ["It is not among the hosts of this run."]
        set_aside(planned, UNSURVEYED if now else NOT_SELECTED, why)
    elif planned["verdict"] == UNSURVEYED:
        set_aside(planned, REFUSE, [f"It could not be surveyed when plan {plan['id']} was made. {REMEDY}"])
    elif planned["verdict"] == KEEP and now["verdict"] == REFUSE and not _why_not(plan, node, present):
        set_aside(planned, REFUSE, now["reasons"])
    elif planned["verdict"] == KEEP and present.assessment(node).get("verdict") == ROTATE:
        due = " ".join(present.assessment(node)["reasons"])
        planned["reasons"] = [f"Plan {plan['id']} keeps it. Due now: {due}"]


def _add_unplanned(plan: Plan, found: Plan) -> None:
    """Nodes that the plan does not know are shown with their group, and left alone."""
    why = [f"Plan {plan['id']} does not have it."]
    for node, now in found["nodes"].items():
        if node not in plan["nodes"]:
            _add(plan, node, now["group"], found)
            if now["verdict"] != UNSURVEYED:
                set_aside(plan["nodes"][node], NOT_SELECTED, why)


def _add(plan: Plan, node: str, name: str, found: Plan) -> None:
    """Add a node, and its group if that is new."""
    if name not in plan["groups"]:
        plan["groups"][name] = {**found["groups"][name], "nodes": []}
        clear(plan["groups"][name], NOT_SELECTED, [f"Plan {plan['id']} does not have it."])
    plan["groups"][name]["nodes"].append(node)
    plan["nodes"][node] = {**found["nodes"][node], "group": name}


def _refuse(plan: Plan, name: str, drift: Sequence[str], present: Present) -> None:
    group = plan["groups"][name]
    clear(group, REFUSE, [f"Plan {plan['id']} does not fit any more.", *drift, REMEDY])
    for node in group["nodes"]:
        set_aside(plan["nodes"][node], REFUSE if node in present.records else UNSURVEYED, group["reasons"])


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
