# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows, freezes, force and the deadline from end to end, on one node whose certificate ends in 30 days."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from controller import Controller, Run
from evidence import SOON_AT_REST, at_rest, differences, served, snapshots, stops
from simvc.lab.lab import Lab

NODE = "vc01.lab.example"


def in_days(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def window(days: int) -> dict[str, str]:
    """A window of one hour, on the one day of the year that is so many days away."""
    day = in_days(days)
    return {"cron": f"0 3 {day.day} {day.month} *", "duration": "1h"}


FROZEN = {"machine_ssl_freezes": [{"from": f"{in_days(-2):%F}", "until": f"{in_days(2):%F}", "reason": "end of year"}]}


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab("1x1", shell="bash", knobs=SOON_AT_REST) as made:
        at_rest(made)
        yield made


@pytest.fixture
def rotate(lab: Lab, controller_for: Callable[[Lab], Controller]) -> Callable[..., Run]:
    controller = controller_for(lab)
    return lambda **variables: controller.playbook("rotate", "-e", json.dumps(variables))


def planned(run: Run) -> dict[str, Any]:
    return dict(run.of("fleet_plan")[0]["plan"]["nodes"][NODE])


def test_a_due_node_waits_is_refused_and_is_rotated_anyway(lab: Lab, rotate: Callable[..., Run]) -> None:
    before, certificates = snapshots(lab), served(lab)

    waits = rotate(machine_ssl_windows=[window(5)], machine_ssl_jitter=0.5)
    assert waits.rc == 0 and waits.changed == 0
    node = planned(waits)
    assert node["verdict"] == "keep"
    assert "Due, waits for the window that opens at" in node["reasons"][-1] and node["reasons"][-1] in waits.output
    assert node["when"]["window"]["next_opens_at"] == f"{in_days(5):%F}T03:00:00Z"

    frozen = rotate(**FROZEN)
    assert frozen.rc == 0 and frozen.changed == 0
    assert "(end of year)" in planned(frozen)["reasons"][-1]

    forced = rotate(**FROZEN, machine_ssl_force=True, machine_ssl_force_reason="its key may be known")
    assert forced.rc != 0
    assert planned(forced)["verdict"] == "refuse"
    assert "force goes before windows and backoff, not before a freeze" in forced.output

    late = rotate(machine_ssl_windows=[window(100)])
    assert late.rc != 0
    assert planned(late)["verdict"] == "refuse"
    assert "it is refused, as policy.deadline says" in late.output

    after = snapshots(lab)
    assert not differences(before[NODE], after[NODE])
    assert served(lab) == certificates and stops(lab) == 0

    anyway = rotate(machine_ssl_windows=[window(100)], machine_ssl_deadline="rotate")
    assert anyway.rc == 0, anyway.output
    assert "it is rotated anyway, as policy.deadline says" in planned(anyway)["reasons"][-1]
    assert served(lab) != certificates

    again = rotate(machine_ssl_windows=[window(100)], machine_ssl_deadline="rotate")
    assert again.rc == 0 and again.changed == 0
