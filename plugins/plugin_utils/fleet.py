# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. From the nodes' records to a plan, and from the plan and the records to a summary. Pure functions.

A record is what travels between the stages of one node: {"node", "survey", "assessment", "staged", "swap",
"verification", "handover"}, each part there once its stage has run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
Group = Mapping[str, Any]
Plan = dict[str, Any]

# How a node's part in the run ended; the order is that of the summary's last line.
ROTATED, KEPT, PLANNED = "rotated", "kept", "would rotate"
REFUSED, UNSURVEYED, NOT_BEGUN, FAILED = "refused", "not surveyed", "not begun", "failed"
ENDINGS = (
    *(ROTATED, KEPT, PLANNED, REFUSED, UNSURVEYED, NOT_BEGUN, FAILED),
    *("rolled back", "running", "contact lost", "interrupted", "stuck"),
)
# For a node whose swap has said nothing itself.
_SENTENCES = {
    NOT_BEGUN: "Its linked group stopped before its turn: it serves its old certificate with its services up.",
    FAILED: "Its failed task says why. Its swap did not begin.",
}


def make_plan(records: Mapping[str, Record], groups: Sequence[Group]) -> Plan:
    """Who is rotated, in which wave, after whom, and why.

    A wave is the linked groups that are walked at the same time, one node of each at a time, in its turn. `after` names
    the nodes of the same group that must be handed over first, `together` all that are rotated in it, and so must be
    staged. Returns {"schema", "waves": [[group]], "groups": {group: {"nodes", "verdict", "reasons", "findings",
    "sso_domain", "leader", "wave", "canary", "turns": [node]}}, "nodes": {node: {"group", "verdict", "wave", "turn",
    "after", "together", "reasons", "current", "wanted", "san_changes", "stops", "warnings"}}}.
    """
    nodes = {node: _planned_node(records.get(node), group) for group in groups for node in group["nodes"]}
    planned_groups = {group["name"]: _planned_group(group, nodes) for group in groups}
    walked = [name for name, group in planned_groups.items() if group["turns"]]
    waves = [walked] if walked else []
    for number, wave in enumerate(waves, 1):
        for name in wave:
            _take_turns(planned_groups[name], nodes, number)
    return {"schema": 1, "waves": waves, "groups": planned_groups, "nodes": nodes}


def _planned_group(group: Group, nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "nodes": list(group["nodes"]),
        "verdict": group["verdict"],
        "reasons": list(group["reasons"]),
        "findings": list(group.get("findings", [])),
        "sso_domain": group.get("sso_domain"),
        "leader": group.get("leader"),
        "wave": None,
        "canary": False,
        "turns": [node for node in group["nodes"] if nodes[node]["verdict"] == "rotate"],
    }


def _take_turns(group: dict[str, Any], nodes: Mapping[str, dict[str, Any]], wave: int) -> None:
    turns = group["turns"]
    group["wave"] = wave
    for at, node in enumerate(turns):
        nodes[node].update(wave=wave, turn=at + 1, after=turns[:at], together=turns)


def _planned_node(record: Record | None, group: Group) -> dict[str, Any]:
    planned: dict[str, Any] = {"group": group["name"], "wave": None, "turn": None}
    planned.update(after=[], together=[], warnings=[])
    if record is None:
        return {**planned, "verdict": UNSURVEYED, "reasons": list(group["reasons"])}
    assessment = record.get("assessment")
    if assessment is None:
        return {**planned, "verdict": "refuse", "reasons": list(group["reasons"])}
    refused = group["verdict"] == "refuse"
    rotate = not refused and assessment["verdict"] == "rotate"
    return {
        **planned,
        "verdict": "refuse" if refused else assessment["verdict"],
        "reasons": list(group["reasons"] if refused else assessment["reasons"]),
        "current": assessment["current"],
        "wanted": assessment["wanted"] if rotate else None,
        "san_changes": assessment.get("san_changes") if rotate else None,
        "stops": list((record["survey"]["census"] or {}).get("running", [])) if rotate else [],
        "warnings": _warnings(assessment),
    }


def _warnings(assessment: Mapping[str, Any]) -> list[str]:
    """What is good to know; for a node that is kept also what would stand in its way."""
    told = ("warn", "refuse") if assessment["verdict"] == "keep" else ("warn",)
    return [finding["message"] for finding in assessment["findings"] if finding["severity"] in told]


def summarize(records: Mapping[str, Record], plan: Plan) -> dict[str, Any]:
    """How every planned node ended: {node: {"ending", "old", "new", "window_seconds", "sentence", "todo"}}."""
    return {node: _ended_node(records.get(node, {}), planned) for node, planned in plan["nodes"].items()}


