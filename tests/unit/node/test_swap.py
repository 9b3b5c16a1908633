# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The swap, against a node in memory: whatever dies, one whole pair is stored, served and told truthfully."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import heal, journal, pem, swap
from ansible_collections.vcfleet.certs.plugins.module_utils.node.context import Context
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.files import next_stamp
from ansible_collections.vcfleet.certs.plugins.module_utils.node.journal import Journal
from ansible_collections.vcfleet.certs.plugins.module_utils.node.lock import Lock
from ansible_collections.vcfleet.certs.plugins.module_utils.node.pair import (
    Pair,
    backups,
    finish_backup,
    new_backup,
    write_pair,
)
from ansible_collections.vcfleet.certs.plugins.module_utils.node.paths import State
from ansible_collections.vcfleet.certs.plugins.module_utils.node.status import status
from ansible_collections.vcfleet.certs.plugins.module_utils.node.swap import ROAD, WINDOW, Settings, World, resume, run
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import (
    machine_ssl_handover,
    machine_ssl_swap,
    swap_follow,
)
from cryptography import x509
from fake_node import CORE, PNID, PROFILE, FakeNode, PowerLoss, pair

OLD_SHA256 = pem.sha256(pair("old")[0])
NEW_SHA256 = pem.sha256(pair("new")[0])
QUICK = Settings(
    pnid=PNID, node_type="embedded", ports=(443,), stop_timeout=0.05, start_timeout=0.05, settle_timeout=0.06,
    served_timeout=0.05, pause=0.001, quiet=0.01, backups_kept=2,
)  # fmt: skip


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the self-heal is armed; never this machine's own."""
    folder = tmp_path / "systemd"
    folder.mkdir()
    monkeypatch.setattr(heal, "SYSTEMD", folder)
    return folder


@pytest.fixture
def state(tmp_path: Path, systemd: Path) -> State:
    state = State(str(tmp_path / "state"))
    state.root.mkdir(mode=0o700)
    for folder in (state.staging, state.backup, state.journal):
        Path(folder).mkdir(mode=0o700)
    write_pair(Pair(state.staged_cert, state.staged_key), [pair("new")[0]], pair("new")[1])
    return state


