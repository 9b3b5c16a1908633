# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as a table: what was found, what it should be, and whether it is. Pure, but for the page."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(r"(<!-- figures: begin -->\n).*?(<!-- figures: end -->)", re.DOTALL)

Results = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One figure. `target` and `holds` are empty and None where there is nothing to meet."""

    name: str
    ours: str
    other: str
    target: str = ""
    holds: bool | None = None

    @property
    def verdict(self) -> str:
        """In a word."""
        return {None: "", True: "holds", False: "MISSED"}[self.holds]

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """As the table has them."""
        return self.name, self.ours, self.other, self.target, self.verdict


HEAD = ("", "vcfleet.certs", "the other side", "target", "")


MACHINE = "… CPU of the whole machine, simulated nodes and all"

# With the SSO password, and without. What that means when nodes are rotated, and when nothing is due.
WAYS = {
    "ours": ("with gates and members compared", "members compared"),
    "without_password": ("without the SSO password", "without the SSO password"),
}


def table(results: Results, nodes: int) -> list[Row]:
    """All figures of the fleet of that many nodes, and of the windows, as far as they were measured."""
    rows: list[Row] = []
    fleet = results["fleets"].get(str(nodes))
    if fleet:
        for way in WAYS:
            rows += _rotation(fleet, way)
        for way in WAYS:
            rows += _nothing_due(fleet, way)
        rows += _memory(fleet)
    if "windows" in results:
        rows += _windows(results["windows"])
    return rows


def _rotation(fleet: Results, way: str) -> Iterator[Row]:
    ours, peer, nodes = fleet["rotation"][way], fleet["rotation"]["peer"], fleet["nodes"]
    limit = 1.15 * ours["longest_group"] + 60
    yield Row(
        f"rotate {nodes} nodes ({fleet['sizes']}) {WAYS[way][0]}: wall",
        _seconds(ours, "wall", 0),
        f"peer {_seconds(peer, 'wall', 0)}",
        f"≤ {limit:.0f} s (1.15 x {ours['longest_group']:.0f} + 60)",
        ours["wall"] <= limit,
    )
    yield Row(
        "… controller's CPU per rotated node",
        _seconds(ours, "cpu", 2, nodes),
        f"peer {_seconds(peer, 'cpu', 2, nodes)}",
        "≤ the peer's",
        ours["cpu"] <= peer["cpu"],
    )
    processors = fleet["run"]["processors"]
    yield Row(MACHINE, _machine(ours, processors), f"peer {_machine(peer, processors)}")
    yield Row(
        "… window overhead, median",
        _seconds(ours, "overhead", 2),
        f"peer {_seconds(peer, 'overhead', 2)}",
    )


def _nothing_due(fleet: Results, way: str) -> Iterator[Row]:
    ours, ping = fleet["nothing_due"][way], fleet["nothing_due"]["ping"]
    yield Row(
        f"nothing due, {fleet['nodes']} nodes, {WAYS[way][1]}: wall",
        _seconds(ours, "wall", 1),
        f"ping {_seconds(ping, 'wall', 1)}",
        f"≤ {2 * ping['wall']:.1f} s (2 x ping)",
        ours["wall"] <= 2 * ping["wall"],
    )
    yield Row("… controller's CPU", _seconds(ours, "cpu", 1), f"ping {_seconds(ping, 'cpu', 1)}")
    processors = fleet["run"]["processors"]
    yield Row(MACHINE, _machine(ours, processors), f"ping {_machine(ping, processors)}")
    yield _round_trips(fleet, way)


def _round_trips(fleet: Results, way: str) -> Row:
    """With the password one node of each group is asked for its members; beyond that one round trip has to do."""
    times, more = fleet["executions"][way], 1 if way == "ours" else 0
    return Row(
        "… round trips per node after connecting",
        _times(times),
        f"ping {_times(fleet['executions']['ping'])}",
        "1, and 1 more on one node of each group" if more else "1",
        all(sorted(times[node] for node in group) == [1] * (len(group) - 1) + [1 + more] for group in fleet["groups"]),
    )


def _times(times: dict[str, int]) -> str:
    """How many, and on how many nodes when they differ."""
    counted = sorted(Counter(times.values()).items())
    return str(counted[0][0]) if len(counted) == 1 else ", ".join(f"{count} on {nodes}" for count, nodes in counted)


def _memory(fleet: Results) -> Iterator[Row]:
    for name, title in (
        ("main", "controller's memory, main process, peak"),
        ("fork_median", "… one fork's own, median"),
        ("fork_largest", "… one fork's own, largest"),
        ("total", "… all of it, peak"),
    ):
        ours, peer = (fleet["rotation"][side]["memory"][name] for side in ("ours", "peer"))
        yield Row(title, f"{ours:.0f} MiB", f"peer {peer:.0f} MiB")


def _windows(windows: Results) -> Iterator[Row]:
    near, far = ({side: _middle(found) for side, found in windows[name].items()} for name in ("1 ms", "100 ms"))
    yield Row(
        "window overhead, round trip 1 ms, median",
        f"{near['ours']:.2f} s",
        f"peer {near['peer']:.2f} s",
        f"≤ {near['peer'] / 4:.2f} s (a quarter of the peer's)",
        near["ours"] <= near["peer"] / 4,
    )
    growth = far["ours"] - near["ours"]
    # What one round of the same measure differs from the next is no growth.
    spread = _spread(windows["1 ms"]["ours"])
    yield Row(
        "… round trip 100 ms",
        f"{far['ours']:.2f} s ({growth:+.2f})",
        f"peer {far['peer']:.2f} s ({far['peer'] - near['peer']:+.2f})",
        f"does not grow (spread at 1 ms: ±{spread:.2f} s)",
        growth <= spread,
    )


def _seconds(side: Results, name: str, places: int, shared_by: int = 1) -> str:
    """The median, and where there are several runs the least and the most."""
    middle, low, high = (f"{value / shared_by:.{places}f}" for value in (side[name], *side["spread"][name]))
    return f"{middle} s" if len(side["runs"]) == 1 else f"{middle} s ({low} to {high})"


def _machine(side: Results, processors: int) -> str:
    """How long they worked, and what share of their time that was: near all of it, and they were what took the time."""
    share = 100 * side["machine"] / (side["wall"] * processors)
    return f"{side['machine']:.0f} s ({share:.0f} % of {processors} processors)"


def _middle(windows: Sequence[dict[str, float]]) -> float:
    return statistics.median(window["overhead"] for window in windows)


def _spread(windows: Sequence[dict[str, float]]) -> float:
    """Half of the range of the middle half."""
    low, _, high = statistics.quantiles([window["overhead"] for window in windows], n=4)
    return (high - low) / 2


def origin(results: Results, nodes: int) -> list[str]:
    """The run that all figures are of, in one line; or, where they are of several, a line for each part."""
    parts = dict(_parts(results, nodes))
    told = [_run(run) for run in parts.values()]
    if len({run["begun"] for run in parts.values()}) < 2:
        return told[:1]
    lines = [f"- {name}: {line}" for name, line in zip(parts, told)]
    return ["**These figures are not of one run.** In each part both sides are of the same:", "", *lines]


def _parts(results: Results, nodes: int) -> Iterator[tuple[str, Results]]:
    """What was measured at a time, and in which run; first what the table has."""
    for size, fleet in sorted(results["fleets"].items(), key=lambda each: (int(each[0]) != nodes, int(each[0]))):
        where = "" if int(size) == nodes else ", in the picture alone"
        yield f"fleet of {size} nodes{where}", fleet["run"]
    if "windows" in results:
        yield "window overhead by round trip", results["windows"]["run"]


def _run(run: Results) -> str:
    commit = f", commit {run['commit']}" if run["commit"] else ""
    return (
        f"Run of {run['begun'][:16]} UTC{commit}: {run['processors']} processors for controller and nodes together,"
        f" ansible-core {run['ansible']} on Python {run['python']}, {run['forks']} forks. Stopping all services takes"
        f" {run['stop']:g} s there, and starting them {run['start']:g} s."
    )


def missed(rows: Sequence[Row]) -> list[str]:
    """The names of the rows whose target is not met."""
    return [row.name for row in rows if row.holds is False]


def as_text(rows: Sequence[Row]) -> str:
    """For a terminal."""
    lines = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def as_markdown(rows: Sequence[Row]) -> str:
    """For the docs."""
    lines = [HEAD, ("---", "---:", "---:", "---", "---"), *(row.cells for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_page(page: Path, origin: Sequence[str], rows: Sequence[Row]) -> None:
    """Replace the page's block; nothing else is touched. Raises ValueError when the page has none."""
    text = page.read_text()
    if not _BLOCK.search(text):
        raise ValueError(f"{page} has no block for the figures")
    picture = f"![How the costs grow with the fleet]({page.with_suffix('.svg').name})"
    block = "\n".join([*origin, "", as_markdown(rows), "", picture, ""])
    page.write_text(_BLOCK.sub(lambda match: f"{match[1]}{block}{match[2]}", text))
