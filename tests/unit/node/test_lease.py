# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease: one owner at a time, whatever the clocks, the disks and the other runs do."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import lease as module
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.lease import (
    TTL,
    UNREADABLE,
    Moment,
    admit,
    confirm,
    give_back,
    look,
    renew,
    take,
)
from ansible_collections.vcfleet.certs.plugins.module_utils.node.lock import Lock
from ansible_collections.vcfleet.certs.plugins.module_utils.node.paths import State
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

NOON = 1_795_000_000.0
DECADES = 40 * 365 * 86400.0


@dataclass
class Clocks:
    """A node's clocks, and who sets them: time that passes, somebody who sets the wall clock, a boot."""

    wall: float = NOON
    mono: float = 5000.0
    boots: int = 1

    def now(self) -> Moment:
        return Moment(self.wall, self.mono, f"boot {self.boots}")

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += seconds

    def boot(self, off: float = 30.0, up: float = 10.0) -> None:
        """The power is off for a while, and then the node is up for a while."""
        self.wall += off + up
        self.mono = up
        self.boots += 1


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(module, "now", made.now)
    return made


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state")


@pytest.fixture
def swap(state: State) -> Iterator[Lock]:
    """A swap that runs on the node."""
    state.root.mkdir(mode=0o700, exist_ok=True)
    lock = Lock(state.lock)
    assert lock.acquire()
    yield lock
    lock.release()


def owner(state: State) -> str | None:
    found = look(state).lease
    return found.owner if found else None


