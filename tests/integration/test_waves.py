# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three linked groups of two, walked side by side. The nodes' own log says which windows were open, and when."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from controller import Controller, Run, both
from evidence import SOON_AT_REST, STATE_DIR, Window, at_rest, served, wait_until, window
from simvc.lab.lab import Lab
from simvc.lab.node import Node

GROUPS = (("vc01", "vc02"), ("vc03", "vc04"), ("vc05", "vc06"))
HASTE = {"machine_ssl_settle_timeout": 6, "machine_ssl_start_timeout": 60, "machine_ssl_stop_timeout": 60}
# A node that is lost gives no lease back: the run after waits until it has expired.
LEASES = {"vcfleet_lease_ttl": 60, "vcfleet_lease_wait": 180}
AGAIN = {**HASTE, **LEASES, "machine_ssl_force": True, "machine_ssl_force_reason": "the test rotates them anew"}
# A line that was cut is given up soon; a connection that an earlier run keeps open would not be.
KEEPALIVE = {
    "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=30s -o ServerAliveInterval=1",
    "ANSIBLE_SSH_CONTROL_PATH_DIR": "/tmp/vcfleet-keepalive",
}
# Longer than the two windows of another group, on a busy machine too.
SLOW = 45


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("3x2", shell="bash", knobs=SOON_AT_REST) as made:
        at_rest(made)
        yield made


@pytest.fixture(scope="module")
def controller(lab: Lab, controller_for: Callable[[Lab], Controller]) -> Controller:
    return controller_for(lab)


def arguments(**variables: Any) -> tuple[str, str]:
    return "-e", json.dumps(variables)


def stops(lab: Lab) -> dict[str, int]:
    """How often each node was told to stop all services, so far."""
    return {node.name: len(node.tool_calls("service-control", "--stop --all")) for node in lab.nodes}


def begun(before: dict[str, int], lab: Lab) -> set[str]:
    """The nodes, by their short names, of which services were stopped since."""
    return {name.partition(".")[0] for name, number in stops(lab).items() if number > before[name]}


def journal(node: Node) -> list[dict[str, Any]]:
    """The records of a node's newest journal."""
    newest = max((node.root / STATE_DIR[1:] / "journal").glob("*.jsonl"))
    return [json.loads(line) for line in newest.read_text().splitlines()]


def endings(run: Run) -> dict[str, str]:
    (summary,) = run.of("fleet_summary")
    return {name.partition(".")[0]: ended["ending"] for name, ended in summary["nodes"].items()}


def charged(run: Run) -> set[str]:
    """The hosts that the recap has as failed."""
    return {name.partition(".")[0] for name, numbers in run.stats.items() if numbers["failures"]}


def leased(lab: Lab) -> set[str]:
    """The nodes on whose disks a lease is."""
    return {node.plan.short for node in lab.nodes if (node.root / STATE_DIR[1:] / "lease").exists()}


def why(run: Run, name: str) -> str:
    return " ".join(run.failures(f"{name}.lab.example"))


@contextmanager
def no_good_with_a_new_certificate(*nodes: Node) -> Iterator[None]:
    """The new certificate is in and its services do not start; with the old one they do."""
    for node in nodes:
        node.add_fault(
            "service-control", "answer", match="--start --all", times=3, rc=0,
            stdout="Service-control failed. Error: Failed to start services in profile ALL. RC=5, stderr=...\n",
        )  # fmt: skip
    try:
        yield
    finally:
        for node in nodes:
            node.clear_faults()


# ---- Side by side ----------------------------------------------------------------------------------------------------


@dataclass
class Walked:
    """One run: the first node is slow, the fifth does not come back."""

    run: Run
    windows: dict[str, Window]
    served_before: dict[str, str]
    served_after: dict[str, str]
    begun: set[str]


