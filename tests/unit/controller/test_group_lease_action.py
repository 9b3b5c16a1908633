# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of the lease: it waits as long as it may, says for whom, and no longer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.action import group_lease as action
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeRefused

GRANTED = {"changed": False, "lease": {"event": "granted"}}


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def strftime(self, layout: str) -> str:
        return "12:00:00"


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(action, "time", made)
    return made


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(action.display, "display", lines.append)
    return lines


def held_by(owner: str) -> NodeRefused:
    return NodeRefused(f"The lease is held by {owner}", "Wait", {"lease": {"owner": owner}})


def act(answers: list[Any], state: str = "held", wait: float = 0.0, check_mode: bool = False) -> Any:
    """Answers in turn, the last one again and again; an exception is raised."""

    def call_node(verb: str, options: dict[str, Any], check_mode: bool = False) -> Any:
        assert "wait" not in options, "the node does not wait"
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    made: Any = object.__new__(action.ActionModule)
    made._task = SimpleNamespace(check_mode=check_mode, delegate_to="vc02", args={})
    made.task_vars = {"inventory_hostname": "vc01"}
    made.call_node = call_node
    return made.act({"state": state, "wait": wait})


def test_without_a_wait_the_refusal_is_the_answer(time: Time, told: list[str]) -> None:
    with pytest.raises(NodeRefused, match="held by a"):
        act([held_by("a")])
    assert time.slept == [] and told == []


def test_it_waits_and_says_once_for_whom(time: Time, told: list[str]) -> None:
    assert act([held_by("a"), held_by("a"), held_by("b"), GRANTED], wait=60) == {
        **GRANTED,
        "waited": 9.0,
        "outdated": True,
    }
    assert time.slept == [3.0, 3.0, 3.0]
    assert len(told) == 2
    assert "vc02" in told[0] and "held by a" in told[0] and "60 s" in told[0]
    assert "held by b" in told[1]


def test_it_asks_a_last_time_when_the_wait_is_over(time: Time, told: list[str]) -> None:
    with pytest.raises(NodeRefused):
        act([held_by("a")], wait=7)
    assert time.slept == [3.0, 3.0, 1.0]
    assert act([held_by("a"), held_by("a"), held_by("a"), GRANTED], wait=7) == {
        **GRANTED,
        "waited": 7.0,
        "outdated": True,
    }


def test_a_swap_without_a_lease_is_waited_for_too(time: Time, told: list[str]) -> None:
    runs = NodeRefused("A swap runs", "Wait", {"lease": None, "swap_runs": True})
    assert act([runs, GRANTED], wait=5)["waited"] == 3.0
    assert "A swap runs" in told[0]


def test_who_was_not_kept_waiting_has_not_waited(time: Time, told: list[str]) -> None:
    assert act([GRANTED], wait=60) == {**GRANTED, "waited": 0.0, "outdated": False}


def test_what_does_not_pass_by_waiting_is_not_waited_for(time: Time, told: list[str]) -> None:
    with pytest.raises(NodeRefused, match="No space"):
        act([NodeRefused("No space left", "Free some", {"path": "/var"})], wait=60)
    assert time.slept == []


@pytest.mark.parametrize(("state", "check_mode"), [("held", True), ("released", False)])
def test_neither_check_mode_nor_a_return_waits(time: Time, told: list[str], state: str, check_mode: bool) -> None:
    with pytest.raises(NodeRefused):
        act([held_by("a")], state=state, wait=60, check_mode=check_mode)
    assert time.slept == []


@pytest.mark.parametrize("state", ["awaited", "renewed"])
def test_who_takes_nothing_waits_as_well(time: Time, told: list[str], state: str) -> None:
    assert act([held_by("a"), GRANTED], state=state, wait=30)["waited"] == 3.0


@pytest.mark.parametrize("wait", [-1.0, float("inf"), float("nan")])
def test_nobody_waits_for_ever(wait: float) -> None:
    with pytest.raises(Refused, match="wait is"):
        act([GRANTED], wait=wait)
