# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bench happens: simulated nodes, and a controller whose costs are measured, the same for both sides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from evidence import Window, window
from simvc.lab.lab import Lab
from simvc.lab.node import Node
from simvc.lab.plan import ADMINISTRATOR_PASSWORD

BIN = Path(sys.executable).parent
HERE = Path(__file__).resolve().parent
FIRST_PORT = 2200
FORCE = {"machine_ssl_force": True, "machine_ssl_force_reason": "the bench"}

Cost = dict[str, Any]
Inventory = dict[str, Any]


class BenchError(Exception):
    """A command of the bench failed, so that its costs mean nothing."""


@dataclass(frozen=True)
class Settings:
    """What both sides run with. `stop` and `start` are what the nodes' services take, in seconds."""

    forks: int
    stop: float
    start: float

    @property
    def knobs(self) -> dict[str, Any]:
        """The simulated nodes' behaviour."""
        return {"service_control.stop_all_seconds": self.stop, "service_control.start_all_seconds": self.start}


@dataclass(frozen=True)
class Place:
    """The controller: what it runs with, where the collection is installed, and a home of its own."""

    settings: Settings
    collections: Path
    home: Path


@dataclass
class Bed:
    """A running lab, and the controller."""

    lab: Lab
    place: Place
    ways: dict[str, int] = field(default_factory=dict)

    @property
    def groups(self) -> list[list[Node]]:
        """The linked groups, each in the order of its nodes."""
        domains = dict.fromkeys(node.plan.sso_domain for node in self.lab.nodes)
        return [self.lab.group(domain) for domain in domains]

    # Commands

    def rotate(self) -> Cost:
        """The product rotates every node, due or not; it compares the members, and has gates between linked nodes."""
        return self.run("ansible-playbook", "vcfleet.certs.rotate", "-e", json.dumps(FORCE), *self.password)

    def rotate_without_password(self) -> Cost:
        """It does what it can without asking the directories."""
        return self.run("ansible-playbook", "vcfleet.certs.rotate", "-e", json.dumps(FORCE))

    def peer(self) -> Cost:
        """The peer does."""
        groups = {"peer_groups": len(self.groups)}
        return self.run("ansible-playbook", str(HERE / "peer.yml"), "-e", json.dumps(groups))

    @property
    def nights(self) -> dict[str, list[str]]:
        """The commands of a night when nothing is due, and the least that Ansible can do with every node."""
        rotate = ["ansible-playbook", "vcfleet.certs.rotate"]
        return {
            "ping": ["ansible", "vcenters", "-m", "ansible.builtin.ping"],
            "ours": [*rotate, *self.password],
            "without_password": rotate,
        }

    @property
    def password(self) -> list[str]:
        """The SSO password for a run, in a file, as pipelines and AWX give it."""
        secrets = self.place.home / "secrets.json"
        secrets.touch(0o600)
        secrets.write_text(json.dumps({"vcfleet_sso_password": ADMINISTRATOR_PASSWORD}))
        return ["-e", f"@{secrets}"]

    def run(self, program: str, *arguments: str, **environment: str) -> Cost:
        """Run one of Ansible's programs from a cold start: no connection is open. Raises BenchError."""
        home = self.place.home
        inventory, result, log = home / "inventory.yml", home / "cost.json", home / "log.txt"
        inventory.write_text(json.dumps(self._inventory()))
        command = [str(BIN / program), "-i", str(inventory), *arguments]
        measured = [sys.executable, str(HERE / "measured.py"), str(result), *command]
        with log.open("w") as output:
            done = subprocess.run(
                self.lab.controller_command(measured),
                cwd=home,
                env={**self._environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0:
            raise BenchError(f"{' '.join(command)} ended with {done.returncode}:\n{log.read_text()[-4000:]}")
        cost: Cost = json.loads(result.read_text())
        return cost

    def executions(self, command: list[str]) -> dict[str, int]:
        """How many commands ssh carried to each node in that run, by its name."""
        noted = self.place.home / "ssh.txt"
        noted.write_text("")
        counting = {"ANSIBLE_SSH_EXECUTABLE": str(HERE / "counting_ssh"), "VCFLEET_BENCH_SSH_LOG": str(noted)}
        self.run(*command, **counting)
        times = Counter(noted.read_text().split())
        return {node.name: times[node.address] for node in self.lab.nodes}

    # What the nodes saw

    def windows(self, since: float) -> dict[str, Window]:
        """Each node's window since that time, by the nodes' own log."""
        return {node.name: window(node, since) for node in self.lab.nodes}

    def gates(self, since: float) -> dict[str, int]:
        """How often each node of a linked group was asked about its replication since that time, by its own log."""
        linked = [node for group in self.groups if len(group) > 1 for node in group]
        return {
            node.name: sum(call.start >= since for call in node.tool_calls("vdcrepadmin", "showpartnerstatus"))
            for node in linked
        }

    def served(self) -> dict[str, str]:
        """What every node presents, by its SHA-256."""
        return {node.name: node.certificate_served() for node in self.lab.nodes}

    # A longer way

    @contextmanager
    def far(self, round_trip: float) -> Iterator[None]:
        """Let all connections take a relay with that round-trip time, in seconds."""
        self.ways = {node.name: FIRST_PORT + number for number, node in enumerate(self.lab.nodes)}
        pairs = [f"{self.ways[node.name]}={node.address}" for node in self.lab.nodes]
        command = self.lab.controller_command([sys.executable, str(HERE / "relay.py"), str(round_trip), *pairs])
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as relay:
            try:
                assert relay.stdin and relay.stdout
                if relay.stdout.readline() != "ready\n":
                    raise BenchError("the relay did not start")
                yield
            finally:
                self.ways = {}
                relay.communicate("")

    # Ansible's side

    def _inventory(self) -> Inventory:
        by_domain = {group[0].plan.sso_domain.replace(".", "_"): group for group in self.groups}
        places = zip_longest(*self.groups)
        first = self.lab.nodes[0]
        return {
            "all": {
                "children": {
                    "vcenters": {
                        "children": {
                            name: {"hosts": {node.name: self._host(node) for node in group}}
                            for name, group in by_domain.items()
                        }
                    },
                    "by_position": {"hosts": {node.name: {} for place in places for node in place if node}},
                },
                "vars": {
                    "ansible_user": "root",
                    "ansible_python_interpreter": "/usr/bin/python3",
                    "ansible_ssh_private_key_file": str(first.key),
                    "ansible_ssh_common_args": " ".join(first.ssh_options),
                },
            }
        }

    def _host(self, node: Node) -> dict[str, Any]:
        if not self.ways:
            return {"ansible_host": node.address}
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.ways[node.name],
            "ansible_ssh_extra_args": f"-o HostKeyAlias={node.address}",
            "machine_ssl_probe_host": node.address,
        }

    @property
    def _environment(self) -> dict[str, str]:
        """Nothing of the user's own Ansible settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        settings = {
            "ANSIBLE_COLLECTIONS_PATH": str(self.place.collections),
            "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
            "ANSIBLE_FORKS": str(self.place.settings.forks),
            "ANSIBLE_HOME": str(self.place.home / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.place.home / "cp"),
            "HOME": str(self.place.home),
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        return {**kept, **settings}
