# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several runs of each side: who goes when, the middle of each figure, and how far apart the runs were. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

Data = dict[str, Any]

COSTS = ("wall", "cpu", "machine")
ROTATION = (*COSTS, "longest_group", "overhead")


def order(sides: Sequence[str], number: int) -> list[str]:
    """Who goes when in the round of that number: there and back, so that nobody gains by what drifts meanwhile."""
    return list(sides) if number % 2 == 0 else list(reversed(sides))


def in_turn(sides: Sequence[str], rounds: int, run: Callable[[str], Data]) -> dict[str, list[Data]]:
    """The runs of each side, taken round by round."""
    found: dict[str, list[Data]] = {side: [] for side in sides}
    for number in range(rounds):
        for side in order(sides, number):
            found[side].append(run(side))
    return found


def summary(runs: Sequence[Data], names: Sequence[str] = COSTS) -> Data:
    """The middle of each figure, and of each peak of memory; `spread` has the least and the most, `runs` them all."""
    spread = {name: [min(run[name] for run in runs), max(run[name] for run in runs)] for name in names}
    memory = {name: statistics.median(run["memory"][name] for run in runs) for name in runs[0]["memory"]}
    middle = {name: statistics.median(run[name] for run in runs) for name in names}
    return {**middle, "memory": memory, "spread": spread, "runs": list(runs)}