def _ended_node(record: Record, planned: Mapping[str, Any]) -> dict[str, Any]:
    swap = record.get("swap") or record.get("resumed") or {}
    old, new = planned.get("current"), record.get("verification", {}).get("certificate") or swap.get("new")
    if "handover" in record and "swap" not in record:
        # An earlier run's swap, finished before this run's survey: what was surveyed is the new certificate.
        old, new = swap["old"], old
    ending = _ending(record, planned)
    return {
        "ending": ending,
        "old": old,
        "new": new,
        "window_seconds": swap.get("window_seconds"),
        "sentence": swap.get("sentence") or _SENTENCES.get(ending) or " ".join(planned["reasons"]),
        "todo": record.get("handover", {}).get("items", []),
    }


def _ending(record: Record, planned: Mapping[str, Any]) -> str:
    if "handover" in record:
        return ROTATED
    if planned["verdict"] != "rotate":
        return {"keep": KEPT, "refuse": REFUSED}.get(planned["verdict"], UNSURVEYED)
    if "swap" not in record:
        return NOT_BEGUN if "staged" in record else FAILED
    # Without a state the node would not begin; committed but not handed over, the look from outside has failed.
    state = record["swap"].get("state", "committed")
    return FAILED if state == "committed" else str(state).replace("_", " ")


# ---- For people ------------------------------------------------------------------------------------------------------


def plan_lines(plan: Plan) -> list[str]:
    """The plan as lines to read before anything is changed."""
    nodes, groups = plan["nodes"], plan["groups"]
    turns = sum(len(group["turns"]) for group in groups.values())
    lines = [
        f"PLAN  {_count(len(nodes), 'node')} in {_count(len(groups), 'linked group')},"
        f" {turns} to rotate, one at a time in each group, in {_count(len(plan['waves']), 'wave')}"
    ]
    lines += [f"      note: {note}" for note in _notes(plan)]
    for group in groups:
        lines += ["", f"  {group}"]
        for node in groups[group]["nodes"]:
            lines += [f"    {line}" for line in _planned_lines(node, nodes[node])]
    return lines


def _notes(plan: Plan) -> list[str]:
    """What was found out about groups and stands in nobody's way, each once however many groups it is about."""
    findings = [finding for group in plan["groups"].values() for finding in group["findings"]]
    return list(dict.fromkeys(finding["message"] for finding in findings if finding["severity"] != "refuse"))


def _planned_lines(node: str, planned: Mapping[str, Any]) -> Iterator[str]:
    number = f"{planned['wave']}.{planned['turn']}" if planned["wave"] else "-"
    yield f"{number:<4}{node:<20} {planned['verdict']:<8} {_until(planned.get('current'))}"
    for reason in planned["reasons"]:
        yield f"      {reason}"
    for warning in planned["warnings"]:
        yield f"      note: {warning}"
    if wanted := planned.get("wanted"):
        yield f"      new certificate: CN={wanted['cn']}; {_names(wanted)}{_subject(wanted['subject'])}"
        yield f"      window: {_count(len(planned['stops']), 'running service')} stop and start again"


def _names(wanted: Mapping[str, Any]) -> str:
    kinds = (("DNS", wanted["dns"]), ("IP", wanted["ip"]), ("e-mail", wanted["email"]))
    return "; ".join(f"{kind} {', '.join(names)}" for kind, names in kinds if names)


def _subject(subject: Mapping[str, Any]) -> str:
    fields = ", ".join(str(value) for value in subject.values() if value)
    return f"; {fields}" if fields else ""


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """The summary as lines: one block for each node that got a new certificate, one line for each other."""
    lines = ["SUMMARY"]
    for node, ended in summary.items():
        lines += ["", *(f"  {line}" for line in _ended_lines(node, ended))]
    todo = [item for ended in summary.values() for item in ended["todo"]]
    if todo:
        lines += ["", "  Left for a person: what may still hold an old thumbprint", *_todo_lines(todo)]
    counts = [(sum(ended["ending"] == ending for ended in summary.values()), ending) for ending in ENDINGS]
    return [*lines, "", "  " + ", ".join(f"{number} {ending}" for number, ending in counts if number)]


def _ended_lines(node: str, ended: Mapping[str, Any]) -> Iterator[str]:
    window = ended["window_seconds"]
    took = f", window {window:.1f} s" if window is not None else ""
    yield f"{node:<20} {ended['ending']}{took}"
    if ended["ending"] == KEPT:
        yield f"  {_until(ended['old'])}  SHA-256 {ended['old']['sha256']}"
    elif ended["ending"] == ROTATED:
        for word in ("old", "new"):
            certificate = ended[word]
            yield f"  {word}  {_until(certificate):<18}  SHA-256  {certificate['sha256']}"
            yield f"  {'':<23}  SHA-1    {_colons(certificate['sha1'])}"
    else:
        yield f"  {ended['sentence']}"


def _todo_lines(items: Sequence[Mapping[str, Any]]) -> list[str]:
    holders = dict.fromkeys(f"{item['holder']} ({item['holds']})" for item in items)
    return [f"    · {holder}" for holder in holders] + ["    Commands and values for each node: -v, or its record"]


def _until(certificate: Mapping[str, Any] | None) -> str:
    return f"until {certificate['not_after'][:10]}" if certificate and certificate.get("not_after") else ""


def _colons(digest: str) -> str:
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)).upper()


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
