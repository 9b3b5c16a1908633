# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node as tests and people handle it from outside."""

import hashlib
import json
import math
import os
import signal
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import snapshots
from .layers import TOOLS
from .plan import NodePlan

# A second name of root's whose shell is always bash: the lab's own way in.
ROOT_WITH_BASH = "rootbash"

# The file system keeps some blocks back from a large file, which small ones get.
_FILL = """
cat /dev/zero >/storage/core/filler; sync
i=0
while head -c 1024 /dev/zero >/storage/core/filler.$i && sync -f /storage/core; do i=$((i + 1)); done
"""

Ask = Callable[..., dict[str, Any]]


class NodeNotReady(Exception):
    """A node did not come up in time; the message ends with the last lines of its console."""


@dataclass(frozen=True)
class ToolCall:
    """One call of a vendor tool, in seconds since the epoch from its exec to its end; a killed call has no `end`."""

    tool: str
    argv: list[str]
    start: float
    end: float | None = None
    rc: int | None = None

    @property
    def seconds(self) -> float:
        """How long it lasted; infinite for a killed call."""
        return math.inf if self.end is None else self.end - self.start

    @property
    def line(self) -> str:
        return " ".join([self.tool, *self.argv])


class Node:
    """One node of a running lab."""

    def __init__(self, plan: NodePlan, address: str, ipv6: str, lab: Path, ask: Ask):
        self.plan = plan
        self.name = plan.name
        self.address = address
        # Reached from the controller's place, not from the host.
        self.ipv6 = ipv6
        self.folder = lab / "nodes" / plan.name
        self._lab = lab
        self._ask = ask

    def __repr__(self) -> str:
        return f"<Node {self.name} {self.address}>"

    # Getting in

    @property
    def ssh_options(self) -> list[str]:
        """For ssh: the lab's key and host keys, and nothing of the user's own configuration."""
        return [
            *("-F", "/dev/null", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"),
            *("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={self._lab}/known_hosts"),
        ]

    @property
    def key(self) -> Path:
        """The private key that opens every node of the lab."""
        return self._lab / "id_ed25519"

    def ssh_command(self, user: str | None = None) -> list[str]:
        """The command line to which a command is added that then runs on the node, by default as root with bash."""
        user = user or ("root" if self.plan.shell == "bash" else ROOT_WITH_BASH)
        # A node that loses power says no goodbye.
        alive = ["-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"]
        return ["ssh", *self.ssh_options, *alive, "-i", str(self.key), f"{user}@{self.address}"]

    def ssh(self, command: str, *, user: str = ROOT_WITH_BASH, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a shell command over SSH; `options` go to subprocess.run (input=, timeout=, check=, text=False)."""
        return _run([*self.ssh_command(user), command], **options)

    def run(self, argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program inside the node without SSH, as root."""
        enter = ["nsenter", "-t", str(self.init), "-m", "-u", "-i", "-n", "-p", "--wd=/"]
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
        return _run([*enter, *clean, *argv], **options)

    @property
    def init(self) -> int:
        """The host's pid of the node's first process.

        Raises ProcessLookupError when the node is off.
        """
        pid = self._ask("pids")["pids"][self.name]
        if pid is None:
            raise ProcessLookupError(f"{self.name} is off")
        return pid

    @property
    def is_on(self) -> bool:
        return self.name in self._ask("pids")["on"]

    @property
    def root(self) -> Path:
        """The node's file system as seen from outside, for as long as the node is on."""
        return Path(f"/proc/{self.init}/root")

    # Behaviours and faults

    def knobs(self, **changes: Any) -> dict[str, Any]:
        """Set knobs: `node.knobs(**{"vmca.multiplesan": True})`; None puts the default back.

        Returns all knobs that are set.
        """
        path = self.folder / "outside/knobs.json"
        knobs = {**json.loads(path.read_text()), **changes}
        knobs = {name: value for name, value in knobs.items() if value is not None}
        _replace(path, json.dumps(knobs))
        return knobs

    def add_fault(self, tool: str, action: str, *, match: str = "", **details: Any) -> str:
        """Make a vendor tool misbehave (README, "Faults"); returns the fault's id.

        Raises KeyError for a tool that is not simulated.
        """
        fault = {"id": uuid.uuid4().hex, "tool": tool, "match": match, "action": action, **details}
        TOOLS[tool]
        self.knobs(faults=[*self.knobs().get("faults", []), fault])
        return str(fault["id"])

    def clear_faults(self) -> None:
        self.knobs(faults=None)

    def remove_tool(self, tool: str) -> None:
        """Take a vendor tool off the disk."""
        path = self.root / TOOLS[tool].lstrip("/")
        path.rename(path.with_name(path.name + ".removed"))

    def restore_tool(self, tool: str) -> None:
        path = self.root / TOOLS[tool].lstrip("/")
        path.with_name(path.name + ".removed").rename(path)

    def fill_disk(self) -> None:
        """Leave no byte free on the node's disk."""
        self.run(["sh", "-c", _FILL])

    def free_disk(self) -> None:
        self.run(["sh", "-c", "rm -f /storage/core/filler*"], check=True)

    # Power and cable

    def power_off(self, *, silent: bool = True, lose_unsynced: bool = False) -> None:
        """Pull the plug.

        `silent`: peers see no end of their connections; `lose_unsynced`: what no fsync covered is gone.
        """
        self._ask("power_off", name=self.name, silent=silent, lose_unsynced=lose_unsynced)

    def boot(self, wait: bool = True, timeout: float = 60.0) -> None:
        """Switch on, from what is on the disk."""
        self._ask("boot", names=[self.name])
        if wait:
            self.wait_until_ready(timeout)

    def wait_until_off(self, timeout: float = 60.0) -> None:
        """Until the node has lost power by itself (the fault `power_loss`).

        Raises TimeoutError.
        """
        deadline = time.monotonic() + timeout
        while self.is_on:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} is still on after {timeout} s")
            time.sleep(0.01)

    def cut(self) -> None:
        """Pull the network cable."""
        self._ask("link", name=self.name, up=False)

    def heal(self) -> None:
        self._ask("link", name=self.name, up=True)

    def kill_sessions(self) -> int:
        """Kill the SSH server's processes that serve a session; returns how many."""
        killed = 0
        for pid, command in self._processes():
            if command.startswith("sshd: ") and "[listener]" not in command:
                os.kill(pid, signal.SIGKILL)
                killed += 1
        return killed

    def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Until the services were started and the SSH server answers.

        Raises NodeNotReady.
        """
        deadline = time.monotonic() + timeout
        while not (self._is_booted() and self._has_banner()):
            if time.monotonic() > deadline or not self.is_on:
                console = (self.folder / "console.log").read_text(errors="replace").splitlines()[-20:]
                raise NodeNotReady("\n".join([f"{self.name} did not come up; its console says:", *console]))
            time.sleep(0.05)

    # Looking in

    def snapshot(self) -> dict[str, tuple[str, str]]:
        """What of the node's state lasts, to compare before and after: (mode, SHA-256) by path, and databases by row.

        Leaves out logs, and what an SSH login leaves.
        """
        return snapshots.take(self.root)

    def tool_calls(self, tool: str | None = None, match: str = "") -> list[ToolCall]:
        """The calls of vendor tools so far, in order of their start; by tool, and by a part of the command line."""
        calls: dict[str, ToolCall] = {}
        for event in self.events():
            if event["event"] == "start":
                calls[event["id"]] = ToolCall(event["tool"], event["argv"], event["exec"])
            elif event["event"] == "end":
                begun = calls[event["id"]]
                calls[event["id"]] = ToolCall(begun.tool, begun.argv, begun.start, event["time"], event["rc"])
        return [call for call in calls.values() if tool in (None, call.tool) and match in call.line]

    def events(self) -> list[dict[str, Any]]:
        """The raw log: starts and ends of vendor tools, and changes of services' states."""
        path = self.folder / "outside/log/tools.jsonl"
        # The last line may be on its way still.
        whole, _, _ = path.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def wait_for_tool(self, tool: str, match: str = "", *, ended: bool = False, timeout: float = 60.0) -> ToolCall:
        """Until a call of that tool has begun, or ended.

        Raises TimeoutError.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for call in self.tool_calls(tool, match):
                if call.end is not None or not ended:
                    return call
            time.sleep(0.005)
        raise TimeoutError(f"no {tool} {match} on {self.name} within {timeout} s")

    def certificate_served(self, port: int = 443) -> str:
        """The SHA-256 (lower hex) of the certificate that a TLS port presents."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        link = socket.create_connection((self.address, port), timeout=5)
        with context.wrap_socket(link, server_hostname=self.name) as tls:
            return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()

    def _is_booted(self) -> bool:
        outside = self.folder / "outside"
        ready = outside / "ready"
        return ready.exists() and ready.read_text() == (outside / "boot_id").read_text()

    def _has_banner(self) -> bool:
        try:
            with socket.create_connection((self.address, 22), timeout=2) as link:
                return link.recv(4) == b"SSH-"
        except OSError:
            return False

    def _processes(self) -> list[tuple[int, str]]:
        """Host pid and command line of everything that runs in the node."""
        namespace = os.readlink(f"/proc/{self.init}/ns/pid")
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "ns/pid") == namespace:
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found.append((int(entry.name), command.strip()))
            except OSError:
                continue
        return found


def _run(argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    defaults: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 120, "check": False}
    if "input" not in options:
        defaults["stdin"] = subprocess.DEVNULL
    return subprocess.run(argv, **{**defaults, **options})


def _replace(path: Path, text: str) -> None:
    """At once, for readers that may come at any moment."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.chmod(0o644)
    new.rename(path)
