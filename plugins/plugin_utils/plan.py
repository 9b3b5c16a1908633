# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. From the nodes' records to a plan: who is rotated, in which wave, after whom, and why. Pure functions.

A record is what the stages of one node have noted: {"node", "survey", "assessment", ...}. The plan's
shape is published as docs/schema/plan-1.schema.json.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.assess import KEEP, ROTATE
from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import REFUSE
from ansible_collections.vcfleet.certs.plugins.plugin_utils.selection import Selection, Waves

Record = Mapping[str, Any]
Group = Mapping[str, Any]
Plan = dict[str, Any]

SCHEMA = 1
UNSURVEYED, NOT_SELECTED = "not surveyed", "not selected"
VERDICTS = (ROTATE, KEEP, REFUSE, UNSURVEYED, NOT_SELECTED)

_ISO = "%Y-%m-%dT%H:%M:%SZ"
# What a plan decides. The same fleet has the same id, whenever its plan is made, and whatever was measured for it.
_DECIDED_OF_GROUP = ("nodes", "verdict", "sso_domain", "canary", "turns")
_DECIDED_OF_NODE = (
    *("group", "pnid", "verdict", "wave", "turn", "after", "together", "current", "wanted", "san_changes"),
    *("stops", "consumers", "force_reason"),
)
# How long it holds is the approver's word.
_NOT_SEALED = ("seal", "valid_until")
# Facts of the moment: what they say stands in the reasons.
_PASSING = ("days_left", "lifetime_fraction_left")


def make_plan(
    records: Mapping[str, Record],
    groups: Sequence[Group],
    selection: Selection = Selection(),  # noqa: B008 (frozen)
    waves: Waves = Waves(),  # noqa: B008 (frozen)
    consumers: Sequence[str] = (),
) -> Plan:
    """Who is rotated, in which wave, after whom, and why; `seal` makes a whole plan of it.

    A wave is the linked groups that are walked at the same time, one node of each at a time, in its turn. `after` names
    the nodes of the same group that must be handed over first, `together` all that are rotated in it, and so must be
    staged. `consumers` are those who may hold an old thumbprint. Returns {"schema", "waves": [[group]],
    "groups": {group: {...}}, "nodes": {node: {...}}}, in JSON types, as the schema says.
    """
    planned_groups, nodes = {}, {}
    for group in groups:
        why_not = {node: selection.why_not(node, group, records) for node in group["nodes"]}
        planned = {node: _planned_node(node, records.get(node), group, why_not, consumers) for node in group["nodes"]}
        planned_groups[group["name"]] = {**_planned_group(group, planned, why_not), "canary": waves.is_canary(group)}
        nodes.update(planned)
    kept = [node for node, planned in nodes.items() if planned["verdict"] == KEEP]
    waiting = [node for node in kept if _assessed(records, node).get("due")]
    hold_back(planned_groups, nodes, waiting, records)
    walked = {name: group for name, group in planned_groups.items() if group["turns"]}
    canaries = [name for name, group in walked.items() if group["canary"]]
    arranged = waves.arrange(canaries, [name for name in walked if name not in canaries])
    return number_turns({"schema": SCHEMA, "waves": arranged, "groups": planned_groups, "nodes": nodes})


def hold_back(
    groups: Mapping[str, dict[str, Any]],
    nodes: Mapping[str, dict[str, Any]],
    waiting: Collection[str],
    records: Mapping[str, Record],
) -> None:
    """Set aside what would be rotated before a canary that is refused, or of which a node is due and has to wait.

    `waiting` names the nodes that are due and have to wait.
    """
    canaries = {name: group for name, group in groups.items() if group["canary"]}
    refused = [name for name, group in canaries.items() if group["verdict"] == REFUSE]
    late = [name for name, group in canaries.items() if set(group["nodes"]) & set(waiting)]
    for group in (group for group in groups.values() if group["turns"] and not group["canary"]):
        if refused:
            why = f"The canary {', '.join(refused)} is refused, and nothing is begun before it."
            _hold(group, nodes, REFUSE, why, group["turns"])
        elif late:
            why = f"Due, waits: the canary {', '.join(late)} is due and waits itself, and nothing is begun before it."
            patient = [node for node in group["turns"] if not (nodes[node]["force_reason"] or _is_near(records, node))]
            _hold(group, nodes, KEEP, why, patient)


def _assessed(records: Mapping[str, Record], node: str) -> Mapping[str, Any]:
    return (records.get(node) or {}).get("assessment") or {}


def _is_near(records: Mapping[str, Record], node: str) -> bool:
    """Would it be too late for the node to wait? Who goes first is our own caution, and no agreement."""
    return bool(((_assessed(records, node).get("when") or {}).get("deadline") or {}).get("near"))


def _hold(
    group: dict[str, Any], nodes: Mapping[str, dict[str, Any]], verdict: str, why: str, held: Sequence[str]
) -> None:
    group["turns"] = [node for node in group["turns"] if node not in held]
    for node in held:
        set_aside(nodes[node], verdict, [why])
    if not group["turns"]:
        clear(group, verdict, [why])


def clear(group: dict[str, Any], verdict: str, reasons: Sequence[str]) -> None:
    """A group that is not walked has no wave and no turns."""
    group.update(verdict=verdict, reasons=list(reasons), wave=None, turns=[])


def set_aside(planned: dict[str, Any], verdict: str, reasons: Sequence[str]) -> None:
    """A node that is not rotated has no turn, no new certificate and no window."""
    planned.update(verdict=verdict, reasons=list(reasons), wave=None, turn=None, after=[], together=[])
    planned.update(wanted=None, san_changes=None, stops=[], consumers=[])