def refused(call: object, *arguments: object) -> NodeError:
    with pytest.raises(NodeError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value


class TestHolding:
    def test_it_is_granted_once_and_then_renewed(self, state: State, clocks: Clocks) -> None:
        first = take(state, "g", "a", 900)
        clocks.passes(100)
        second = take(state, "g", "a", 300)
        assert (first.event, second.event, second.previous) == ("granted", "renewed", None)
        assert first.lease and second.lease
        assert second.lease.since == first.lease.since
        assert second.lease.until == NOON + 400
        assert look(state).lease == second.lease

    def test_another_owner_is_refused_in_words(self, state: State, clocks: Clocks) -> None:
        take(state, "vsphere.local", "nightly@runner7 4711", 900)
        clocks.passes(60)
        error = refused(take, state, "vsphere.local", "b")
        assert error.message == (
            "The lease for the linked group vsphere.local is held by nightly@runner7 4711, since"
            " 2026-11-18T11:06:40+00:00 and until 2026-11-18T11:21:40+00:00."
        )
        assert "run again after 2026-11-18T11:21:40+00:00" in error.remedy
        assert "vcfleet_lease_wait=840 " in error.remedy
        assert error.details["lease"]["seconds_left"] == 840
        assert owner(state) == "nightly@runner7 4711"

    def test_it_is_taken_over_when_it_has_expired_and_not_before(self, state: State, clocks: Clocks) -> None:
        take(state, "g", "a", 60)
        clocks.passes(59.9)
        refused(take, state, "g", "b")
        clocks.passes(0.1)
        outcome = take(state, "g", "b")
        assert outcome.event == "taken over"
        assert outcome.previous and outcome.previous.owner == "a"
        assert owner(state) == "b"

    def test_ours_is_renewed_though_it_has_expired(self, state: State, clocks: Clocks) -> None:
        take(state, "g", "a", 60)
        clocks.passes(600)
        assert take(state, "g", "a").event == "renewed"
        assert confirm(state, "a").event == "renewed"

    def test_it_does_not_change_hands_while_a_swap_runs(self, state: State, clocks: Clocks, swap: Lock) -> None:
        assert "no lease" in refused(take, state, "g", "b").message
        swap.release()
        take(state, "g", "a", 60)
        assert swap.acquire()
        clocks.passes(6000)
        error = refused(take, state, "g", "b")
        assert "A swap runs" in error.message and error.details["lease"]["owner"] == "a"
        assert take(state, "g", "a").event == "renewed"

    def test_it_is_confirmed_to_its_owner_only(self, state: State, clocks: Clocks) -> None:
        assert "nobody does" in refused(confirm, state, "a").message
        take(state, "g", "a", 60)
        assert "held by a" in refused(confirm, state, "b").message
        clocks.passes(60)
        assert "no longer ours" in refused(confirm, state, "b").message
        assert confirm(state, "a").event == "renewed"

    def test_check_mode_decides_likewise_and_writes_nothing(self, state: State, clocks: Clocks) -> None:
        assert take(state, "g", "a", check_mode=True).event == "granted"
        assert give_back(state, "a", check_mode=True).event == "none"
        assert not state.root.exists()
        take(state, "g", "a", 60)
        before = state.lease.read_bytes()
        assert take(state, "g", "a", check_mode=True).event == "renewed"
        assert confirm(state, "a", check_mode=True).event == "renewed"
        assert give_back(state, "a", check_mode=True).event == "released"
        refused(take, state, "g", "b", TTL, True)
        refused(confirm, state, "b", True)
        clocks.passes(60)
        assert take(state, "g", "b", check_mode=True).event == "taken over"
        assert state.lease.read_bytes() == before


class TestGivingBack:
    def test_only_ours(self, state: State, clocks: Clocks) -> None:
        take(state, "g", "a")
        left_alone = give_back(state, "b")
        assert left_alone.event == "not ours" and left_alone.lease and left_alone.lease.owner == "a"
        assert give_back(state, "a").event == "released"
        assert owner(state) is None
        assert give_back(state, "a").event == "none"

    def test_expired_but_anothers_is_left_alone_too(self, state: State, clocks: Clocks) -> None:
        take(state, "g", "a", 60)
        clocks.passes(600)
        assert give_back(state, "b").event == "not ours"
        assert owner(state) == "a"

    def test_nothing_is_made_where_there_is_nothing(self, state: State) -> None:
        assert give_back(state, "a").event == "none"
        assert look(state).lease is None
        assert not state.root.exists()


class TestClocks:
    @given(step=st.floats(-DECADES, DECADES), passed=st.floats(0, 2000))
    def test_within_a_boot_no_set_clock_counts(self, step: float, passed: float) -> None:
        clocks = Clocks()
        lease = module.Lease("g", "a", clocks.wall, 0, 900, 0, 0, "").renew(clocks.now())
        clocks.wall += step
        clocks.passes(passed)
        assert lease.live(clocks.now()) == (passed < 900)

    def test_across_a_boot_the_wall_clock_counts(self, state: State, clocks: Clocks) -> None:
        take(state, "g", "a", 900)
        clocks.boot(off=700)
        refused(take, state, "g", "b")
        clocks.passes(200)
        assert take(state, "g", "b").event == "taken over"

    def test_a_monotonic_clock_that_begins_anew_does_not_prolong_it(self, state: State, clocks: Clocks) -> None:
        clocks.mono = 9e6
        take(state, "g", "a", 900)
        clocks.boot(off=1000, up=1)
        assert take(state, "g", "b").event == "taken over"

    def test_a_clock_that_fell_back_years_at_boot_bars_nobody_for_longer_than_the_ttl(
        self, state: State, clocks: Clocks
    ) -> None:
        take(state, "g", "a", 900)
        clocks.boot(up=10)
        clocks.wall = 0.0
        assert refused(take, state, "g", "b").details["lease"]["seconds_left"] == 890
        clocks.passes(890)
        assert take(state, "g", "b").event == "taken over"

    def test_what_is_told_is_what_this_wall_clock_will_say(self, state: State, clocks: Clocks) -> None:
        take(state, "g", "a", 900)
        clocks.wall += 3600
        lease = look(state).lease
        assert lease and lease.told(clocks.now())["until"] == "2026-11-18T12:21:40+00:00"


NONSENSE = [
    b"",
    b"\0" * 200,
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"schema": 1}',
    b'{"schema": 2, "owner": "a"}',
]


