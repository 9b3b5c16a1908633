# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What befalls a node's own processes, done from outside of it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from simvc.lab.node import Node


def kill_swap(node: Node) -> None:
    """End whatever has the lock of a swap on the node, as a kernel that is out of memory does."""
    space = os.readlink(f"/proc/{node.init}/ns/pid")
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.readlink(process / "ns/pid") == space and has_lock(process):
                os.kill(int(process.name), signal.SIGKILL)


def has_lock(process: Path) -> bool:
    for each in (process / "fd").iterdir():
        with suppress(OSError):
            if os.readlink(each).endswith("/vcfleet/lock"):
                return True
    return False
