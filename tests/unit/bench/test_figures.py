# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the table says of made-up results: targets, medians, spread, and which run each part is of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import figures
import pytest
from made_up import executions, fleet, nights, results, rotation, windows

GATED = "rotate 4 nodes (2x2) with gates and members compared: wall"
UNGATED = "rotate 4 nodes (2x2) without the SSO password: wall"
CPU = "… controller's CPU per rotated node"
QUIET = "nothing due, 4 nodes, members compared: wall"
QUIET_UNGATED = "nothing due, 4 nodes, without the SSO password: wall"
TRIPS = "… round trips per node after connecting"
NEAR, FAR = "window overhead, round trip 1 ms, median", "… round trip 100 ms"


def rows(found: dict[str, Any], name: str) -> list[figures.Row]:
    return [row for row in figures.table(found, 4) if row.name == name]


def missed(part: dict[str, Any]) -> list[str]:
    return figures.missed(figures.table({"fleets": {"4": part}}, 4))


def test_a_fleet_that_meets_every_target() -> None:
    table = figures.table(results(), 4)
    assert figures.missed(table) == []
    assert [row.name for row in table if row.holds] == [
        *(GATED, CPU, UNGATED, CPU),
        *(QUIET, TRIPS, QUIET_UNGATED, TRIPS),
        *(NEAR, FAR),
    ]
    assert {row.verdict for row in table} == {"holds", ""}


# ---- Rotations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "name"), [("ours", GATED), ("without_password", UNGATED)])
@pytest.mark.parametrize(("wall", "holds"), [(174.9, True), (175.1, False)])
def test_the_wall_has_the_longest_groups_windows_and_a_minute(side: str, name: str, wall: float, holds: bool) -> None:
    part = fleet()
    part["rotation"][side] = rotation(wall)
    assert missed(part) == ([] if holds else [name])


def test_the_median_is_judged_and_the_spread_told() -> None:
    part = fleet()
    part["rotation"]["ours"] = rotation(900, 150, 160)
    (row,) = rows({"fleets": {"4": part}}, GATED)
    assert (row.ours, row.target, row.holds) == ("160 s (150 to 900)", "≤ 175 s (1.15 x 100 + 60)", True)
    part["rotation"]["ours"] = rotation(900, 150, 800)
    assert missed(part) == [GATED]


def test_one_run_has_no_spread() -> None:
    (row,) = rows(results(), UNGATED)
    assert (row.ours, row.other) == ("120 s", "peer 180 s")


@pytest.mark.parametrize("side", ["ours", "without_password"])
def test_the_controllers_cpu_is_no_more_than_the_peers(side: str) -> None:
    part = fleet()
    part["rotation"][side] = rotation(100, cpu=5)
    assert missed(part) == []
    part["rotation"][side] = rotation(100, cpu=5.1)
    assert missed(part) == [CPU]


def test_cpu_is_shared_by_the_nodes_and_how_busy_the_machine_was_is_told() -> None:
    part = fleet()
    part["rotation"]["ours"] = rotation(100, cpu=2)
    found = {"fleets": {"4": part}}
    assert [row.ours for row in rows(found, CPU)] == ["0.50 s", "1.00 s"]
    assert rows(found, figures.MACHINE)[0].ours == "200 s (100 % of 2 processors)"


# ---- Nothing due -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "name"), [("ours", QUIET), ("without_password", QUIET_UNGATED)])
@pytest.mark.parametrize(("walls", "holds"), [((20.0,), True), ((20.1,), False), ((19, 99, 18), True)])
def test_a_night_takes_two_pings(side: str, name: str, walls: tuple[float, ...], holds: bool) -> None:
    part = fleet()
    part["nothing_due"][side] = nights(*walls)
    assert missed(part) == ([] if holds else [name])


@pytest.mark.parametrize(
    ("side", "asked_again", "told", "holds"),
    [
        ("without_password", (), "1", True),
        ("without_password", ("b2",), "1 on 3, 2 on 1", False),
        ("ours", ("a2", "b1"), "1 on 2, 2 on 2", True),
        ("ours", ("a1",), "1 on 3, 2 on 1", False),
        ("ours", ("a1", "a2"), "1 on 2, 2 on 2", False),
    ],
)
def test_round_trips_are_those_of_every_node(side: str, asked_again: tuple[str, ...], told: str, holds: bool) -> None:
    part = fleet()
    part["executions"][side] = executions(*asked_again)
    row = rows({"fleets": {"4": part}}, TRIPS)[list(figures.WAYS).index(side)]
    assert (row.ours, row.other, row.holds) == (told, "ping 1", holds)


