# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's cells of the matrix: a real ansible-playbook that dies, or loses its connections, at every step.

All nodes of the lab play a cell at the same time: each swap stands still at a moment of its own when the blow falls.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from collection import CHECKOUT, COLLECTION
from controller import Controller, Run
from invariant import InvariantBroken
from moments import Hold, Moment, family
from site_under_proof import Site, story

PLAYBOOK = CHECKOUT / "tests/faults/swap.yml"
NO_RETRIES = {"ANSIBLE_SSH_RETRIES": "0"}
_PATIENCE = 90.0


@dataclass(frozen=True)
class Cell:
    """Where one node's swap stands when the blow falls."""

    step: str
    when: str
    moment: Moment


class Ensemble:
    """A controller and the nodes of its lab, one site each."""

    def __init__(self, sites: Sequence[Site], controller: Controller) -> None:
        self.sites = list(sites)
        self.controller = controller

    def play(self, blow: Blow, cells: Sequence[Cell]) -> list[str]:
        """One playbook run, struck; at most one cell per node. Returns what was not as promised, by cell."""
        sites = self.sites[: len(cells)]
        with ThreadPoolExecutor(len(sites)) as pool:
            staged = dict(zip((site.node.name for site in sites), pool.map(lambda site: site.drive.stage(), sites)))
        holds = [Hold(site.node, cell.moment) for site, cell in zip(sites, cells)]
        arguments = ["-e", json.dumps({"staged": staged, **blow.variables}), "--limit", ",".join(staged)]
        # All at the same time: a swap that waited for a fork would never come to its moment.
        forks = ["--forks", str(len(sites))]
        command = ["ansible-playbook", str(PLAYBOOK), "-i", str(self.controller.inventory), *forks, *arguments]
        with self.controller.started(command, **blow.environment) as process:
            reader = _Reader(process)
            for hold in holds:
                hold.wait(_PATIENCE)
            complaints = blow.fall(self, sites, process, lambda: [hold.release() for hold in holds])
            run = self.controller.ended(process.wait(_PATIENCE), reader.text())
        for site in sites:
            site.drive.end()
            site.tally.cases += 1
            site.tally.faults += 1
            site.tally.rotations += 1
        complaints += blow.expect(run)
        return complaints + self._judge(sites, cells, staged, blow)

    def _judge(self, sites: list[Site], cells: Sequence[Cell], staged: dict[str, str], blow: Blow) -> list[str]:
        complaints = []
        for site, cell in zip(sites, cells):
            try:
                if site.judge(staged[site.node.name]) != "new":
                    raise InvariantBroken(f"the swap did not go on to its end: {story(site.node)}")
            except InvariantBroken as broken:
                complaints.append(f"{cell.when} {cell.step}: {blow}: {broken}")
        return complaints + self._next_run(blow, list(staged))

    def _next_run(self, blow: Blow, nodes: list[str]) -> list[str]:
        """It changes nothing, and tells what nobody has heard so far: which certificate the node has now."""
        again = self.controller.playbook("rotate", "--limit", ",".join(nodes))
        if again.rc != 0 or again.changed != 0:
            return [f"{blow}: rotate afterwards: rc {again.rc}, changed {again.changed}: {again.output[-600:]}"]
        endings = {node: ended["ending"] for node, ended in again.of("fleet_summary")[-1]["nodes"].items()}
        expected = "rotated" if blow.next_run_tells else "kept"
        return [] if set(endings.values()) == {expected} else [f"{blow}: rotate afterwards tells {endings}"]


