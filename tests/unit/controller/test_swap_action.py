# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of the swap: it follows, reconnects, and tells the truth about the end."""

from __future__ import annotations

import contextlib
import signal
import time
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.action import machine_ssl_swap as action
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeUnreachable
from ansible_collections.vcfleet.certs.plugins.plugin_utils.patience import Overdue, at_most
from ansible_collections.vcfleet.certs.plugins.plugin_utils.progress import Story

OPTIONS = {"state": "swapped", "state_dir": "/var/lib/vcfleet", "follow_timeout": 600.0, "tool_timeout": 120.0}
CURSOR = {"journal": "", "n": -1}


def swap(state: str, **facts: Any) -> dict[str, Any]:
    return {"state": state, "sentence": f"It is {state}.", "instructions": [], **facts}


def record(n: int, event: str, mono: float = 0.0, **facts: Any) -> dict[str, Any]:
    return {"journal": "j1", "n": n, "event": event, "mono": mono, **facts}


def news(state: str, *records: dict[str, Any], alive: bool = False) -> dict[str, Any]:
    return {"records": list(records), "alive": alive, "swap": swap(state)}


class Node:
    """Answers each call with the next of a script; an answer that is an exception is raised."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, verb: str, options: dict[str, Any], check_mode: bool = False) -> dict[str, Any]:
        self.asked.append((verb, options))
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(action.display, "display", lines.append)
    monkeypatch.setattr(action, "PAUSE", 0.0)
    return lines


def act(node: Node, options: dict[str, Any] | None = None) -> dict[str, Any]:
    here = action.ActionModule.__new__(action.ActionModule)
    here._task = SimpleNamespace(args={}, check_mode=False, delegate_to=None)  # type: ignore[assignment]
    here.task_vars = {"inventory_hostname": "vc01"}
    here.call_node = node  # type: ignore[method-assign]
    here.reset_connection = lambda: None  # type: ignore[method-assign]
    return here.act(options or OPTIONS)


STARTED = {"changed": True, "started": True, "cursor": CURSOR, "swap": swap("running")}


def test_nothing_to_do_is_told_as_it_is(told: list[str]) -> None:
    result = act(Node({"changed": False, "started": False, "swap": swap("committed")}))
    assert result == {"changed": False, "swap": swap("committed")}
    assert told == []


def test_the_journal_is_told_to_its_end(told: list[str]) -> None:
    node = Node(
        STARTED,
        news("running", record(0, "begin", 10.0, step="stop"), alive=True),
        news("running", alive=True),
        news("committed", record(1, "done", 12.5, step="stop"), record(2, "closed", outcome="committed")),
    )
    assert act(node)["changed"] is True
    text = "\n".join(told)
    assert "window opens" in text
    assert "stop        2.5 s   services stopped" in text
    assert "… stop" in text, "a sign of life while nothing new is written"
    assert [options["cursor"] for verb, options in node.asked[1:]] == [
        CURSOR, {"journal": "j1", "n": 0}, {"journal": "j1", "n": 0},
    ]  # fmt: skip


def test_a_lost_connection_is_made_again_and_nothing_is_told_twice(told: list[str]) -> None:
    node = Node(
        STARTED,
        news("running", record(0, "begin", step="stop"), alive=True),
        NodeUnreachable("Connection reset."),
        NodeUnreachable("Connection refused."),
        news("committed", record(1, "closed", outcome="committed")),
    )
    assert act(node)["swap"]["state"] == "committed"
    assert sum("connection lost" in line for line in told) == 1


def test_a_start_whose_answer_was_lost_is_asked_for_again(told: list[str]) -> None:
    node = Node(NodeUnreachable("Connection reset."), STARTED, news("committed"))
    act(node)
    assert [verb for verb, options in node.asked] == ["machine_ssl_swap", "machine_ssl_swap", "swap_follow"]


def test_a_start_that_is_asked_for_again_has_the_name_of_the_first(told: list[str]) -> None:
    node = Node(NodeUnreachable("Connection reset."), STARTED, news("committed"))
    act(node)
    first, again = (options["call"] for verb, options in node.asked if verb == "machine_ssl_swap")
    assert first == again
    other = Node(STARTED, news("committed"))
    act(other)
    assert other.asked[0][1]["call"] != first


def test_a_silent_connection_is_a_lost_one(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut cable: ssh itself would wait for as long as TCP does."""
    monkeypatch.setattr(action, "WAIT", 0.05)
    monkeypatch.setattr(action, "ANSWER", 0.05)
    hung = 0

    class Silent(Node):
        def __call__(self, verb: str, options: dict[str, Any], check_mode: bool = False) -> dict[str, Any]:
            nonlocal hung
            if verb == "swap_follow" and hung < 2:
                hung += 1
                time.sleep(60)
            return super().__call__(verb, options, check_mode)

    assert act(Silent(STARTED, news("committed")))["swap"]["state"] == "committed"
    assert hung == 2


