# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""service-control: the census, start and stop; its dialects from 6.5 to 8.0 (field notes §1)."""

from __future__ import annotations

import re
import time
from typing import Callable, Iterable, NamedTuple

from .. import paths
from ..errors import NodeError, ToolError
from ..process import Completed, Runner

_SECTIONS = {
    "running": "running",
    "stopped": "stopped",
    "startpending": "start_pending",
    "stoppending": "stop_pending",
}
_HEADER = re.compile(r"\s*([A-Za-z][A-Za-z _-]*?)\s*:(?!\S)\s*(.*)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_COMPLAINT = re.compile(r"^(?:Service-control failed\..*|.*startup type is not automatic.*)$", re.MULTILINE)

# They manage the others; which of them `--stop --all` leaves running is not settled (field notes §1.1).
MANAGERS = frozenset({"lwsmd", "vmware-vmon"})

# vmafdd holds the certificate store; a management node of 6.x has no directory and no VMCA of its own (field notes §9).
CORE = {
    "embedded": ("vmafdd", "vmdird", "vmcad"),
    "infrastructure": ("vmafdd", "vmdird", "vmcad"),
    "management": ("vmafdd",),
}


class Census(NamedTuple):
    """The services by state, each list sorted. Nobody expects all to run: healthy is the census of before."""

    running: list[str]
    stopped: list[str]
    start_pending: list[str]
    stop_pending: list[str]

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that do not run."""
        return sorted(set(names) - set(self.running))

    @property
    def pending(self) -> list[str]:
        """What is on its way from one state to another."""
        return sorted(self.start_pending + self.stop_pending)

    def to_dict(self) -> dict[str, list[str]]:
        return dict(self._asdict())


class NotReachedError(NodeError):
    """The services did not get where they should in time; `census` is the last one seen, None without any."""

    def __init__(self, message: str, census: Census | None) -> None:
        self.census = census
        super().__init__(
            message,
            "See `service-control --status --all` and /var/log/vmware/vmon on the node.",
            census=census.to_dict() if census else None,
        )


class ServiceControl:
    """No exit status is judged: a failed start may heal by itself, the census alone tells (field notes §1.2, §1.4)."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def census(self, timeout: float | None = None) -> Census:
        """The state of all services. Raises ToolError when the tool is missing, hangs or prints something else."""
        completed = self._runner.run([paths.SERVICE_CONTROL, "--status", "--all"], timeout=timeout, umask=0o022)
        try:
            return parse_status(completed.stdout)
        except ValueError as error:
            raise completed.error(
                f"printed {completed.said} instead of a census",
                remedy="Run `service-control --status --all` by hand on the node and see what it prints.",
            ) from error

    def start(self, names: Iterable[str] | None, timeout: float) -> Completed:
        """Ask for the start of some services, one after the other, or of all (None). Raises ToolError (missing, hangs).

        Returns the last answer; what became of it is in the census. `timeout` in seconds is for all of them together.
        """
        return self._operate(self.start_argv, names, timeout)

    def stop(self, names: Iterable[str] | None, timeout: float) -> Completed:
        """Ask for the stop of some services, one after the other, or of all (None); see `start`."""
        return self._operate(self.stop_argv, names, timeout)

    def wait_until(self, reached: Callable[[Census], bool], deadline: float, pause: float = 0.5) -> Census:
        """Poll every `pause` seconds until `reached`, return that census.

        `deadline` is on the monotonic clock. Unreadable answers on the way are borne: services in transition make
        service-control itself stumble. Raises NotReachedError, or the last ToolError when there was never a census.
        """
        census = None
        while True:
            failure: ToolError | None = None
            try:
                census = self.census(timeout=max(10.0, deadline - time.monotonic()))
            except ToolError as error:
                failure = error
            else:
                if reached(census):
                    return census
            if time.monotonic() + pause > deadline:
                raise failure if failure and census is None else NotReachedError(_where(census), census)
            time.sleep(pause)

    @staticmethod
    def start_argv(name: str | None) -> list[str]:
        """The command that starts one service or, for None, all; also for a person to type."""
        return [paths.SERVICE_CONTROL, "--start", name or "--all"]

    @staticmethod
    def stop_argv(name: str | None) -> list[str]:
        """The command that stops one service or, for None, all; also for a person to type."""
        return [paths.SERVICE_CONTROL, "--stop", name or "--all"]

    def _operate(
        self, argv: Callable[[str | None], list[str]], names: Iterable[str] | None, timeout: float
    ) -> Completed:
        # Every captured call names one service or --all; whether several names are taken is not settled.
        targets: list[str | None] = [None] if names is None else list(names)
        deadline = time.monotonic() + timeout
        for target in targets:
            left = max(1.0, deadline - time.monotonic())
            # The daemons may inherit the umask: theirs must not be ours.
            completed = self._runner.run(argv(target), timeout=left, umask=0o022)
        return completed


def complaints(completed: Completed) -> list[str]:
    """The lines in which service-control says that something went wrong; provisional, the census decides."""
    return _COMPLAINT.findall(completed.stdout + "\n" + completed.stderr)


def parse_status(text: str) -> Census:
    """The census of `--status`, in any dialect of 6.5 to 8.0 (field notes §1.3).

    Sections come in any order and are missing when empty; names stand on the header's line or on those below.
    Lines that are no names (banners, progress) are passed over. Raises ValueError when there is no section at all.
    """
    sections: dict[str, set[str]] = {field: set() for field in Census._fields}
    seen = False
    names: set[str] = set()
    for line in text.splitlines():
        header = _HEADER.fullmatch(line)
        if header is not None:
            field = _SECTIONS.get(re.sub("[ _-]", "", header.group(1)).lower())
            seen = seen or field is not None
            names = sections[field] if field else set()
            line = header.group(2)
        words = line.split()
        if all(_NAME.fullmatch(word) for word in words):
            names.update(words)
    if not seen:
        raise ValueError("no section Running, Stopped, StartPending or StopPending")
    return Census(*(sorted(sections[field]) for field in Census._fields))


def _where(census: Census | None) -> str:
    if census is None:
        return "The state of the services could not be read in time."
    return "The services did not get there in time: {} running, {} stopped, on their way: {}.".format(
        len(census.running), len(census.stopped), " ".join(census.pending) or "none"
    )
