# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops the swap exactly where a test wants it: at a line of its journal, seen from outside the node.

The kernel tells of every write to the journal's folder, and a signal stops the swap's process then. It is inside the
write or the fsync of that very line, and does nothing more until it is released or killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import collection  # noqa: F401  (puts the simulated appliance on the path)
from simvc.lab.node import Node

STATE_DIR = "/var/lib/vcfleet"
Record = dict[str, Any]

_IN_MODIFY, _IN_CREATE = 0x2, 0x100
# A swap that comes to its end, or loses its node, leaves nobody behind; one that is being taken over leaves a gap.
_QUIET = 2.0
_libc = ctypes.CDLL(None, use_errno=True)


class NotReached(Exception):
    """The swap ended, or the time was over, before the moment came."""


@dataclass(frozen=True)
class Moment:
    """A line of the journal: by event and step, or the `nth` line that is written from now on (0 is the first)."""

    event: str = ""
    step: str | None = None
    nth: int | None = None

    def __str__(self) -> str:
        return f"line {self.nth}" if self.nth is not None else f"{self.event} {self.step or ''}".strip()

    def matches(self, record: Record, seen: int) -> bool:
        if self.nth is not None:
            return seen == self.nth
        return bool(record["event"] == self.event and record.get("step") == self.step)


def journal_files(node: Node) -> list[Path]:
    """Oldest first."""
    return sorted((node.root / STATE_DIR[1:] / "journal").glob("*.jsonl"))


def records(path: Path) -> list[Record]:
    """The whole lines of a journal; a torn one is left out."""
    found = []
    for line in path.read_bytes().splitlines():
        with suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict):
                found.append(record)
    return found


def newest(node: Node) -> list[Record]:
    """The records of the newest journal that has any."""
    return next((found for path in reversed(journal_files(node)) if (found := records(path))), [])


def swap_processes(node: Node) -> list[int]:
    """Host pids of what holds the node's lock for a swap: detached from every session, or started at boot.

    That there is none is believed only after a look at every process: a list of children may miss one while others end.
    """
    with suppress(OSError):
        space = os.readlink(f"/proc/{node.init}/ns/pid")
        everybody = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
        return _swaps(family(node.init), space) or _swaps(everybody, space)
    return []


def family(pid: int) -> list[int]:
    """A process and all its descendants, whatever sessions they have made for themselves."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(child) for child in task.read_text().split()]
    return found


def _swaps(pids: Iterable[int], space: str) -> list[int]:
    return [pid for pid in pids if _is_swap(Path(f"/proc/{pid}"), space)]


def _is_swap(process: Path, space: str) -> bool:
    try:
        if os.readlink(process / "ns/pid") != space:
            return False
        command = (process / "cmdline").read_bytes()
        if b"heal.pyz" not in command and os.readlink(process / "fd/1") != "/dev/null":
            return False
        return any(link.endswith("/vcfleet/lock") for link in _links(process / "fd"))
    except OSError:
        return False


def _links(folder: Path) -> Iterator[str]:
    """Where they lead. One that is closed between two looks says nothing of the others."""
    for each in folder.iterdir():
        with suppress(OSError):
            yield os.readlink(each)


class Hold:
    """Watches from its making on; `wait` returns when the swap stands still at the moment."""

    def __init__(self, node: Node, moment: Moment) -> None:
        self.node = node
        self.moment = moment
        self.pids: list[int] = []
        self.at: Record = {}
        self.beyond = 0
        self._seen = 0
        self._held = threading.Event()
        self._over = threading.Event()
        self._folder = node.root / STATE_DIR[1:] / "journal"
        self._read = {path: len(records(path)) for path in journal_files(node)}
        self._inotify = _libc.inotify_init1(0)
        if _libc.inotify_add_watch(self._inotify, str(self._folder).encode(), _IN_MODIFY | _IN_CREATE) < 0:
            raise OSError(ctypes.get_errno(), f"cannot watch {self._folder}")
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def wait(self, timeout: float = 60.0, begun: bool = False) -> Record:
        """The record at which the swap stands still. Raises NotReached, where it has begun as soon as nobody swaps."""
        now = time.monotonic()
        deadline, seen = now + timeout, now
        while not self._held.wait(0.1):
            now = time.monotonic()
            if begun and swap_processes(self.node):
                seen = now
            if self._over.is_set() or now > deadline or (begun and now > seen + _QUIET):
                self.release()
                raise NotReached(f"{self.node.name}: {self.moment}")
        return self.at

    @property
    def held(self) -> bool:
        return self._held.is_set()

    def release(self) -> None:
        """Let the swap go on, if it was stopped; end the watch."""
        self._over.set()
        self._thread.join()
        _signal(self.pids, signal.SIGCONT)

    def kill(self) -> None:
        """End the swap's process where it stands."""
        self._over.set()
        self._thread.join()
        _signal(self.pids, signal.SIGKILL)
        _wait(self._is_dead)

    def _is_dead(self) -> bool:
        """One that was being forked when the others were stopped dies now."""
        left = swap_processes(self.node)
        _signal(left, signal.SIGKILL)
        return not left

    def forget(self) -> None:
        """The node is off: there is nobody to let go."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        try:
            while not self._over.is_set():
                if not select.select([self._inotify], [], [], 0.1)[0]:
                    continue
                os.read(self._inotify, 65536)
                if self._look():
                    return
        except OSError:
            return  # the node lost power
        finally:
            os.close(self._inotify)

    def _look(self) -> bool:
        for path in sorted(self._folder.glob("*.jsonl")):
            found = records(path)
            for record in found[self._read.get(path, 0) :]:
                if self.moment.matches(record, self._seen):
                    self._freeze(path, record)
                    return True
                self._seen += 1
                if not self.pids:
                    self.pids = swap_processes(self.node)
                if record["event"] == "closed":
                    self._over.set()
                    return True
            self._read[path] = len(found)
        return False

    def _freeze(self, path: Path, record: Record) -> None:
        self.pids = self.pids or swap_processes(self.node)
        _signal(self.pids, signal.SIGSTOP)
        _wait(lambda: all(_state(pid) in "TZX" for pid in self.pids))
        self.at = record
        after = [each for each in records(path) if each["n"] > record["n"]]
        self.beyond = len([each for each in after if each["event"] != "begin"])
        self._held.set()


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _wait(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("a signal had no effect")
        time.sleep(0.001)