@pytest.fixture(scope="module")
def walked(lab: Lab, controller: Controller) -> Walked:
    served_before, before = served(lab), stops(lab)
    lab["vc01"].knobs(**{"service_control.start_all_seconds": SLOW})
    with no_good_with_a_new_certificate(lab["vc05"]):
        run = controller.playbook("rotate", *arguments(**HASTE))
    lab["vc01"].knobs(**{"service_control.start_all_seconds": 0.3})
    begun_since = begun(before, lab)
    windows = {name: window(lab[name]) for name in begun_since - {"vc05"}}
    return Walked(run, windows, served_before, served(lab), begun_since)


class TestSideBySide:
    def test_everything_comes_to_its_end(self, walked: Walked) -> None:
        assert walked.run.rc == 2, walked.run.output
        expected = dict.fromkeys(("vc01", "vc02", "vc03", "vc04"), "rotated")
        assert endings(walked.run) == {**expected, "vc05": "rolled back", "vc06": "not begun"}

    def test_windows_of_one_group_never_overlap(self, walked: Walked) -> None:
        for group in GROUPS[:2]:
            for first, then in pairwise(walked.windows[name] for name in group):
                assert first.end <= then.begin

    def test_windows_of_several_groups_overlap_and_a_slow_group_holds_up_no_other(self, walked: Walked) -> None:
        slow = walked.windows["vc01"]
        assert slow.end - slow.begin > SLOW
        for name in ("vc03", "vc04"):
            assert walked.windows[name].begin < slow.end
        assert walked.windows["vc04"].end < walked.windows["vc02"].begin

    def test_after_a_failure_no_other_node_of_its_group_is_touched(self, walked: Walked) -> None:
        assert walked.begun == {"vc01", "vc02", "vc03", "vc04", "vc05"}
        for name in ("vc05.lab.example", "vc06.lab.example"):
            assert walked.served_after[name] == walked.served_before[name]
        assert "vc05.lab.example of the same linked group was to be handed over before" in why(walked.run, "vc06")

    def test_each_node_is_charged_with_its_own_ending_and_no_walker_with_anothers(self, walked: Walked) -> None:
        assert charged(walked.run) == {"vc05", "vc06"}
        assert not any(numbers["unreachable"] for numbers in walked.run.stats.values())
        for name in ("vc01", "vc02", "vc03", "vc04"):
            assert walked.run.stats[f"{name}.lab.example"]["changed"] > 0
            assert walked.served_after[f"{name}.lab.example"] != walked.served_before[f"{name}.lab.example"]

    def test_the_next_run_goes_on_where_this_one_stopped(
        self, walked: Walked, lab: Lab, controller: Controller
    ) -> None:
        before = stops(lab)
        again = controller.playbook("rotate")
        assert again.rc == 0, again.output
        assert begun(before, lab) == {"vc05", "vc06"}
        assert set(endings(again).values()) == {"rotated", "kept"}


# ---- Stopped in time -------------------------------------------------------------------------------------------------


def test_a_node_that_is_lost_at_its_turn_uses_up_the_budget_and_nothing_more_is_begun(
    lab: Lab, controller: Controller
) -> None:
    """One group a wave, no failure allowed, and the first group's second node is not reached when its turn comes."""
    before = stops(lab)
    settings = arguments(**AGAIN, vcfleet_wave_sizes=[1], vcfleet_failures_allowed=0)
    command = ["ansible-playbook", "vcfleet.certs.rotate", "-i", str(controller.inventory), *settings]
    with controller.started(command, **KEEPALIVE) as process:
        wait_until(lambda: begun(before, lab) == {"vc01"}, timeout=300)
        lab["vc02"].cut()
        try:
            output, _ = process.communicate(timeout=600)
        finally:
            lab["vc02"].heal()
    run = controller.ended(process.returncode, output)
    assert run.rc != 0, run.output
    assert begun(before, lab) == {"vc01"}
    ended = endings(run)
    # Whether its lease was to be renewed first, or its swap asked for at once, is a matter of how long the rest took.
    assert ended.pop("vc02") in ("not begun", "contact lost")
    assert ended == {"vc01": "rotated", **dict.fromkeys(("vc03", "vc04", "vc05", "vc06"), "not begun")}
    assert "could not be reached" in why(run, "vc02")
    for name in ("vc03", "vc04", "vc05", "vc06"):
        assert "vcfleet_failures_allowed is 0" in why(run, name)
    # It was lost for the account, too; the walker, in whose name it was asked, is not charged with it.
    walker = run.stats["vc01.lab.example"]
    assert (walker["failures"], walker["unreachable"]) == (0, 0)


