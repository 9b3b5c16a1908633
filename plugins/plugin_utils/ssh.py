# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. A question to a node from outside a task, where no action is at hand: by the ssh connection plugin itself.

So the settings of ansible.cfg and the environment for ssh hold here as they do in a play.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import Any

from ansible.errors import AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible_collections.vcfleet.certs.plugins.plugin_utils import node_program
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_program import Completed

_OPTIONS = {
    "user": "remote_user",
    "port": "port",
    "private_key_file": "private_key_file",
    "common_args": "ssh_common_args",
    "timeout": "timeout",
}


class NoAnswer(Exception):  # noqa: N818 (said of a node)
    """What stands in the way, and what to do, in words. `final`: asking another node would make it worse."""

    def __init__(self, problem: str, remedy: str = "", final: bool = False) -> None:
        sentences = (text.strip().rstrip(".") for text in (problem, remedy))
        super().__init__(" ".join(f"{text}." for text in sentences if text))
        self.final = final


@dataclass(frozen=True)
class Ssh:
    """How nodes are reached; what is None is left to Ansible's own settings. `become` is sudo without a password."""

    user: str | None = None
    port: int | None = None
    private_key_file: str | None = None
    common_args: str | None = None
    timeout: int | None = None
    become: bool = False
    interpreter: str | None = None

    def node(self, host: str) -> Node:
        """A node to ask; nothing is connected yet. For one thread at a time, as Ansible's plugin loader is."""
        context = PlayContext()
        context.remote_addr = host
        given = {option: getattr(self, name) for name, option in _OPTIONS.items()}
        connection = connection_loader.get("ansible.builtin.ssh", context, os.devnull)
        connection.set_options(
            direct={"host": host} | {name: value for name, value in given.items() if value is not None}
        )
        return Node(self, connection)


class Node:
    """One node; different ones may be asked by different threads."""

    def __init__(self, ssh: Ssh, connection: Any) -> None:
        self._ssh = ssh
        self._connection = connection

    def ask(self, verb: str, options: dict[str, Any]) -> dict[str, Any]:
        """Run a verb that only reads, return its result. Raises NoAnswer."""
        program = node_program.node_program({"verb": verb, "options": options, "check_mode": True})
        try:
            completed, through_appliance_shell = self._run(program)
        except AnsibleError as error:
            raise NoAnswer(str(error), "See that ssh by hand gets there with the same user and key") from error
        answer = node_program.parse_answer(completed.stdout)
        if answer is None:
            diagnosis = node_program.diagnose(completed, through_appliance_shell)
            raise NoAnswer(diagnosis.problem, diagnosis.remedy)
        if not answer["ok"]:
            told = answer["error"]
            raise NoAnswer(told["message"], told["remedy"], bool(told["details"].get("login_refused")))
        return dict(answer["result"])

    def _run(self, program: bytes) -> tuple[Completed, bool]:
        """Through a POSIX shell, or through the appliance shell where that is the login shell."""
        launch = shlex.join(["/bin/sh", "-c", node_program.launch_command(self._ssh.interpreter)])
        completed = self._execute(f"sudo -n {launch}" if self._ssh.become else launch, program)
        if not node_program.is_appliance_shell(completed):
            return completed, False
        return self._execute(node_program.appliance_shell_command(self._ssh.interpreter), program), True

    def _execute(self, command: str, program: bytes) -> Completed:
        rc, stdout, stderr = self._connection.exec_command(command, in_data=program, sudoable=False)
        return Completed(rc or 0, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"))
