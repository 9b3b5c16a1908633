# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the costs grow with the fleet, as a picture: `plot.py RESULTS.json PICTURE.svg`. Needs matplotlib."""

from __future__ import annotations

import json
import sys
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "svg.hashsalt": "the same results make the same file",
})  # fmt: skip

from matplotlib import pyplot  # noqa: E402 (takes the settings above when it is imported)

Fleet = dict[str, Any]

COLOURS = {"ours": "#1f6fb4", "without_password": "#8fc0e6", "peer": "#c8641e", "ping": "#7d7d7d"}
NAMES = {
    "ours": "rotate",
    "without_password": "rotate, without the SSO password",
    "peer": "peer",
    "ping": "ansible -m ping",
}

# Title, what is compared, and where its figure stands in the results of each side of it.
PANELS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Rotation: wall, s", "rotation", ("wall",)),
    ("Rotation: controller's CPU, s", "rotation", ("cpu",)),
    ("Rotation: controller's memory, peak, MiB", "rotation", ("memory", "total")),
    ("Nothing due: wall, s", "nothing_due", ("wall",)),
    ("Nothing due: controller's CPU, s", "nothing_due", ("cpu",)),
    ("Rotation: a fork's own memory, MiB", "rotation", ("memory", "fork_median")),
)


def main(results: str, picture: str) -> None:
    """Draw six panels over the number of nodes."""
    fleets = sorted(json.loads(Path(results).read_text())["fleets"].values(), key=lambda fleet: fleet["nodes"])
    figure, axes = pyplot.subplots(2, 3, figsize=(11, 6), layout="constrained")
    nodes = [fleet["nodes"] for fleet in fleets]
    for axis, (title, what, path) in zip(axes.flat, PANELS):
        for side in fleets[0][what]:
            values = [reduce(getitem, path, fleet[what][side]) for fleet in fleets]
            axis.plot(nodes, values, marker="o", markersize=3.5, color=COLOURS[side], label=NAMES[side])
        axis.set(title=title, xlabel="nodes", xticks=nodes)
        axis.set_ylim(bottom=0)
        axis.grid(axis="y", linewidth=0.4)
        axis.legend(frameon=False)
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