def test_with_fewer_forks_than_groups_a_failure_still_counts_for_whoever_was_queued_before_it(
    lab: Lab, controller: Controller
) -> None:
    """One wave, and one failure allowed. The second comes while the first turn of the third group waits for a fork."""
    before, served_before = stops(lab), served(lab)
    with no_good_with_a_new_certificate(lab["vc01"], lab["vc03"]):
        run = controller.playbook("rotate", "--forks", "1", *arguments(**AGAIN))
    assert run.rc == 2, run.output
    assert begun(before, lab) == {"vc01", "vc03"}
    assert served(lab) == served_before
    rolled_back = dict.fromkeys(("vc01", "vc03"), "rolled back")
    assert endings(run) == {**rolled_back, **dict.fromkeys(("vc02", "vc04", "vc05", "vc06"), "not begun")}
    for name in ("vc05", "vc06"):
        assert "vcfleet_failures_allowed is 1" in why(run, name)


def test_with_any_errors_fatal_a_first_host_that_is_not_reached_costs_nobody_but_its_own_group(
    lab: Lab, controller: Controller
) -> None:
    """The first host is the one in whose name Ansible runs what is run once."""
    before, served_before = stops(lab), served(lab)
    lab["vc01"].cut()
    try:
        run = controller.playbook("rotate", *arguments(**AGAIN), ANSIBLE_ANY_ERRORS_FATAL="true", **KEEPALIVE)
    finally:
        lab["vc01"].heal()
    assert run.rc != 0, run.output
    others = {"vc03", "vc04", "vc05", "vc06"}
    assert begun(before, lab) == others
    for node in lab.nodes:
        assert (node.certificate_served() != served_before[node.name]) == (node.plan.short in others), node
    assert endings(run) == {"vc01": "not surveyed", "vc02": "refused", **dict.fromkeys(others, "rotated")}
    assert "vc01.lab.example could not be surveyed" in why(run, "vc02")
    bad = {name for name, numbers in run.stats.items() if numbers["failures"] or numbers["unreachable"]}
    assert bad == {"vc01.lab.example", "vc02.lab.example"}
    assert leased(lab) == set()


def test_two_runs_of_disjoint_slices_at_the_same_time_rotate_each_node_once(
    lab: Lab, controller: Controller, controller_for: Callable[[Lab], Controller]
) -> None:
    before, served_before, since = stops(lab), served(lab), time.time()
    controllers = (controller, controller_for(lab))
    slices = (arguments(**AGAIN, vcfleet_slice=f"{number}/2") for number in (1, 2))
    runs = both(controllers, [
        ["ansible-playbook", "vcfleet.certs.rotate", "-i", str(each.inventory), *options]
        for each, options in zip(controllers, slices)
    ])  # fmt: skip
    told = "\n".join(run.output for run in runs)
    assert [run.rc for run in runs] == [0, 0], told
    rotated = [{name for name, ending in endings(run).items() if ending == "rotated"} for run in runs]
    assert all(rotated) and sorted(name for each in rotated for name in each) == sorted(sum(GROUPS, ())), told
    assert {name: number - before[name] for name, number in stops(lab).items()} == dict.fromkeys(before, 1)
    assert not set(served(lab).values()) & set(served_before.values())
    windows = {name: window(lab[name], since) for group in GROUPS for name in group}
    for group in GROUPS:
        first, then = sorted((windows[name] for name in group), key=lambda each: each.begin)
        assert first.end <= then.begin
    assert leased(lab) == set()