class _Reader:
    """Reads a process's output all the while, so that it never waits for us."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with suppress(ValueError, OSError):
            self._lines.extend(process.stdout)

    def text(self) -> str:
        self._thread.join(5)
        return "".join(self._lines)


class Blow:
    """Something that happens to the controller or to its connections."""

    name = ""
    next_run_tells = True
    variables: dict[str, object] = {}
    environment: dict[str, str] = NO_RETRIES

    def __str__(self) -> str:
        return self.name

    def fall(
        self, ensemble: Ensemble, sites: list[Site], process: subprocess.Popen[str], release: Callable[[], object]
    ) -> list[str]:
        """Strike, and let the swaps go on."""
        raise NotImplementedError

    def expect(self, run: Run) -> list[str]:
        """What is wrong with how the struck run ended."""
        return []


class ControllerKilled(Blow):
    """kill -9 of ansible-playbook: with all that it started (the runner lost power), or of its first process only.

    Another rotate may start while the swap still runs: it finds it, follows it, and starts no second one.
    """

    def __init__(self, whole: bool, next_run_meets_it: bool = False) -> None:
        self.whole = whole
        self.next_run_meets_it = next_run_meets_it
        self.next_run_tells = not next_run_meets_it
        self.name = f"controller killed ({'all its processes' if whole else 'first process only'})"

    def fall(
        self, ensemble: Ensemble, sites: list[Site], process: subprocess.Popen[str], release: Callable[[], object]
    ) -> list[str]:
        doomed = family(process.pid) if self.whole else [process.pid]
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        if not self.next_run_meets_it:
            release()
            return []
        swaps = _swaps(sites)
        threading.Timer(8, release).start()
        names = ",".join(site.node.name for site in sites)
        met = ensemble.controller.playbook("rotate", "--limit", names)
        complaints = [] if met.rc == 0 else [f"{self}: the next run failed: {met.output[-800:]}"]
        endings = {ended["ending"] for summary in met.of("fleet_summary") for ended in summary["nodes"].values()}
        if endings != {"rotated"}:
            complaints.append(f"{self}: the next run tells {endings}")
        if _swaps(sites) != swaps:
            complaints.append(f"{self}: the next run started a second swap")
        return complaints


class SessionsKilled(Blow):
    """The SSH server's session processes are killed on the node; Ansible may try the task again by itself."""

    def __init__(self, pipelining: bool, retries: int) -> None:
        self.environment = {"ANSIBLE_PIPELINING": str(pipelining), "ANSIBLE_SSH_RETRIES": str(retries)}
        self.name = f"connection killed (pipelining {'on' if pipelining else 'off'}, {retries} retries)"

    def fall(
        self, ensemble: Ensemble, sites: list[Site], process: subprocess.Popen[str], release: Callable[[], object]
    ) -> list[str]:
        for site in sites:
            site.node.kill_sessions()
        time.sleep(1)
        release()
        return []

    def expect(self, run: Run) -> list[str]:
        return _as_if_nothing_had_happened(self, run)


class CutAndHealed(Blow):
    """The cable is out for some seconds."""

    name = "network cut and healed"
    environment = {"ANSIBLE_SSH_RETRIES": "3"}

    def fall(
        self, ensemble: Ensemble, sites: list[Site], process: subprocess.Popen[str], release: Callable[[], object]
    ) -> list[str]:
        for site in sites:
            site.node.cut()
        release()
        time.sleep(6)
        for site in sites:
            site.node.heal()
        return []

    def expect(self, run: Run) -> list[str]:
        return _as_if_nothing_had_happened(self, run)


class CutForGood(Blow):
    """The cable stays out until the run has given up, which it must say and must not call a success.

    There are no keepalives, and the connection is a shared one: ssh itself would wait for as long as TCP does.
    """

    name = "network cut for good"
    variables: dict[str, object] = {"follow_timeout": 12}
    environment = {"ANSIBLE_SSH_RETRIES": "0", "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s"}

    def fall(
        self, ensemble: Ensemble, sites: list[Site], process: subprocess.Popen[str], release: Callable[[], object]
    ) -> list[str]:
        for site in sites:
            site.node.cut()
        release()
        process.wait(_PATIENCE)
        for site in sites:
            site.node.heal()
        return []

    def expect(self, run: Run) -> list[str]:
        if run.rc == 0 or "goes on without us" not in run.output:
            return [f"{self}: rc {run.rc}: {run.output[-800:]}"]
        return []


def _as_if_nothing_had_happened(blow: Blow, run: Run) -> list[str]:
    swaps = {result["swap"]["state"] if "swap" in result else result["msg"] for result in run.of("machine_ssl_swap")}
    if run.rc != 0 or swaps != {"committed"}:
        return [f"{blow}: rc {run.rc}, {swaps}: {run.output[-1500:]}"]
    return []


def _swaps(sites: list[Site]) -> list[int]:
    return [len(site.drive.journals()) for site in sites]


def controller(sites: Sequence[Site], lab: object, home: Path) -> Controller:
    """A controller with the collection under proof, from its sources."""
    folder = home / "collections/ansible_collections/vcfleet"
    folder.mkdir(parents=True)
    (folder / "certs").symlink_to(COLLECTION)
    return Controller(lab, home / "collections", home)  # type: ignore[arg-type]
