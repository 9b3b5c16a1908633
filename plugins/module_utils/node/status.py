# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a journal says, as data and as one sentence. Pure: journal records in, words out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .journal import CLOSED, HANDED_OVER, Journal, Record

# `last` is the newest reason, `reason` the one that it all began with.
_OF_A_SWAP = {
    "committed": "Swap {id} replaced {old} by {new} with {length}, at {end}.",
    "rolled_back": "Swap {id} put {old} back with {length}, at {end}. Reason: {reason}",
    "refused": "Swap {id} stopped before its window and changed nothing. Reason: {reason}",
    "running": "Swap {id} is replacing {old} by {new}, now in step {step}.",
    "interrupted": "Swap {id} was interrupted in step {step}; state=resumed finishes or undoes it.",
    "stuck": "Swap {id} could neither finish nor put {old} back: a person is needed. Reason: {reason}",
}
_OF_A_RESTART = {
    "committed": "Restart {id} stopped all services and started them again with {length}, at {end}.",
    "rolled_back": "Restart {id} did not restart all services; they run as before, with {length}, at {end}."
    " Reason: {reason}",
    "refused": "Restart {id} ended before its window and stopped no service. Reason: {reason}",
    "running": "Restart {id} of the services is under way, now in step {step}.",
    "interrupted": "Restart {id} of the services was interrupted in step {step}; state=resumed starts them again.",
    "stuck": "Restart {id} could not start the services again: a person is needed. Reason: {last}",
}
NONE: dict[str, Any] = {"id": None, "state": "none", "sentence": "No swap has run on this node.", "steps": []}


def status(journal: Journal | None, alive: bool) -> dict[str, Any]:
    """The swap or restart in one dictionary.

    `state` is none, running, interrupted, committed, rolled_back, refused or stuck; `alive` says whether a living
    process owns the node's lock.
    """
    if journal is None or not journal.records:
        return dict(NONE)
    state = _state(journal, alive)
    return {
        "id": journal.id,
        "state": state,
        "sentence": _sentence(journal, state),
        "intent": journal.fact("intent"),
        "started_at": journal.records[0]["at"],
        "handed_over": journal.last(HANDED_OVER) is not None,
        "steps": _steps(journal.records),
        "window_seconds": window_seconds(journal.records),
        "old": {name: journal.fact("old_" + name) for name in ("sha1", "sha256", "not_after")},
        "new": {"sha1": journal.fact("new_sha1"), "sha256": journal.fact("new_sha256")},
        "running": journal.fact("running") or [],
        "backup": journal.fact("backup"),
        "message": _message(journal.records),
        "instructions": journal.fact("instructions") or [],
    }


def window_seconds(records: list[Record]) -> float | None:
    """From the first service stopped to the census restored; None while there is no such span, or none is known."""
    begin = next((record for record in records if _is(record, "begin", "stop")), None)
    end = next(
        (record for record in reversed(records) if record.get("step") == "start" and record["event"] != "begin"), None
    )
    if begin is None or end is None or end["n"] < begin["n"]:
        return None
    return _seconds_between(begin, end)


def _seconds_between(first: Record, last: Record) -> float | None:
    """By the monotonic clock, which no clock step moves; by the calendar when a boot lies in between.

    None where the clock was behind after that boot.
    """
    if last["mono"] >= first["mono"]:
        return round(float(last["mono"] - first["mono"]), 3)
    seconds = (_instant(last) - _instant(first)).total_seconds()
    return round(seconds, 3) if seconds >= 0 else None


def _instant(record: Record) -> datetime:
    return datetime.fromisoformat(record["at"])


def _is(record: Record, event: str, step: str) -> bool:
    return record["event"] == event and record.get("step") == step


def _state(journal: Journal, alive: bool) -> str:
    closed = journal.last(CLOSED)
    if closed:
        return str(closed["outcome"])
    if alive:
        return "running"
    return "stuck" if journal.records[-1]["event"] == "stuck" else "interrupted"


def _steps(records: list[Record]) -> list[dict[str, Any]]:
    """One item a step that was begun or skipped, in order, with its seconds once it is done."""
    steps: list[dict[str, Any]] = []
    for record in records:
        if record["event"] == "begin":
            steps.append({"step": record["step"], "state": "begun", "seconds": None, "began": record})
        elif record["event"] == "skip":
            steps.append({"step": record["step"], "state": "skipped", "seconds": 0.0, "began": record})
        elif record["event"] == "done" and steps:
            steps[-1].update(state="done", seconds=_seconds_between(steps[-1]["began"], record))
    return [{key: step[key] for key in ("step", "state", "seconds")} for step in steps]


def _message(records: list[Record]) -> str | None:
    return next((record["message"] for record in records if "message" in record), None)


def _sentence(journal: Journal, state: str) -> str:
    old, new = (_short(journal.fact(name)) for name in ("old_sha256", "new_sha256"))
    window = window_seconds(journal.records)
    reason = _message(journal.records) or "no reason recorded"
    step = journal.fact("step") or "the beginning"
    end = (journal.last(CLOSED) or journal.records[-1])["at"]
    unknown = "a window of unknown length" if journal.began("stop") else "no window"
    length = f"a window of {window:.1f} s" if window is not None else unknown
    last = journal.fact("message")
    sentences = _OF_A_RESTART if journal.is_restart else _OF_A_SWAP
    return sentences[state].format(
        id=journal.id, old=old, new=new, length=length, end=end, reason=reason, last=last, step=step
    )


def _short(sha256: str | None) -> str:
    return sha256[:12] if sha256 else "the old certificate"
