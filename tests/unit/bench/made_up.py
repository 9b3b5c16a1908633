# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as the bench writes them, of a fleet that meets every target, to make worse."""

from __future__ import annotations

from typing import Any

import medians

Data = dict[str, Any]

GROUPS = [["a1", "a2"], ["b1", "b2"]]


def cost(wall: float, cpu: float = 4.0, **more: float) -> Data:
    memory = {"main": 60.0, "total": 300.0, "workers": 4, "fork_median": 15.0, "fork_largest": 30.0}
    return {"wall": wall, "cpu": cpu, "machine": 2 * wall, "memory": memory, **more}


def rotation(*walls: float, cpu: float = 4.0, longest_group: float = 100.0, overhead: float = 0.1) -> Data:
    runs = [cost(wall, cpu, longest_group=longest_group, overhead=overhead) for wall in walls]
    return medians.summary(runs, medians.ROTATION)


def nights(*walls: float) -> Data:
    return medians.summary([cost(wall) for wall in walls])


def executions(*asked_again: str) -> dict[str, int]:
    return {node: 1 + (node in asked_again) for group in GROUPS for node in group}


def run(day: int = 1, **more: Any) -> Data:
    machine = {"commit": f"c{day}", "processors": 2, "ansible": "2.21.5", "python": "3.13.0"}
    return {"begun": f"2026-12-{day:02} 01:02:03+00:00", "forks": 20, "stop": 10.0, "start": 20.0, **machine, **more}


def fleet(nodes: int = 4, day: int = 1) -> Data:
    return {
        "sizes": "2x2",
        "nodes": nodes,
        "groups": GROUPS,
        "nothing_due": {"ping": nights(10), "ours": nights(19), "without_password": nights(18)},
        "executions": {"ping": executions(), "ours": executions("a1", "b1"), "without_password": executions()},
        "rotation": {
            "ours": rotation(170, 150, 160),
            "without_password": rotation(120),
            "peer": rotation(180, cpu=5, overhead=2),
        },
        "run": run(day),
    }


def windows(day: int = 1, near: float = 0.1, far: float = 0.1, peer: float = 2.0) -> Data:
    def seen(middle: float) -> list[Data]:
        return [{"overhead": middle + more} for more in (-0.02, 0.0, 0.02)]

    return {
        "1 ms": {"ours": seen(near), "peer": seen(peer)},
        "100 ms": {"ours": seen(far), "peer": seen(peer + 1)},
        "run": run(day),
    }


def results(day: int = 1) -> Data:
    return {"fleets": {"4": fleet(day=day)}, "windows": windows(day)}