def test_a_canary_whose_lease_cannot_be_asked_for_stops_everything_and_the_run_comes_to_its_account(
    lab: Lab, controller: Controller
) -> None:
    """Somebody else has it, and the task that waits for it is killed by Ansible, which no failed_when sees."""
    before = stops(lab)
    held = controller.module("group_lease", "vc01.lab.example", "-a", "state=held group=g owner=other ttl=600")
    assert held.rc == 0, held.output
    settings = arguments(**{**AGAIN, "vcfleet_lease_wait": 120}, vcfleet_canary=["vc01.lab.example"])
    try:
        run = controller.playbook("rotate", *settings, ANSIBLE_TASK_TIMEOUT="25")
    finally:
        controller.module("group_lease", "vc01.lab.example", "-a", "state=released owner=other")
    assert run.rc == 2, run.output
    assert begun(before, lab) == set()
    assert set(endings(run).values()) == {"not begun"}
    for name in ("vc01", "vc02"):
        assert "The lease could not be asked for." in why(run, name)
    for name in ("vc03", "vc04", "vc05", "vc06"):
        assert "The canary" in why(run, name)


def test_a_canary_that_falls_ill_while_it_is_watched_stops_everything(lab: Lab, controller: Controller) -> None:
    before = stops(lab)
    settings = arguments(**AGAIN, vcfleet_canary=["vc03.lab.example"], vcfleet_soak=8, vcfleet_soak_probes=2)
    command = ["ansible-playbook", "vcfleet.certs.rotate", "-i", str(controller.inventory), *settings]
    with controller.started(command) as process:
        wait_until(lambda: begun(before, lab) == {"vc03", "vc04"}, timeout=300)
        assert lab["vc03"].ssh("service-control --stop vmware-eam").returncode == 0
        output, _ = process.communicate(timeout=600)
    run = controller.ended(process.returncode, output)
    assert lab["vc03"].ssh("service-control --start vmware-eam").returncode == 0
    assert run.rc == 2, run.output
    assert begun(before, lab) == {"vc03", "vc04"}
    assert "vmware-eam" in why(run, "vc03")
    assert endings(run) == {
        **dict.fromkeys(("vc03", "vc04"), "rotated"),
        **dict.fromkeys(("vc01", "vc02", "vc05", "vc06"), "not begun"),
    }
    assert charged(run) == {"vc01", "vc02", "vc03", "vc05", "vc06"}
    told = {name: why(run, name) for name in ("vc01", "vc02", "vc05", "vc06")}
    assert not [name for name, words in told.items() if "The canary" not in words], told


def test_a_healthy_canary_is_watched_and_then_come_the_others_with_fewer_forks_than_groups_too(
    lab: Lab, controller: Controller
) -> None:
    settings = arguments(**AGAIN, vcfleet_canary=["vc05.lab.example"], vcfleet_soak=6, vcfleet_soak_probes=2)
    run = controller.playbook("rotate", "--forks", "1", *settings)
    assert run.rc == 0, run.output
    assert set(endings(run).values()) == {"rotated"}
    canary = max(window(lab[name]).end for name in GROUPS[2])
    others = min(window(lab[name]).begin for group in GROUPS[:2] for name in group)
    assert others - canary >= 6
    # At once and twice more, on both nodes; and not after the last wave.
    # (Where a lease is renewed before a turn, one node is looked at.)
    looks = [len(each["results"]) for each in run.of("machine_ssl_health")]
    assert [number for number in looks if number > 1] == [6]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("vcfleet_failures_allowed", -1), ("vcfleet_soak", "soon"), ("vcfleet_soak_probes", 0)],
)
def test_settings_that_make_no_sense_are_refused_first(
    lab: Lab, controller: Controller, variable: str, value: Any
) -> None:
    run = controller.playbook("rotate", *arguments(**{variable: value}))
    assert run.rc == 2 and f"{variable} is {value}" in " ".join(run.failures())
    assert not run.of("machine_ssl_assess")


# ---- After the group -------------------------------------------------------------------------------------------------


