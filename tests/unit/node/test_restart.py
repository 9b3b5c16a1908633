# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restart, against a node in memory: whatever dies, its services are back, and no certificate was looked at."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import at_boot, heal, journal, lease, restart, swap
from ansible_collections.vcfleet.certs.plugins.module_utils.node.context import Context
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.journal import Journal, newest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.lock import Lock
from ansible_collections.vcfleet.certs.plugins.module_utils.node.paths import State
from ansible_collections.vcfleet.certs.plugins.module_utils.node.roads import resume, run
from ansible_collections.vcfleet.certs.plugins.module_utils.node.status import status
from ansible_collections.vcfleet.certs.plugins.module_utils.node.swap import Arm, Settings, Start, TakeCensus, World
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import machine_ssl_handover, machine_ssl_swap
from fake_node import CORE, PNID, PROFILE, FakeNode, PowerLoss

QUICK = Settings(
    pnid=PNID, node_type="embedded", stop_timeout=0.05, start_timeout=0.05, settle_timeout=0.06, pause=0.001,
    quiet=0.01,
)  # fmt: skip
STEPS = (TakeCensus, Arm, restart.StopAll, Start)


@pytest.fixture(autouse=True)
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the self-heal is armed; never this machine's own."""
    folder = tmp_path / "systemd"
    folder.mkdir()
    monkeypatch.setattr(heal, "SYSTEMD", folder)
    return folder


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(str(tmp_path / "state"))
    for folder in (state.root, state.journal):
        folder.mkdir(mode=0o700)
    return state


@pytest.fixture
def node() -> FakeNode:
    """No certificate is its business: VECS is not asked, let alone written."""
    node = FakeNode()
    node.asked = lambda question: pytest.fail(question)
    return node


def world(node: FakeNode, state: State) -> World:
    opened = Journal.create(
        state.journal, "20261122T220000Z-restart", intent="restart", goal="new", settings=QUICK.to_record()
    )
    return World(node.toolbox, state, opened)  # type: ignore[arg-type]


def reopened(node: FakeNode, here: World) -> World:
    """The same restart as the next process finds it: from the disk alone."""
    return World(node.toolbox, here.state, Journal.load(here.journal.path))  # type: ignore[arg-type]


def told(here: World) -> dict[str, Any]:
    return status(Journal.load(here.journal.path), alive=False)


# ---- The road --------------------------------------------------------------------------------------------------------


def test_all_services_are_stopped_once_and_started_again(node: FakeNode, state: State) -> None:
    stores = copy.deepcopy(node.stores)
    here = world(node, state)
    run(here)
    assert node.calls == ["stop None", "start None"]
    assert (node.running, node.stores) == (CORE | PROFILE, stores)
    ended = told(here)
    assert ended["state"] == "committed"
    assert ended["sentence"].startswith(f"Restart {here.journal.id} stopped all services and started them again")
    assert [step["step"] for step in ended["steps"]] == ["census", "arm", "stop", "start"]
    assert ended["window_seconds"] is not None


def test_the_self_heal_is_armed_in_the_window_and_leaves_no_trace(node: FakeNode, state: State, systemd: Path) -> None:
    armed: list[bool] = []
    node.hook = lambda call: armed.append(heal.is_armed())
    run(world(node, state))
    assert armed == [True, True]
    assert [path for path in systemd.rglob("*") if not path.is_dir()] == []


@pytest.mark.parametrize("straggler", ["vsphere-ui", "vmdird"])
def test_one_that_does_not_stop_has_all_the_others_started_again_and_is_named(
    straggler: str, node: FakeNode, state: State
) -> None:
    node.never_stop = {straggler}
    here = world(node, state)
    run(here)
    assert node.calls == ["stop None", "stop None", "start None"]
    assert node.running == CORE | PROFILE
    assert told(here)["state"] == "rolled_back"
    assert f"These went on running: {straggler}" in told(here)["sentence"]


def test_one_that_stops_when_asked_again_is_no_straggler(node: FakeNode, state: State) -> None:
    node.never_stop = {"vsphere-ui"}
    node.hook = lambda call: node.never_stop.clear() if node.calls.count("stop None") == 2 else None
    here = world(node, state)
    run(here)
    assert told(here)["state"] == "committed"


def test_the_managers_of_the_others_may_go_on(node: FakeNode, state: State) -> None:
    node.never_stop = {"lwsmd"}
    here = world(node, state)
    run(here)
    assert told(here)["state"] == "committed"


def test_a_command_that_fails_is_judged_by_the_services(node: FakeNode, state: State) -> None:
    def fail(call: str) -> None:
        node.running -= node.known
        raise NodeError("RC = 1")

    node.hook = lambda call: fail(call) if call.startswith("stop") else None
    here = world(node, state)
    run(here)
    assert told(here)["state"] == "committed"


