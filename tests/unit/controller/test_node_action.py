# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions over a connection of ours, with real shells and real Pythons behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import shell_loader
from ansible.template import Templar
from ansible_collections.vcfleet.certs.plugins.action import appliance_info, appliance_shell, service_control, vecs_info
from ansible_collections.vcfleet.certs.plugins.plugin_utils import node_action, node_program
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import (
    ApplianceShellRefused,
    NodeRefused,
    NodeUnreachable,
)

# What answers in place of the node package. It writes LOGIN where the real one would call chsh.
MAIN = """
def handle(request):
    verb, options = request["verb"], request["options"]
    commands = [{"argv": ["/x"], "rc": 0, "seconds": 0.1}]
    if options.get("stores") == ["BROKEN"]:
        error = {"kind": "refused", "message": "There is no store BROKEN", "remedy": "Name another"}
        return {"ok": False, "error": dict(error, details={"rc": 216}), "commands": commands}
    result = {"changed": False, "request": request, "diff": {"before": {}, "after": {}}}
    if verb == "appliance_info":
        result["appliance"] = {"clock": {"epoch": 1.0}}
    if verb == "appliance_shell":
        result.update(changed=options["state"] in ("bash", "remembered"), current="/bin/bash")
        if options["state"] == "bash" and not request["check_mode"]:
            with open(LOGIN, "w") as login:
                login.write("bash")
    return {"ok": True, "result": result, "commands": commands}
"""


