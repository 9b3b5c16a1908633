# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab for tests: `with Lab("1x3") as lab: lab["vc01"].ssh("hostname")`."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from .. import ipc
from ..profiles import profile
from . import inventory, registry, requirements
from .interpreters import find, find_or_nearest
from .layers import APPLIANCE
from .node import Node
from .plan import LabPlan, group_sizes, make_plan
from .settling import settle


class LabError(Exception):
    """A lab did not start, or is not there."""


class Lab:
    """Nodes in their network. Use as a context manager, or start() and stop(); `detach()` leaves it running.

    `groups` as for plan.group_sizes; `python` overrides the profiles' interpreter (version or path); `pnids` are those
    of the first nodes, in place of their names; `knobs` are set on every node before it boots; `identity` overrides
    keys of the nodes' identity (such as machine_certificate_age_days); `jump_host` adds one, see `outside_command`.
    """

    def __init__(
        self,
        groups: str = "1x1",
        *,
        profiles: tuple[str, ...] = ("8.0u3",),
        python: str | None = None,
        shell: str = "bash",
        legacy_store: bool = False,
        pnids: tuple[str, ...] = (),
        knobs: dict[str, Any] | None = None,
        identity: dict[str, Any] | None = None,
        folder: Path | None = None,
        inventory: Path | None = None,
        jump_host: bool = False,
    ):
        pythons, self.notes = _interpreters(profiles, python)
        self._plan = make_plan(
            group_sizes(groups),
            profiles=list(profiles),
            pythons=pythons,
            shell=shell,
            legacy_store=legacy_store,
            pnids=pnids,
            knobs=knobs,
            identity=identity,
            inventory=str(inventory.absolute()) if inventory else None,
            jump_host=jump_host,
        )
        self.folder = folder.absolute() if folder else None
        self.nodes: list[Node] = []
        self._keeper: subprocess.Popen[str] | None = None
        self._detached = False
        self._switch = 0
        self._outside: dict[str, Any] | None = None
        self._socket = ""

    @classmethod
    def attach(cls, folder: Path) -> "Lab":
        """The running lab of that folder.

        Raises LabError when there is none.
        """
        folder = folder.absolute()
        if registry.find(folder) is None or not (folder / "lab.json").exists():
            raise LabError(f"no lab runs in {folder}")
        lab = cls.__new__(cls)
        lab.notes, lab._keeper, lab._detached, lab.folder = [], None, False, folder
        description = json.loads((folder / "lab.json").read_text())
        lab._plan = LabPlan.from_dict(description["plan"])
        lab._take_up(description)
        return lab

    def __enter__(self) -> "Lab":
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exception: object) -> None:
        if not self._detached:
            self.stop()

    def __getitem__(self, name: str) -> Node:
        """A node by its name, short or full."""
        for node in self.nodes:
            if name in (node.name, node.plan.short):
                return node
        raise KeyError(name)

    def start(self, timeout: float | None = None) -> "Lab":
        """Start all nodes and wait until they are ready, by default for a time that grows with their number.

        Raises LabError, NodeNotReady, registry.LabBusy.
        """
        if os.geteuid() != 0:
            raise LabError("the lab makes network namespaces and mounts: run it as root")
        missing = requirements.missing_packages()
        if missing:
            raise LabError(f"install the Debian packages {' '.join(missing)} first")
        registry.sweep()
        self._launch()
        deadline = time.monotonic() + (timeout or 60 + 10 * len(self.nodes))
        for node in self.nodes:
            node.wait_until_ready(max(deadline - time.monotonic(), 1))
        self._settle()
        if self._plan.inventory:
            Path(self._plan.inventory).write_text(self.inventory())
        return self

    def stop(self) -> None:
        """End everything and remove the folder."""
        if self._keeper:
            # The life line: the keeper takes the lab down when it closes.
            assert self._keeper.stdin
            self._keeper.stdin.close()
            self._keeper.wait()
            self._keeper = None
        elif self._socket and registry.find(self._folder) is not None:
            _send(self._socket, {"op": "stop"})
            _wait_until_gone(self._folder)

    def detach(self) -> None:
        """Let the lab live on when this process ends."""
        assert self._keeper and self._keeper.stdin
        self._keeper.stdin.write("detach")
        self._keeper.stdin.close()
        self._keeper = None
        self._detached = True

    def inventory(self) -> str:
        """An Ansible inventory in YAML that reaches all nodes."""
        return inventory.render(self.nodes)

    @property
    def inventory_path(self) -> str | None:
        """Where the inventory was written."""
        return self._plan.inventory

    def group(self, sso_domain: str) -> list[Node]:
        """The members of a linked group."""
        return [node for node in self.nodes if node.plan.sso_domain == sso_domain]

    def controller_command(self, argv: list[str]) -> list[str]:
        """The command line that runs `argv` where only the nodes can be reached: a network with no way out."""
        return ["nsenter", f"--net=/proc/{self._switch}/ns/net", *argv]

    def outside_command(self, argv: list[str]) -> list[str]:
        """The command line that runs `argv` where only the jump host can be reached, and nodes only through that.

        Raises LabError when the lab has none.
        """
        return ["nsenter", f"--net=/proc/{self._beyond['pid']}/ns/net", *argv]

    @property
    def jump(self) -> str:
        """The jump host as ssh takes it, USER@ADDRESS; it knows the nodes' names. Raises LabError."""
        return f"root@{self._beyond['jump_host']}"

    @property
    def ssh_config(self) -> Path:
        """For ssh -F, and so for jump host and nodes alike: the lab's keys, nothing of the user's own configuration."""
        return self._folder / "ssh_config"

    @property
    def _beyond(self) -> dict[str, Any]:
        if self._outside is None:
            raise LabError("this lab has no jump host: start it with jump_host=True")
        return self._outside

    def controller(self, argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command as the controller; `options` go to subprocess.run (env=, cwd=, timeout=, check=)."""
        defaults: dict[str, Any] = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL}
        return subprocess.run(self.controller_command(argv), **{**defaults, **options})

    @property
    def _folder(self) -> Path:
        assert self.folder
        return self.folder

    def _launch(self) -> None:
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="simvc-"))
        _make_room(self.folder)
        path = os.pathsep.join([str(APPLIANCE), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._keeper = subprocess.Popen(
            [sys.executable, "-B", "-m", "simvc.lab.keeper", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "PATH": requirements.search_path()},
            start_new_session=True,
        )
        assert self._keeper.stdin and self._keeper.stdout
        self._keeper.stdin.write(json.dumps(self._plan.as_dict()) + "\n")
        self._keeper.stdin.flush()
        self._take_up(_first_line(self._keeper.stdout))

    def _settle(self) -> None:
        """Unless the lab is to begin with a replication that lags."""
        for domain in dict.fromkeys(node.plan.sso_domain for node in self.nodes):
            group = self.group(domain)
            if len(group) > 1 and "vmdir.replication_delay" not in group[0].plan.knobs:
                settle(group)

    def _take_up(self, description: dict[str, Any]) -> None:
        self._switch = description["switch"]
        self._outside = description["outside"]
        self._socket = description["socket"]
        addresses, ipv6 = description["addresses"], description["ipv6"]
        self.nodes = [
            Node(plan, addresses[plan.name], ipv6[plan.name], self._folder, self._ask) for plan in self._plan.nodes
        ]

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        answer = ipc.call(self._socket, {"op": operation, **arguments})
        if "error" in answer:
            raise LabError(answer["error"])
        return answer


def down(folder: Path) -> bool:
    """End the lab of that folder, or clean up after one that died; False when there was nothing.

    Raises LabBusy when the folder is something else's.
    """
    folder = folder.absolute()
    swept = registry.sweep()
    slot = registry.find(folder)
    if slot is not None:
        _stop(folder, slot)
        return True
    existed = folder.exists()
    _make_room(folder)
    return existed or str(folder) in swept


def _stop(folder: Path, slot: registry.Slot) -> None:
    """Also a lab that is only just starting, and does not listen yet."""
    deadline = time.monotonic() + 60
    while registry.find(folder) is not None:
        try:
            _send(slot.socket, {"op": "stop"})
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _send(socket: str, request: dict[str, Any]) -> None:
    with contextlib.suppress(ConnectionResetError):
        ipc.call(socket, request)


def _wait_until_gone(folder: Path) -> None:
    while registry.find(folder) is not None:
        time.sleep(0.02)


def _make_room(folder: Path) -> None:
    """A lab needs a folder of its own; what a dead lab left there is removed."""
    if registry.find(folder) is not None:
        raise registry.LabBusy(f"a lab runs in {folder} already")
    registry.remove_folder(folder)
    if folder.exists() and any(folder.iterdir()):
        raise registry.LabBusy(f"{folder} is not empty and not a lab's")
    if folder.exists():
        folder.rmdir()


def _first_line(stream: IO[str]) -> dict[str, Any]:
    line = stream.readline()
    description = json.loads(line) if line else {"error": "the keeper of the lab died"}
    if "error" in description:
        raise LabError(description["error"])
    return description


def _interpreters(profiles: tuple[str, ...], python: str | None) -> tuple[dict[str, str], list[str]]:
    """An interpreter for each profile, and what had to be said about that."""
    if python:
        return {name: find(python) for name in profiles}, []
    pythons, notes = {}, []
    for name in dict.fromkeys(profiles):
        try:
            wanted = profile(name).python
        except KeyError:
            continue
        pythons[name], note = find_or_nearest(wanted)
        notes += [note] if note else []
    return pythons, notes
