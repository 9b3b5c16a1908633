# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the swap of one node over SSH, without Ansible: the same program on the same Python's standard input."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from collection import node_program, parse_answer
from misfortunes import Clock
from moments import STATE_DIR, journal_files, newest, swap_processes
from simvc.lab.node import Node

STAGING = f"{STATE_DIR}/staging"
TIMEOUTS = {"stop_timeout": 4.0, "start_timeout": 4.0, "settle_timeout": 9.0}
TOOL_TIMEOUT = 3.0
PORTS = [443, 5480, 7444]
_END = 180.0
# Nothing is struck while a pair is staged: a tool that takes long is a busy machine's.
_PATIENCE = 60.0


class Refusal(Exception):
    """The node answered that it will not; the message is its own."""


class Bug(AssertionError):
    """The node's answer is a traceback."""


class NoAnswer(Exception):
    """There was no answer: the connection, or the node, went."""


@dataclass
class Drive:
    """The controller's part of a rotation, reduced to its calls."""

    node: Node
    settings: dict[str, Any] = field(default_factory=dict)
    clock: Clock | None = None

    def call(self, verb: str, **options: Any) -> dict[str, Any]:
        """One verb in one SSH session. Raises Refusal, Bug, NoAnswer."""
        options = {"state_dir": STATE_DIR, "tool_timeout": TOOL_TIMEOUT, **options}
        program = node_program({"verb": verb, "options": options, "check_mode": False}).decode()
        done = self.node.ssh(f"exec {self.clock or ''} /usr/bin/python3 -IB -", input=program)
        answer = parse_answer(done.stdout)
        if answer is None:
            raise NoAnswer(f"{verb}: {done.returncode} {done.stdout[-300:]} {done.stderr[-300:]}")
        if not answer["ok"]:
            error = answer["error"]
            raise Bug(error["details"]["traceback"]) if error["kind"] == "bug" else Refusal(error["message"])
        return dict(answer["result"])

    def stage(self) -> str:
        """A new pair in the staging folder; returns the certificate's SHA-256."""
        names = {"key_path": f"{STAGING}/machine.key", "public_key_path": f"{STAGING}/machine.pub"}
        self.call("certool_keypair", **names, regenerate=True, tool_timeout=_PATIENCE)
        config = {"Country": "US", "Name": self.node.name, "Organization": "VMware", "Hostname": self.node.name}
        text = "".join(f"{key} = {value}\n" for key, value in config.items())
        pair = {"key_path": names["key_path"], "cert_path": f"{STAGING}/machine.crt"}
        issued = self.call("certool_certificate", **pair, config=text, force=True, tool_timeout=_PATIENCE)
        return str(issued["sha256"])

    def swap(self, state: str = "swapped", **options: Any) -> dict[str, Any]:
        """Begin a swap, a roll back or a resumption; it goes on by itself."""
        common = {**TIMEOUTS, "ports": PORTS, "backups_kept": 3, "force": False, "backup": None, "sha256": None}
        node = {"pnid": self.node.name, "node_type": "embedded"}
        return self.call("machine_ssl_swap", **{**common, **node, **self.settings, **options, "state": state})

    def end(self, timeout: float = _END) -> str:
        """Wait until no swap runs; returns the newest journal's last event. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while swap_processes(self.node):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.node.name}: the swap goes on and on")
            time.sleep(0.05)
        found = newest(self.node)
        return str(found[-1]["event"]) if found else ""

    def journals(self) -> list[str]:
        return [path.name for path in journal_files(self.node)]

    def outcome(self) -> str:
        """committed, rolled_back, refused; stuck or open when the newest journal has no end."""
        found = newest(self.node)
        closed = next((each for each in found if each["event"] == "closed"), None)
        if closed:
            return str(closed["outcome"])
        return "stuck" if found and found[-1]["event"] == "stuck" else "open"

    def finish(self) -> str:
        """What the next rotate does first with what an earlier run left; returns the outcome."""
        self.swap("resumed")
        self.end()
        return self.outcome()

    def rotate(self) -> str:
        """Stage and swap, undisturbed; returns the new certificate's SHA-256."""
        sha256 = self.stage()
        self.swap(sha256=sha256)
        self.end()
        return sha256
