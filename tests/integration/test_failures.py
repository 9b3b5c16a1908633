# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in the middle: a node does not come back, the controller dies, the power goes, the line is cut."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from accidents import kill_swap
from controller import Controller, Run
from evidence import SOON_AT_REST, STATE_DIR, Snapshot, at_rest, differences, key_files, served, snapshots, wait_until
from simvc.lab.lab import Lab
from simvc.lab.node import Node, ToolCall

HASTE = ("-e", '{"machine_ssl_settle_timeout": 6, "machine_ssl_start_timeout": 20, "machine_ssl_stop_timeout": 20}')
NOT_STARTED = "Service-control failed. Error: Failed to start services in profile ALL. RC=5, stderr=...\n"


@dataclass
class Stopped:
    """A run over two linked groups in which the second node of the first group does not come back healthy."""

    lab: Lab
    served_before: dict[str, str]
    before: dict[str, Snapshot]
    run: Run


@pytest.fixture(scope="module")
def stopped(controller_for: Callable[[Lab], Controller]) -> Iterator[Stopped]:
    with Lab("1x3,1x1", shell="appliance") as lab:
        served_before, before = served(lab), at_rest(lab)
        # The new certificate is in and its services do not start; with the old one they do.
        lab["vc02"].add_fault("service-control", "answer", match="--start --all", times=3, rc=0, stdout=NOT_STARTED)
        yield Stopped(lab, served_before, before, controller_for(lab).playbook("rotate", *HASTE))


class TestFirstFailureStopsTheGroup:
    def test_the_run_fails(self, stopped: Stopped) -> None:
        assert stopped.run.rc == 2, stopped.run.output

    def test_the_node_before_it_is_rotated(self, stopped: Stopped) -> None:
        assert served(stopped.lab)["vc01.lab.example"] != stopped.served_before["vc01.lab.example"]
        assert stopped.run.stats["vc01.lab.example"]["failures"] == 0

    def test_the_failed_node_serves_its_old_certificate_with_all_its_services(self, stopped: Stopped) -> None:
        node = stopped.lab["vc02"]
        assert stopped.run.stats[node.name]["failures"] == 1
        assert served(stopped.lab)[node.name] == stopped.served_before[node.name]
        assert running(node) == running(stopped.lab["vc03"])

    def test_the_node_after_it_is_untouched(self, stopped: Stopped) -> None:
        node = stopped.lab["vc03"]
        assert node.tool_calls("service-control", "--stop") == []
        assert served(stopped.lab)[node.name] == stopped.served_before[node.name]
        assert "Not begun" in " ".join(stopped.run.failures(node.name))

    def test_the_other_group_goes_on(self, stopped: Stopped) -> None:
        assert served(stopped.lab)["vc04.lab.example"] != stopped.served_before["vc04.lab.example"]
        assert stopped.run.stats["vc04.lab.example"]["failures"] == 0

    def test_the_summary_says_so(self, stopped: Stopped) -> None:
        (summary,) = stopped.run.of("fleet_summary")
        endings = {name.split(".")[0]: ended["ending"] for name, ended in summary["nodes"].items()}
        assert endings == {"vc01": "rotated", "vc02": "rolled back", "vc03": "not begun", "vc04": "rotated"}

    def test_every_login_shell_is_what_it_was(self, stopped: Stopped) -> None:
        for node in stopped.lab.nodes:
            assert node.snapshot()["/etc/passwd"] == stopped.before[node.name]["/etc/passwd"]

    def test_the_first_node_that_is_not_rolled_back_ends_a_roll_back(
        self, stopped: Stopped, controller_for: Callable[[Lab], Controller]
    ) -> None:
        """Of the two that were rotated. The other has an old pair to go back to as well."""
        lab, served_before, before = stopped.lab, served(stopped.lab), at_rest(stopped.lab)
        first, second = lab["vc01"], lab["vc04"]
        stops = [len(node.tool_calls("service-control", "--stop --all")) for node in (first, second)]
        first.add_fault("service-control", "answer", match="--start --all", times=3, rc=0, stdout=NOT_STARTED)
        run = controller_for(lab).playbook("rollback", *HASTE, "-e", f"vcfleet_hosts={first.name},{second.name}")
        assert run.rc == 2, run.output
        assert len(first.tool_calls("service-control", "--stop --all")) > stops[0]
        assert served(lab) == served_before
        assert running(first) == running(second)
        assert len(second.tool_calls("service-control", "--stop --all")) == stops[1]
        assert differences(before[second.name], second.snapshot()) == []
        assert run.failures(first.name) and not run.of("machine_ssl_swap", second.name)
        for node in lab.nodes:
            assert node.snapshot()["/etc/passwd"] == before[node.name]["/etc/passwd"]
            assert not (node.root / STATE_DIR.lstrip("/") / "lease").exists()


