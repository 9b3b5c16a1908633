# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""service_control and service_control_info: the census judges, not the tool's word."""

from __future__ import annotations

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import service_control, service_control_info
from scripted import ScriptedRunner, hung

HEALTHY = "Running:\n lwsmd vmafdd vmcad vmdird vmware-vmon vpxd\nStopped:\n vmcam\n"
DOWN = "Running:\n lwsmd vmware-vmon\nStopped:\n vmafdd vmcad vmcam vmdird vpxd\n"
CORE_UP = "Running:\n lwsmd vmafdd vmcad vmdird vmware-vmon\nStopped:\n vmcam vpxd\n"
RISING = "Running:\n lwsmd vmafdd vmcad vmdird vmware-vmon\nStartPending:\n vpxd\nStopped:\n vmcam\n"
RUNNING = ["lwsmd", "vmafdd", "vmcad", "vmdird", "vmware-vmon", "vpxd"]
RC5 = "Service-control failed. Error: Failed to start services in profile ALL. RC=5, stderr=Operation not allowed\n"


def run(runner: ScriptedRunner, check_mode: bool = False, **options: object) -> dict:
    given = {"services": None, "all": None, "core": None, "node_type": None, "census": None, "timeout": 5.0, **options}
    return service_control.run({"poll_interval": 0.01, **given}, runner.context(check_mode))


def census(*texts: str) -> ScriptedRunner:
    runner = ScriptedRunner()
    for text in texts:
        runner.expect("service-control --status --all", text)
    return runner


def then(runner: ScriptedRunner, *texts: str) -> ScriptedRunner:
    for text in texts:
        runner.expect("service-control --status --all", text)
    return runner


def test_info_is_the_census():
    result = service_control_info.run({}, census(HEALTHY).context())
    assert result["changed"] is False
    assert result["census"] == {"running": RUNNING, "stopped": ["vmcam"], "start_pending": [], "stop_pending": []}


def test_all_are_started_until_the_census_is_back_although_the_tool_says_it_failed():
    runner = then(census(DOWN).expect("service-control --start --all", RC5, rc=1), RISING, RISING, HEALTHY)
    result = run(runner, state="started", all=True, census=RUNNING)
    assert result["changed"]
    assert result["started"] == ["vmafdd", "vmcad", "vmdird", "vpxd"]
    assert result["stopped"] == []
    assert runner.lines == []


def test_a_healthy_node_is_left_alone():
    runner = census(HEALTHY)
    result = run(runner, state="started", all=True, census=RUNNING)
    assert (result["changed"], result["started"]) == (False, [])
    assert len(runner.calls) == 1


def test_without_a_census_what_was_begun_must_end():
    runner = then(census(DOWN).expect("service-control --start --all"), RISING, HEALTHY)
    assert run(runner, state="started", all=True)["census"]["running"] == RUNNING


def test_core_goes_by_the_node_type_in_its_order():
    runner = census(DOWN)
    for name in ("vmafdd", "vmdird", "vmcad"):
        runner.expect(f"service-control --start {name}")
    result = run(then(runner, CORE_UP), state="started", core=True, node_type="embedded")
    assert result["started"] == ["vmafdd", "vmcad", "vmdird"]
    runner = census(DOWN).expect("service-control --start vmafdd")
    result = run(then(runner, "Running: vmafdd\nStopped: vpxd"), state="started", core=True, node_type="management")
    assert result["changed"]


def test_core_is_stopped_backwards_and_only_what_runs():
    runner = census(CORE_UP.replace("vmcad ", "").replace("Stopped:\n", "Stopped:\n vmcad "))
    runner.expect("service-control --stop vmdird").expect("service-control --stop vmafdd")
    assert run(then(runner, DOWN), state="stopped", core=True, node_type="embedded")["stopped"] == ["vmafdd", "vmdird"]


def test_all_are_stopped_but_the_service_managers():
    runner = then(census(HEALTHY).expect("service-control --stop --all"), RISING, DOWN)
    result = run(runner, state="stopped", all=True)
    assert result["stopped"] == ["vmafdd", "vmcad", "vmdird", "vpxd"]
    assert not run(census(DOWN), state="stopped", all=True)["changed"]


def test_only_named_services_that_do_not_run_are_started():
    runner = then(census(CORE_UP).expect("service-control --start vpxd"), HEALTHY)
    assert run(runner, state="started", services=["vmafdd", "vpxd"])["started"] == ["vpxd"]


@pytest.mark.parametrize(
    ("before", "after", "options"),
    [
        (DOWN, HEALTHY, {"state": "started", "all": True, "census": RUNNING}),
        (HEALTHY, DOWN, {"state": "stopped", "all": True}),
        (DOWN, CORE_UP, {"state": "started", "core": True, "node_type": "embedded"}),
        (HEALTHY, HEALTHY, {"state": "started", "all": True, "census": RUNNING}),
    ],
)
def test_check_mode_tells_what_a_run_then_does_and_calls_nothing(before, after, options):
    told = run(census(before), check_mode=True, **options)
    runner = census(before)
    verb = "--start" if options["state"] == "started" else "--stop"
    targets = ["vmafdd", "vmdird", "vmcad"] if "core" in options else ["--all"]
    if before != after:
        for target in targets:
            runner.expect(f"service-control {verb} {target}")
        then(runner, after)
    assert told == run(runner, **options)


def test_services_that_do_not_come_are_named_with_what_the_tool_said():
    runner = census(DOWN).expect("service-control --start --all", RC5, rc=1)
    then(runner, *[CORE_UP] * 200)
    with pytest.raises(NodeError, match="Not running: vpxd") as caught:
        run(runner, state="started", all=True, census=RUNNING, timeout=0.1)
    assert "RC=5" in caught.value.message
    assert caught.value.remedy
    assert caught.value.details["census"]["stopped"] == ["vmcam", "vpxd"]


def test_a_tool_that_hangs_is_told():
    runner = census(DOWN).expect("service-control --start --all", error=hung("service-control"))
    with pytest.raises(NodeError, match="did not end"):
        run(runner, state="started", all=True, census=RUNNING)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"state": "started"}, "Exactly one of"),
        ({"state": "started", "all": True, "core": True}, "Exactly one of"),
        ({"state": "started", "core": True}, "core needs node_type"),
        ({"state": "started", "core": True, "node_type": "psc"}, "core needs node_type"),
        ({"state": "started", "services": ["vmca"]}, "no service vmca on this node; there are lwsmd"),
        ({"state": "started", "all": True, "census": ["vmca"]}, "no service vmca"),
        ({"state": "stopped", "all": True, "census": RUNNING}, "census goes with"),
    ],
)
def test_bad_input_is_refused_before_anything_is_started_or_stopped(options, said):
    for check_mode in (True, False):
        runner = census(HEALTHY)
        with pytest.raises(NodeError, match=said) as caught:
            run(runner, check_mode, **options)
        assert caught.value.remedy
        assert len(runner.calls) <= 1