@dataclass
class FakeConnection:
    """A login shell on this machine: `posix`, or the appliance shell with its command `shell` on or off."""

    login: Any
    shell_enabled: bool = True
    python_runs: bool = True
    failure: Exception | None = None
    answer: tuple[int, bytes, bytes] | None = None
    commands: list[str] = field(default_factory=list)
    resets: int = 0
    transport = "fake"
    become = None
    allow_executable = True

    def __post_init__(self) -> None:
        self._shell = shell_loader.get("sh")

    def get_option(self, name: str) -> Any:
        return None

    def reset(self) -> None:
        self.resets += 1

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        self.commands.append(cmd)
        if self.failure:
            raise self.failure
        if self.answer:
            return self.answer
        if self.login.read_text() == "bash":
            return self._run(["/bin/sh", "-c", cmd], in_data)
        return self._appliance_shell(cmd, in_data)

    def _appliance_shell(self, cmd: str, in_data: bytes | None) -> tuple[int, bytes, bytes]:
        if cmd == "shell.set --enabled true":
            self.shell_enabled = True
            return 0, b"", b""
        if not cmd.startswith("shell "):
            return 1, f"Unknown command: `{cmd.split()[0]}'\n".encode(), b""
        if not self.shell_enabled:
            return 1, b"Shell is disabled.\n", b""
        if cmd == "shell chsh -s /bin/bash root":
            self.login.write_text("bash")
            return 0, b"", b""
        if not self.python_runs:
            return 1, b"no such luck\n", b""
        return self._run([sys.executable if "python" in word else word for word in cmd.split()[1:]], in_data)

    @staticmethod
    def _run(argv: list[str], in_data: bytes | None) -> tuple[int, bytes, bytes]:
        done = subprocess.run(argv, input=in_data or b"", capture_output=True, timeout=30, check=False)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def connection(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> FakeConnection:
    login = tmp_path / "login"
    login.write_text("bash")
    package = {"node": (True, ""), "node.__main__": (False, f"LOGIN = {str(login)!r}\n{MAIN}")}
    monkeypatch.setattr(node_program, "_PACKAGE", node_program._packed(package))
    return FakeConnection(login)


@pytest.fixture
def task(connection: FakeConnection) -> Callable[..., Any]:
    """An action of a module with arguments, ready to run."""

    def make(
        module: Any = vecs_info,
        args: dict[str, Any] | None = None,
        check_mode: bool = False,
        diff: bool = False,
        delegate_to: str | None = None,
    ) -> Any:
        fake_task = SimpleNamespace(
            args=args or {},
            action="vcfleet.certs.x",
            check_mode=check_mode,
            diff=diff,
            async_val=0,
            delegate_to=delegate_to,
            no_log=False,
        )
        loader = DataLoader()
        return module.ActionModule(fake_task, connection, PlayContext(), loader, Templar(loader=loader), None)

    return make


def asked(result: dict[str, Any]) -> dict[str, Any]:
    return dict(result["request"])


def test_documented_defaults_reach_the_node(task: Callable[..., Any]) -> None:
    result = task(args={"stores": "MACHINE_SSL_CERT,TRUSTED_ROOTS"}).run(task_vars={})

    assert asked(result) == {
        "verb": "vecs_info",
        "options": {"stores": ["MACHINE_SSL_CERT", "TRUSTED_ROOTS"], "crl_timeout": 10.0, "tool_timeout": 120.0},
        "check_mode": False,
    }
    assert json.loads(json.dumps(result)) == result


def test_one_round_trip(task: Callable[..., Any], connection: FakeConnection) -> None:
    task().run(task_vars={})

    assert len(connection.commands) == 1


def test_options_are_never_in_the_command(task: Callable[..., Any], connection: FakeConnection) -> None:
    task(args={"stores": ["VERY_SECRET"]}).run(task_vars={})

    assert "VERY_SECRET" not in connection.commands[0]


@pytest.mark.parametrize("check_mode", [True, False])
def test_check_mode_is_passed_on(task: Callable[..., Any], check_mode: bool) -> None:
    assert asked(task(check_mode=check_mode).run(task_vars={}))["check_mode"] is check_mode


def test_diff_only_when_asked_for(task: Callable[..., Any]) -> None:
    assert "diff" not in task().run(task_vars={})
    assert "diff" in task(diff=True).run(task_vars={})


def test_commands_only_when_verbose(task: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_action.display, "verbosity", 0)
    assert "commands" not in task().run(task_vars={})
    monkeypatch.setattr(node_action.display, "verbosity", 1)
    assert task().run(task_vars={})["commands"][0]["argv"] == ["/x"]
    assert task(args={"stores": "BROKEN"}).run(task_vars={})["details"]["commands"]


def test_a_refusal_of_the_node_is_a_failure_in_words(task: Callable[..., Any]) -> None:
    result = task(args={"stores": "BROKEN"}).run(task_vars={})

    assert result["failed"] is True and result["changed"] is False
    assert result["msg"] == "There is no store BROKEN. Name another."
    assert result["remedy"] == "Name another."
    assert result["details"]["rc"] == 216


@pytest.mark.parametrize(
    ("module", "args", "words"),
    [
        (vecs_info, {"storse": "x"}, "unsupported parameters: storse"),
        (vecs_info, {"crl_timeout": "soon"}, "crl_timeout"),
        (service_control, {"state": "started"}, "one of the following is required: services, all, core"),
        (
            service_control,
            {"state": "started", "all": True, "core": True, "node_type": "embedded"},
            "mutually exclusive",
        ),
        (service_control, {"state": "started", "core": True}, "node_type"),
        (service_control, {"all": True}, "state"),
    ],
)
def test_wrong_options_never_reach_the_node(
    task: Callable[..., Any], connection: FakeConnection, module: Any, args: dict[str, Any], words: str
) -> None:
    result = task(module, args).run(task_vars={})

    assert result["failed"] and words in result["msg"]
    assert connection.commands == []


def test_a_lost_connection_is_unreachable(task: Callable[..., Any], connection: FakeConnection) -> None:
    connection.failure = AnsibleConnectionFailure("no route to host")

    with pytest.raises(NodeUnreachable, match="no route"):
        task().run(task_vars={})


def test_a_node_too_busy_to_become_root_on_is_unreachable_as_well(
    task: Callable[..., Any], connection: FakeConnection
) -> None:
    connection.failure = AnsibleError("Timeout (12s) waiting for privilege escalation prompt: ")
    with pytest.raises(NodeUnreachable, match="12s"):
        task().run(task_vars={})

    connection.failure = AnsibleError("no such plugin")
    with pytest.raises(AnsibleError, match="no such plugin") as caught:
        task().run(task_vars={})
    assert not isinstance(caught.value, AnsibleConnectionFailure)


@pytest.mark.parametrize("failure", [AnsibleConnectionFailure, AnsibleAuthenticationFailure])
def test_a_delegated_task_that_does_not_reach_its_node_fails_and_spares_the_host_in_whose_name_it_runs(
    task: Callable[..., Any], connection: FakeConnection, failure: type[Exception]
) -> None:
    connection.failure = failure("no route to host")

    result = task(delegate_to="vc02").run(task_vars={})

    assert result["failed"] is True and "unreachable" not in result
    assert result["msg"].startswith("vc02 could not be reached") and "no route" in result["msg"]
    assert result["details"]["unreachable"] is True


@pytest.mark.parametrize(
    "failure",
    [
        AnsibleAuthenticationFailure("wrong password"),
        AnsibleConnectionFailure("root@vc01: Permission denied (publickey)."),
    ],
)
def test_a_refused_login_is_never_a_reason_to_try_again(
    task: Callable[..., Any], connection: FakeConnection, failure: Exception
) -> None:
    connection.failure = failure

    with pytest.raises(AnsibleAuthenticationFailure) as caught:
        task().run(task_vars={})
    assert not isinstance(caught.value, NodeUnreachable)


def test_no_answer_is_explained(task: Callable[..., Any], connection: FakeConnection) -> None:
    connection.answer = (1, b"", b"sudo: a password is required\n")

    result = task().run(task_vars={})

    assert result["msg"].startswith("Becoming root on the node failed: sudo: a password is required.")
    assert result["details"] == {"rc": 1, "stdout": "", "stderr": "sudo: a password is required\n"}


def test_a_banner_before_the_answer_is_nobodys_business(task: Callable[..., Any], connection: FakeConnection) -> None:
    connection.answer = (0, b'Welcome! {"ok": false}\n{"ok": true, "result": {"changed": false}}\n', b"noise")

    assert task().run(task_vars={}) == {"changed": False}


def test_a_verb_can_be_called_several_times(task: Callable[..., Any], connection: FakeConnection) -> None:
    action = task()
    action.run(task_vars={})

    assert action.call_node("swap_follow", {"cursor": 1}, check_mode=False)["request"]["verb"] == "swap_follow"
    with pytest.raises(NodeRefused, match="no store BROKEN"):
        action.call_node("vecs_info", {"stores": ["BROKEN"]})
    action.reset_connection()
    assert connection.resets == 1


class TestInterpreter:
    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({"ansible_python_interpreter": "/opt/python/bin/python3"}, "/opt/python/bin/python3"),
            ({"ansible_python_interpreter": "auto_silent"}, None),
            ({"ansible_python_interpreter": "python3"}, None),
            ({}, None),
        ],
    )
    def test_of_the_host(self, task: Callable[..., Any], variables: dict[str, Any], expected: str | None) -> None:
        action = task()
        action.run(task_vars=variables)

        assert action.interpreter == expected

    def test_of_the_delegated_host(self, task: Callable[..., Any], connection: FakeConnection) -> None:
        action = task(delegate_to="vc02")
        action.run(
            task_vars={
                "ansible_python_interpreter": "/controller/python3",
                "ansible_delegated_vars": {"vc02": {"ansible_python_interpreter": "/node/python3"}},
            }
        )

        assert "/node/python3" in connection.commands[0] and "/controller" not in connection.commands[0]

    def test_one_that_is_missing_is_passed_over(self, task: Callable[..., Any]) -> None:
        result = task().run(task_vars={"ansible_python_interpreter": "/nowhere/python3"})

        assert "failed" not in result


