# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""service-control: its dialects (field notes §1.3, §1.4), and the polling that judges instead of exit codes."""

from __future__ import annotations

import time

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import ToolError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.servicecontrol import (
    Census,
    NotReachedError,
    ServiceControl,
    complaints,
    parse_status,
)
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedRunner, hung

V67 = """Running:
 applmgmt lwsmd pschealth vmafdd vmcad vmdird vmdnsd vmonapi vmware-analytics vmware-vpxd vsphere-ui
Stopped:
 vmcam vmware-imagebuilder vmware-mbcs vmware-netdumper vmware-rbd-watchdog vmware-vcha vsan-dps
"""
V67_HEALING = """StartPending:
vmware-content-library vmware-perfcharts
Stopped:
vmcam vmware-imagebuilder vmware-mbcs vmware-netdumper vmware-rbd-watchdog vmware-vcha vsan-dps
Running:
applmgmt lwsmd pschealth vmafdd vmcad vmdird vmdnsd vmonapi vmware-analytics vmware-certificatemanagement
"""
RC5 = (
    "Performing start operation on profile: ALL...\n"
    "Service-control failed. Error: Failed to start services in profile ALL. RC=5, stderr=Failed to start eam, "
    "vsphere-client, vsphere-ui, vpxd-svcs services. Error: Operation not allowed in current service state\n"
)

TITLES = {"running": "Running", "stopped": "Stopped", "start_pending": "StartPending", "stop_pending": "StopPending"}
NAMES = st.from_regex(r"[a-z][a-z0-9]{1,6}(-[a-z0-9]{1,6}){0,2}", fullmatch=True)
BANNERS = st.sampled_from(
    ["Connected to service", '    * List APIs: "help api list"', "Operation not cancellable. Please wait...", "", "   "]
)


def test_6_7():
    census = parse_status(V67)
    assert len(census.running) == 11
    assert census.stopped[0] == "vmcam"
    assert census.pending == []


def test_6_7_while_it_heals_by_itself():
    census = parse_status(V67_HEALING)
    assert census.start_pending == ["vmware-content-library", "vmware-perfcharts"]
    assert census.missing(["applmgmt", "vmware-perfcharts"]) == ["vmware-perfcharts"]


def test_6_5_one_service_on_the_headers_line():
    assert parse_status("Running: vmware-cm\n") == Census(["vmware-cm"], [], [], [])


def test_a_section_nobody_knows_is_nobodys():
    assert parse_status("Running:\n a1\nUnhealthy:\n b1\nStopped: c1") == Census(["a1"], ["c1"], [], [])


@given(
    st.lists(NAMES, unique=True, max_size=12),
    st.permutations(list(TITLES)),
    st.lists(st.integers(0, 3), min_size=12, max_size=12),
    st.booleans(),
    st.integers(1, 5),
    st.sampled_from(["", " ", "\t", "    "]),
    st.sampled_from(["\n", "\r\n"]),
    st.lists(BANNERS, max_size=3),
    st.booleans(),
)
def test_any_order_any_wrapping_missing_sections_line_ends_and_banners(
    names, order, states, on_header, width, indent, newline, banners, keep_empty
):
    sections = {field: [n for n, s in zip(names, states, strict=False) if order[s] == field] for field in order}
    lines = list(banners)
    for field in order:
        here = sections[field]
        if not here and not keep_empty:
            continue
        rows = [here[at : at + width] for at in range(0, len(here), width)]
        first = " " + " ".join(rows.pop(0)) if on_header and rows else ""
        lines.append(f"{TITLES[field]}:{first}")
        lines += [f"{indent}{' '.join(row)} " for row in rows]
    text = newline.join(lines)
    if not names and not keep_empty:
        with pytest.raises(ValueError, match="no section"):
            parse_status(text)
    else:
        assert parse_status(text) == Census(*(sorted(sections[field]) for field in Census._fields))


@given(st.text(max_size=300))
def test_no_text_breaks_the_parser(text):
    try:
        census = parse_status(text)
    except ValueError:
        return
    assert all(isinstance(names, list) for names in census)


def control(runner: ScriptedRunner) -> ServiceControl:
    return ServiceControl(runner)  # type: ignore[arg-type]


@pytest.mark.parametrize("garbage", ["", "Segmentation fault\n", "\x00\x01\x02", "<html>503</html>"])
def test_garbage_is_told_with_the_tools_output(garbage):
    runner = ScriptedRunner().expect("service-control --status --all", garbage)
    with pytest.raises(ToolError, match="instead of a census") as caught:
        control(runner).census()
    assert caught.value.stdout == garbage
    assert caught.value.remedy


def test_named_services_are_asked_for_one_by_one():
    runner = ScriptedRunner().expect("service-control --start vmafdd").expect("service-control --start vmdird")
    control(runner).start(["vmafdd", "vmdird"], 60)
    assert runner.lines == []


def test_all_are_asked_for_at_once_and_a_failure_is_not_believed():
    runner = ScriptedRunner().expect("service-control --start --all", RC5, rc=1)
    completed = control(runner).start(None, 60)
    assert complaints(completed) == [RC5.splitlines()[1]]


def test_the_ha_skip_is_a_complaint():
    runner = ScriptedRunner().expect(
        "service-control --start vmafdd", "Service vmafdd startup type is not automatic. Skip\n"
    )
    assert complaints(control(runner).start(["vmafdd"], 9)) == ["Service vmafdd startup type is not automatic. Skip"]


def test_polling_bears_stumbling_and_ends_when_reached():
    runner = ScriptedRunner()
    runner.expect("service-control --status", "Traceback (most recent call last)")
    runner.expect("service-control --status", error=hung("service-control"))
    runner.expect("service-control --status", "StartPending: vpxd\nRunning: vmafdd")
    runner.expect("service-control --status", "Running: vmafdd vpxd")
    reached = control(runner).wait_until(lambda census: "vpxd" in census.running, time.monotonic() + 5, pause=0.01)
    assert reached.running == ["vmafdd", "vpxd"]
    assert runner.lines == []


def test_polling_ends_at_the_deadline_with_the_last_census():
    runner = ScriptedRunner()
    for _round in range(100):
        runner.expect("service-control --status", "StartPending: vpxd\nRunning: vmafdd")
    with pytest.raises(NotReachedError, match="on their way: vpxd") as caught:
        control(runner).wait_until(lambda census: "vpxd" in census.running, time.monotonic() + 0.1, pause=0.01)
    assert caught.value.census == Census(["vmafdd"], [], ["vpxd"], [])


def test_polling_that_never_saw_a_census_tells_why():
    runner = ScriptedRunner()
    for _round in range(100):
        runner.expect("service-control --status", "nonsense")
    with pytest.raises(ToolError, match="instead of a census"):
        control(runner).wait_until(lambda census: True, time.monotonic() + 0.05, pause=0.01)
