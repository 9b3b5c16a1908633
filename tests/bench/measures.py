# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured. Each measure takes both sides in one run and returns plain data."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import medians
from evidence import Window
from simvc.lab.lab import Lab
from testbed import Bed, BenchError, Cost, Place

Say = Callable[[str], None]
Data = dict[str, Any]

# Nothing is due on a night of the bench.
FRESH = {"machine_certificate_age_days": 30}
ROUND_TRIPS = {"1 ms": 0.001, "100 ms": 0.1}


def fleet(sizes: str, rounds: int, rotations: int, place: Place, say: Say) -> Data:
    """One fleet: `rounds` nightly runs and pings in turn, then `rotations` of every node by each side in turn.

    `sizes` as the lab has them: "12x5" is twelve linked groups of five.
    """
    with Lab(sizes, shell="bash", knobs=place.settings.knobs, identity=FRESH) as lab:
        bed = Bed(lab, place)
        say(f"{len(lab.nodes)} nodes are up ({sizes})")
        return {
            "sizes": sizes,
            "nodes": len(lab.nodes),
            "groups": [[node.name for node in group] for group in bed.groups],
            "nothing_due": _nothing_due(bed, rounds, say),
            "executions": {side: bed.executions(command) for side, command in bed.nights.items()},
            "rotation": _rotations(bed, rotations, say),
        }


def windows(sizes: str, rounds: int, place: Place, say: Say) -> Data:
    """Windows near and far: by round-trip time and side, the overhead of every node's window of every round.

    Of one linked group: windows at the same time would wait for each other's turn at the processors.
    """
    with Lab(sizes, shell="bash", knobs=place.settings.knobs, identity=FRESH) as lab:
        bed = Bed(lab, place)
        say(f"{len(lab.nodes)} nodes are up ({sizes})")
        found: Data = {name: {"ours": [], "peer": []} for name in ROUND_TRIPS}
        for number in range(rounds):
            for name in medians.order(list(ROUND_TRIPS), number):
                with bed.far(ROUND_TRIPS[name]):
                    for side in medians.order(list(found[name]), number):
                        rotation = _rotation(bed, _rotating(bed)[side], f"{side} at {name}", say)
                        found[name][side] += rotation["windows"].values()
        return found


def _nothing_due(bed: Bed, rounds: int, say: Say) -> Data:
    def run(side: str) -> Cost:
        cost = bed.run(*bed.nights[side])
        say(_told(f"nothing due, {side}", cost))
        return cost

    return {side: medians.summary(runs) for side, runs in medians.in_turn(list(bed.nights), rounds, run).items()}


def _rotating(bed: Bed) -> dict[str, Callable[[], Cost]]:
    """The sides, in the order of the first round. All rotate what is not due, so one rotation can follow another."""
    return {"ours": bed.rotate, "without_password": bed.rotate_without_password, "peer": bed.peer}


def _rotations(bed: Bed, rotations: int, say: Say) -> Data:
    works = _rotating(bed)

    def run(side: str) -> Data:
        rotation = _rotation(bed, works[side], f"rotate, {side}", say)
        _check_gates(bed.gates(rotation["begun"]), side)
        return rotation

    found = medians.in_turn(list(works), rotations, run)
    return {side: medians.summary(runs, medians.ROTATION) for side, runs in found.items()}


def _check_gates(gates: dict[str, int], side: str) -> None:
    """Believe that there were gates when every linked node was asked, and that there were none when nobody was."""
    wrong = [node for node, times in gates.items() if (times > 0) != (side == "ours")]
    if wrong:
        raise BenchError(f"rotate, {side}: gates are not as they should be at {', '.join(wrong)}: {gates}")


def _rotation(bed: Bed, work: Callable[[], Cost], name: str, say: Say) -> Data:
    """One rotation of all nodes, believed only when every node presents another certificate than before."""
    before = bed.served()
    cost = work()
    after = bed.served()
    kept = [node for node in before if before[node] == after[node]]
    if kept:
        raise BenchError(f"{name} left {', '.join(kept)} with the old certificate")
    spans = bed.windows(cost["begun"])
    sums = [sum(spans[node.name].end - spans[node.name].begin for node in group) for group in bed.groups]
    say(f"{_told(name, cost)}; longest group's windows {max(sums):.1f} s")
    return {
        **cost,
        "longest_group": round(max(sums), 2),
        "overhead": round(statistics.median(span.overhead for span in spans.values()), 3),
        "windows": {node: _seen(span) for node, span in spans.items()},
    }


def _seen(span: Window) -> dict[str, float]:
    return {
        "window": round(span.end - span.begin, 3),
        "tools": round(span.tools, 3),
        "overhead": round(span.overhead, 3),
    }


def _told(name: str, cost: Cost) -> str:
    return (
        f"{name:<30} {cost['wall']:7.1f} s, controller's CPU {cost['cpu']:6.1f} s, machine's {cost['machine']:6.1f} s"
    )