def holders(run: Run) -> dict[str, list[str]]:
    """What the summary leaves to people, by node."""
    (summary,) = run.of("fleet_summary")
    return {name: [item["holder"] for item in ended["todo"]] for name, ended in summary["nodes"].items()}


def told_of(peer: Node, run: Run) -> list[str]:
    """The nodes after whose rotation the peer needs a restart, by the summary."""
    return [name for name, left in holders(run).items() if f"the services of {peer.name}" in left]


@pytest.mark.parametrize("asked", [True, False])
def test_linked_nodes_that_hold_on_to_an_expired_certificate_are_restarted_where_asked_and_named_where_not(
    controller_for: Callable[[Lab], Controller], asked: bool
) -> None:
    """Both certificates have expired. The second node's turn restarts it; the first has to be, once more, after it."""
    with Lab("1x2", shell="bash", identity={"machine_certificate_age_days": 735}) as lab:
        run = controller_for(lab).playbook("rotate", *arguments(vcfleet_restart_peers=True) if asked else ())
        assert run.rc == 0, run.output
        first, second = lab["vc01"], lab["vc02"]
        assert [len(node.tool_calls("service-control", "--stop --all")) for node in (first, second)] == [1 + asked, 1]
        last = first.tool_calls("service-control", "--stop --all")[-1]
        assert (last.start >= window(second).end) == asked
        assert "vmware-vpxd" in first.ssh("service-control --status --all").stdout.partition("Stopped:")[0]
        assert all(holders(run).values()) and told_of(first, run) == ([] if asked else [second.name])


def test_a_later_run_names_who_holds_on_to_what_a_run_that_died_has_replaced(
    controller_for: Callable[[Lab], Controller],
) -> None:
    """It dies in the second node's window, which that node finishes by itself. The first had its turn before that."""
    with Lab("1x2", shell="bash", identity={"machine_certificate_age_days": 735}) as lab:
        controller, (first, second) = controller_for(lab), lab.nodes
        second.knobs(**{"service_control.start_all_seconds": 5})
        command = ["ansible-playbook", "vcfleet.certs.rotate", "-i", str(controller.inventory)]
        controller.killed(command, when=lambda: bool(second.tool_calls("service-control", "--stop --all")))
        wait_until(lambda: journal(second)[-1]["event"] == "closed")
        again = controller.playbook("rotate")
        assert (again.rc, endings(again)) == (0, {"vc01": "kept", "vc02": "rotated"}), again.output
        assert told_of(first, again) == [second.name]
        assert told_of(first, controller.playbook("rotate")) == []


def test_a_restart_that_loses_its_controller_is_finished_by_the_node_and_told_by_the_next_run(
    controller_for: Callable[[Lab], Controller],
) -> None:
    with Lab("1x2", shell="bash", identity={"machine_certificate_age_days": 735}) as lab:
        controller, first = controller_for(lab), lab["vc01"]
        first.knobs(**{"service_control.start_all_seconds": 5})
        settings = arguments(vcfleet_restart_peers=True)
        command = ["ansible-playbook", "vcfleet.certs.rotate", "-i", str(controller.inventory), *settings]
        controller.killed(command, when=lambda: len(first.tool_calls("service-control", "--stop --all")) == 2)
        assert journal(first)[-1]["event"] != "closed"
        wait_until(lambda: journal(first)[-1]["event"] == "closed")
        opened, *_, closed = journal(first)
        assert (opened["intent"], closed["outcome"]) == ("restart", "committed")
        assert "vmware-vpxd" in first.ssh("service-control --status --all").stdout.partition("Stopped:")[0]
        before = stops(lab)
        again = controller.playbook("rotate", *settings)
        assert (again.rc, again.changed, set(endings(again).values())) == (0, 0, {"kept"}), again.output
        assert begun(before, lab) == set()
        (judged,) = again.of("machine_ssl_assess", "vc01.lab.example")
        assert "services-restarted: Restart " in judged["summary"]
