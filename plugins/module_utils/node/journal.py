# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The write-ahead record of a swap or a restart: one JSON object a line, appended and fsynced, never rewritten.

A line is on the disk before the act that it announces begins. Nothing secret is ever written here.
"""

from __future__ import annotations

import errno
import json
import os
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict

from .files import discard, sync

VERSION = 1
CLOSED = "closed"
HANDED_OVER = "handed over"
RESTART = "restart"

Record = Dict[str, Any]


class Journal:
    """The record of one swap or restart.

    Build it with `create` or `load`; both leave `records` equal to what is on the disk.
    """

    def __init__(self, path: Path, records: list[Record]) -> None:
        self.path = path
        self.records = records
        self._unsaved = b""

    @property
    def id(self) -> str:
        return self.path.stem

    @property
    def closed(self) -> bool:
        return any(record["event"] == CLOSED for record in self.records)

    @property
    def is_restart(self) -> bool:
        return bool(self.fact("intent") == RESTART)

    @classmethod
    def create(cls, folder: Path, name: str, **facts: Any) -> Journal:
        """Begin a new journal. Raises OSError when the name is taken or the disk takes no first record."""
        path = folder / (name + ".jsonl")
        os.close(os.open(str(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        sync(folder)
        journal = cls(path, [])
        journal.write("opened", **facts)
        if not journal.saved:
            discard(path)
            raise OSError(errno.EIO, "its first record is refused", str(path))
        return journal

    @classmethod
    def load(cls, path: Path) -> Journal:
        """Read a journal back, without a line that a power loss has torn; the next record begins a new line."""
        return cls(path, _parse(path.read_bytes()))

    @property
    def saved(self) -> bool:
        """Is every record on the disk? A swap does not open its window before that is so."""
        return not self._unsaved

    def write(self, event: str, **facts: Any) -> Record:
        """Append one record and return it once it is on the disk.

        A disk that is full or read-only must not end a swap in the middle of its window: the record then waits for the
        next write, and recovery, which asks the world, does without it.
        """
        record: Record = {
            "v": VERSION,
            "n": len(self.records),
            "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "mono": round(time.monotonic(), 3),
            "event": event,
        }
        record.update(facts)
        self.records.append(record)
        self._unsaved += json.dumps(record).encode() + b"\n"
        try:
            _append(self.path, self._unsaved)
        except OSError:
            return record
        self._unsaved = b""
        return record

    def last(self, event: str) -> Record | None:
        """The newest record of that event."""
        return next((record for record in reversed(self.records) if record["event"] == event), None)

    def fact(self, name: str) -> Any:
        """The newest value that any record gave for `name`, None when none did."""
        return next((record[name] for record in reversed(self.records) if name in record), None)

    def began(self, step: str) -> bool:
        return self._has("begin", step)

    def did(self, step: str) -> bool:
        return self._has("done", step)

    def _has(self, event: str, step: str) -> bool:
        return any(record["event"] == event and record.get("step") == step for record in self.records)


def journals(folder: Path, since: str = "") -> list[Journal]:
    """The journals of a node, oldest first (their names begin with a time): that one and what came after it, or all."""
    if not folder.is_dir():
        return []
    return [Journal.load(path) for path in sorted(folder.glob("*.jsonl")) if path.stem >= since]


def newest(folder: Path) -> Journal | None:
    """The journal that was begun last."""
    return next(reversed(journals(folder)), None)


def last_swap(folder: Path) -> Journal | None:
    """The journal of the swap that was begun last, whatever was restarted since."""
    return next((each for each in reversed(journals(folder)) if not each.is_restart), None)


def last_restart(folder: Path) -> Journal | None:
    """The journal that was begun last, if that was a restart: a swap after it restarts the services as well."""
    last = newest(folder)
    return last if last and last.is_restart else None


def unfinished(folder: Path) -> Journal | None:
    """The journal that has no end yet. An empty one (power lost at birth) announced nothing and counts as ended."""
    return next((each for each in reversed(journals(folder)) if each.records and not each.closed), None)


def _append(path: Path, line: bytes) -> None:
    with open(str(path), "r+b") as file:
        file.seek(0, os.SEEK_END)
        if file.tell() and not _ends_line(file):
            line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _ends_line(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")


def _parse(content: bytes) -> list[Record]:
    records = (_record(line) for line in content.splitlines())
    return [record for record in records if record is not None]


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return None
    return record if isinstance(record, dict) and "event" in record else None
