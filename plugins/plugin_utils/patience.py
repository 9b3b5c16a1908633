# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. An end to waiting for an answer: a cut cable makes ssh wait for as long as TCP does, which is for ever."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Overdue(BaseException):
    """The time is up. No Exception, because connection plugins take those for reasons to try again by themselves."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise Overdue in the block when it takes longer. For the main thread of a process, as all tasks run in.

    A timer that was set before, such as that of the task's own `timeout`, goes on and rings in its turn.
    """

    def ring(*_signal: Any) -> None:
        raise Overdue

    begun = time.monotonic()
    handler = signal.signal(signal.SIGALRM, ring)
    left, _interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        if left:
            signal.setitimer(signal.ITIMER_REAL, min(left, seconds))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - begun), 0.001))
