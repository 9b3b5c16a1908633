#!/usr/bin/env python3
# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: what the collection costs, next to what a good playbook of plain commands costs.

bench.py TARBALL [--nodes 60 --groups 12] [--part fleet|windows|all] ...

Writes the results as JSON after each part, prints the table, and puts it and the plot in the docs. A part that is not
run keeps the figures that the JSON file has of it; each says which run it is of, and so does the page when they differ.

Exit status: 0 all targets in the table are met, 1 a measure could not be taken, 2 wrong usage, 3 a target is missed
(everything is written all the same).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "appliance"), str(ROOT / "tests" / "integration")]

import figures  # noqa: E402 (found by the path above, as all below)
import measures  # noqa: E402
from controller import BIN, install  # noqa: E402
from figures import Results  # noqa: E402
from testbed import BenchError, Place, Settings  # noqa: E402

FAILED, MISSED = 1, 3


def main() -> int:
    """Measure, write, print; returns the exit status."""
    wanted = _arguments()
    results = _earlier(wanted.json)
    try:
        with tempfile.TemporaryDirectory(prefix="vcfleet-bench-") as folder:
            _measure(wanted, Path(folder), results)
    except BenchError as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return FAILED
    table = figures.table(results, wanted.nodes)
    print("\n".join([*figures.origin(results, wanted.nodes), "", figures.as_text(table)]))
    if wanted.page:
        figures.write_page(wanted.page, figures.origin(results, wanted.nodes), table)
        plot = [wanted.plot_python, ROOT / "tests/bench/plot.py", wanted.json, wanted.page.with_suffix(".svg")]
        subprocess.run(plot, check=True)
    return MISSED if figures.missed(table) else 0


def _earlier(path: Path) -> Results:
    """What the JSON file has of earlier runs; parts that do not say which run they are of are left out."""
    found = json.loads(path.read_text()) if path.exists() else {}
    windows = {"windows": found["windows"]} if "run" in found.get("windows", {}) else {}
    return {**windows, "fleets": {size: each for size, each in found.get("fleets", {}).items() if "run" in each}}


def _measure(wanted: argparse.Namespace, home: Path, results: Results) -> None:
    run = _stamp(wanted)
    settings = Settings(wanted.forks, wanted.stop, wanted.start)
    place = Place(settings, install(wanted.tarball, home / "collections"), home)
    if wanted.part in ("windows", "all"):
        _say("windows near and far")
        results["windows"] = {**measures.windows("1x3", wanted.rounds, place, _say), "run": run}
        _keep(wanted.json, results)
    if wanted.part in ("fleet", "all"):
        for size in [size for size in wanted.sizes if size < wanted.nodes] + [wanted.nodes]:
            rotations = wanted.rotations if size == wanted.nodes else wanted.small_rotations
            found = measures.fleet(_groups(size, wanted), wanted.rounds, rotations, place, _say)
            results["fleets"][str(size)] = {**found, "run": run}
            _keep(wanted.json, results)


def _groups(nodes: int, wanted: argparse.Namespace) -> str:
    """Linked groups of the wanted size, or of three where that many nodes make no such group."""
    size = wanted.nodes // wanted.groups
    if nodes % size:
        size = 3
    return f"{nodes // size}x{size}"


def _keep(path: Path, results: Results) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")


def _stamp(wanted: argparse.Namespace) -> dict[str, Any]:
    """Which run a part is of, and what it ran on."""
    told = subprocess.run([BIN / "ansible", "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "begun": datetime.now(UTC).isoformat(" ", "seconds"),
        "commit": _commit(),
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "ansible": told.partition("]")[0].rpartition(" ")[2],
        "forks": wanted.forks,
        "stop": wanted.stop,
        "start": wanted.start,
    }


def _commit() -> str:
    """The tree's, with a mark when there are changes to more than the docs; empty outside of a checkout."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", ":!docs")
    return f"{commit} and uncommitted changes" if changed else commit


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _say(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S}  {line}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tarball", type=Path, help="the collection")
    parser.add_argument("--nodes", type=int, default=60)
    parser.add_argument("--groups", type=int, default=12, help="linked groups of the largest fleet")
    parser.add_argument("--sizes", type=_numbers, default=[3, 6, 15, 30], help="the smaller fleets: 3,6,15,30")
    parser.add_argument("--rounds", type=_count, default=3, help="how often the short measures are taken")
    parser.add_argument("--rotations", type=_count, default=3, help="how often each side rotates the largest fleet")
    parser.add_argument("--small-rotations", type=_count, default=1, help="and the smaller ones")
    parser.add_argument("--forks", type=int, default=20)
    parser.add_argument("--stop", type=float, default=10, help="seconds that stopping all services takes")
    parser.add_argument("--start", type=float, default=20, help="seconds that starting them takes")
    parser.add_argument("--part", choices=("fleet", "windows", "all"), default="all")
    parser.add_argument("--json", type=Path, default=ROOT / "build/results/bench.json")
    parser.add_argument("--page", type=Path, help="the page with the block for the table; the plot goes next to it")
    parser.add_argument("--plot-python", type=Path, default=Path(sys.executable), help="a Python with matplotlib")
    wanted = parser.parse_args()
    if not 1 <= wanted.groups <= wanted.nodes:
        parser.error("a linked group has one node or more")
    return wanted


def _count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("once or more")
    return int(text)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


if __name__ == "__main__":
    sys.exit(main())