@dataclass
class LeftBehind:
    """The first of two linked nodes, left in its window; looked at, then resumed twice. What each run found it to be.

    The first time nothing starts, with either certificate; then all is well again. The second node is due throughout.
    """

    lab: Lab
    served_before: dict[str, str]
    before: dict[str, Snapshot]
    check: Run
    after_check: dict[str, Snapshot]
    stuck: Run
    partner_after: tuple[str, list[ToolCall]]
    undone: Run

    def ended(self, run: Run, name: str) -> dict[str, Any]:
        (summary,) = run.of("fleet_summary")
        return dict(summary["nodes"][f"{name}.lab.example"])


@pytest.fixture(scope="module")
def left_behind(controller_for: Callable[[Lab], Controller]) -> Iterator[LeftBehind]:
    with Lab("1x2", shell="bash", knobs=SOON_AT_REST) as lab:
        (first, partner), controller, served_before = lab.nodes, controller_for(lab), served(lab)
        command = ["ansible-playbook", "vcfleet.certs.rotate", "-i", str(controller.inventory)]
        # The new certificate is stored, and the start that hangs is killed with whoever asked for it.
        first.add_fault("service-control", "hang", match="--start --all", times=1)
        controller.killed(
            [*command, *HASTE, "-e", "vcfleet_lease_ttl=15"],
            lambda: bool(first.tool_calls("service-control", "--start --all")),
        )
        kill_swap(first)
        before = at_rest(lab)
        check = controller.playbook("rotate", "--check")
        after_check = snapshots(lab)
        first.add_fault("service-control", "answer", match="--start --all", rc=0, stdout=NOT_STARTED)
        stuck = controller.playbook("rotate", *HASTE, "-e", "vcfleet_lease_wait=120")
        partner_after = partner.certificate_served(), partner.tool_calls("service-control", "--stop")
        first.clear_faults()
        undone = controller.playbook("rotate", *HASTE, "-e", "machine_ssl_backoff=1d")
        yield LeftBehind(lab, served_before, before, check, after_check, stuck, partner_after, undone)


class TestLeftInItsWindow:
    def test_check_mode_says_what_would_be_done_and_does_nothing(self, left_behind: LeftBehind) -> None:
        ended = left_behind.ended(left_behind.check, "vc01")
        assert (ended["ending"], left_behind.check.rc) == ("would finish or undo", 0), left_behind.check.output
        assert "was interrupted in step" in ended["sentence"]
        for name, before in left_behind.before.items():
            assert differences(before, left_behind.after_check[name]) == []

    def test_where_it_cannot_be_put_right_its_partner_is_not_touched(self, left_behind: LeftBehind) -> None:
        partner, run = left_behind.lab["vc02"], left_behind.stuck
        assert run.rc == 2, run.output
        ended = left_behind.ended(run, "vc01")
        assert ended["ending"] == "stuck" and "a person is needed" in ended["sentence"]
        assert left_behind.partner_after == (left_behind.served_before[partner.name], [])
        assert left_behind.ended(run, "vc02")["ending"] == "refused"
        assert "vc01.lab.example: Swap " in " ".join(run.failures(partner.name))

    def test_one_that_is_rolled_back_is_a_failed_host_although_it_is_kept(self, left_behind: LeftBehind) -> None:
        node, run = left_behind.lab["vc01"], left_behind.undone
        assert run.rc == 2, run.output
        assert run.of("fleet_plan")[0]["plan"]["nodes"][node.name]["verdict"] == "keep"
        assert left_behind.ended(run, "vc01")["ending"] == "rolled back"
        assert run.stats[node.name]["failures"] == 1
        assert node.certificate_served() == left_behind.served_before[node.name]
        assert running(node) == running(left_behind.lab["vc02"])


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab("1x1", shell="bash", knobs={"service_control.start_all_seconds": 4}) as lab:
        yield lab


@pytest.fixture
def controller(lab: Lab, controller_for: Callable[[Lab], Controller]) -> Controller:
    return controller_for(lab)


def test_the_node_goes_on_when_the_controller_dies(lab: Lab, controller: Controller) -> None:
    (node,) = lab.nodes
    before = node.certificate_served()
    with controller.started(["ansible-playbook", "vcfleet.certs.rotate", "-i", str(controller.inventory)]) as process:
        node.wait_for_tool("service-control", "--stop --all", timeout=120)
        os.killpg(process.pid, signal.SIGKILL)
    wait_until(lambda: committed(node))
    assert node.certificate_served() != before
    assert "vmware-vpxd" in running(node)
    again = controller.playbook("rotate")
    assert again.rc == 0 and again.changed == 0, again.output


