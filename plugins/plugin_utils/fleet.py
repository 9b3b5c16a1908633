# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. From the plan and the nodes' records to a summary. Pure functions.

A record is what the stages of one node have noted: {"node", "survey", "assessment", "staged", "swap",
"verification", "handover"}, each part there once its stage has run. `failure` says why a stage ended otherwise, and
`not_begun` why the walk left a staged node as it was, both in sentences.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.handover import with_colons
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import NOT_SELECTED, UNSURVEYED, Plan, Record
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_text import until
from ansible_collections.vcfleet.certs.plugins.plugin_utils.walk import (
    ended_swaps,
    handed_over,
    needs_nothing,
    peers_to_restart,
)

# How a node's part in the run ended; the order is that of the summary's last line.
ROTATED, KEPT, PLANNED, RESUMABLE = "rotated", "kept", "would rotate", "would finish or undo"
REFUSED, NOT_BEGUN, FAILED, ROLLED_BACK = "refused", "not begun", "failed", "rolled back"
ENDINGS = (
    *(ROTATED, KEPT, PLANNED, RESUMABLE, NOT_SELECTED, REFUSED, UNSURVEYED, NOT_BEGUN, FAILED),
    *(ROLLED_BACK, "running", "contact lost", "interrupted", "stuck"),
)
# What a node may come to without being a failed host.
_WELL = frozenset({ROTATED, KEPT, PLANNED, RESUMABLE, NOT_SELECTED})
_PASSED_OVER = {"keep": KEPT, "refuse": REFUSED, NOT_SELECTED: NOT_SELECTED}
# For a node whose swap has said nothing itself.
_SENTENCES = {
    NOT_BEGUN: "Its linked group stopped before its turn.",
    FAILED: "Its failed task says why. Its swap did not begin.",
}


def summarize(records: Mapping[str, Record], plan: Plan, check_mode: bool = False) -> dict[str, Any]:
    """How every planned node ended.

    Returns {node: {"ending", "failed", "old", "new", "window_seconds", "sentence", "todo"}}. In check mode nothing
    ends: what is planned stays planned, unless its stage has refused already.
    """
    nodes = {node: ended_node(records.get(node, {}), planned, check_mode) for node, planned in plan["nodes"].items()}
    for group in plan["groups"].values():
        if peers := peers_to_restart(group, records):
            last, _swap = ended_swaps(group, records)[-1]
            nodes[last]["todo"] = [*nodes[last]["todo"], _restart(peers)]
    return nodes


def _restart(peers: Sequence[str]) -> dict[str, Any]:
    """An item of a handover, for nodes that did nothing but be linked."""
    return {
        "kind": "anchor",
        "holder": f"the services of {', '.join(peers)}",
        "holds": "the certificate that had expired, until they are restarted",
        "todo": "On one after the other: service-control --stop --all && service-control --start --all. A run"
        " with vcfleet_restart_peers=true does so itself, where it has rotated",
    }


def ended_node(record: Record, planned: Mapping[str, Any], check_mode: bool = False) -> dict[str, Any]:
    """How one node ended; `failed` says whether that makes it a failed host, and `sentence` why."""
    swap = record.get("swap") or record.get("resumed") or {}
    old, new = planned.get("current"), record.get("verification", {}).get("certificate") or swap.get("new")
    if "handover" in record and "swap" not in record:
        # An earlier run's swap, finished before this run's survey: what was surveyed is the new certificate.
        old, new = swap["old"], old
    ending = _ending(record, planned)
    if planned["verdict"] == "rotate" and ending == KEPT:
        old = record["assessment"]["current"]
    if check_mode and planned["verdict"] == "rotate" and ending != ROTATED and "failure" not in record:
        ending = PLANNED
    elif "swap" not in record and ending != ROTATED and _is_left_behind(record, planned):
        # Whatever its certificate is, its services may be down.
        ending = RESUMABLE if check_mode else _left_behind(record)["state"]
    return {
        "ending": ending,
        "failed": ending not in _WELL or "failure" in record,
        "old": old,
        "new": new,
        "window_seconds": swap.get("window_seconds"),
        "sentence": _ended_sentence(ending, record, planned),
        "todo": record.get("handover", {}).get("holders", []),
    }


def _left_behind(record: Record) -> dict[str, Any]:
    """The journal of an earlier swap that is not at its end; empty without one."""
    return (record.get("survey") or {}).get("journal") or {}


