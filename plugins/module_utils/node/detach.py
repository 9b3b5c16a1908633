# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that goes on when the session which began it ends."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Callable


def detach(work: Callable[[], None], keep: int) -> None:
    """Do `work` in a process of its own session and return at once; the open file `keep` stays open in it.

    The session's pipes are let go, so that the connection can close, and its hang-up signal is not heard.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.chdir("/")
        _let_go_of_files(keep)
        work()
    finally:
        os._exit(0)


def _let_go_of_files(keep: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2 and descriptor != keep:
            with suppress(OSError):  # the one that listed the folder is closed already
                os.close(descriptor)
