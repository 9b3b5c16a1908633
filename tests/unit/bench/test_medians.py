# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who goes when, and what many runs come to."""

from __future__ import annotations

from typing import Any

import medians
import pytest


def run(wall: float, cpu: float = 1.0, total: float = 100.0) -> dict[str, Any]:
    return {"wall": wall, "cpu": cpu, "machine": 2.0, "memory": {"total": total}}


def test_who_goes_first_changes_from_round_to_round() -> None:
    gone: list[str] = []

    def go(side: str) -> dict[str, Any]:
        gone.append(side)
        return {"number": len(gone)}

    found = medians.in_turn(("ours", "peer"), 3, go)
    assert gone == ["ours", "peer", "peer", "ours", "ours", "peer"]
    assert found == {
        "ours": [{"number": 1}, {"number": 4}, {"number": 5}],
        "peer": [{"number": 2}, {"number": 3}, {"number": 6}],
    }


@pytest.mark.parametrize(
    ("walls", "median", "spread"),
    [((7.0,), 7.0, [7.0, 7.0]), ((9.0, 1.0, 4.0), 4.0, [1.0, 9.0]), ((1.0, 4.0), 2.5, [1.0, 4.0])],
)
def test_the_middle_counts_and_the_spread_is_told(walls: tuple[float, ...], median: float, spread: list[float]) -> None:
    found = medians.summary([run(wall) for wall in walls])
    assert (found["wall"], found["spread"]["wall"]) == (median, spread)
    assert [each["wall"] for each in found["runs"]] == list(walls)


def test_each_figure_has_a_middle_of_its_own() -> None:
    found = medians.summary([run(1, 30, 7), run(2, 10, 9), run(3, 20, 8)])
    assert (found["wall"], found["cpu"], found["memory"]) == (2, 20, {"total": 8})
    assert found["spread"] == {"wall": [1, 3], "cpu": [10, 30], "machine": [2.0, 2.0]}


def test_a_rotation_has_its_windows_as_well() -> None:
    runs = [{**run(1), "longest_group": seconds, "overhead": seconds / 100} for seconds in (170, 160, 180)]
    found = medians.summary(runs, medians.ROTATION)
    assert (found["longest_group"], found["overhead"]) == (170, 1.7)
    assert found["spread"]["longest_group"] == [160, 180]
