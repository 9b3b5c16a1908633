# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, switched on from outside the node while its swap stands still."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from invariant import HEAL_TRACES
from simvc.lab.node import Node

FROZEN, DEAD, OFF = "frozen", "dead", "off"


class Fault(Protocol):
    """`strike` is called while the swap stands still; it returns what became of the swap's process."""

    @property
    def lasting(self) -> bool:
        """Does it stay until a person mends it? Only then may a person be needed."""
        ...

    def strike(self, node: Node) -> str: ...


@dataclass(frozen=True)
class PowerLoss:
    """The plug is pulled and what no fsync covered is gone; `heal` is whether the node may put itself right at boot."""

    heal: bool
    lasting: bool = False

    def __str__(self) -> str:
        return "power loss, " + ("self-heal at boot" if self.heal else "no self-heal")

    def strike(self, node: Node) -> str:
        node.power_off(lose_unsynced=True)
        if not self.heal:
            remove_self_heal(node)
        return OFF


@dataclass(frozen=True)
class Killed:
    """The swap's process dies (out of memory), the node goes on."""

    lasting: bool = False

    def __str__(self) -> str:
        return "swap's process killed"

    def strike(self, node: Node) -> str:
        return DEAD


class Clock:
    """A calendar clock of the swap's own, which can be stepped while it runs (libfaketime): nodes share the machine's.

    As a text it is what goes before the swap's command. Its monotonic clock goes on as the kernel's does.
    """

    FILE = "/run/clock"

    def __init__(self, node: Node) -> None:
        self._node = node
        self.step("+0d")

    def step(self, offset: str) -> None:
        """Set the clock to that far from the machine's, such as -400d."""
        self._node.run(["sh", "-c", f"echo {offset} > {self.FILE}.new && mv {self.FILE}.new {self.FILE}"], check=True)

    def __str__(self) -> str:
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        settings = f"FAKETIME_TIMESTAMP_FILE={self.FILE} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1"
        return f"env LD_PRELOAD={library} {settings}"


# What each tool says of success, for a tool that lies.
_SUCCESS = {
    "entry create": "Entry with alias [__MACHINE_CERT] in store [MACHINE_SSL_CERT] was created successfully \n",
    "entry delete": "Deleted entry with alias [__MACHINE_CERT] in store [MACHINE_SSL_CERT] successfully \n",
    "--stop": "Successfully stopped all services\n",
    "--start": "Successfully started all services\n",
}
# A vecs-cli failure of each documented kind, for a tool that fails (vmware-cli.md §0.5, §3).
VECS_ERRORS = {
    5: "Access is denied.",
    87: "Possible errors: ",
    183: "",
    1021: "Cannot connect to vmafd service. ",
    4312: "Possible errors: ",
    1168: "",
    9000: "",
}
_RC = {"vecs-cli": 1021, "service-control": 1, "certool": 1}


@dataclass(frozen=True)
class ToolFault:
    """A call of a vendor tool misbehaves. `after`: it does its work first, and misbehaves then."""

    tool: str
    match: str
    mode: str
    after: bool = False
    lasting: bool = False
    code: int = 1021

    def __str__(self) -> str:
        when = "having done it" if self.after else "having done nothing"
        return f"{self.tool} {self.match}: {self.mode} {when}{', for ever' if self.lasting else ''}"

    def strike(self, node: Node) -> str:
        details: dict[str, object] = {"run_first": self.after, "times": None if self.lasting else 1}
        node.add_fault(self.tool, _ACTIONS[self.mode], match=self.match, **details, **self._answer())
        return FROZEN

    def _answer(self) -> dict[str, object]:
        if self.mode == "fails":
            said = f"vecs-cli failed. Error {self.code}: {VECS_ERRORS.get(self.code, '')}\n"
            return {"stderr": said if self.tool == "vecs-cli" else "", "rc": self.code & 0xFF or 1}
        if self.mode == "lies":
            return {"stdout": next((text for part, text in _SUCCESS.items() if part in self.match), ""), "rc": 0}
        if self.mode == "cuts its output short":
            return {"stdout": "Number of entries in store :\t1\nAlias :\t__MACH", "rc": 0}
        if self.mode == "is slow":
            return {"seconds": 1.5}
        if self.mode == "node loses power":
            return {"lose_unsynced": True}
        return {}


_ACTIONS = {
    "fails": "answer",
    "lies": "answer",
    "cuts its output short": "answer",
    "hangs": "hang",
    "is killed": "kill",
    "is slow": "slow",
    "node loses power": "power_loss",
}


@dataclass(frozen=True)
class ServiceFault:
    """A service starts as the knob says (`late:2`, `rc5:1`, `fail`, `never`), for one start or for every one."""

    service: str
    how: str
    lasting: bool = False

    def __str__(self) -> str:
        return f"{self.service} starts {self.how}{', for ever' if self.lasting else ''}"

    def strike(self, node: Node) -> str:
        node.knobs(**{f"service.{self.service}.start": self.how if self.lasting else [self.how]})
        return FROZEN


@dataclass(frozen=True)
class DiskFault:
    """The disk is full, or its folder of the swap's state is read-only."""

    kind: str
    lasting: bool = False

    def __str__(self) -> str:
        return self.kind

    def strike(self, node: Node) -> str:
        if self.kind == "disk full":
            node.fill_disk()
        else:
            _mount_state_dir(node, "mount --bind $D $D && mount -o remount,bind,ro $D")
        return FROZEN


def mend(node: Node) -> None:
    """Take every lasting fault away again, as a person would."""
    node.clear_faults()
    services = [name for name in node.knobs() if name.startswith("service.") and name.endswith(".start")]
    node.knobs(**dict.fromkeys(services))
    if node.is_on:
        node.free_disk()
        _mount_state_dir(node, "while umount $D 2>/dev/null; do :; done")


def _mount_state_dir(node: Node, command: str) -> None:
    node.run(["sh", "-c", f"D=/var/lib/vcfleet; {command}"])


def remove_self_heal(node: Node) -> None:
    """Take the armed unit off the disk of a node that is off, so that only a controller can put it right."""
    image, mount = node.folder / "disk.img", node.folder / "off"
    mount.mkdir(exist_ok=True)
    traces = " ".join(f"{mount}/{trace}" for trace in HEAL_TRACES)
    script = f"mount -o loop {image} {mount} && rm -f {traces} && umount {mount}"
    subprocess.run(["unshare", "--mount", "sh", "-c", script], check=True, capture_output=True)
