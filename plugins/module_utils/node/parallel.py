# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing things at the same time: the vendor's tools are slow, and most of that is waiting."""

from __future__ import annotations

import threading
from concurrent import futures
from typing import Callable, Generic, Mapping, TypeVar

T = TypeVar("T")
_AT_ONCE = 6


def each_at_once(tasks: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    """The result of every task under its name, in the given order. Raises the first error in that order."""
    with futures.ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        begun = {name: pool.submit(task) for name, task in tasks.items()}
        return {name: future.result() for name, future in begun.items()}


def bounded(task: Callable[[], T], seconds: float) -> T:
    """The result of a call that cannot be interrupted, such as a name lookup. Raises TimeoutError when it takes longer.

    The call is left to itself then, on a thread that does not keep the process alive.
    """
    outcome: futures.Future[T] = futures.Future()
    threading.Thread(target=_settle, args=(outcome, task), daemon=True).start()
    try:
        return outcome.result(seconds)
    except futures.TimeoutError:  # not the built-in one before Python 3.11
        raise TimeoutError(f"no answer within {seconds:g} seconds") from None


class Once(Generic[T]):
    """A call whose first outcome, result or error, is everybody's; those who come meanwhile wait for it."""

    def __init__(self, task: Callable[[], T]) -> None:
        self._task = task
        self._lock = threading.Lock()
        self._outcome: futures.Future[T] = futures.Future()

    def __call__(self) -> T:
        with self._lock:
            if not self._outcome.done():
                _settle(self._outcome, self._task)
        return self._outcome.result()


def _settle(outcome: futures.Future[T], task: Callable[[], T]) -> None:
    try:
        outcome.set_result(task())
    except Exception as error:
        outcome.set_exception(error)