@pytest.fixture
def stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is started stays in this process, and has ended when the answer is there."""
    monkeypatch.setattr(machine_ssl_swap, "detach", lambda work, keep: work())


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    return _node(monkeypatch)


def _node(monkeypatch: pytest.MonkeyPatch, legacy: bool = False) -> FakeNode:
    node = FakeNode(legacy)
    monkeypatch.setattr(swap, "served", node.served)
    return node


def world(node: FakeNode, state: State, settings: Settings = QUICK, new_sha256: str = NEW_SHA256) -> World:
    journal = Journal.create(
        state.journal, "20261122T220000Z-test", intent="swap", goal="new", new_sha256=new_sha256,
        source=[str(state.staged_cert), str(state.staged_key)], source_legacy=None, settings=settings.to_record(),
    )  # fmt: skip
    return World(node.toolbox, state, journal)  # type: ignore[arg-type]


def _restage(state: State, certificate: str, key: str) -> None:
    state.staged_cert.write_text(pair(certificate)[0])
    state.staged_key.write_text(pair(key)[1])


def _cut(path: Path) -> None:
    path.write_text(path.read_text()[:200])


def reopened(node: FakeNode, world: World) -> World:
    """The same swap as the next process finds it: from the disk alone."""
    return World(node.toolbox, world.state, Journal.load(world.journal.path))  # type: ignore[arg-type]


def assert_invariant(node: FakeNode, journal: Journal) -> str:
    """One whole pair, old or new, stored and served; the census is back; the journal says which. Returns which."""
    kind, chain, key = node.stores["MACHINE_SSL_CERT"]["__MACHINE_CERT"]
    which = {OLD_SHA256: "old", NEW_SHA256: "new"}[pem.sha256(chain[0])]
    assert kind == "Private Key"
    assert key.strip() == pair(which)[1].strip()
    assert node.running == CORE | PROFILE
    assert pem.sha256(node.presented or "") == pem.sha256(chain[0])
    told = status(Journal.load(journal.path), alive=False)
    assert told["state"] == ("committed" if which == "new" else told["state"])
    assert told["state"] in {"new": ("committed",), "old": ("rolled_back", "refused")}[which]
    return which


def test_a_swap_replaces_the_certificate_and_closes_its_journal(node: FakeNode, state: State) -> None:
    here = world(node, state)
    run(here)
    assert assert_invariant(node, here.journal) == "new"
    assert node.calls == [
        "stop None", "start ['vmafdd']", "start ['vmdird']", "start ['vmcad']",
        "vecs delete MACHINE_SSL_CERT", "vecs create MACHINE_SSL_CERT", "start None",
    ]  # fmt: skip
    done = [record["step"] for record in here.journal.records if record["event"] in ("done", "skip")]
    assert done == [step.name for step in ROAD]


def test_it_is_noted_when_the_old_certificate_ends_where_that_can_be_told(node: FakeNode, state: State) -> None:
    here = world(node, state)
    run(here)
    end = x509.load_pem_x509_certificate(pair("old")[0].encode()).not_valid_after_utc
    assert status(here.journal, alive=False)["old"] == {
        "sha1": pem.sha1(pair("old")[0]), "sha256": OLD_SHA256, "not_after": end.isoformat(),
    }  # fmt: skip


def test_one_whose_end_cannot_be_told_is_replaced_as_well(
    node: FakeNode, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.toolbox.openssl, "not_after", Mock(side_effect=NodeError("It has an odd name.")))
    here = world(node, state)
    run(here)
    assert assert_invariant(node, here.journal) == "new"
    assert status(here.journal, alive=False)["old"]["not_after"] is None


def test_commit_leaves_no_private_key_outside_the_backup(node: FakeNode, state: State, tmp_path: Path) -> None:
    run(world(node, state))
    keys = [path for path in tmp_path.rglob("*") if path.is_file() and "PRIVATE KEY" in path.read_text()]
    assert keys == [backups(state.backup)[0].machine.key]
    assert all(path.stat().st_mode & 0o077 == 0 for path in state.backup.rglob("*"))


def test_vecs_is_on_the_disk_before_the_staged_key_goes(node: FakeNode, state: State) -> None:
    staged: list[bool] = []
    node.asked = lambda call: staged.append(state.staged_key.exists()) if call == "vecs settle" else None
    here = world(node, state)
    run(here)
    assert staged == [True]
    assert not state.staged_key.exists()


def test_a_resumed_commit_changes_nothing(node: FakeNode, state: State) -> None:
    here = world(node, state)
    run(here)
    lines = here.journal.path.read_bytes().splitlines(keepends=True)
    here.journal.path.write_bytes(b"".join(lines[:-1]))
    node.calls.clear()
    again = reopened(node, here)
    resume(again)
    assert node.calls == []
    assert assert_invariant(node, again.journal) == "new"


REFUSALS: dict[str, tuple[Callable[[FakeNode, State], None], str]] = {
    "another certificate staged": (
        lambda node, state: _restage(state, "third", "third"), "is not the certificate that was assessed"),
    "key of another pair": (lambda node, state: _restage(state, "new", "old"), "does not belong to the certificate"),
    "no key": (lambda node, state: state.staged_key.unlink(), "Cannot read the private key"),
    "certificate cut off": (lambda node, state: _cut(state.staged_cert), "Cannot read the certificate"),
    "nothing to back up": (lambda node, state: node.stores["MACHINE_SSL_CERT"].clear(), "holds no pair"),
    "another certificate served": (
        lambda node, state: setattr(node, "presented", pair("third")[0]), "but VECS holds"),
    "core service down": (lambda node, state: node.running.discard("vmcad"), "Not running before the window: vmcad"),
    "vmafdd down": (lambda node, state: node.running.discard("vmafdd"), "Cannot connect to vmafd service"),
    "backup folder gone": (lambda node, state: state.backup.rmdir() or state.backup.touch(), "backup"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_wrong_before_the_window_stops_no_service(name: str, node: FakeNode, state: State) -> None:
    damage, message = REFUSALS[name]
    here = world(node, state)
    damage(node, state)
    before = dict(node.stores["MACHINE_SSL_CERT"])
    run(here)
    told = status(here.journal, alive=False)
    assert told["state"] == "refused"
    assert message in told["sentence"]
    assert node.calls == []
    assert node.stores["MACHINE_SSL_CERT"] == before


def test_a_backup_that_cannot_be_finished_leaves_no_key_behind(
    node: FakeNode, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(backup: object, **about: object) -> None:
        raise NodeError("No space left on device")

    monkeypatch.setattr(swap, "finish_backup", full)
    here = world(node, state)
    run(here)
    assert status(here.journal, alive=False)["state"] == "refused"
    assert list(state.backup.iterdir()) == []


def test_pnid_that_is_not_in_the_san_is_refused(node: FakeNode, state: State) -> None:
    from dataclasses import replace

    here = world(node, state, replace(QUICK, pnid="VC01.lab.example"))
    run(here)
    assert "not among the SANs" in status(here.journal, alive=False)["sentence"]
    assert node.calls == []


CALLS = (
    "stop None", "start ['vmafdd']", "start ['vmdird']", "start ['vmcad']",
    "vecs delete MACHINE_SSL_CERT", "vecs create MACHINE_SSL_CERT", "start None",
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("times", [1, 99])
def test_a_tool_that_fails_in_the_window_leaves_a_whole_pair(
    call: str, times: int, node: FakeNode, state: State
) -> None:
    """`times` 99 is a tool that never works again; then a person is needed, and told what to type."""
    failures = []

    def fail(now: str) -> None:
        if now == call and len(failures) < times:
            failures.append(now)
            raise NodeError(f"{now} failed")

    node.hook = fail
    here = world(node, state)
    run(here)
    told = status(here.journal, alive=False)
    if told["state"] == "stuck":
        assert times == 99
        assert told["instructions"][-1].endswith("--start --all")
        node.hook = lambda _call: None
        resume(reopened(node, here))
    assert_invariant(node, here.journal)


@pytest.mark.parametrize("call", CALLS)
def test_a_tool_that_lies_leaves_a_whole_pair(call: str, node: FakeNode, state: State) -> None:
    """It says that it worked and did nothing, once."""
    tools = {"vecs": node.toolbox.vecs, "stop": node.toolbox.services, "start": node.toolbox.services}
    verb = call.split()[0]
    method = call.split()[1] if verb == "vecs" else verb
    tool = tools[verb]
    honest = getattr(tool, method)
    lies: list[str] = []

    def lie(*arguments: object) -> object:
        asked = f"vecs {method} {arguments[0]}" if verb == "vecs" else f"{verb} {arguments[0]}"
        if asked == call and not lies:
            lies.append(asked)
            from types import SimpleNamespace

            return SimpleNamespace(rc=0, seconds=0.0)
        return honest(*arguments)

    setattr(tool, method, lie)
    here = world(node, state)
    run(here)
    assert lies
    assert_invariant(node, here.journal)


@pytest.mark.parametrize("boot", [True, False], ids=["node rebooted", "only the process died"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", [step.name for step in ROAD])
def test_power_loss_at_every_step_is_put_right_by_resume(
    step: str, when: str, boot: bool, node: FakeNode, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = next(each for each in ROAD if each.name == step)
    honest = victim.do

    def dying(here: World) -> dict[str, object]:
        if when == "before":
            raise PowerLoss
        honest(here)
        raise PowerLoss

    monkeypatch.setattr(victim, "do", dying)
    here = world(node, state)
    try:
        run(here)
    except PowerLoss:
        monkeypatch.setattr(victim, "do", honest)
        if boot:
            node.power_on()
        resume(reopened(node, here))
    assert_invariant(node, here.journal)


@pytest.mark.parametrize("call", ["vecs delete MACHINE_SSL_CERT", "vecs create MACHINE_SSL_CERT"])
@pytest.mark.parametrize("boot", [True, False])
def test_power_loss_between_delete_and_create_is_put_right(call: str, boot: bool, node: FakeNode, state: State) -> None:
    def die(now: str) -> None:
        if now == call:
            if "delete" in call:
                node.stores["MACHINE_SSL_CERT"].clear()
            raise PowerLoss

    node.hook = die
    here = world(node, state)
    with pytest.raises(PowerLoss):
        run(here)
    assert node.certificate is None
    node.hook = lambda _call: None
    if boot:
        node.power_on()
    node.calls.clear()
    resume(reopened(node, here))
    assert node.calls[0] == "vecs delete MACHINE_SSL_CERT", "before anything else is tried"
    assert node.calls[1] == "vecs create MACHINE_SSL_CERT"
    assert assert_invariant(node, here.journal) == "new"


def _break_with(which: str, node: FakeNode) -> Callable[[str], None]:
    """One service does not start with that certificate in the store."""

    def hook(_call: str) -> None:
        node.never_start = {"vmware-vpxd"} if node.certificate == pair(which)[0] else set()

    return hook


def test_services_that_do_not_come_back_bring_the_old_certificate_back(node: FakeNode, state: State) -> None:
    node.hook = _break_with("new", node)
    here = world(node, state)
    run(here)
    told = status(here.journal, alive=False)
    assert told["state"] == "rolled_back"
    assert "Not running again by the deadline: vmware-vpxd" in told["sentence"]
    assert assert_invariant(node, here.journal) == "old"
    assert not state.staged_key.exists()


def test_when_nothing_starts_any_more_the_instructions_are_told(node: FakeNode, state: State) -> None:
    node.never_start = {"vmware-vpxd"}
    here = world(node, state)
    run(here)
    told = status(here.journal, alive=False)
    assert told["state"] == "stuck"
    backup = backups(state.backup)[0]
    assert told["instructions"] == [
        "/bin/service-control --stop --all",
        "/bin/service-control --start vmafdd",
        "/bin/service-control --start vmdird",
        "/bin/service-control --start vmcad",
        "/usr/lib/vmware-vmafd/bin/vecs-cli entry delete --store MACHINE_SSL_CERT --alias __MACHINE_CERT -y",
        "/usr/lib/vmware-vmafd/bin/vecs-cli entry create --store MACHINE_SSL_CERT --alias __MACHINE_CERT"
        f" --cert {backup.machine.cert} --key {backup.machine.key}",
        "/bin/service-control --start --all",
    ]


def test_a_service_that_somebody_had_stopped_stays_stopped(node: FakeNode, state: State) -> None:
    node.running = node.running - {"vsphere-ui"}
    here = world(node, state)
    run(here)
    assert node.running == (CORE | PROFILE) - {"vsphere-ui"}
    assert status(here.journal, alive=False)["state"] == "committed"


def test_the_legacy_store_goes_with_the_swap_and_back(monkeypatch: pytest.MonkeyPatch, state: State) -> None:
    node = _node(monkeypatch, legacy=True)
    run(world(node, state))
    assert node.stores["STS_INTERNAL_SSL_CERT"]["__MACHINE_CERT"][1] == [pair("new")[0]]


def test_a_roll_back_puts_the_legacy_pair_back_too(monkeypatch: pytest.MonkeyPatch, state: State) -> None:
    node = _node(monkeypatch, legacy=True)
    node.stores["STS_INTERNAL_SSL_CERT"]["__MACHINE_CERT"] = ("Private Key", [pair("legacy")[0]], pair("legacy")[1])
    node.hook = lambda call: setattr(
        node, "never_start", {"vmware-vpxd"} if node.certificate == pair("new")[0] else set()
    )
    here = world(node, state)
    run(here)
    assert assert_invariant(node, here.journal) == "old"
    assert pem.sha256(node.stores["STS_INTERNAL_SSL_CERT"]["__MACHINE_CERT"][1][0]) == pem.sha256(pair("legacy")[0])


def test_backups_are_pruned_to_the_retention_count(node: FakeNode, state: State) -> None:
    for age in range(4):
        folder = Path(state.backup, f"2025010{age}T000000Z-aa")
        folder.mkdir()
        (folder / "about.json").write_text("{}")
    Path(state.backup, "20250101T000000Z-incomplete").mkdir()
    run(world(node, state))
    kept = sorted(path.name for path in state.backup.iterdir())
    assert len(kept) == QUICK.backups_kept
    assert kept[-1].endswith(OLD_SHA256[:12])


def test_the_self_heal_is_armed_in_the_window_and_leaves_no_trace(node: FakeNode, state: State, systemd: Path) -> None:
    armed: list[bool] = []
    node.hook = lambda call: armed.append(heal.is_armed())
    run(world(node, state))
    assert armed
    assert all(armed)
    assert [path for path in systemd.rglob("*") if not path.is_dir()] == []
    assert not (state.root / heal.PROGRAM).exists()


def test_the_armed_program_resumes_the_swap_by_itself(
    node: FakeNode, state: State, systemd: Path, tmp_path: Path
) -> None:
    """The zipped package imports on its own, under the oldest Python here, and finds the journal."""

    def die(call: str) -> None:
        raise PowerLoss

    node.hook = die
    here = world(node, state)
    with pytest.raises(PowerLoss):
        run(here)
    unit = (systemd / heal.TARGET / heal.UNIT).read_text()
    command = next(line for line in unit.splitlines() if line.startswith("ExecStart=")).split("=", 1)[1].split()
    assert command[1:] == ["-IB", str(state.root / heal.PROGRAM), str(state.root)]
    subprocess.run([sys.executable, *command[1:]], check=True, timeout=60)
    resumed = Journal.load(here.journal.path)
    assert resumed.last("taken over")["by"] == "the node itself, at boot"  # type: ignore[index]
    told = resumed.records[-1]
    assert told["event"] == "stuck", "this machine has no vendor tools, and the program says so in the journal"


def test_where_systemd_is_missing_nothing_is_armed(node: FakeNode, state: State, systemd: Path) -> None:
    systemd.rmdir()
    here = world(node, state)
    run(here)
    assert [each["event"] for each in here.journal.records if each.get("step") == "arm"] == ["skip"]
    assert_invariant(node, here.journal)


def test_what_cannot_be_armed_is_told_and_hinders_nothing(node: FakeNode, state: State, systemd: Path) -> None:
    (systemd / heal.UNIT).mkdir()
    here = world(node, state)
    run(here)
    armed = next(each for each in here.journal.records if each["event"] == "done" and each["step"] == "arm")
    assert armed["armed"] is False
    assert_invariant(node, here.journal)


def test_window_steps_are_walked_in_the_documented_order() -> None:
    assert [step.name for step in WINDOW] == ["stop", "core", "replace", "mirror", "start", "served"]


def test_a_pair_staged_anew_in_the_window_is_not_brought_in(node: FakeNode, state: State) -> None:
    here = world(node, state)
    node.hook = lambda call: _restage(state, "third", "third") if call == "stop None" else None
    run(here)
    assert "was changed meanwhile" in status(here.journal, alive=False)["sentence"]
    assert assert_invariant(node, here.journal) == "old"
    assert not any("vecs" in call for call in node.calls)


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


def test_no_service_starts_before_what_was_written_has_been_read_back(node: FakeNode, state: State) -> None:
    """A create that lies once: the ports would tell, too, but only after a whole start of all services."""
    honest = node.toolbox.vecs.create
    lies = iter([True])
    node.toolbox.vecs.create = lambda *arguments: next(lies, False) or honest(*arguments)
    started_with: list[str | None] = []
    node.hook = lambda call: started_with.append(node.certificate) if call == "start None" else None
    here = world(node, state)
    run(here)
    assert assert_invariant(node, here.journal) == "old"
    assert started_with == [pair("old")[0]]


@pytest.mark.parametrize("at", range(1, 4))
def test_a_question_that_fails_once_in_the_window_does_not_turn_the_swap_back(
    node: FakeNode, state: State, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(swap, "_BREATH", 0.0)
    here = world(node, state)
    asked = 0

    def fail_once(question: str) -> None:
        nonlocal asked
        asked += here.journal.began("stop")
        if asked == at:
            asked += 1
            raise NodeError("vecs-cli failed. Error 87")

    node.asked = fail_once
    run(here)
    assert asked > at, "the window has fewer questions than that"
    assert assert_invariant(node, here.journal) == "new"


def _asked_for(here: State, **options: object) -> dict[str, object]:
    defaults = {
        "state": "swapped", "state_dir": str(here.root), "sha256": NEW_SHA256, "pnid": PNID, "node_type": "embedded",
        "ports": [443], "stop_timeout": 1.0, "start_timeout": 1.0, "settle_timeout": 1.0, "backups_kept": 2,
        "force": False,
    }  # fmt: skip
    return {**defaults, **options}


def test_a_storage_service_whose_start_fails_once_is_started_again(node: FakeNode, state: State) -> None:
    here = world(node, state)
    failing = iter([True])

    def fail_once(call: str) -> None:
        if call == "start ['vmcad']" and next(failing, False):
            raise NodeError("RC = 1")

    node.hook = fail_once
    run(here)
    assert assert_invariant(node, here.journal) == "new"


@pytest.mark.usefixtures("stays")
class TestLostAnswer:
    """The answer to the question that began a swap is lost, and the swap at its end before it is asked again."""

    def test_what_was_committed_is_followed_and_not_called_unchanged(self, node: FakeNode, state: State) -> None:
        here = Context(False, node.toolbox)  # type: ignore[arg-type]
        first = machine_ssl_swap.run(_asked_for(state, call="c1", replaces=OLD_SHA256), here)
        again = machine_ssl_swap.run(_asked_for(state, call="c1"), here)
        assert (again["started"], again["changed"]) == (True, True)
        news = swap_follow.run({"state_dir": str(state.root), "cursor": again["cursor"], "wait": 0}, here)
        assert news["records"][0]["event"] == "opened"
        assert news["swap"]["state"] == "committed"
        assert news["swap"]["id"] == first["swap"]["id"] or first["swap"]["state"] == "committed"
        assert len(list(state.journal.iterdir())) == 1
        other = machine_ssl_swap.run(_asked_for(state, call="c2"), here)
        assert (other["started"], other["changed"]) == (False, False)

    def test_what_was_rolled_back_is_told_and_not_tried_again(self, node: FakeNode, state: State) -> None:
        node.never_start = {"vmware-vpxd"}
        here = Context(False, node.toolbox)  # type: ignore[arg-type]
        options = _asked_for(state, call="c1", settle_timeout=0.01, start_timeout=0.01)
        machine_ssl_swap.run(options, here)
        calls = list(node.calls)
        again = machine_ssl_swap.run(options, here)
        assert again["started"] is True
        assert node.calls == calls

    def test_a_resumption_is_known_by_its_take_over(self, node: FakeNode, state: State) -> None:
        here = world(node, state)
        here.journal.write("begin", step="stop")
        options = _asked_for(state, state="resumed", call="c1")
        context = Context(False, node.toolbox)  # type: ignore[arg-type]
        machine_ssl_swap.run(options, context)
        again = machine_ssl_swap.run(options, context)
        news = swap_follow.run({"state_dir": str(state.root), "cursor": again["cursor"], "wait": 0}, context)
        assert news["records"][0]["event"] == "taken over"
        assert news["swap"]["state"] == "committed"


def test_a_certificate_that_is_not_the_assessed_one_is_not_replaced(node: FakeNode, state: State) -> None:
    """Another run has been here since the survey, while this one waited for its lease."""
    context = Context(False, node.toolbox)  # type: ignore[arg-type]
    with pytest.raises(NodeError, match=f"and has {OLD_SHA256} now"):
        machine_ssl_swap.run(_asked_for(state, replaces="0" * 64), context)
    assert node.calls == []
    assert list(state.journal.iterdir()) == []


@pytest.mark.usefixtures("stays")
class TestRollBack:
    """Without a backup that is named: from what the last swap has put in."""

    @pytest.fixture
    def older(self, state: State) -> str:
        """A backup of a generation before the old one."""
        with new_backup(state.backup, pem.sha256(pair("older")[0])) as backup:
            write_pair(backup.machine, [pair("older")[0]], pair("older")[1])
            finish_backup(backup)
        return backup.id

    def ask(self, node: FakeNode, state: State, **options: Any) -> dict[str, Any]:
        asked = _asked_for(state, **{"state": "rolled_back", "backup": None, "backups_kept": 5, **options})
        return machine_ssl_swap.run(asked, Context(False, node.toolbox))  # type: ignore[arg-type]

    def test_twice_is_once(self, node: FakeNode, state: State, older: str) -> None:
        run(world(node, state))
        assert self.ask(node, state)["changed"] is True
        assert pem.sha256(node.certificate or "") == OLD_SHA256
        assert self.ask(node, state)["changed"] is False
        assert pem.sha256(node.certificate or "") == OLD_SHA256
        refused = Journal.create(state.journal, f"{next_stamp(state.journal)}-refused", intent="swap")
        refused.write("closed", outcome="refused")
        assert self.ask(node, state)["changed"] is False
        assert self.ask(node, state, backup=older)["changed"] is True
        assert pem.sha256(node.certificate or "") == pem.sha256(pair("older")[0])

    def test_of_a_swap_that_was_undone_goes_no_further_back(self, node: FakeNode, state: State, older: str) -> None:
        node.hook = _break_with("new", node)
        here = world(node, state)
        run(here)
        assert status(here.journal, alive=False)["state"] == "rolled_back"
        assert self.ask(node, state)["changed"] is False
        assert pem.sha256(node.certificate or "") == OLD_SHA256

    def test_one_that_came_to_nothing_is_tried_again(self, node: FakeNode, state: State) -> None:
        run(world(node, state))
        node.hook = _break_with("old", node)
        self.ask(node, state, settle_timeout=0.01, start_timeout=0.01)
        assert pem.sha256(node.certificate or "") == NEW_SHA256
        node.hook = lambda _call: None
        assert self.ask(node, state)["changed"] is True
        assert pem.sha256(node.certificate or "") == OLD_SHA256

    def test_one_that_another_has_done_meanwhile_is_not_done_again(
        self, node: FakeNode, state: State, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the question and the lock, which the other one had."""
        run(world(node, state))
        node.calls.clear()

        def other(*_asked: object) -> None:
            name = f"{next_stamp(state.journal)}-other"
            journal = Journal.create(state.journal, name, intent="roll back", new_sha256=NEW_SHA256)
            journal.write("closed", outcome="committed")

        monkeypatch.setattr(machine_ssl_swap, "admit", other)
        self.ask(node, state)
        assert node.calls == []

    def test_one_that_runs_is_followed(self, node: FakeNode, state: State) -> None:
        run(world(node, state))
        running = Journal.create(state.journal, f"{next_stamp(state.journal)}-runs", intent="roll back")
        lock = Lock(state.lock)
        assert lock.acquire()
        lock.sign(wanted=OLD_SHA256)
        answer = self.ask(node, state)
        lock.release()
        assert (answer["started"], answer["swap"]["id"]) == (True, running.id)

    def test_what_is_not_at_its_end_comes_first(self, node: FakeNode, state: State, older: str) -> None:
        here = world(node, state)
        here.journal.write("begin", step="stop")
        with pytest.raises(NodeError, match="is not at its end") as refused:
            self.ask(node, state)
        assert "state=resumed" in refused.value.remedy
        assert node.calls == []


