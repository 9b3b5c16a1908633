# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One owner of the node's window at a time.

The kernel's lock decides who owns it and lets go when the owner dies; the words in the file only say who that was.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

# Who only asks whether the lock is free holds it for a moment.
_PATIENCE = 0.2


class Lock:
    """The node's lock, `<state_dir>/lock`. It survives a fork: the child that keeps it open keeps it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock if nobody has it; gives up after a moment."""
        deadline = time.monotonic() + _PATIENCE
        while not self._try(fcntl.LOCK_EX, os.O_RDWR | os.O_CREAT):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PATIENCE / 20)
        return True

    def _try(self, kind: int, mode: int) -> bool:
        descriptor = os.open(str(self.path), mode, 0o600)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    @property
    def descriptor(self) -> int:
        """The open file that stands for the lock; a forked child keeps the lock by keeping it."""
        if self._descriptor is None:
            raise RuntimeError("the lock is not ours")
        return self._descriptor

    def held(self) -> bool:
        """Does a living process, this one or another, have the lock?"""
        if self._descriptor is not None:
            return True
        if not self.path.exists():
            return False
        if not self._try(fcntl.LOCK_SH, os.O_RDONLY):  # which a read-only disk answers, too
            return True
        self._let_go()
        return False

    def owner(self) -> dict[str, Any]:
        """Who wrote its name last; empty after an orderly release."""
        try:
            return dict(json.loads(self.path.read_text()))
        except (OSError, ValueError):
            return {}

    def sign(self, **facts: Any) -> None:
        """Write who owns the lock, for people and for the take-over record of a later run."""
        owner = dict(facts, pid=os.getpid(), boot_id=boot_id(), since=time.time())
        self._write(json.dumps(owner).encode())

    def release(self) -> None:
        """Let go, even where the name cannot be wiped out (a full disk)."""
        try:
            self._write(b"")
        finally:
            self._let_go()

    def _write(self, content: bytes) -> None:
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, content, 0)
        os.fsync(self.descriptor)

    def _let_go(self) -> None:
        os.close(self.descriptor)
        self._descriptor = None


def boot_id() -> str:
    """The kernel's name of this boot; the monotonic clock counts from its beginning."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