def test_one_that_does_not_come_back_is_left_to_a_person_who_is_told_what_to_type(node: FakeNode, state: State) -> None:
    node.never_start = {"vmware-vpxd"}
    here = world(node, state)
    run(here)
    assert told(here)["state"] == "stuck"
    assert told(here)["instructions"] == ["/bin/service-control --start --all"]
    assert "Not running again by the deadline: vmware-vpxd" in told(here)["sentence"]
    node.never_start = set()
    node.calls.clear()
    resume(reopened(node, here))
    assert node.calls == ["start None"]
    assert told(here)["state"] == "committed"


def test_what_ran_before_is_the_measure_and_nothing_more(node: FakeNode, state: State) -> None:
    node.running = node.running - {"vsphere-ui"}
    here = world(node, state)
    run(here)
    assert node.running == (CORE | PROFILE) - {"vsphere-ui"}
    assert told(here)["state"] == "committed"


def test_a_node_whose_storage_is_down_is_refused(node: FakeNode, state: State) -> None:
    node.running = node.running - {"vmafdd"}
    here = world(node, state)
    run(here)
    assert node.calls == []
    assert told(here)["state"] == "refused"
    assert "stopped no service. Reason: Not running before the window: vmafdd" in told(here)["sentence"]


def test_a_window_that_no_disk_knows_of_is_not_opened(
    node: FakeNode, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world(node, state)

    def full(path: Path, line: bytes) -> None:
        if b'"step": "stop"' in line:
            raise OSError(28, "No space left on device")
        honest(path, line)

    honest = journal._append
    monkeypatch.setattr(journal, "_append", full)
    run(here)
    assert node.calls == []
    assert "cannot be written" in status(here.journal, alive=False)["sentence"]


# ---- Recovery --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("boot", [True, False], ids=["node rebooted", "only the process died"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("victim", STEPS, ids=lambda step: step.name)
def test_what_died_at_any_step_is_recovered_by_starting_the_services_and_nothing_else(
    victim: Any, when: str, boot: bool, node: FakeNode, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores, honest = copy.deepcopy(node.stores), victim.do

    def dying(step: Any, here: World) -> None:
        if when == "after":
            honest(step, here)
        raise PowerLoss

    here = world(node, state)
    with monkeypatch.context() as patched, pytest.raises(PowerLoss):
        patched.setattr(victim, "do", dying)
        run(here)
    if boot:
        node.power_on()
    node.calls.clear()
    resume(reopened(node, here))
    assert set(node.calls) <= {"start None"}
    assert (node.running, node.stores) == (CORE | PROFILE, stores)
    known = "committed" if victim is Start else "rolled_back"
    assert told(here)["state"] == (known if victim in (restart.StopAll, Start) else "refused")


def test_an_interrupted_one_is_told_as_such_and_goes_on_as_often_as_it_takes(node: FakeNode, state: State) -> None:
    def die(call: str) -> None:
        raise PowerLoss

    node.hook = die
    here = world(node, state)
    with pytest.raises(PowerLoss):
        run(here)
    assert told(here)["sentence"].endswith("was interrupted in step stop; state=resumed starts them again.")
    node.running = set()
    with pytest.raises(PowerLoss):
        resume(reopened(node, here))
    node.hook = lambda call: None
    resume(reopened(node, here))
    assert told(here)["state"] == "rolled_back"
    assert "Interrupted before all services were known to have stopped" in told(here)["sentence"]
    assert node.running == CORE | PROFILE
    records = Journal.load(here.journal.path).records
    assert [record["event"] for record in records].count("failed") == 1


def test_a_stop_that_the_dead_process_had_asked_for_is_waited_for(node: FakeNode, state: State) -> None:
    """Its command outlives it: that all services still run does not mean that they will."""
    here = world(node, state)
    here.journal.write("done", step="census", running=sorted(node.running), stopped=[])
    here.journal.write("begin", step="stop")
    looks = iter(range(3))
    honest = node.toolbox.services.census

    def stopping(timeout: float | None = None) -> object:
        if next(looks, None) is None and not node.calls:
            node.running = set()
        return honest(timeout)

    node.toolbox.services.census = stopping
    resume(here)
    assert node.running == CORE | PROFILE


def test_the_node_recovers_by_itself_at_boot(
    node: FakeNode, state: State, systemd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world(node, state)
    here.journal.write("done", step="census", running=sorted(node.running), stopped=[])
    here.journal.write("begin", step="stop")
    here.journal.write("done", step="stop")
    heal.arm(state)
    node.running = set(CORE)
    monkeypatch.setattr(at_boot, "Toolbox", lambda runner: node.toolbox)
    at_boot.main(str(state.root))
    assert told(here)["state"] == "committed"
    assert node.calls == ["start None"]
    assert not heal.is_armed()


# ---- Asked for -------------------------------------------------------------------------------------------------------


@pytest.fixture
def ask(node: FakeNode, state: State, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """In this process, so that what is begun has ended when the answer is there."""
    monkeypatch.setattr(machine_ssl_swap, "detach", lambda work, keep: work())
    monkeypatch.setattr(swap, "served", node.served)

    def asked(wanted: str = "restarted", check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {
            "state": wanted, "state_dir": str(state.root), "pnid": PNID, "node_type": "embedded", "ports": [443],
            "stop_timeout": 1.0, "start_timeout": 1.0, "settle_timeout": 1.0, "backups_kept": 2, "force": False,
        }  # fmt: skip
        return machine_ssl_swap.run({**given, **options}, Context(check_mode, node.toolbox))  # type: ignore[arg-type]

    return asked


Ask = Callable[..., dict[str, Any]]


def test_it_is_begun_and_told_by_its_journal(ask: Ask, node: FakeNode, state: State) -> None:
    answer = ask(call="c1")
    assert (answer["started"], answer["changed"], answer["cursor"]) == (True, True, {"journal": "", "n": -1})
    assert node.calls == ["stop None", "start None"]
    again = ask(call="c1")
    assert again["cursor"]["journal"] == newest(state.journal).id  # type: ignore[union-attr]
    assert len(node.calls) == 2, "asked again because its answer was lost"
    ask(call="c2")
    assert len(node.calls) == 4


def test_check_mode_begins_none(ask: Ask, node: FakeNode, state: State) -> None:
    assert ask(check_mode=True)["changed"] is True
    assert (node.calls, newest(state.journal)) == ([], None)


@pytest.mark.parametrize("owner", [None, "us"])
def test_under_anothers_lease_none_is_begun(ask: Ask, node: FakeNode, state: State, owner: str | None) -> None:
    lease.take(state, "g", "other")
    with pytest.raises(NodeError, match="is held by other"):
        ask(lease=owner)
    assert (node.calls, newest(state.journal)) == ([], None)


def test_under_its_own_lease_it_is_begun(ask: Ask, node: FakeNode, state: State) -> None:
    lease.take(state, "g", "us")
    assert ask(lease="us")["started"]
    assert node.calls == ["stop None", "start None"]


def test_while_a_swap_has_the_lock_none_is_begun(ask: Ask, node: FakeNode, state: State) -> None:
    lock = Lock(state.lock)
    assert lock.acquire()
    lock.sign(wanted="ab" * 32)
    with pytest.raises(NodeError, match="Another run owns this node's window"):
        ask()
    lock.release()
    assert node.calls == []


def test_while_another_restart_has_the_lock_that_one_is_followed_and_no_swap_begun(
    ask: Ask, node: FakeNode, state: State
) -> None:
    here = world(node, state)
    lock = Lock(state.lock)
    assert lock.acquire()
    lock.sign(wanted="restart")
    here.journal.write("begin", step="stop")
    answer = ask()
    assert (answer["started"], answer["cursor"]) == (True, {"journal": here.journal.id, "n": -1})
    assert answer["swap"]["sentence"].endswith("of the services is under way, now in step stop.")
    with pytest.raises(NodeError, match="Another run owns this node's window"):
        ask("swapped", sha256="ab" * 32)
    lock.release()
    assert node.calls == []


def test_what_was_interrupted_is_recovered_first(ask: Ask, node: FakeNode, state: State) -> None:
    here = world(node, state)
    here.journal.write("done", step="census", running=sorted(node.running), stopped=[])
    here.journal.write("begin", step="stop")
    node.running = set()
    ask()
    assert node.calls == ["start None", "stop None", "start None"]
    assert told(here)["state"] == "rolled_back"
    assert status(newest(state.journal), alive=False)["state"] == "committed"


def test_a_restart_is_not_the_last_swap(ask: Ask, node: FakeNode, state: State) -> None:
    swapped = Journal.create(state.journal, "20261122T210000Z-ab", intent="swap")
    swapped.write("closed", outcome="committed")
    ask()
    assert ask("status")["swap"]["intent"] == "restart"
    node.asked = lambda question: None
    stored = machine_ssl_swap._stored(Context(False, node.toolbox))  # type: ignore[arg-type]
    unchanged = ask("swapped", sha256=stored)
    assert (unchanged["changed"], unchanged["swap"]["id"]) == (False, swapped.id)
    context = Context(False, node.toolbox)  # type: ignore[arg-type]
    assert machine_ssl_handover.run({"state_dir": str(state.root)}, context)["noted"]
    assert Journal.load(swapped.path).last("handed over")


def test_what_the_node_has_recovered_meanwhile_is_told_to_whoever_resumes(ask: Ask, node: FakeNode) -> None:
    ask()
    answer = ask("resumed")
    assert (answer["changed"], answer["swap"]["intent"]) == (False, "restart")
