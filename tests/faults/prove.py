# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that the window survives everything: the matrix, then random rounds.

Prints the figures at the end, and ends with 1 if any of them is wrong.
"""

from __future__ import annotations

import argparse
import queue
import random
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import collection
import controllers
import rounds
from controllers import Blow, Cell, ControllerKilled, CutAndHealed, CutForGood, Ensemble, SessionsKilled
from figures import write_page
from matrix import Anatomy, cases, dissect
from simvc.lab.lab import Lab
from site_under_proof import QUICK, Act, Site, Tally

# Where a blow falls that need not fall at every moment.
FEW = 5


@dataclass(frozen=True)
class Task:
    """One rotation to be struck, and how to speak of it."""

    name: str
    acts: list[Act]


class Proof:
    """A lab of single nodes, and the figures."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.sites = [Site(node) for node in lab.nodes]
        self.anatomy: Anatomy = dissect(self.sites[0])
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda site: site.drive.rotate(), self.sites[1:]))
        self.sites = [Site(node) for node in lab.nodes]
        self.failures: list[str] = []

    def play(self, tasks: Iterable[Task]) -> None:
        """Deal the tasks to the nodes, each of which plays one after the other."""
        waiting: queue.Queue[Task] = queue.Queue()
        for task in tasks:
            waiting.put(task)
        threads = [threading.Thread(target=self._work, args=(site, waiting)) for site in self.sites]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def play_controllers(self, home: Path, every: int = 1) -> None:
        """Every blow to a controller, at every moment of the road, a batch of nodes at a time."""
        ensemble = Ensemble(self.sites, controllers.controller(self.sites, self.lab, home))
        cells = [Cell(step, when, moment) for (step, when), moment in self.anatomy.moments.items()]
        for blow, all_moments in blows():
            struck = cells[::every] if all_moments else cells[1 :: -(-len(cells) // FEW)]
            for batch in _batches(struck, len(self.sites)):
                self._tell(f"{blow}: {', '.join(str(cell.moment) for cell in batch)}")
                try:
                    self._fail(ensemble.play(blow, batch))
                except Exception:
                    self._fail([f"{blow}: {traceback.format_exc()}"])
                    for site in self.sites:
                        self._restored(site)

    @property
    def tally(self) -> Tally:
        total = Tally()
        for site in self.sites:
            total.add(site.tally)
        total.failures = list(self.failures)
        return total

    def _work(self, site: Site, waiting: queue.Queue[Task]) -> None:
        while True:
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                return
            begun = time.monotonic()
            try:
                which = site.prove(task.acts)
            except Exception as error:
                words = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
                self._fail([f"{task.name}: {words}"])
                if not self._restored(site):
                    return
            else:
                self._tell(f"{task.name}: {which}, {time.monotonic() - begun:.1f} s")

    def _restored(self, site: Site) -> bool:
        """A node that nothing puts right is taken out of the proof; the others play on."""
        try:
            site.restore()
        except Exception:
            self._fail([f"{site.node.name} stays as it is: {traceback.format_exc()}"])
            return False
        return True

    def _fail(self, complaints: Sequence[str]) -> None:
        self.failures += complaints
        for complaint in complaints:
            self._tell(f"FAILED {complaint}")

    @staticmethod
    def _tell(line: str) -> None:
        print(line, flush=True)


def blows() -> list[tuple[Blow, bool]]:
    """What may happen to a controller; whether it is to happen at all moments or at a few of them."""
    return [
        (ControllerKilled(whole=True), True),
        (ControllerKilled(whole=False), False),
        (SessionsKilled(pipelining=True, retries=3), True),
        (SessionsKilled(pipelining=False, retries=3), False),
        (SessionsKilled(pipelining=True, retries=0), False),
        (ControllerKilled(whole=True, next_run_meets_it=True), False),
        (CutAndHealed(), False),
        (CutForGood(), False),
    ]


def _batches(cells: Sequence[Cell], size: int) -> list[Sequence[Cell]]:
    """As even as can be: each run of a playbook costs the same for one node as for many."""
    number = -(-len(cells) // size)
    return [cells[start::number] for start in range(number)]


def _timed(what: str, work: Callable[[], None]) -> float:
    begun = time.monotonic()
    work()
    seconds = time.monotonic() - begun
    print(f"── {what}: {seconds:.0f} s", flush=True)
    return seconds


def main() -> int:
    arguments = _parser().parse_args()
    print(f"seed {arguments.seed} (SEED={arguments.seed} replays the random rounds)", flush=True)
    seconds: dict[str, float] = {}
    with Lab(f"{arguments.nodes}x1", legacy_store=True, knobs=QUICK) as lab:
        proof = Proof(lab)
        matrix = [Task(f"{case.when} {case.step}: {case.act.fault}", [case.act]) for case in cases(proof.anatomy)]
        numbers = [arguments.only] if arguments.only is not None else range(arguments.rounds)
        random_rounds = [
            Task(f"round {number}: {'; '.join(map(str, acts))}", acts)
            for number in numbers
            for acts in [rounds.acts(f"{arguments.seed}/{number}", proof.anatomy)]
        ]
        if arguments.matrix:
            seconds["matrix"] = _timed("matrix", lambda: proof.play(matrix[:: arguments.every]))
        if arguments.controllers:
            with tempfile.TemporaryDirectory(prefix="vcfleet-faults-") as home:
                work = lambda: proof.play_controllers(Path(home), arguments.every)  # noqa: E731
                seconds["controllers"] = _timed("controllers and connections", work)
        seconds["rounds"] = _timed(f"{len(random_rounds)} random rounds", lambda: proof.play(random_rounds))
        tally = proof.tally
    return _report(tally, seconds, arguments)


def _report(tally: Tally, seconds: dict[str, float], arguments: argparse.Namespace) -> int:
    figures = {
        "faults injected": tally.faults,
        "rotations": tally.rotations,
        "rotations survived": tally.survived,
        "  of struck ones, ended with the new certificate": tally.new,
        "  of struck ones, ended with the old certificate": tally.old,
        "pairs lost": tally.lost,
        "nodes that needed a person after a lasting fault, put right by the printed instructions": tally.people,
        "nodes that needed a person without one": tally.people_in_vain,
        "failures": len(tally.failures),
        "seconds": round(sum(seconds.values())),
    }
    for name, number in figures.items():
        print(f"{number:>8}  {name}")
    for failure in tally.failures:
        print(f"FAILED {failure}")
    if arguments.page:
        write_page(arguments.page, figures, collection.road(), arguments.seed)
    return 0 if tally.sound else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Strike swaps with faults, and judge what becomes of the nodes.")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--only", type=int, metavar="ROUND", help="one of the random rounds")
    parser.add_argument("--no-matrix", dest="matrix", action="store_false")
    parser.add_argument("--no-controllers", dest="controllers", action="store_false")
    parser.add_argument("--every", type=int, default=1, metavar="K", help="only every K-th cell of the matrix")
    parser.add_argument("--nodes", type=int, default=12)
    parser.add_argument("--page", type=Path, help="write the figures into the marked block of this page")
    return parser


if __name__ == "__main__":
    sys.exit(main())
