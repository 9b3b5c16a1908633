# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured. Each measure takes both sides in one run and returns plain data."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evidence import Window
from simvc.lab.lab import Lab
from testbed import Bed, BenchError, Cost, Settings

Say = Callable[[str], None]
Data = dict[str, Any]

# Nothing is due on a night of the bench.
FRESH = {"machine_certificate_age_days": 30}
ROUND_TRIPS = {"1 ms": 0.001, "100 ms": 0.1}


def fleet(sizes: str, settings: Settings, rounds: int, collections: Path, home: Path, say: Say) -> Data:
    """One fleet: nightly runs and pings `rounds` times in turn, then each side rotates every node once.

    `sizes` as the lab has them: "12x5" is twelve linked groups of five.
    """
    with Lab(sizes, shell="bash", knobs=settings.knobs, identity=FRESH) as lab:
        bed = Bed(lab, collections, home, settings)
        say(f"{len(lab.nodes)} nodes are up ({sizes})")
        pings, nights = [], []
        for _ in range(rounds):
            pings.append(bed.ping())
            say(_told("ping", pings[-1]))
            nights.append(bed.nightly())
            say(_told("nightly", nights[-1]))
        return {
            "sizes": sizes,
            "nodes": len(lab.nodes),
            "ping": _median(pings),
            "nightly": _median(nights),
            "executions": {
                "ping": bed.executions("ansible", "vcenters", "-m", "ansible.builtin.ping"),
                "nightly": bed.executions("ansible-playbook", "vcfleet.certs.rotate"),
            },
            "peer": _rotation(bed, bed.peer, "peer", say),
            "ours": _rotation(bed, bed.rotate, "rotate", say),
        }


def windows(sizes: str, settings: Settings, rounds: int, collections: Path, home: Path, say: Say) -> Data:
    """Windows near and far: by round-trip time and side, the overhead of every node's window of every round."""
    with Lab(sizes, shell="bash", knobs=settings.knobs, identity=FRESH) as lab:
        bed = Bed(lab, collections, home, settings)
        say(f"{len(lab.nodes)} nodes are up ({sizes})")
        found: Data = {name: {"peer": [], "ours": []} for name in ROUND_TRIPS}
        for _ in range(rounds):
            for name, seconds in ROUND_TRIPS.items():
                with bed.far(seconds):
                    for side, work in (("peer", bed.peer), ("ours", bed.rotate)):
                        rotation = _rotation(bed, work, f"{side} at {name}", say)
                        found[name][side] += rotation["windows"].values()
        return found


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
    return {**cost, "longest_group": round(max(sums), 2), "windows": {node: _seen(spans[node]) for node in spans}}


def _seen(span: Window) -> dict[str, float]:
    return {
        "window": round(span.end - span.begin, 3),
        "tools": round(span.tools, 3),
        "overhead": round(span.overhead, 3),
    }


def _median(costs: list[Cost]) -> Cost:
    """The middle of each figure; the peaks of memory likewise."""
    memory = {name: statistics.median(cost["memory"][name] for cost in costs) for name in costs[0]["memory"]}
    figures = {name: statistics.median(cost[name] for cost in costs) for name in ("wall", "cpu", "machine")}
    return {**figures, "memory": memory, "runs": len(costs)}


def _told(name: str, cost: Cost) -> str:
    return (
        f"{name:<16} {cost['wall']:7.1f} s, controller's CPU {cost['cpu']:6.1f} s, machine's {cost['machine']:6.1f} s"
    )
