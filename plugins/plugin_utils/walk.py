# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. Who may begin while linked groups are walked side by side. Pure functions of the plan and the records.

Evidence decides, and not the absence of an error: a node that was handed over has a record that says so. Ansible's
`rescue` does not run for every way in which a task can end, so nothing here asks whether one ran.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.assess import why_waits
from ansible_collections.vcfleet.certs.plugins.plugin_utils.groups import ailments
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import NOT_SELECTED
from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule import is_open

Record = Mapping[str, Any]

_AGAIN = "Put that right and run again."


def rosters(plan: Mapping[str, Any], records: Mapping[str, Record], hosts: Sequence[str]) -> dict[str, list[Any]]:
    """Which of the hosts later plays are about: {"due", "without_bash", "shells", "untold", "concerned", "waves"}.

    A linked group is walked in the name of its first node among the hosts, its walker; `waves` has the walkers of each
    wave that has any. Who is in `shells` has, or will have, another login shell than it is to keep. Whoever is on none
    is to be left alone.
    """
    known = {node: (plan["nodes"].get(node, {}).get("verdict"), records[node]) for node in hosts if node in records}
    due = [node for node, (verdict, _record) in known.items() if verdict == "rotate"]
    without_bash = [node for node in due if records[node]["survey"].get("login_shell") != "/bin/bash"]
    shells = [node for node in known if node in without_bash or records[node]["survey"].get("login_shell_before")]
    concerned = [node for node, (verdict, record) in known.items() if verdict != "keep" or record.get("resumed")]
    return {
        "due": due,
        "without_bash": without_bash,
        "shells": shells,
        "untold": [node for node, (verdict, record) in known.items() if verdict != "refuse" and _is_untold(record)],
        "concerned": [node for node in known if node in concerned or node in shells],
        "waves": _waves(plan, hosts),
    }


def _waves(plan: Mapping[str, Any], hosts: Sequence[str]) -> list[list[str]]:
    walkers: dict[int, list[str]] = {}
    for group in plan["groups"].values():
        reached = [node for node in group["nodes"] if node in hosts]
        if group["wave"] is not None and reached:
            walkers.setdefault(group["wave"], []).append(reached[0])
    return [walkers[wave] for wave in sorted(walkers)]


def _is_untold(record: Record) -> bool:
    """A swap of an earlier run has come to its end, and nobody was told what it leaves to do."""
    return bool((record.get("resumed") or {}).get("state") == "committed")


def handed_over(record: Record, swap: str = "swap") -> bool:
    """Was this run's swap of the node committed and told to people? `swap` may be `resumed`, an earlier run's.

    Where a pair was staged it counts only for that one: an earlier run's may have been handed over just before.
    """
    told = record.get("handover", {}).get("new", {}).get("sha256", "")
    committed = (record.get(swap) or {}).get("state") == "committed"
    return bool(told) and committed and told == record.get("staged", {}).get("sha256", told)


def is_unfinished(record: Record) -> bool:
    """Has the node an earlier swap that is not at its end? Its services may be down."""
    return bool((record.get("survey") or {}).get("journal"))


def needs_nothing(record: Record) -> bool:
    """Planned to be rotated, assessed again after another run had the lease, and rotated by that one."""
    return bool(record.get("superseded", False))


def reasons_to_wait(
    node: str,
    planned: Mapping[str, Any],
    members: Sequence[str],
    records: Mapping[str, Record],
    failed: Sequence[str] = (),
    canaries: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    failures_allowed: int = 1,
    lease_refusal: str = "",
) -> list[str]:
    """Why the node may not begin although its turn has come, in sentences, all at once. None when it may.

    `planned` is the node's part of the plan, `members` are all nodes of its linked group; `records` are theirs and
    those of the canaries, which are the plan's groups by name; `failed` names the linked groups of the whole run in
    which something has failed so far. `lease_refusal` is why the lease of its linked group is not ours, in a sentence;
    empty when it is.
    """
    if lease_refusal:
        return [lease_refusal]
    if needs_nothing(records.get(node, {})):
        return [f"Another run was here first. {' '.join(records[node]['assessment']['reasons'])}"]
    if waits := why_waits(records.get(node, {}).get("assessment") or {}, bool(planned["force_reason"])):
        return waits
    left = {each: record for each in planned["together"] if not needs_nothing(record := records.get(each, {}))}
    before = [each for each in planned["after"] if each in left and not handed_over(left[each])]
    unstaged = [each for each, record in left.items() if "staged" not in record]
    others = {each: records.get(each, {}) for each in members if each not in (node, *before, *unstaged)}
    told = {
        "was to be handed over before, and was not": before,
        "could not be staged": unstaged,
        "has failed in this run": [each for each, record in others.items() if "failure" in record],
        "has a swap that is not at its end": [each for each, record in others.items() if is_unfinished(record)],
    }
    reasons = [
        f"{', '.join(nodes)} of the same linked group {words}. {_AGAIN}" for words, nodes in told.items() if nodes
    ]
    reasons += [f"{each}: {ailment}" for each, record in others.items() for ailment in ailments(record)]
    return reasons + _stopped(failed, _bad_canaries(planned["group"], canaries, records, failed), failures_allowed)