@pytest.mark.parametrize("moment", ["entry delete", "entry create"])
def test_a_loss_of_power_is_put_right_by_the_next_run(lab: Lab, controller: Controller, moment: str) -> None:
    (node,) = lab.nodes
    before = node.certificate_served()
    node.add_fault("vecs-cli", "power_loss", match=moment, times=1, run_first=moment == "entry delete")
    keepalive = {"ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=30s -o ServerAliveInterval=1"}
    arguments = ["-e", "machine_ssl_follow_timeout=10", "-e", "vcfleet_lease_ttl=20"]
    run = controller.playbook("rotate", *arguments, **keepalive)
    assert run.rc != 0, run.output
    node.clear_faults()
    node.boot()
    # A node that is off gives no lease back; the run after waits until it has expired.
    again = controller.playbook("rotate", "-e", "vcfleet_lease_wait=120")
    assert again.rc == 0, again.output
    assert node.certificate_served() != before
    assert "vmware-vpxd" in running(node)
    (summary,) = again.of("fleet_summary")
    ended = summary["nodes"][node.name]
    if ended["ending"] != "kept":  # or else the node had put itself right at boot, before the survey
        assert ended["ending"] == "rotated" and ended["todo"]
        assert (ended["old"]["sha256"], ended["new"]["sha256"]) == (before, node.certificate_served())
    assert not [name for name in key_files(node) if not name.startswith(STATE_DIR)]
    third = controller.playbook("rotate")
    assert third.rc == 0 and third.changed == 0, third.output


def test_a_node_that_was_left_in_its_window_is_never_told_as_kept(lab: Lab, controller: Controller) -> None:
    """Its new certificate is stored and not due; its services may be down, and the dead run's lease is in the way."""
    (node,) = lab.nodes
    before = node.certificate_served()
    rotate = ["ansible-playbook", "vcfleet.certs.rotate", "-i", str(controller.inventory), "-e", "vcfleet_lease_ttl=60"]
    controller.killed(rotate, lambda: any(call.end for call in node.tool_calls("vecs-cli", "entry create")))
    kill_swap(node)
    again = controller.playbook("rotate")
    assert again.rc == 2, again.output
    (summary,) = again.of("fleet_summary")
    assert summary["nodes"][node.name]["ending"] == "interrupted"
    told = " ".join(again.failures(node.name))
    assert "was interrupted in step" in told and "is held by" in told
    assert "1 interrupted" in again.output
    third = controller.playbook("rotate", "-e", "vcfleet_lease_wait=180")
    assert third.rc == 0, third.output
    assert node.certificate_served() != before
    assert "vmware-vpxd" in running(node)


@pytest.mark.parametrize("pipelining", ["true", "false"])
def test_a_cut_line_heals(lab: Lab, controller: Controller, pipelining: str) -> None:
    (node,) = lab.nodes
    before = node.certificate_served()
    command = ["ansible-playbook", "vcfleet.certs.rotate", "-i", str(controller.inventory)]
    with controller.started(command, ANSIBLE_PIPELINING=pipelining) as process:
        node.wait_for_tool("service-control", "--stop --all", timeout=120)
        assert node.kill_sessions() > 0
        output, _ = process.communicate(timeout=300)
    run = controller.ended(process.returncode, output)
    assert run.rc == 0, run.output
    assert node.certificate_served() != before
    assert len(node.tool_calls("service-control", "--stop --all")) == 1


def test_roll_back_by_hand(lab: Lab, controller: Controller) -> None:
    (node,) = lab.nodes
    before = node.certificate_served()
    assert controller.playbook("rotate").rc == 0
    new = node.certificate_served()
    assert controller.playbook("rollback").rc == 2, "without names of nodes it must not begin"
    assert node.certificate_served() == new != before
    back = controller.playbook("rollback", "-e", f"vcfleet_hosts={node.name}")
    assert back.rc == 0, back.output
    assert node.certificate_served() == before
    assert "vmware-vpxd" in running(node)


def running(node: Node) -> set[str]:
    """The services that run, by the vendor's own tool."""
    lines = node.ssh("service-control --status --all").stdout.splitlines()
    return set(lines[lines.index("Running:") + 1].split())


def committed(node: Node) -> bool:
    """Nothing is staged any more and the swap's process is gone."""
    time.sleep(0.2)
    return not list((node.root / f"{STATE_DIR.lstrip('/')}/staging").glob("*.key")) and "vmware-vpxd" in running(node)
