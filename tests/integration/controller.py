# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller of a test: a real ansible-playbook with the built and installed collection, in the lab's network."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evidence import wait_until
from simvc.lab.lab import Lab

BIN = Path(sys.executable).parent
HERE = Path(__file__).resolve().parent


@dataclass
class Run:
    """One ended command: exit status, what it printed, and what its tasks returned."""

    rc: int
    output: str
    results: list[dict[str, Any]] = field(default_factory=list)
    stats: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, action: str, host: str | None = None) -> list[dict[str, Any]]:
        """Results of a module (short name), in order, skipped ones left out; of one host or of all."""
        return [
            each["result"]
            for each in self.results
            if each["action"].rpartition(".")[2] == action
            and each["kind"] != "skipped"
            and host in (None, each["host"])
        ]

    def parts(self, part: str, host: str | None = None) -> list[dict[str, Any]]:
        """What the rotations tell as this part of a record; those that failed, as far as they came."""
        found = [{**result.get("details", {}), **result} for node, result in self._turns() if host in (None, node)]
        return [each[part] for each in found if each.get(part)]

    def _turns(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each node's rotation: the turns of a linked group are items of one task."""
        for each in self.results:
            if each["action"].rpartition(".")[2] == "machine_ssl_rotate":
                for item in each["result"].get("results", [each["result"]]):
                    yield item.get("vcfleet_turn", [each["host"]])[0], item

    def failures(self, host: str | None = None) -> list[str]:
        """The messages of failed tasks."""
        return [
            _message(each["result"])
            for each in self.results
            if each["kind"] == "failed" and host in (None, each["host"])
        ]

    @property
    def changed(self) -> int:
        """The sum of `changed` over all hosts."""
        return sum(numbers["changed"] for numbers in self.stats.values())


def _message(result: dict[str, Any]) -> str:
    # ansible-core 2.19 and later tell a callback of a failed item its exception, and not that it failed.
    failed = [item for item in result.get("results", []) if item.get("failed") or "exception" in item]
    items = [item.get("msg", "") for item in failed]
    return " ".join([str(result.get("msg", "")), *items])


def install(tarball: Path, folder: Path) -> Path:
    """Install the collection's tarball below `folder`, as a user does; returns the collections path."""
    command = [BIN / "ansible-galaxy", "collection", "install", "--force", "--offline", "-p", folder, tarball]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return folder


@dataclass
class Controller:
    """Runs Ansible against a lab, from a home of its own."""

    lab: Lab
    collections: Path
    home: Path

    @property
    def inventory(self) -> Path:
        """The lab's inventory, written anew for each run: a lab's nodes may have been booted since."""
        path = self.home / "inventory.yml"
        path.write_text(self.lab.inventory())
        return path

    def playbook(self, name: str, *arguments: str, **environment: str) -> Run:
        """Run a playbook: one of the collection's by its short name, or a file."""
        target = name if "/" in name else f"vcfleet.certs.{name}"
        return self.run(["ansible-playbook", target, "-i", str(self.inventory), *arguments], **environment)

    def module(self, name: str, host: str, *arguments: str, **environment: str) -> Run:
        """Run one of the collection's modules ad hoc; `arguments` go to `ansible`."""
        command = ["ansible", host, "-i", str(self.inventory), "-m", f"vcfleet.certs.{name}", *arguments]
        return self.run(command, ANSIBLE_LOAD_CALLBACK_PLUGINS="1", **environment)

    def run(self, command: list[str], **environment: str) -> Run:
        """Run a command to its end."""
        with self.started(command, **environment) as process:
            output, _ = process.communicate(timeout=900)
        return self.ended(process.returncode, output)

    @contextmanager
    def started(self, command: list[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
        """A command that runs while the caller does something to the nodes."""
        self._record.unlink(missing_ok=True)
        argv = self.lab.controller_command([str(BIN / command[0]), *command[1:]])
        with subprocess.Popen(
            argv,
            cwd=self.home,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            yield process

    def killed(self, command: list[str], when: Callable[[], bool]) -> None:
        """Start a run and kill all of it when something has come true, as a controller that loses its power.

        Ansible's workers have sessions of their own, and one that follows a swap would outlive its parent.
        """
        with self.started(command) as process:
            wait_until(when, timeout=120)
            for each in [process.pid, *descendants(process.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)

    def ended(self, rc: int, output: str) -> Run:
        """What the ended command left in the record."""
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        events = [json.loads(line) for line in lines]
        stats = next((event["hosts"] for event in events if event["kind"] == "stats"), {})
        return Run(rc, output, [event for event in events if event["kind"] != "stats"], stats)

    def environment(self, **more: str) -> dict[str, str]:
        """What a run inherits: nothing of the user's own Ansible settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        settings = {
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "record",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
            "ANSIBLE_FORKS": "10",
            "ANSIBLE_HOME": str(self.home / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.home / "cp"),
            "HOME": str(self.home),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "VCFLEET_RECORD": str(self._record),
        }
        return {**kept, **settings, **more}

    @property
    def _record(self) -> Path:
        return self.home / "record.jsonl"


def both(controllers: tuple[Controller, Controller], commands: list[list[str]]) -> list[Run]:
    """Two commands at the same time, to their ends."""
    with ExitStack() as stack:
        pairs = [(each, stack.enter_context(each.started(argv))) for each, argv in zip(controllers, commands)]
        ended = [(each, process, process.communicate(timeout=900)[0]) for each, process in pairs]
    return [each.ended(process.returncode, output) for each, process, output in ended]


def descendants(parent: int) -> list[int]:
    """The processes that a process has begun, and theirs."""
    told = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in told.splitlines()]
    found = [parent]
    for each in found:
        found += [pid for pid, begun_by in pairs if begun_by == each]
    return found[1:]