def test_the_timer_of_a_task_rings_all_the_same() -> None:
    class Rung(BaseException):
        pass

    def ring(*_signal: Any) -> None:
        raise Rung

    handler = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Rung):
            with contextlib.suppress(Overdue), at_most(30):
                time.sleep(30)
            time.sleep(30)
        signal.setitimer(signal.ITIMER_REAL, 30)
        with pytest.raises(Overdue), at_most(0.01):
            time.sleep(30)
        assert 25 < signal.getitimer(signal.ITIMER_REAL)[0] < 30
        assert signal.getsignal(signal.SIGALRM) is ring
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def test_a_node_that_stays_away_is_unreachable_and_the_message_says_what_it_does(told: list[str]) -> None:
    lost = [NodeUnreachable("No route.")] * 3
    with pytest.raises(NodeUnreachable, match="goes on without us"):
        act(Node(STARTED, *lost), dict(OPTIONS, follow_timeout=-1.0))


def test_a_swap_that_ended_with_the_last_news_is_not_given_up(told: list[str]) -> None:
    node = Node(STARTED, news("committed", record(0, "closed", outcome="committed")))
    assert act(node, dict(OPTIONS, follow_timeout=-1.0))["swap"]["state"] == "committed"


def test_nobody_waits_for_ever(told: list[str]) -> None:
    node = Node(STARTED, news("running", alive=True))
    with pytest.raises(Refused, match="Nobody waits") as refused:
        act(node, dict(OPTIONS, follow_timeout=-1.0))
    result = refused.value.to_result()
    assert result["changed"] is True
    assert result["details"]["swap"]["state"] == "running"


@pytest.mark.parametrize(
    ("asked", "ended", "changed"),
    [
        ("swapped", "rolled_back", True),
        ("swapped", "refused", False),
        ("swapped", "stuck", True),
        ("swapped", "interrupted", True),
        ("rolled_back", "rolled_back", True),
        ("resumed", "stuck", True),
        ("restarted", "rolled_back", True),
        ("restarted", "refused", False),
        ("restarted", "stuck", True),
    ],
)
def test_an_end_that_nobody_asked_for_is_a_failure(told: list[str], asked: str, ended: str, changed: bool) -> None:
    with pytest.raises(Refused) as refusal:
        act(Node(STARTED, news(ended)), dict(OPTIONS, state=asked))
    result = refusal.value.to_result()
    assert result["failed"] is True
    assert result["changed"] is changed
    assert result["details"]["swap"]["state"] == ended
    assert result["remedy"]


def test_a_stuck_node_prints_what_to_type(told: list[str]) -> None:
    stuck = news("stuck")
    stuck["swap"]["instructions"] = ["/bin/service-control --stop --all", "/bin/service-control --start --all"]
    with pytest.raises(Refused, match=r"(?s)in this order:.*--stop --all.*--start --all"):
        act(Node(STARTED, stuck))


@pytest.mark.parametrize("ended", ["committed", "rolled_back", "refused"])
def test_resume_is_content_with_every_orderly_end(told: list[str], ended: str) -> None:
    result = act(Node(STARTED, news(ended)), dict(OPTIONS, state="resumed"))
    assert result["changed"] is (ended != "refused")


def test_a_restart_is_told_to_its_end_and_no_certificate_with_it(told: list[str]) -> None:
    node = Node(
        STARTED,
        news(
            "committed",
            record(0, "opened", intent="restart"),
            record(1, "begin", 10.0, step="stop"),
            record(2, "failed", step="stop", message="These went on running: vsphere-ui"),
            record(3, "begin", 20.0, step="start"),
            record(4, "done", 32.0, step="start"),
            record(5, "closed", outcome="rolled_back"),
        ),
    )
    act(node, dict(OPTIONS, state="restarted", lease="us"))
    assert node.asked[1][1]["lease"] == "us", "renewed by who follows"
    assert [line.split("  ", 3)[-1].strip() for line in told] == [
        "restart of the services begins (journal j1)",
        "── window opens: stopping all services",
        "stop failed: These went on running: vsphere-ui",
        "start      12.0 s   services started, census restored",
        "── window closed after 22.0 s",
        "── rolled back",
    ]


def test_the_story_says_how_long_the_window_was() -> None:
    story = Story()
    said = [
        line
        for each in (
            record(0, "begin", 100.0, step="stop"),
            record(1, "done", 110.0, step="stop"),
            record(2, "begin", 110.0, step="start"),
            record(3, "done", 141.25, step="start"),
        )
        for line in story.lines(each)
    ]
    assert said[-1] == "── window closed after 41.2 s"