def peers_to_restart(group: Mapping[str, Any], records: Mapping[str, Record]) -> list[str]:
    """The nodes of a linked group that still hold on to an expired certificate of one that was rotated.

    They do so until their services are restarted (field notes §0.1 G9, KB 391354). A node whose own swap came after
    that has been; one that this run restarted has `restarted` in its record.
    """
    ended = ended_swaps(group, records)
    expired = [at for at, (_node, swap) in enumerate(ended) if _replaced_expired(swap)]
    if not expired:
        return []
    fresh = {node for node, _swap in ended[expired[-1] :]}
    since = _begun(ended[expired[-1]][1])
    return [node for node in group["nodes"] if node not in fresh and not _was_restarted(records.get(node, {}), since)]


def ended_swaps(group: Mapping[str, Any], records: Mapping[str, Record]) -> list[tuple[str, Mapping[str, Any]]]:
    """The linked group's swaps that this run knows to have come to a good end, in their order, each with its node.

    Those that an earlier run had begun, and nobody has told of, were before this run's own.
    """
    earlier = [(node, records[node]["resumed"]) for node in group["nodes"] if _is_untold(records.get(node, {}))]
    own = [(node, records[node]["swap"]) for node in group["turns"] if handed_over(records.get(node, {}))]
    return sorted(earlier, key=lambda each: each[1]["started_at"]) + own


def peers_to_restart_now(
    group: Mapping[str, Any], planned: Mapping[str, Any], records: Mapping[str, Record], now: datetime
) -> list[str]:
    """Those whose services this run may stop: none before the whole group has come to a good end.

    `planned` is the plan's part of each node. Whoever is not selected or has no open window is left to a person.
    """
    if not all_done(group, records):
        return []
    return [
        node
        for node in peers_to_restart(group, records)
        if planned[node]["verdict"] != NOT_SELECTED and is_open((records[node]["assessment"] or {}).get("when"), now)
    ]


def all_done(group: Mapping[str, Any], records: Mapping[str, Record]) -> bool:
    """Has every turn of the linked group come to a good end, and has nothing failed in it?"""
    ended = all(handed_over(record) or needs_nothing(record) for record in _of(group["turns"], records))
    return ended and not any("failure" in record for record in _of(group["nodes"], records))


def _of(nodes: Sequence[str], records: Mapping[str, Record]) -> list[Record]:
    return [records.get(node, {}) for node in nodes]


def _replaced_expired(swap: Mapping[str, Any]) -> bool:
    """Not known where the swap was begun by a version that did not note it."""
    end = swap.get("old", {}).get("not_after")
    return end is not None and datetime.fromisoformat(end) < _begun(swap)


def _was_restarted(record: Record, since: datetime) -> bool:
    """By this run; or by whatever the survey has found to have come after, such as a person's own restart."""
    survey = record.get("survey") or {}
    windows = [window for window in (survey.get("last_swap"), survey.get("last_restart")) if window]
    return "restarted" in record or any(each["state"] == "committed" and _begun(each) > since for each in windows)


def _begun(window: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(window["started_at"])


def _bad_canaries(
    group: str, canaries: Mapping[str, Mapping[str, Any]], records: Mapping[str, Record], failed: Sequence[str]
) -> list[str]:
    """Those in which something has failed; and for whoever comes after them, those that are not wholly rotated."""
    proven = group in canaries
    return [
        name
        for name, canary in canaries.items()
        if name in failed or not (proven or not canary["turns"] or all_done(canary, records))
    ]


def _stopped(failed: Sequence[str], canaries: Sequence[str], allowed: int) -> list[str]:
    """What stops everything that has not begun: a canary's bad end, or too many failures over the whole run."""
    if canaries:
        return [
            f"The canary {', '.join(canaries)} has not come to a good end, and nothing is begun after that. {_AGAIN}"
        ]
    if len(failed) > allowed:
        return [
            f"Too many linked groups have failed: {', '.join(failed)}. vcfleet_failures_allowed is {allowed}, so"
            f" nothing more is begun. {_AGAIN}"
        ]
    return []