def seal(plan: Plan, made_at: datetime, valid_hours: float) -> Plan:
    """The plan with `id`, `seal`, `made_at` and `valid_until` (None, for ever, when `valid_hours` is 0).

    A plan that was made for a window that is still to come is valid until nobody may begin in that any more.
    """
    until = (made_at + timedelta(hours=valid_hours)).strftime(_ISO)
    begins = [(planned["when"] or {}).get("begin") or {} for planned in _rotated(plan)]
    # Without `from` no window is open, and a freeze that is to come bounds nothing but that.
    until = max([until, *(begin["by"] for begin in begins if begin.get("from"))])
    dated = {"schema": SCHEMA, "id": plan_id(plan), "made_at": made_at.strftime(_ISO), **plan}
    head = {"schema": SCHEMA, "id": dated["id"], "seal": seal_of(dated), "made_at": dated["made_at"]}
    return {**head, "valid_until": until if valid_hours else None, **plan}


def _rotated(plan: Plan) -> list[dict[str, Any]]:
    return [planned for planned in plan["nodes"].values() if planned["verdict"] == ROTATE]


def plan_id(plan: Mapping[str, Any]) -> str:
    """What a plan decides, in twelve hexadecimal digits; why, by which measures, and when it was made is no part."""
    decided = {
        "waves": plan["waves"],
        "groups": {name: _parts(group, _DECIDED_OF_GROUP) for name, group in plan["groups"].items()},
        "nodes": {node: _parts(planned, _DECIDED_OF_NODE) for node, planned in plan["nodes"].items()},
    }
    return _digest(decided)[:12]


def seal_of(plan: Mapping[str, Any]) -> str:
    """SHA-256 of all that a plan says but `valid_until`: what an approver has read was not changed since."""
    return _digest({key: value for key, value in plan.items() if key not in _NOT_SEALED})


def _parts(whole: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: whole[name] for name in names}


def _digest(said: Any) -> str:
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def number_turns(plan: Plan) -> Plan:
    """Write `wave`, `turn`, `after` and `together` into groups and nodes, from `waves` and the groups' `turns`."""
    for number, names in enumerate(plan["waves"], 1):
        for group in (plan["groups"][name] for name in names):
            turns = group["turns"]
            group["wave"] = number
            for at, node in enumerate(turns):
                plan["nodes"][node].update(wave=number, turn=at + 1, after=turns[:at], together=list(turns))
    return plan


def _planned_group(
    group: Group, nodes: Mapping[str, Mapping[str, Any]], why_not: Mapping[str, str | None]
) -> dict[str, Any]:
    turns = [node for node, planned in nodes.items() if planned["verdict"] == ROTATE]
    verdict, reasons = group["verdict"], list(group["reasons"])
    if all(why_not.values()):
        verdict, reasons = NOT_SELECTED, [why for why in dict.fromkeys(why_not.values()) if why]
    elif verdict == ROTATE and not turns:
        verdict, reasons = KEEP, ["None of its selected nodes is due."]
    return {
        "nodes": list(group["nodes"]),
        "verdict": verdict,
        "reasons": reasons,
        "findings": list(group.get("findings", [])),
        "sso_domain": group.get("sso_domain"),
        "leader": group.get("leader"),
        "wave": None,
        "turns": turns,
    }


def _planned_node(
    node: str,
    record: Record | None,
    group: Group,
    why_not: Mapping[str, str | None],
    consumers: Sequence[str],
) -> dict[str, Any]:
    survey, assessment = (record or {}).get("survey") or {}, (record or {}).get("assessment") or {}
    verdict, reasons = _verdict(record, group, why_not[node], in_vain=all(why_not.values()))
    rotate = verdict == ROTATE
    current = assessment.get("current")
    return {
        "group": group["name"],
        "pnid": survey.get("pnid"),
        "verdict": verdict,
        "wave": None,
        "turn": None,
        "after": [],
        "together": [],
        "reasons": reasons,
        "warnings": _warnings(assessment),
        "findings": list(assessment.get("findings", [])),
        "current": {key: value for key, value in current.items() if key not in _PASSING} if current else None,
        "wanted": assessment["wanted"] if rotate else None,
        "san_changes": assessment.get("san_changes") if rotate else None,
        "stops": list((survey.get("census") or {}).get("running", [])) if rotate else [],
        "expected_window_seconds": survey.get("last_window_seconds") if rotate else None,
        "consumers": list(consumers) if rotate else [],
        "force_reason": (record or {}).get("forced") if rotate else None,
        "due_at": (assessment.get("when") or {}).get("due_at"),
        "when": assessment.get("when"),
    }


def _verdict(record: Record | None, group: Group, why_not: str | None, in_vain: bool) -> tuple[str, list[str]]:
    """Verdict and reasons of a node; `in_vain`: nobody of its group is selected, so nothing that ails it matters."""
    if record is None:
        return UNSURVEYED, list(group["reasons"])
    if in_vain and why_not:
        return NOT_SELECTED, [why_not]
    assessment = record.get("assessment")
    if assessment is None or group["verdict"] == REFUSE:
        return REFUSE, list(group["reasons"])
    if why_not:
        return NOT_SELECTED, [why_not]
    return assessment["verdict"], list(assessment["reasons"])


def _warnings(assessment: Mapping[str, Any]) -> list[str]:
    """What is good to know; for a node that is kept also what would stand in its way."""
    told = ("warn", "refuse") if assessment.get("verdict") == KEEP else ("warn",)
    return [finding["message"] for finding in assessment.get("findings", []) if finding["severity"] in told]