def test_nodes_that_were_not_counted_are_no_success() -> None:
    part = fleet()
    for side in ("ours", "without_password"):
        part["executions"][side] = dict.fromkeys(executions(), 0)
    assert missed(part) == [TRIPS, TRIPS]


# ---- Windows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (windows(near=0.5, far=0.5), []),
        (windows(near=0.51, far=0.51), [NEAR]),
        (windows(near=0.1, far=0.12), []),
        (windows(near=0.1, far=0.13), [FAR]),
        (windows(near=0.1, far=0.05), []),
    ],
)
def test_windows_are_a_quarter_of_the_peers_and_do_not_grow(found: dict[str, Any], names: list[str]) -> None:
    assert figures.missed(figures.table({"fleets": {}, "windows": found}, 4)) == names


def test_only_what_was_measured_has_rows() -> None:
    assert figures.table({"fleets": {}}, 4) == []
    assert figures.table({"fleets": {"6": fleet(6)}}, 4) == []


# ---- Which run -------------------------------------------------------------------------------------------------------


def test_one_run_is_told_in_one_line() -> None:
    assert figures.origin(results(), 4) == [
        "Run of 2026-12-01 01:02 UTC, commit c1: 2 processors for controller and nodes together, ansible-core 2.21.5 on"
        " Python 3.13.0, 20 forks. Stopping all services takes 10 s there, and starting them 20 s."
    ]


def test_several_runs_are_named_part_by_part() -> None:
    found = results(day=2)
    found["fleets"].update({"30": fleet(30, day=1), "3": fleet(3, day=2)})
    found["windows"] = windows(day=3)
    head, _, *lines = figures.origin(found, 4)
    assert "not of one run" in head
    assert [line.partition(": 2 processors")[0] for line in lines] == [
        "- fleet of 4 nodes: Run of 2026-12-02 01:02 UTC, commit c2",
        "- fleet of 3 nodes, in the picture alone: Run of 2026-12-02 01:02 UTC, commit c2",
        "- fleet of 30 nodes, in the picture alone: Run of 2026-12-01 01:02 UTC, commit c1",
        "- window overhead by round trip: Run of 2026-12-03 01:02 UTC, commit c3",
    ]


def test_two_runs_of_one_minute_are_two() -> None:
    found = results()
    found["windows"]["run"]["begun"] = "2026-12-01 01:02:04+00:00"
    assert len(figures.origin(found, 4)) == 4


def test_outside_of_a_checkout_there_is_no_commit() -> None:
    found = results()
    for part in (found["windows"], found["fleets"]["4"]):
        part["run"]["commit"] = ""
    assert figures.origin(found, 4)[0].startswith("Run of 2026-12-01 01:02 UTC: 2 processors")


def test_without_a_part_there_is_no_run() -> None:
    assert figures.origin({"fleets": {}}, 4) == []


# ---- The page --------------------------------------------------------------------------------------------------------


def test_the_page_keeps_what_is_around_the_block(tmp_path: Path) -> None:
    page = tmp_path / "bench.md"
    page.write_text("before\n<!-- figures: begin -->\nfigures of yesterday\n<!-- figures: end -->\nafter\n")
    table = figures.table(results(), 4)
    figures.write_page(page, figures.origin(results(), 4), table)
    text = page.read_text()
    assert text.startswith("before\n<!-- figures: begin -->\nRun of")
    assert text.endswith("<!-- figures: end -->\nafter\n")
    assert "yesterday" not in text and figures.as_markdown(table) in text and "(bench.svg)" in text


def test_a_page_without_the_block_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "bench.md"
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match="no block"):
        figures.write_page(page, [], [])
    assert page.read_text() == "nothing\n"


def test_a_missed_target_is_seen_in_text_and_page() -> None:
    part = fleet()
    part["rotation"]["ours"] = rotation(900)
    table = figures.table({"fleets": {"4": part}}, 4)
    for told in (figures.as_text(table), figures.as_markdown(table)):
        assert [GATED in line for line in told.splitlines() if "MISSED" in line] == [True]
