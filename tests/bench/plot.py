# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the costs grow with the fleet, as a picture: `plot.py RESULTS.json PICTURE.svg`. Drawing needs matplotlib."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

Fleet = dict[str, Any]

COLOURS = {"ours": "#1f6fb4", "without_password": "#8fc0e6", "peer": "#c8641e", "ping": "#7d7d7d"}
NAMES = {
    "ours": "rotate",
    "without_password": "rotate, without the SSO password",
    "peer": "peer",
    "ping": "ansible -m ping",
}

SIDES = {"rotation": ("ours", "without_password", "peer"), "nothing_due": ("ours", "without_password", "ping")}

# Title, what is compared, and where its figure stands in the results of each side of it.
PANELS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Rotation: wall, s", "rotation", ("wall",)),
    ("Rotation: controller's CPU, s", "rotation", ("cpu",)),
    ("Rotation: controller's memory, peak, MiB", "rotation", ("memory", "total")),
    ("Nothing due: wall, s", "nothing_due", ("wall",)),
    ("Nothing due: controller's CPU, s", "nothing_due", ("cpu",)),
    ("Rotation: a fork's own memory, MiB", "rotation", ("memory", "fork_median")),
)


Curves = dict[str, list[float]]


def main(results: str, picture: str) -> None:
    """Draw six panels over the number of nodes."""
    fleets = sorted(json.loads(Path(results).read_text())["fleets"].values(), key=lambda fleet: fleet["nodes"])
    _draw([fleet["nodes"] for fleet in fleets], panels(fleets), picture)


def panels(fleets: Sequence[Fleet]) -> list[tuple[str, Curves]]:
    """Each panel's title, and by side its figure of every fleet."""
    return [
        (
            title,
            {side: [reduce(getitem, path, fleet[what][side]) for fleet in fleets] for side in SIDES[what]},
        )
        for title, what, path in PANELS
    ]


def _draw(nodes: list[int], drawn: list[tuple[str, Curves]], picture: str) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({
        "axes.spines.right": False,
        "axes.spines.top": False,
        "font.size": 9,
        "svg.hashsalt": "the same results make the same file",
    })  # fmt: skip
    from matplotlib import pyplot  # takes the settings above when it is imported

    figure, axes = pyplot.subplots(2, 3, figsize=(11, 6), layout="constrained")
    for axis, (title, curves) in zip(axes.flat, drawn):
        for side, values in curves.items():
            axis.plot(nodes, values, marker="o", markersize=3.5, color=COLOURS[side], label=NAMES[side])
        axis.set(title=title, xlabel="nodes", xticks=nodes)
        axis.set_ylim(bottom=0)
        axis.grid(axis="y", linewidth=0.4)
        axis.legend(frameon=False)
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
