# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""group_lease, and the verbs that ask for a lease or keep it alive."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import lease
from ansible_collections.vcfleet.certs.plugins.module_utils.node.context import Context
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.journal import Journal, unfinished
from ansible_collections.vcfleet.certs.plugins.module_utils.node.lock import Lock
from ansible_collections.vcfleet.certs.plugins.module_utils.node.paths import State
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import (
    group_lease,
    machine_ssl_swap,
    replication_gate,
    swap_follow,
)
from fake_node import FakeNode


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state")


def ask(state: State, wanted: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    options = {"state": wanted, "state_dir": str(state.root), "group": "g", **options}
    result = group_lease.run(options, Context(check_mode, FakeNode().toolbox))  # type: ignore[arg-type]
    assert result.keys() == {"changed", "lease"}
    assert result["changed"] is False, "bookkeeping of runs is no change of the node"
    assert json.loads(json.dumps(result)) == result
    return dict(result["lease"])


def test_the_life_of_a_lease(state: State) -> None:
    nothing = {"holder": None, "previous": None, "swap_runs": False, "newest_journal": None}
    assert ask(state, "status") == {"event": "told", **nothing}
    assert ask(state, "awaited", owner="a") == {"event": "free", **nothing}
    assert ask(state, "held", owner="a", check_mode=True)["event"] == "granted"
    assert not state.root.exists()
    granted = ask(state, "held", owner="a")
    assert granted["event"] == "granted"
    assert granted["holder"].keys() == {"group", "owner", "since", "renewed", "ttl", "until", "seconds_left", "live"}
    assert granted["holder"]["ttl"] == 900
    assert ask(state, "held", owner="a", ttl=60.0)["holder"]["ttl"] == 60
    assert ask(state, "renewed", owner="a")["event"] == "renewed"
    assert ask(state, "status")["holder"]["owner"] == "a"
    with pytest.raises(NodeError, match="held by a"):
        ask(state, "awaited", owner="b")
    assert ask(state, "released", owner="b")["event"] == "not ours"
    assert ask(state, "released", owner="a")["event"] == "released"
    assert ask(state, "released", owner="a")["event"] == "none"


def test_who_had_it_is_told_when_it_is_taken_over(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(state, "held", owner="a", ttl=60.0)
    later = lease.now()._replace(mono=lease.now().mono + 61)
    monkeypatch.setattr(lease, "now", lambda: later)
    taken = ask(state, "held", owner="b")
    assert taken["event"] == "taken over"
    assert taken["previous"]["owner"] == "a" and taken["previous"]["live"] is False
    assert ask(state, "returned", owner="b")["event"] == "returned"
    assert ask(state, "renewed", owner="a")["holder"]["owner"] == "a", "it may be at work elsewhere in the group"


def test_the_newest_journal_is_told(state: State, interrupted: Journal) -> None:
    assert ask(state, "held", owner="a")["newest_journal"] == interrupted.id


def test_a_running_swap_is_told(state: State) -> None:
    ask(state, "held", owner="a")
    lock = Lock(state.lock)
    assert lock.acquire()
    assert ask(state, "status")["swap_runs"]
    lock.release()
    assert not ask(state, "status")["swap_runs"]


@pytest.mark.parametrize("ttl", [0.0, -1.0, float("inf"), float("nan"), 86401.0])
def test_a_ttl_that_never_or_always_ends_is_refused(state: State, ttl: float) -> None:
    with pytest.raises(NodeError) as caught:
        ask(state, "held", owner="a", ttl=ttl)
    assert caught.value.details["option"] == "ttl"
    assert not state.root.exists()


@pytest.mark.parametrize("name", [None, "", "  ", lease.UNREADABLE])
@pytest.mark.parametrize("wanted", ["held", "awaited", "renewed", "released", "returned"])
def test_nobody_in_particular_holds_nothing(state: State, wanted: str, name: str | None) -> None:
    with pytest.raises(NodeError) as caught:
        ask(state, wanted, owner=name)
    assert caught.value.details["option"] == "owner"


# ---- The swap --------------------------------------------------------------------------------------------------------


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Instead of a process of its own, which swaps were begun, by the open file that is their lock."""
    made: list[int] = []
    monkeypatch.setattr(machine_ssl_swap, "detach", lambda work, keep: made.append(keep))
    yield made
    for descriptor in made:
        os.close(descriptor)


def resume(state: State, owner: str | None) -> dict[str, Any]:
    options = {"state": "resumed", "state_dir": str(state.root), "lease": owner}
    return machine_ssl_swap.run(options, Context(False, FakeNode().toolbox))  # type: ignore[arg-type]


@pytest.fixture
def interrupted(state: State) -> Journal:
    state.journal.mkdir(mode=0o700, parents=True)
    state.root.chmod(0o700)
    return Journal.create(state.journal, "20260101T000000000000Z-ab", goal="new", new_sha256="ab")


def test_a_swap_begins_under_its_own_lease(state: State, interrupted: Journal, begun: list[int]) -> None:
    ask(state, "held", owner="a", ttl=60.0)
    before = state.lease.read_bytes()
    assert resume(state, "a")["started"]
    assert len(begun) == 1
    assert state.lease.read_bytes() != before, "renewed"


@pytest.mark.parametrize("owner", ["b", None])
def test_no_swap_begins_under_anothers(state: State, interrupted: Journal, begun: list[int], owner: str | None) -> None:
    ask(state, "held", owner="a")
    before = interrupted.path.read_bytes()
    with pytest.raises(NodeError) as caught:
        resume(state, owner)
    assert "held by a" in caught.value.message
    assert begun == []
    assert interrupted.path.read_bytes() == before and unfinished(state.journal)


def test_no_swap_begins_under_a_lease_that_is_gone(state: State, interrupted: Journal, begun: list[int]) -> None:
    with pytest.raises(NodeError) as caught:
        resume(state, "a")
    assert "nobody does" in caught.value.message and begun == []


def test_without_leases_a_swap_begins_as_ever(state: State, interrupted: Journal, begun: list[int]) -> None:
    assert resume(state, None)["started"]
    assert not state.lease.exists()


def test_a_swap_that_runs_is_followed_whoever_has_the_lease(state: State, interrupted: Journal) -> None:
    ask(state, "held", owner="a")
    lock = Lock(state.lock)
    assert lock.acquire()
    lock.sign(wanted="ab")
    assert resume(state, "b")["started"]
    lock.release()


# ---- Signs of life ---------------------------------------------------------------------------------------------------


def outlived(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    found = lease.now()
    monkeypatch.setattr(lease, "now", lambda: found._replace(mono=found.mono + seconds, wall=found.wall + seconds))


@pytest.mark.parametrize(("owner", "live"), [("a", True), ("b", False), (None, False)])
def test_following_a_swap_keeps_the_lease_alive(
    state: State, monkeypatch: pytest.MonkeyPatch, owner: str | None, live: bool
) -> None:
    ask(state, "held", owner="a", ttl=60.0)
    outlived(monkeypatch, 61)
    question = {"state_dir": str(state.root), "cursor": {"journal": "", "n": -1}, "wait": 0, "lease": owner}
    swap_follow.run(question, Context(False, FakeNode().toolbox))  # type: ignore[arg-type]
    assert ask(state, "status")["holder"]["live"] is live


def test_waiting_at_the_gate_keeps_the_lease_alive(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(state, "held", owner="a", ttl=60.0)
    outlived(monkeypatch, 61)
    shut = replication_gate.Seen([], None, ["a partner is behind"])
    monkeypatch.setattr(replication_gate, "_look", lambda *rest: shut)
    options = {"sso_user": "u", "sso_password": "p", "timeout": 0.0, "lease": "a", "state_dir": str(state.root)}
    with pytest.raises(NodeError):
        replication_gate.run(options, Context(False, FakeNode().toolbox))  # type: ignore[arg-type]
    assert ask(state, "status")["holder"]["live"] is True