class TestFollow:
    """The swap runs elsewhere; its lock says so."""

    @pytest.fixture
    def running(self, node: FakeNode, state: State) -> Iterator[Journal]:
        here = world(node, state)
        lock = Lock(state.lock)
        assert lock.acquire()
        yield here.journal
        lock.release()

    def follow(self, node: FakeNode, state: State, wait: float, since: str = "") -> dict[str, Any]:
        cursor = {"journal": since, "n": -1}
        options = {"state_dir": str(state.root), "cursor": cursor, "wait": wait}
        return swap_follow.run(options, Context(False, node.toolbox))  # type: ignore[arg-type]

    def test_the_rest_of_a_burst_is_waited_for(
        self, node: FakeNode, state: State, running: Journal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(swap_follow, "GATHER", 0.3)
        later = threading.Timer(0.1, lambda: running.write("begin", step="prove"))
        later.start()
        news = self.follow(node, state, wait=60)
        later.join()
        assert [record["event"] for record in news["records"]] == ["opened", "begin"]
        assert news["alive"] is True

    def test_but_no_longer_than_was_asked_for(
        self, node: FakeNode, state: State, running: Journal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(swap_follow.time, "sleep", lambda _: pytest.fail("it was waited for"))
        assert self.follow(node, state, wait=0)["records"]

    def test_what_is_older_than_the_cursor_is_not_read(self, node: FakeNode, state: State, running: Journal) -> None:
        """It is asked five times a second for a whole window, on a node that may have years of journals."""
        (state.journal / "20010101T000000Z-old.jsonl").mkdir()
        news = self.follow(node, state, wait=0, since=running.id)
        assert [record["event"] for record in news["records"]] == ["opened"]
        assert news["swap"]["id"] == running.id


class TestHandedOver:
    def test_it_is_noted_once_and_changes_nothing_else(self, node: FakeNode, state: State) -> None:
        here = world(node, state)
        run(here)
        assert status(here.journal, alive=False)["handed_over"] is False
        sentence = status(here.journal, alive=False)["sentence"]
        context = Context(False, node.toolbox)  # type: ignore[arg-type]
        for _time in range(2):
            answer = machine_ssl_handover.run({"state_dir": str(state.root)}, context)
            assert answer == {"changed": False, "noted": True}
            told = status(Journal.load(here.journal.path), alive=False)
            assert (told["handed_over"], told["sentence"]) == (True, sentence)
        events = [record["event"] for record in Journal.load(here.journal.path).records]
        assert events.count("handed over") == 1

    @pytest.mark.parametrize("verb", [machine_ssl_handover, machine_ssl_swap])
    def test_what_was_killed_before_it_disarmed_itself_leaves_no_trace(
        self, node: FakeNode, state: State, systemd: Path, verb: Any
    ) -> None:
        here = world(node, state)
        run(here)
        heal.arm(state)
        context = Context(True, node.toolbox)  # type: ignore[arg-type]
        verb.run(_asked_for(state, state="resumed"), context)
        assert heal.is_armed()
        context = Context(False, node.toolbox)  # type: ignore[arg-type]
        assert verb.run(_asked_for(state, state="resumed"), context)["changed"] is False
        assert list(systemd.rglob("vcfleet*")) == []
        assert not (state.root / heal.PROGRAM).exists()

    def test_check_mode_notes_nothing(self, node: FakeNode, state: State) -> None:
        here = world(node, state)
        run(here)
        context = Context(True, node.toolbox)  # type: ignore[arg-type]
        assert machine_ssl_handover.run({"state_dir": str(state.root)}, context)["noted"] is False

    def test_a_swap_that_has_not_ended_cannot_be_handed_over(self, node: FakeNode, state: State) -> None:
        here = world(node, state)
        here.journal.write("begin", step="stop")
        context = Context(False, node.toolbox)  # type: ignore[arg-type]
        assert machine_ssl_handover.run({"state_dir": str(state.root)}, context)["noted"] is False


def test_check_mode_announces_a_swap_whose_certificate_is_yet_to_be_issued(node: FakeNode, state: State) -> None:
    options = _asked_for(state, sha256=None)
    answer = machine_ssl_swap.run(options, Context(True, node.toolbox))  # type: ignore[arg-type]
    assert answer["changed"] is True
    assert answer["diff"]["before"] == {"machine_certificate": OLD_SHA256}
    assert node.calls == []
    with pytest.raises(NodeError, match="not a SHA-256 thumbprint"):
        machine_ssl_swap.run(options, Context(False, node.toolbox))  # type: ignore[arg-type]
