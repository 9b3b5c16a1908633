# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one command and writes what it cost the controller, whole: `measured.py RESULT.json COMMAND...`.

Adopts what outlives the command (ssh's control masters leave their parents), ends and reaps it, so that the CPU time of
all descendants is counted. The result is {"rc", "wall", "cpu" (user and system), "machine" (CPU seconds that the whole
machine was busy, nodes and all), "memory": {...}}; seconds and MiB. The exit status is the command's.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
PAUSE = 0.5
KIB_IN_MIB = 1024


@dataclass
class Memory:
    """What was seen of a controller's memory, in MiB, by samples."""

    main: float = 0.0
    total: float = 0.0
    workers: int = 0
    forks: list[float] = field(default_factory=list)

    def look(self, main: int) -> None:
        """One sample: `main` is the pid of ansible-playbook, its children are the workers, theirs is ssh."""
        tree = list(_tree(main))
        sizes = {pid: _sizes(pid) for pid, _ in tree}
        forks = [sizes[pid]["Private"] for pid, parent in tree if parent == main and _is_fork(pid, main)]
        self.main = max(self.main, sizes.get(main, _NOTHING)["Rss"])
        self.total = max(self.total, sum(size["Pss"] for size in sizes.values()))
        self.workers = max(self.workers, len(forks))
        self.forks += forks

    def as_dict(self) -> dict[str, float]:
        """`main` and `total` are peaks (RSS, PSS of all); of a fork's private memory the median and the largest."""
        return {
            "main": round(self.main, 1),
            "total": round(self.total, 1),
            "workers": self.workers,
            "fork_median": round(statistics.median(self.forks), 1) if self.forks else 0.0,
            "fork_largest": round(max(self.forks, default=0.0), 1),
        }


_NOTHING = {"Rss": 0.0, "Pss": 0.0, "Private": 0.0}


def _tree(pid: int, parent: int = 0) -> Iterator[tuple[int, int]]:
    yield pid, parent
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from _tree(int(child), pid)


def _is_fork(pid: int, main: int) -> bool:
    """A worker runs the very program of its parent."""
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/exe") == os.readlink(f"/proc/{main}/exe")
    return False


def _sizes(pid: int) -> dict[str, float]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return _NOTHING
    found = {name: int(rest.split()[0]) / KIB_IN_MIB for name, _, rest in (line.partition(":") for line in lines)}
    return {"Rss": found["Rss"], "Pss": found["Pss"], "Private": found["Private_Clean"] + found["Private_Dirty"]}


def _watch(memory: Memory, main: int, over: threading.Event) -> None:
    while not over.wait(PAUSE):
        memory.look(main)


def _machine() -> float:
    """CPU seconds that this machine has been busy since its start."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _end_the_rest() -> None:
    """End and reap what the command left behind, which is ours now."""
    with contextlib.suppress(ChildProcessError):
        while True:
            children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
            for child in children:
                os.kill(int(child), signal.SIGTERM)
            os.waitpid(-1, 0)


def main(result: str, *command: str) -> int:
    """Run, wait, write."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    memory, over = Memory(), threading.Event()
    begun, machine = time.time(), _machine()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    watcher = threading.Thread(target=_watch, args=(memory, process.pid, over))
    watcher.start()
    rc = process.wait()
    wall, machine = time.time() - begun, _machine() - machine
    over.set()
    watcher.join()
    _end_the_rest()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {
        "rc": rc,
        "begun": begun,
        "wall": round(wall, 2),
        "cpu": round(usage.ru_utime + usage.ru_stime, 2),
        "machine": round(machine, 2),
        "memory": memory.as_dict(),
    }
    Path(result).write_text(json.dumps(cost))
    return rc


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