class TestUnreadable:
    @pytest.mark.parametrize("content", NONSENSE)
    def test_it_lets_nobody_in_and_ends_like_any_lease(self, state: State, clocks: Clocks, content: bytes) -> None:
        take(state, "g", "a")
        state.lease.write_bytes(content)
        assert UNREADABLE in refused(take, state, "g", "a").message
        assert UNREADABLE in refused(admit, state, "a").message
        assert UNREADABLE in refused(admit, state, None).message
        assert json.loads(state.lease.read_bytes())["owner"] == UNREADABLE
        clocks.passes(TTL / 2)
        refused(take, state, "g", "b")
        clocks.passes(TTL / 2)
        assert take(state, "g", "b").event == "taken over"

    def test_who_only_asks_does_not_touch_it(self, state: State, clocks: Clocks) -> None:
        take(state, "g", "a")
        state.lease.write_bytes(b"{")
        assert owner(state) == UNREADABLE
        refused(take, state, "g", "b", TTL, True)
        assert give_back(state, "a").event == "not ours"
        renew(state, "a")
        assert state.lease.read_bytes() == b"{"

    @given(cut=st.integers(0, 260), name=st.text(min_size=1))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
    def test_a_torn_file_is_whole_or_unreadable(self, tmp_path: Path, cut: int, name: str) -> None:
        state = State(tmp_path / "torn")
        state.lease.unlink(missing_ok=True)
        take(state, "g", name)
        content = state.lease.read_bytes()
        state.lease.write_bytes(content[:cut])
        assert owner(state) == (name if cut >= len(content) - 1 else UNREADABLE)

    @given(
        st.fixed_dictionaries(
            {"schema": st.just(1)},
            optional={
                name: st.one_of(st.none(), st.floats(), st.integers(), st.text(), st.datetimes().map(str))
                for name in ("group", "owner", "since", "renewed", "ttl", "until", "mono_until", "boot_id")
            },
        )
    )
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def test_no_content_is_a_fault_of_ours(self, tmp_path: Path, record: dict[str, object]) -> None:
        state = State(tmp_path)
        state.lease.write_text(json.dumps(record))
        found = look(state).lease
        assert found and found.told(module.now())["seconds_left"] <= module.LONGEST_TTL