class TestApplianceShell:
    @pytest.fixture(autouse=True)
    def appliance(self, connection: FakeConnection) -> None:
        connection.login.write_text("appliancesh")

    def test_work_goes_through_it(self, task: Callable[..., Any], connection: FakeConnection) -> None:
        result = task().run(task_vars={})

        assert asked(result)["verb"] == "vecs_info"
        assert connection.commands[-1] == "shell /usr/bin/python3 -IB -"

    def test_where_it_runs_no_python_the_remedy_is_named(
        self, task: Callable[..., Any], connection: FakeConnection
    ) -> None:
        connection.shell_enabled = False

        result = task().run(task_vars={})

        assert "appliance shell" in result["msg"] and "chsh -s /bin/bash root" in result["remedy"]
        with pytest.raises(ApplianceShellRefused):
            _call(task())

    def test_bash_by_the_verb(self, task: Callable[..., Any], connection: FakeConnection) -> None:
        result = task(appliance_shell, {"state": "bash"}).run(task_vars={})

        assert result["changed"] is True and result["request"]["options"]["state"] == "bash"
        assert connection.login.read_text() == "bash" and connection.resets == 1

    def test_bash_after_enabling_the_shell(self, task: Callable[..., Any], connection: FakeConnection) -> None:
        connection.shell_enabled = False

        result = task(appliance_shell, {"state": "bash"}).run(task_vars={})

        assert result["changed"] is True and "shell.set --enabled true" in connection.commands

    def test_bash_blindly_and_remembered_right_after(
        self, task: Callable[..., Any], connection: FakeConnection
    ) -> None:
        connection.python_runs = False

        result = task(appliance_shell, {"state": "bash"}).run(task_vars={})

        assert connection.login.read_text() == "bash"
        assert result["request"]["options"]["state"] == "remembered"
        assert result["request"]["options"]["previous"] == "/bin/appliancesh"

    def test_check_mode_changes_nothing(self, task: Callable[..., Any], connection: FakeConnection) -> None:
        for connection.python_runs in (True, False):
            result = task(appliance_shell, {"state": "bash"}, check_mode=True).run(task_vars={})

            assert result["changed"] is True and result["current"] == "/bin/bash"
            assert connection.login.read_text() == "appliancesh" and connection.resets == 0
        assert not any("shell.set" in command or "chsh" in command for command in connection.commands)

    def test_a_switch_that_did_nothing_is_a_failure(
        self, task: Callable[..., Any], connection: FakeConnection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(appliance_shell, "_SWITCH", "shell chsh -s /bin/false root")
        connection.python_runs = False

        result = task(appliance_shell, {"state": "bash"}).run(task_vars={})

        assert result["failed"] and "the appliance shell still answers" in result["msg"]


def _call(action: Any) -> Any:
    action.task_vars = {}
    return action.call_node("vecs_info", {"stores": None})


def test_bash_is_told_and_left_where_it_is(task: Callable[..., Any], connection: FakeConnection) -> None:
    result = task(appliance_shell, {"state": "bash"}).run(task_vars={})

    assert result["request"]["options"]["state"] == "told" and connection.resets == 0


def test_the_survey_frames_the_clock(task: Callable[..., Any]) -> None:
    clock = task(appliance_info).run(task_vars={})["appliance"]["clock"]

    assert clock["epoch"] == 1.0 and 0 < clock["answered"] - clock["asked"] < 30
