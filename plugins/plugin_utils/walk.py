# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. Who may begin while linked groups are walked side by side. Pure functions of the plan and the records.

Evidence decides, and not the absence of an error: a node that was handed over has a record that says so. Ansible's
`rescue` does not run for every way in which a task can end, so nothing here asks whether one ran.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
Plan = Mapping[str, Any]

_AGAIN = "Put that right and run again."


def handed_over(record: Record) -> bool:
    """Was the node's last swap, this run's or one that it finished, committed and told to people?

    A swap that was asked for stands in the record before it begins, so that no earlier handover counts for it.
    """
    swap = record.get("swap") or record.get("resumed") or {}
    return "handover" in record and swap.get("state") == "committed"


def reasons_to_wait(node: str, plan: Plan, records: Mapping[str, Record], failures_allowed: int) -> list[str]:
    """Why the node may not begin although its turn has come, in sentences, all at once. None when it may."""
    if told := records.get(node, {}).get("not_begun"):
        return [told]
    planned = plan["nodes"][node]
    before = [each for each in planned["after"] if not handed_over(records.get(each, {}))]
    unstaged = [each for each in planned["together"] if "staged" not in records.get(each, {})]
    told = {
        "was to be handed over before, and was not": before,
        "could not be staged": unstaged,
    }
    reasons = [
        f"{', '.join(nodes)} of the same linked group {words}. {_AGAIN}" for words, nodes in told.items() if nodes
    ]
    return reasons + _stopped(plan, failed_groups(plan, records), failures_allowed)


def peers_to_restart(group: Mapping[str, Any], records: Mapping[str, Record]) -> list[str]:
    """The nodes of a linked group that still hold on to an expired certificate of one that was rotated.

    They do so until their services are restarted (field notes §0.1 G9, KB 391354). A node that had its own turn after
    that has been; one that this run restarted has `restarted` in its record.
    """
    rotated = [node for node in group["turns"] if handed_over(records.get(node, {}))]
    expired = [at for at, node in enumerate(rotated) if _had_expired(records[node])]
    fresh = set(rotated[expired[-1] :]) if expired else set(group["nodes"])
    return [node for node in group["nodes"] if node not in fresh and "restarted" not in records.get(node, {})]


def _had_expired(record: Record) -> bool:
    return bool(record["assessment"]["current"]["days_left"] < 0)


def failed_groups(plan: Plan, records: Mapping[str, Record]) -> list[str]:
    """The linked groups of the plan's waves in which something has failed so far, in the order of the waves."""
    return [name for wave in plan["waves"] for name in wave if _has_failed(plan["groups"][name], records)]


def _has_failed(group: Mapping[str, Any], records: Mapping[str, Record]) -> bool:
    """Something failed, or a pair was not staged; a group that another run holds has not failed."""
    unstaged = any(not {"staged", "not_begun"} & set(records.get(node, {})) for node in group["turns"])
    return unstaged or any("failure" in records.get(node, {}) for node in group["nodes"])


def _stopped(plan: Plan, failed: Sequence[str], allowed: int) -> list[str]:
    """What stops everything that has not begun: a canary that failed, or too many failures over the whole run."""
    canaries = [name for name in failed if plan["groups"][name]["canary"]]
    if canaries:
        return [f"The canary {', '.join(canaries)} has failed, and nothing is begun after that. {_AGAIN}"]
    if len(failed) > allowed:
        return [
            f"Too many linked groups have failed: {', '.join(failed)}. vcfleet_failures_allowed is {allowed}, so"
            f" nothing more is begun. {_AGAIN}"
        ]
    return []
