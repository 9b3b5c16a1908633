# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node in a folder instead of in namespaces: its daemons as ordinary processes, its tools run against them.

For tests of single tools and daemons; whoever runs it is the node's root.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from . import ipc

_HERE = Path(__file__).resolve().parent.parent
_PORT_OFFSET = 30000

# What a shim does: the tool's 32-bit number becomes the exit status as Linux cuts it.
_RUN_TOOL = """\
import importlib, sys
code = importlib.import_module("simvc.tools." + sys.argv[1]).main(sys.argv[2:])
sys.stdout.flush()
sys.exit(code & 0xFF)
"""


class Done(NamedTuple):
    """How a tool ended."""

    rc: int
    out: str
    err: str


class PrivateNode:
    """A node named `name`; use it as a context manager, so that its daemons end and its folder goes.

    `identity` adds to or replaces parts of the identity file.
    """

    def __init__(self, name: str = "vc01.lab.example", **identity: Any) -> None:
        # Not below a test's own folder: the path of a socket has room for 107 characters only.
        self.root = Path(tempfile.mkdtemp(prefix="simvc-"))
        self.name = name
        self.address = _loopback()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.identity: dict[str, Any] = {
            "pnid": name,
            "domain": "vsphere.local",
            "site": "default-site",
            "machine_id": "4c4c4544-0051-3210-8042-b7c04f4a3331",
            "ldu": "8d1f1b5e-3c5d-4b5f-9a53-0d4b31a1f3c2",
            "node_type": "embedded",
            "address": self.address,
            "listen": self.address,
            "partners": [],
            "servers": [{"name": name, "site": "default-site"}],
            "administrator_password": "VMware1!",
            "machine_account": {"name": f"{name}@vsphere.local", "password": "machine-secret"},
            "profile": "8.0u3",
            **identity,
        }
        self.identify()
        self.knobs({"vmdir.replication_delay": 0})

    def __enter__(self) -> "PrivateNode":
        return self

    def __exit__(self, *_: object) -> None:
        # Nobody needs what an orderly end would keep, and one that still serves a peer takes its time for that.
        for daemon in list(self._running):
            self.stop(daemon, power_loss=True)
        shutil.rmtree(self.root)

    def identify(self, **identity: Any) -> None:
        """Change parts of the identity file; for nodes that have not started yet."""
        self.identity.update(identity)
        self._write("etc/simvc/identity.json", self.identity)

    def knobs(self, values: dict[str, Any]) -> None:
        """Replace all knobs of the node."""
        self._write("run/simvc/knobs.json", values)

    def start(self, *daemons: str) -> None:
        """Start daemons by their name, each ready when the next one starts."""
        for daemon in daemons:
            command = [sys.executable, "-m", f"simvc.daemons.{daemon}"]
            self._running[daemon] = subprocess.Popen(command, env=self._environment())
            self._await_socket(daemon)

    def stop(self, daemon: str, *, power_loss: bool = False) -> None:
        """End a daemon by SIGTERM, or as a power loss does."""
        process = self._running.pop(daemon)
        process.kill() if power_loss else process.terminate()
        process.wait(10)

    def pid(self, daemon: str) -> int:
        return self._running[daemon].pid

    def first_boot(self, *daemons: str) -> None:
        for daemon in daemons:
            command = [sys.executable, "-m", f"simvc.daemons.{daemon}", "--first-boot"]
            subprocess.run(command, env=self._environment(), check=True)

    def run(self, tool: str, *argv: str, stdin: str | bytes = b"", cwd: Path | None = None) -> Done:
        """Run a tool by the name of its module; without `stdin` it reads the end of the file at once."""
        done = subprocess.run(
            [sys.executable, "-c", _RUN_TOOL, tool, *argv],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            env=self._environment(),
            capture_output=True,
            cwd=cwd or self.root,
            start_new_session=True,  # no controlling terminal: prompts go where they go under Ansible
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def socket(self, daemon: str) -> str:
        """The path of a daemon's socket."""
        short = daemon.removesuffix("d")
        return str(self.root / f"var/run/{short}/{short}_socket")

    def ask(self, daemon: str, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request to a daemon as root."""
        return ipc.call(self.socket(daemon), request)

    def _environment(self) -> dict[str, str]:
        private = {"SIMVC_ROOT": str(self.root), "SIMVC_PORT_OFFSET": str(_PORT_OFFSET), "PYTHONPATH": str(_HERE)}
        return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **private}

    def _write(self, path: str, content: dict[str, Any]) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.write_text(json.dumps(content))
        new.replace(file)

    def _await_socket(self, daemon: str) -> None:
        deadline = time.monotonic() + 10
        while self._running[daemon].poll() is None and time.monotonic() < deadline:
            try:
                ipc.call(self.socket(daemon), {"op": "hello"})
                return
            except ConnectionError:
                time.sleep(0.01)
        raise RuntimeError(f"{daemon} did not start")


def link(*nodes: PrivateNode) -> None:
    """Make nodes that have not started yet a linked group, each one a partner of all others."""
    servers = [{"name": node.name, "site": node.identity["site"]} for node in nodes]
    for node in nodes:
        partners = [{"name": other.name, "address": other.address} for other in nodes if other is not node]
        node.identify(partners=partners, servers=servers)


_numbers = itertools.count(1)


def _loopback() -> str:
    """An address of its own for every process that runs tests and every node it has."""
    process, number = os.getpid(), next(_numbers)
    return f"127.{process % 200 + 1}.{number // 250 + 1}.{number % 250 + 1}"