def _is_left_behind(record: Record, planned: Mapping[str, Any]) -> bool:
    """Has it an earlier swap without an end? One that runs on a node that is not selected is another run's."""
    state = _left_behind(record).get("state")
    return bool(state) and not (state == "running" and planned["verdict"] == NOT_SELECTED)


def _ending(record: Record, planned: Mapping[str, Any]) -> str:
    if handed_over(record):
        return ROTATED
    if "swap" not in record and (record.get("resumed") or {}).get("state") == "rolled_back":
        return ROLLED_BACK
    if planned["verdict"] != "rotate":
        return ROTATED if handed_over(record, "resumed") else _PASSED_OVER.get(planned["verdict"], UNSURVEYED)
    if "swap" not in record and needs_nothing(record):
        return KEPT
    if "swap" not in record:
        return NOT_BEGUN if "staged" in record or "not_begun" in record else FAILED
    # Without a state the node would not begin; committed but not handed over, the look from outside has failed.
    state = record["swap"].get("state", "committed")
    return FAILED if state == "committed" else str(state).replace("_", " ")


def _ended_sentence(ending: str, record: Record, planned: Mapping[str, Any]) -> str:
    """The first that has something to say: what failed, why it did not begin, the swap itself, or else the ending."""
    # An interrupted swap may have been left alone at first, and rotated when its lease was ours.
    told = record.get("failure") or (record.get("not_begun") if ending != ROTATED else None)
    if ending in (RESUMABLE, _left_behind(record).get("state")) and "swap" not in record:
        left = str(_left_behind(record)["sentence"])
        return told if told and told.startswith(left.rstrip(".")) else " ".join(filter(None, [left, told]))
    if ending == NOT_BEGUN:
        return f"Not begun: this run has not touched its certificate. {told or _SENTENCES[NOT_BEGUN]}"
    if ending == REFUSED:
        return " ".join(["Nothing was changed.", *filter(None, [told]), *planned["reasons"]])
    if ending == ROLLED_BACK and "swap" not in record:
        return " ".join(filter(None, [record["resumed"]["sentence"], told]))
    swapped = record.get("swap", {}).get("sentence")
    return str(told or swapped or _SENTENCES.get(ending) or " ".join(planned["reasons"]))


def gone_nodes(plan: Plan, inventory: Collection[str]) -> dict[str, str]:
    """Planned nodes that the inventory has no more, and why that stands in the way, in sentences."""
    return {
        node: " ".join(planned["reasons"])
        for node, planned in plan["nodes"].items()
        if planned["verdict"] == UNSURVEYED and node not in inventory
    }


def telling(records: Mapping[str, Record], concerned: Collection[str]) -> list[str]:
    """Those of the nodes that have to end by their records, and the first that was surveyed, which sums up.

    `concerned` are those with something to do. Whose record has nothing but a good end in it has nothing to tell.
    """
    surveyed = [node for node, record in records.items() if "survey" in record]
    told = [node for node, record in records.items() if not _is_well(record, node in concerned)]
    return [node for node in records if node in told or node in surveyed[:1]]


def _is_well(record: Record, concerned: bool) -> bool:
    """Nothing was done to it, not even in vain; or it was rotated, and charged with a change when it was staged."""
    if "survey" not in record or _left_behind(record) or record.keys() & {"failure", "not_begun", "restarted"}:
        return False
    charged = record.get("staged", {}).get("issued") and {"swap", "verification"} <= record.keys()
    return not concerned or bool(charged and handed_over(record))


# ---- For people ------------------------------------------------------------------------------------------------------


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
        yield f"  {until(ended['old'])}  SHA-256 {ended['old']['sha256']}"
    elif ended["ending"] == ROTATED:
        for word in ("old", "new"):
            certificate = ended[word]
            yield f"  {word}  {until(certificate):<18}  SHA-256  {certificate['sha256']}"
            yield f"  {'':<23}  SHA-1    {with_colons(certificate['sha1'])}"
    if ended["ending"] not in (KEPT, ROTATED) or ended["failed"]:
        yield f"  {ended['sentence']}"


def _todo_lines(items: Sequence[Mapping[str, Any]]) -> list[str]:
    holders = dict.fromkeys(f"{item['holder']} ({item['holds']})" for item in items)
    return [f"    · {holder}" for holder in holders] + ["    Commands and values for each node: -v"]
