# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""parallel.py: at the same time, in time, and only once."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.parallel import Once, bounded, each_at_once


def test_tasks_run_at_the_same_time_and_keep_their_order():
    meeting = threading.Barrier(3, timeout=5)
    tasks = {name: (lambda name=name: (meeting.wait(), name)[1]) for name in "abc"}
    assert list(each_at_once(tasks).items()) == [("a", "a"), ("b", "b"), ("c", "c")]


def test_an_error_of_a_task_is_raised():
    with pytest.raises(KeyError):
        each_at_once({"a": lambda: {}["x"]})


def test_a_call_that_does_not_return_is_left_to_itself():
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match=r"within 0\.1 seconds"):
        bounded(lambda: time.sleep(3), 0.1)
    assert time.monotonic() - begun < 2


def test_a_bounded_call_gives_its_result_or_its_error():
    assert bounded(lambda: 7, 5) == 7
    with pytest.raises(KeyError):
        bounded(lambda: {}["x"], 5)


@pytest.mark.parametrize("fails", [False, True])
def test_once_is_once_for_all_who_ask(fails):
    calls = []

    def task() -> int:
        calls.append(1)
        time.sleep(0.05)
        if fails:
            raise KeyError("x")
        return 7

    once = Once(task)

    def ask() -> object:
        try:
            return once()
        except KeyError as error:
            return str(error)

    answers = each_at_once(dict.fromkeys("abcd", ask))
    assert len(calls) == 1
    assert set(answers.values()) == ({"'x'"} if fails else {7})
