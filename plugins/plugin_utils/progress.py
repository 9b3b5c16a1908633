# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. A journal's records as lines that a person likes to watch. Pure: records in, words out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]

_WORDS = {
    "prove": "key and certificate belong together, PNID is in the SAN",
    "backup": "present certificate and key saved and read back",
    "census": "running services recorded",
    "arm": "armed to put itself right at boot, should it lose power",
    "stop": "services stopped",
    "core": "certificate storage started",
    "replace": "certificate replaced in VECS and read back",
    "mirror": "legacy store brought in line",
    "start": "services started, census restored",
    "served": "TLS ports present the certificate",
    "commit": "staging emptied, old backups pruned",
}


def describe(record: Record) -> str | None:
    """One line for a record, None for one that is no news; `took` is how many seconds a finished step took."""
    describer = _DESCRIBERS.get(record["event"])
    return describer(record) if describer else None


def _opened(record: Record) -> str:
    if record["intent"] == "restart":
        return f"restart of the services begins (journal {record['journal']})"
    return f"{record['intent']} to {record['new_sha256'][:12]} begins (journal {record['journal']})"


def _begin(record: Record) -> str | None:
    return "── window opens: stopping all services" if record["step"] == "stop" else None


def _done(record: Record) -> str:
    took = f"{record['took']:7.1f} s" if "took" in record else " " * 9
    return f"{record['step']:<8}{took}   {_WORDS[record['step']]}{_detail(record)}"


def _detail(record: Record) -> str:
    if record["step"] == "arm" and not record["armed"]:
        return f": NOT, {record['said']}"
    if record["step"] == "census":
        return f": {len(record['running'])} running"
    if record["step"] == "stop" and record.get("stragglers"):
        return f"; these went on running: {' '.join(record['stragglers'])}"
    if record["step"] == "start" and record.get("stopped_again"):
        return f"; stopped again, as before: {' '.join(record['stopped_again'])}"
    return ""


def _taken_over(record: Record) -> str:
    return "an earlier run was interrupted; what it left is put right first"


def _turn(record: Record) -> str:
    return f"TURNING BACK to the old certificate: {record['message']}"


def _failed(record: Record) -> str:
    return f"{record['step']} failed: {record['message']}"


def _stuck(record: Record) -> str:
    return f"STUCK, a person is needed: {record['message']}"


def _closed(record: Record) -> str:
    reason = f": {record['message']}" if record.get("message") else ""
    return f"── {record['outcome'].replace('_', ' ')}{reason}"


def _skip(record: Record) -> str | None:
    """Most steps that are done already are no news; that the ports turned by themselves is."""
    return _done(record) if record["step"] == "served" else None


_DESCRIBERS = {
    "opened": _opened,
    "begin": _begin,
    "skip": _skip,
    "done": _done,
    "taken over": _taken_over,
    "turn": _turn,
    "failed": _failed,
    "stuck": _stuck,
    "closed": _closed,
}


class Story:
    """Turns records, as they come, into lines; remembers when the step and the window began."""

    def __init__(self) -> None:
        self._begun: Record | None = None
        self._opened: Record | None = None

    @property
    def step(self) -> str | None:
        """The step that is under way."""
        return self._begun["step"] if self._begun else None

    def lines(self, record: Record) -> list[str]:
        """What to say about the next record."""
        if record["event"] == "begin":
            self._begun = record
            self._opened = self._opened or (record if record["step"] == "stop" else None)
        elif record["event"] == "done" and self._begun:
            record = dict(record, took=max(0.0, record["mono"] - self._begun["mono"]))
        if record["event"] not in ("begin", "skip"):
            self._begun = None
        line = describe(record)
        return ([line] if line else []) + self._window_closed(record)

    def _window_closed(self, record: Record) -> list[str]:
        if self._opened is None or (record["event"], record.get("step")) != ("done", "start"):
            return []
        return [f"── window closed after {max(0.0, record['mono'] - self._opened['mono']):.1f} s"]