class TestFile:
    def test_it_is_private_whole_and_on_the_disk(self, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
        synced: list[str] = []
        real = os.fsync
        monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), real(fd)))
        take(state, "g", "a")
        assert f"{state.lease}.new" in synced and str(state.root) in synced
        synced.clear()
        give_back(state, "a")
        assert str(state.root) in synced
        take(state, "g", "a")
        assert stat.S_IMODE(state.lease.stat().st_mode) == 0o600
        assert sorted(path.name for path in state.root.iterdir()) == ["lease", "lease.lock"]

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
    def test_a_disk_that_refuses_is_told_in_words(
        self, state: State, code: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take(state, "g", "a")
        real = os.open

        def refuse(path: object, flags: int, *rest: int, **more: int) -> int:
            if flags & (os.O_WRONLY | os.O_RDWR):
                raise OSError(code, os.strerror(code), str(path))
            return real(path, flags, *rest, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "open", refuse)
        for call in (take, confirm, give_back):
            error = refused(call, state, *("g",) * (call is take), "a")
            assert os.strerror(code) in error.message and "then run again" in error.remedy
        renew(state, "a")
        assert owner(state) == "a"

    def test_a_full_disk_leaves_the_lease_that_was_there(self, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
        take(state, "g", "a", 60)
        before = state.lease.read_bytes()

        def full(descriptor: int) -> None:
            if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".new"):
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        assert "No space left" in refused(take, state, "g", "a", 900).message
        assert state.lease.read_bytes() == before

    def test_who_hangs_with_the_files_lock_is_named(self, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_PATIENCE", 0.3)
        take(state, "g", "a")
        other = Lock(state.lease_lock)
        assert other.acquire()
        assert str(state.lease_lock) in refused(take, state, "g", "a").message
        other.release()
        assert take(state, "g", "a").event == "renewed"


class TestAdmission:
    def test_without_an_owner_nobody_elses_may_be_live(self, state: State, clocks: Clocks) -> None:
        admit(state, None)
        assert not state.root.exists()
        take(state, "g", "a", 60)
        assert "held by a" in refused(admit, state, None).message
        clocks.passes(60)
        admit(state, None)
        assert owner(state) == "a"

    def test_with_an_owner_it_must_name_that_owner(self, state: State, clocks: Clocks) -> None:
        assert "nobody does" in refused(admit, state, "a").message
        take(state, "g", "a", 60)
        refused(admit, state, "b")
        clocks.passes(600)
        assert "no longer ours" in refused(admit, state, "b").message, "expired, it is another's nevertheless"

    def test_it_renews_ours_though_it_has_expired(self, state: State, clocks: Clocks) -> None:
        take(state, "g", "a", 60)
        clocks.passes(600)
        admit(state, "a")
        refused(take, state, "g", "b")


class TestSignOfLife:
    def test_it_prolongs_ours_once_a_third_is_over(self, state: State, clocks: Clocks) -> None:
        take(state, "g", "a", 900)
        before = state.lease.read_bytes()
        clocks.passes(299)
        renew(state, "a")
        assert state.lease.read_bytes() == before
        clocks.passes(2)
        renew(state, "a")
        clocks.passes(899)
        refused(take, state, "g", "b")

    @pytest.mark.parametrize("name", [None, "", "b"])
    def test_it_touches_no_other(self, state: State, clocks: Clocks, name: str | None) -> None:
        renew(state, name)
        assert not state.root.exists()
        take(state, "g", "a", 60)
        before = state.lease.read_bytes()
        clocks.passes(100)
        renew(state, name)
        assert state.lease.read_bytes() == before


class TestTwoRunsInAGroup:
    """What would let two windows open, step by step; the property test below looks for all else."""

    @pytest.fixture
    def group(self, tmp_path: Path) -> list[State]:
        """The leader and another node, which have the same clocks here."""
        return [State(tmp_path / "leader"), State(tmp_path / "other")]

    def test_who_stood_still_between_two_nodes_does_not_hold_the_group(
        self, group: list[State], clocks: Clocks
    ) -> None:
        leader, other = group
        take(leader, "g", "slow", 60)
        clocks.passes(61)
        for state in group:
            take(state, "g", "quick", 60)
        confirm(leader, "quick")
        clocks.passes(61)
        take(other, "g", "slow", 60)
        admit(leader, "quick")
        assert "held by quick" in refused(confirm, leader, "slow").message

    def test_who_stood_still_before_a_window_does_not_open_it(self, group: list[State], clocks: Clocks) -> None:
        leader, other = group
        for name in ("slow", "quick"):
            for state in group:
                take(state, "g", name, 60)
            confirm(leader, name)
            clocks.passes(61)
        admit(other, "quick")
        assert "no longer ours" in refused(admit, leader, "slow").message


class TestWhatWasNeverUsed:
    """A run in a window that outlasts its leases finds them again, though another one tried meanwhile."""

    def test_what_had_been_taken_over_is_its_former_owners_again_and_as_expired(
        self, state: State, clocks: Clocks
    ) -> None:
        take(state, "g", "a", 60)
        clocks.passes(61)
        take(state, "g", "b", 60)
        assert "held by b" in refused(confirm, state, "a").message
        returned = give_back(state, "b", unused=True)
        assert (returned.event, returned.lease and returned.lease.owner) == ("returned", "a")
        assert not look(state).lease.live(module.now())  # type: ignore[union-attr]
        assert confirm(state, "a").lease.live(module.now())  # type: ignore[union-attr]

    def test_confirming_it_is_no_use_of_it(self, state: State, clocks: Clocks) -> None:
        take(state, "g", "a", 60)
        clocks.passes(61)
        take(state, "g", "b", 60)
        confirm(state, "b")
        assert give_back(state, "b", unused=True).event == "returned"

    @pytest.mark.parametrize("use", [admit, lambda state, owner: take(state, "g", owner)])
    def test_what_was_used_is_nobodys(self, state: State, clocks: Clocks, use: Callable[[State, str], object]) -> None:
        """Begun under it, or asked for a second time: who had it before may not go on as if nothing had been."""
        take(state, "g", "a", 60)
        clocks.passes(61)
        take(state, "g", "b", 60)
        use(state, "b")
        assert give_back(state, "b", unused=True).event == "released"
        assert owner(state) is None

    def test_what_was_granted_is_nobodys_again(self, state: State) -> None:
        take(state, "g", "b", 60)
        assert give_back(state, "b", unused=True).event == "released"

    def test_only_the_last_owner_before_is_remembered(self, state: State, clocks: Clocks) -> None:
        for name in "abc":
            take(state, "g", name, 60)
            clocks.passes(61)
        give_back(state, "c", unused=True)
        assert owner(state) == "b"
        give_back(state, "b", unused=True)
        assert owner(state) is None


# ---- Every order of events -------------------------------------------------------------------------------------------

OWNERS = st.sampled_from(["a", "b", "c"])
SPANS = st.one_of(st.floats(0, 70), st.floats(0, 2000))
TTLS = st.sampled_from([5.0, 60.0, 900.0])


class OneNode(RuleBasedStateMachine):
    """Whoever was told that the lease is theirs for ttl seconds is its only owner for ttl seconds of real time.

    Where somebody sets the wall clock and the node is booted, there is nothing left to go by, and it may begin anew
    with each boot from then on; the group's own property, below, does not rest on it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.state = State(Path(self.folder) / "state")
        self.clocks, self.real, self.set = Clocks(), 0.0, False
        self.sure: dict[str, float] = {}
        self.longest = 0.0
        self.before, module.now = module.now, self.clocks.now  # type: ignore[assignment]

    def teardown(self) -> None:
        module.now = self.before  # type: ignore[assignment]
        shutil.rmtree(self.folder)

    @rule(name=OWNERS, ttl=TTLS)
    def take(self, name: str, ttl: float) -> None:
        others = [until for other, until in self.sure.items() if other != name]
        try:
            take(self.state, "g", name, ttl)
        except NodeError:
            assert self.real < self.longest, "it bars others for longer than it was granted for"
            return
        assert all(until <= self.real for until in others)
        self.is_owned(name, ttl)

    @rule(name=OWNERS)
    def give_back(self, name: str) -> None:
        if give_back(self.state, name).event == "released":
            self.sure = {}
            self.longest = self.real

    @rule(name=OWNERS)
    def admit(self, name: str) -> None:
        others = [until for other, until in self.sure.items() if other != name]
        try:
            admit(self.state, name)
        except NodeError:
            return
        assert all(until <= self.real for until in others)
        found = look(self.state).lease
        assert found and found.owner == name
        self.is_owned(name, found.ttl)

    def is_owned(self, name: str, ttl: float) -> None:
        self.sure, self.set = {name: self.real + ttl}, False
        self.longest = self.real + ttl

    @rule(seconds=SPANS)
    def time_passes(self, seconds: float) -> None:
        self.clocks.passes(seconds)
        self.real += seconds

    @rule(wall=st.floats(0, 4e9))
    def somebody_sets_the_clock(self, wall: float) -> None:
        self.clocks.wall = wall
        self.set = True
        found = look(self.state).lease
        if found and found.boot_id != self.clocks.now().boot_id:
            self.have_only_that_clock()

    @rule(off=SPANS)
    def boot(self, off: float) -> None:
        self.clocks.boot(off, up=1.0)
        self.real += off + 1.0
        if self.set:
            self.have_only_that_clock()

    def have_only_that_clock(self) -> None:
        found = look(self.state).lease
        self.sure = {}
        self.longest = self.real + (found.ttl if found else 0.0)


@dataclass
class Run:
    """A run that takes the lease on all nodes of a group, the leader first, and then opens windows, one at a time."""

    name: str
    order: list[int]
    taken: int = 0
    holds: bool = False
    over: bool = False
    windows: dict[int, Lock] = field(default_factory=dict)


NODES = range(3)
RUNS = st.integers(0, 2)


class Group(RuleBasedStateMachine):
    """Three runs, a group of three nodes: never two windows at once, whatever the clocks say and whoever stands still.

    Each run does as the documentation of group_lease says and goes on at its own pace; a run that is refused begins
    nothing more. A run may stop following a swap, which goes on by itself, and give its leases back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.states = [State(Path(self.folder) / str(node)) for node in NODES]
        self.clocks = [Clocks() for _ in NODES]
        self.runs = [Run(name, [0, 1, 2]) for name in "abc"]
        self.swaps: dict[int, Lock] = {}
        self.before = module.now

    def teardown(self) -> None:
        for lock in self.swaps.values():
            lock.release()
        module.now = self.before  # type: ignore[assignment]
        shutil.rmtree(self.folder)

    def on(self, node: int) -> State:
        module.now = self.clocks[node].now  # type: ignore[assignment]
        return self.states[node]

    @rule(
        number=RUNS,
        steps=st.sampled_from([1, 2, 5, 5]),
        others=st.permutations([1, 2]),
        node=st.sampled_from(NODES),
        renews=st.booleans(),
    )
    def goes_on(self, number: int, steps: int, others: list[int], node: int, renews: bool) -> None:
        """Some steps, without a stop, of a run; a new one where the last is over."""
        if self.runs[number].over:
            self.runs[number] = Run(f"{self.runs[number].name}'", [0, *others])
        run = self.runs[number]
        for _ in range(steps):
            if not run.over:
                self.next_step(run, node, renews)

    def next_step(self, run: Run, node: int, renews: bool) -> None:
        """A run may renew its leases at its turn; one that is refused before it holds the group returns them."""
        try:
            if run.taken < len(run.order):
                take(self.on(run.order[run.taken]), "g", run.name, 60)
                run.taken += 1
            elif not run.holds:
                confirm(self.on(0), run.name)
                run.holds = True
            elif not any(self.swaps.get(each) is lock for each, lock in run.windows.items()):
                for each in run.order if renews else ():
                    confirm(self.on(each), run.name)
                self.open_a_window(run, node)
        except NodeError:
            run.over = True
            for each in reversed(run.order[: run.taken]) if not run.holds else ():
                give_back(self.on(each), run.name, unused=True)

    def open_a_window(self, run: Run, node: int) -> None:
        lock = Lock(self.on(node).lock)
        if not lock.acquire():
            return
        try:
            admit(self.states[node], run.name)
        except NodeError:
            lock.release()
            raise
        self.swaps[node] = run.windows[node] = lock

    @precondition(lambda self: self.swaps)
    @rule()
    def a_swap_ends(self) -> None:
        _, lock = self.swaps.popitem()
        lock.release()

    @rule(seconds=st.sampled_from([1.0, 30.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        for clocks in self.clocks:
            clocks.passes(seconds)

    @rule(number=RUNS, node=st.sampled_from(NODES))
    def a_sign_of_life(self, number: int, node: int) -> None:
        renew(self.on(node), self.runs[number].name)

    @rule(data=st.data(), node=st.sampled_from(NODES))
    def something_happens(self, data: st.DataObject, node: int) -> None:
        """All of it in one rule, or nothing would ever go on."""
        data.draw(st.sampled_from([self.a_run_ends, self.somebody_sets_a_clock, self.boot, self.tear]))(data, node)

    def a_run_ends(self, data: st.DataObject, node: int) -> None:
        """In order, or because nobody follows its swap any longer."""
        run = self.runs[data.draw(RUNS)]
        run.over = True
        for each in reversed(run.order):
            give_back(self.on(each), run.name)

    def somebody_sets_a_clock(self, data: st.DataObject, node: int) -> None:
        self.clocks[node].wall = data.draw(st.floats(0, 4e9))

    def boot(self, data: st.DataObject, node: int) -> None:
        if node in self.swaps:
            self.swaps.pop(node).release()
        self.clocks[node].boot(data.draw(SPANS))

    def tear(self, data: st.DataObject, node: int) -> None:
        if self.states[node].lease.exists():
            self.states[node].lease.write_bytes(data.draw(st.sampled_from(NONSENSE)))

    @invariant()
    def there_is_one_window_at_most(self) -> None:
        assert len(self.swaps) <= 1, sorted(self.swaps)


TestEveryOrderOnOneNode = OneNode.TestCase
TestEveryOrderInAGroup = Group.TestCase
TestEveryOrderOnOneNode.settings = settings(deadline=None, max_examples=60, stateful_step_count=25)
TestEveryOrderInAGroup.settings = settings(deadline=None, max_examples=100, stateful_step_count=40)
