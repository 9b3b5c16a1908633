# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The base of all actions that work on a node. One call is one round trip."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.utils.display import Display
from ansible_collections.vcfleet.certs.plugins.plugin_utils import node_program
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import DocumentedAction, Refused, plain
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_program import Completed

display = Display()

_PRESENT = "vcfleet-posix-shell"


class NodeUnreachable(AnsibleConnectionFailure):
    """The connection could not be made or broke; what the node went on to do is not known.

    Left alone it makes the task UNREACHABLE. A wrong password or key is not this but AnsibleAuthenticationFailure:
    three tries lock root out (field notes §2.3), so nothing may take it for a reason to try again.
    """


class NodeRefused(Refused):
    """The node answered that it cannot, or did not answer as it should although the connection held."""


class ApplianceShellRefused(NodeRefused):
    """The login shell is the appliance shell, and its command `shell` runs no Python for us."""


class NodeAction(DocumentedAction):
    """An action whose work is the node package's verb of the same name.

    Ansible charges an unreachable node to the host in whose name a delegated task runs, and runs nothing more for that
    host, `rescue` and `always` included. So where a task is delegated, a node that is not reached is a failure.
    """

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """As DocumentedAction has it; AnsibleConnectionFailure leaves only a task that is not delegated."""
        try:
            return super().run(tmp, task_vars)
        except AnsibleConnectionFailure as lost:
            if not self._task.delegate_to:
                raise
            problem = f"{self._task.delegate_to} could not be reached: {lost}"
            return self._shown(Refused(problem, details={"unreachable": True}).to_result())

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do the task by one call. A subclass may make several, or none."""
        return self.call_node(self.module_name, options, check_mode=self._task.check_mode)

    def call_node(self, verb: str, options: dict[str, Any], check_mode: bool = False) -> dict[str, Any]:
        """Run a verb on the node in one round trip; may be used several times in a task.

        Returns the verb's result: `changed`, its facts, `diff` only under --diff, `commands` only at -v.
        Raises NodeUnreachable when the connection failed, NodeRefused when the verb did.
        """
        request = {"verb": verb, "options": plain(options), "check_mode": bool(check_mode)}
        answer = self._ask(node_program.node_program(request))
        if not answer["ok"]:
            raise self._refusal(answer)
        result: dict[str, Any] = answer["result"]
        if not self._task.diff:
            result.pop("diff", None)
        if display.verbosity:
            result["commands"] = answer.get("commands", [])
        return result

    def reset_connection(self) -> None:
        """Let the next call open a session of its own: one kept open may outlive a change of the login shell."""
        self._connection.reset()

    def run_in_shell(self, command: str, stdin: bytes | None = None, sudoable: bool = True) -> Completed:
        """Run a command through the node's POSIX shell, as root when the task becomes root. Raises NodeUnreachable."""
        found = self._connected(lambda: self._low_level_execute_command(command, sudoable=sudoable, in_data=stdin))
        return Completed(found["rc"], found["stdout"], found["stderr"])

    def run_raw(self, command: str, stdin: bytes | None = None) -> Completed:
        """Give a command line to the login shell itself, whatever that is, as the connection's user."""
        rc, stdout, stderr = self._connected(
            lambda: self._connection.exec_command(command, in_data=stdin, sudoable=False)
        )
        return Completed(rc or 0, _text(stdout), _text(stderr))

    def has_posix_shell(self) -> bool:
        """Does a POSIX shell answer, and not the appliance shell?"""
        return _PRESENT in self.run_in_shell(f"echo {_PRESENT}").stdout.splitlines()

    @property
    def interpreter(self) -> str | None:
        """`ansible_python_interpreter` of the task's (or the delegated) host, when it is an absolute path."""
        host_vars = self.task_vars
        if self._task.delegate_to:
            host_vars = host_vars.get("ansible_delegated_vars", {}).get(self._task.delegate_to, {})
        value = self._templar.template(host_vars.get("ansible_python_interpreter"))
        return str(value) if isinstance(value, str) and value.startswith("/") else None

    def _ask(self, program: bytes) -> dict[str, Any]:
        """The node's answer: through a POSIX shell, or through the appliance shell where that is the login shell."""
        completed = self.run_in_shell(node_program.launch_command(self.interpreter), program)
        through_appliance_shell = node_program.is_appliance_shell(completed)
        if through_appliance_shell:
            completed = self.run_raw(node_program.appliance_shell_command(self.interpreter), program)
        answer = node_program.parse_answer(completed.stdout)
        if answer is None:
            diagnosis = node_program.diagnose(completed, through_appliance_shell)
            refused = ApplianceShellRefused if through_appliance_shell else NodeRefused
            raise refused(diagnosis.problem, diagnosis.remedy, diagnosis.details)
        return answer

    def _refusal(self, answer: dict[str, Any]) -> NodeRefused:
        error = dict(answer["error"])
        problem, remedy, evidence = error.pop("message"), error.pop("remedy", ""), error.pop("details", {})
        commands = {"commands": answer.get("commands", [])} if display.verbosity else {}
        return NodeRefused(problem, remedy, {**error, **evidence, **commands})

    def _connected(self, work: Any) -> Any:
        try:
            return work()
        except AnsibleAuthenticationFailure:
            raise
        except AnsibleConnectionFailure as error:
            if "permission denied" in str(error).lower():
                raise AnsibleAuthenticationFailure(str(error)) from error
            raise NodeUnreachable(str(error)) from error
        except AnsibleError as error:
            # A node too busy to answer; ansible-core 2.16 does not call that a connection failure.
            if "privilege escalation prompt" in str(error):
                raise NodeUnreachable(str(error)) from error
            raise


def _text(output: Any) -> str:
    """ansible-core lets connection plugins give bytes or text."""
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else str(output)
