# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a node's services, and what makes them change (field notes §1)."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import journal, paths
from .knobs import knob
from .profiles import CORE_SERVICES, Profile, Service

RUNNING, STOPPED, START_PENDING, STOP_PENDING = "Running", "Stopped", "StartPending", "StopPending"

# How a request on a service ended.
OK, FAILED, BUSY, SKIPPED = "ok", "failed", "busy", "skipped"

# Started one by one after the vMon profile and stopped before it.
LEAF_SERVICES = ("observability", "vmware-pod", "vmware-vdtc")

# The three whose work the lab really does, before all others: none of those starts while vmafdd is down.
_DAEMONS = {"vmafdd": paths.VMAFD_SOCKET, "vmdird": paths.VMDIR_SOCKET, "vmcad": paths.VMCA_SOCKET}
_PROXIES = {
    "vmware-rhttpproxy": (443, "MACHINE_SSL_CERT"),
    "applmgmt": (5480, "MACHINE_SSL_CERT"),
    "vmware-stsd": (7444, "STS_INTERNAL_SSL_CERT"),
}
_INDEPENDENT = ("lwsmd", "vmafdd", "vmware-vmon")

# How long all starts, or all stops, of the profile take together unless a knob says so.
_START_ALL_SECONDS = 0.3
_STOP_ALL_SECONDS = 0.15

_START_TIMEOUT = 60.0

# Runs a module of the lab's inside a node.
RUN = [os.path.realpath(sys.executable), "-ISB", "/usr/lib/simvc/run"]


class Unit:
    """One service. Its state changes under its own lock; `turn` tells a late start that it was overtaken by a stop."""

    def __init__(self, service: Service, command: list[str] | None, address: Any) -> None:
        self.service = service
        self.name = service.name
        self._command = command
        self._address = address
        self._process: subprocess.Popen[bytes] | None = None
        self._state = STOPPED
        self._turn = 0
        self._starts: list[Any] = []
        self._lock = threading.RLock()

    @property
    def state(self) -> str:
        """A service whose process died is stopped."""
        with self._lock:
            if self._state == RUNNING and self._process and self._process.poll() is not None:
                self._set(STOPPED)
            return self._state

    @property
    def start_type(self) -> str:
        return str(knob(f"service.{self.name}.start_type", self.service.start_type))

    def start(self, seconds: float) -> str:
        """Bring it up, which takes `seconds` and what its process needs."""
        with self._lock:
            if self.state == RUNNING:
                return OK
            if self._state != STOPPED:
                return BUSY
            self._set(START_PENDING)
            turn = self._turn
        kind, late = self._next_start()
        time.sleep(seconds)
        if kind == "never":
            return FAILED
        if kind in ("late", "rc5"):
            threading.Thread(target=self._come_up, args=(turn, late), daemon=True).start()
            return OK if kind == "late" else BUSY
        return self._come_up(turn, 0, fails=kind == "fail")

    def stop(self, seconds: float, force: bool) -> str:
        """Take it down; a start that is under way is broken off by `force` only."""
        with self._lock:
            if self.state == STOPPED:
                return OK
            if self._state != RUNNING and not force:
                return BUSY
            self._turn += 1
            self._set(STOP_PENDING)
        time.sleep(seconds)
        with self._lock:
            self._end_process()
            self._set(STOPPED)
        return OK

    def _come_up(self, turn: int, late: float, fails: bool = False) -> str:
        time.sleep(late)
        with self._lock:
            if self._turn != turn:
                return FAILED
            up = not fails and self._start_process()
            self._set(RUNNING if up else STOPPED)
            return OK if up else FAILED

    def _next_start(self) -> tuple[str, float]:
        """What the knob `service.<name>.start` wants of this start: one word for all, or a list for one start each."""
        wanted = knob(f"service.{self.name}.start", "ok")
        if isinstance(wanted, list):
            self._starts.append(wanted)
            number = self._starts.count(wanted) - 1
            wanted = wanted[number] if number < len(wanted) else "ok"
        kind, _, seconds = wanted.partition(":")
        return kind, float(seconds or 0)

    def _start_process(self) -> bool:
        if self._command is None:
            return True
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, cwd="/", start_new_session=True)
        deadline = time.monotonic() + _START_TIMEOUT
        while self._process.poll() is None and time.monotonic() < deadline:
            if _listens(self._address):
                return True
            time.sleep(0.01)
        self._end_process()
        return False

    def _end_process(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _set(self, state: str) -> None:
        if state != self._state:
            self._state = state
            journal.write("service", name=self.name, state=state)


class Services:
    """All services of a node."""

    def __init__(self, profile: Profile, legacy_store: bool) -> None:
        self.profile = profile
        self.units = {
            service.name: Unit(service, *_process(service.name, legacy_store)) for service in profile.services
        }

    def states(self) -> dict[str, str]:
        return {name: unit.state for name, unit in self.units.items()}

    def core(self) -> list[str]:
        """Those that the operating system starts before the profile, in start order."""
        return [name for name in CORE_SERVICES if name in self.units]

    def leaves(self) -> list[str]:
        return [name for name in LEAF_SERVICES if name in self.units]

    def in_profile(self) -> list[str]:
        return [name for name in self.units if name not in CORE_SERVICES + LEAF_SERVICES]

    def start(self, names: list[str], ha: bool = False) -> dict[str, str]:
        """Start each of `names` in turn; how it ended, by name. `ha`: as the profile of a vCenter HA node does."""
        return {name: self._start(name, self._seconds(name, "start", 0.0), ha) for name in names}

    def stop(self, names: list[str]) -> dict[str, str]:
        """Stop each of `names` in turn."""
        return {name: self.units[name].stop(self._seconds(name, "stop", 0.0), False) for name in names}

    def start_profile(self, at_once: bool = False) -> dict[str, str]:
        """Start all automatic services of the profile together; `at_once` disregards all durations."""
        names = [name for name in self.in_profile() if self.units[name].start_type == "AUTOMATIC"]
        total = knob("service_control.start_all_seconds", _START_ALL_SECONDS)

        def start(name: str, share: float) -> str:
            return self._start(name, 0.0 if at_once else self._seconds(name, "start", total * share))

        return _together(start, names)

    def stop_profile(self) -> dict[str, str]:
        """Stop all services of the profile together, whatever their start type."""
        names = [name for name in self.in_profile() if not _stays(name)]
        total = knob("service_control.stop_all_seconds", _STOP_ALL_SECONDS)

        def stop(name: str, share: float) -> str:
            return self.units[name].stop(self._seconds(name, "stop", total * share), True)

        return _together(stop, names)

    def boot(self) -> None:
        """What a node does when it is switched on."""
        for name in self.core():
            self._start(name, 0.0)
        self.start_profile(at_once=True)
        for name in self.leaves():
            self._start(name, 0.0)

    def _start(self, name: str, seconds: float, ha: bool = False) -> str:
        unit = self.units[name]
        if unit.start_type == "DISABLED" or (name in CORE_SERVICES and knob("service_control.vcha", False) and not ha):
            return SKIPPED
        if name not in _INDEPENDENT and self.units["vmafdd"].state != RUNNING:
            return FAILED
        return unit.start(seconds)

    def _seconds(self, name: str, phase: str, default: float) -> float:
        return float(knob(f"service.{name}.{phase}_seconds", default))


def _together(act: Callable[[str, float], str], names: list[str]) -> dict[str, str]:
    """Act on all at the same time; the n-th gets n/N as its share of the whole duration."""
    if not names:
        return {}
    shares: Iterable[float] = ((index + 1) / len(names) for index in range(len(names)))
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(act, names, shares), strict=True))


def _stays(name: str) -> bool:
    return name == "vmware-vmon" and bool(knob("service_control.vmon_stays", False))


def _process(name: str, legacy_store: bool) -> tuple[list[str] | None, Any]:
    """The command line that is the service, and where it listens once it is up; nothing for a service in name only."""
    if name in _DAEMONS:
        return [*RUN, f"simvc.daemons.{name}"], _DAEMONS[name]
    if name in _PROXIES and (legacy_store or name != "vmware-stsd"):
        port, store = _PROXIES[name]
        return [*RUN, "simvc.daemons.proxy", str(port), store], ("127.0.0.1", port)
    return None, None


def _listens(address: Any) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as link:
        return link.connect_ex(address) == 0
