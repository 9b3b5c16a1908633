# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's half of appliance_shell: remember first, then switch, and believe /etc/passwd alone."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.context import Context
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import appliance_shell

APPLIANCE_SHELL = "/opt/vmware/bin/appliancesh"


@dataclass
class System:
    """A machine with one account; chsh may refuse, and tells what was remembered at the time."""

    state_dir: Path
    shell: str = APPLIANCE_SHELL
    chsh_works: bool = True
    calls: list[list[str]] = field(default_factory=list)
    remembered_at_switch: list[str | None] = field(default_factory=list)

    @property
    def memory(self) -> Path:
        return self.state_dir / "login_shell"

    def run(self, argv: list[str], **_: Any) -> Any:
        self.calls.append(argv)
        self.remembered_at_switch.append(self.memory.read_text() if self.memory.exists() else None)
        if self.chsh_works:
            self.shell = argv[2]
        return SimpleNamespace(rc=0, stdout="", stderr="" if self.chsh_works else "chsh: PAM says no")

    def ask(self, state: str, check_mode: bool = False, **options: str) -> dict[str, Any]:
        context = Context(check_mode, SimpleNamespace(runner=self))  # type: ignore[arg-type]
        return appliance_shell.run({"state": state, "state_dir": str(self.state_dir), **options}, context)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    machine = System(tmp_path / "vcfleet")
    monkeypatch.setattr(appliance_shell, "login_shell", lambda: machine.shell)
    return machine


def test_bash_is_switched_to_and_the_old_one_remembered_first(system: System) -> None:
    result = system.ask("bash")

    assert (result["changed"], result["previous"], result["current"]) == (True, APPLIANCE_SHELL, "/bin/bash")
    assert system.calls == [["/usr/bin/chsh", "-s", "/bin/bash", "root"]]
    assert system.remembered_at_switch == [f"{APPLIANCE_SHELL}\n"]
    assert stat.S_IMODE(system.memory.stat().st_mode) == 0o600
    assert stat.S_IMODE(system.state_dir.stat().st_mode) == 0o700
    assert result["diff"] == {"before": {"login_shell": APPLIANCE_SHELL}, "after": {"login_shell": "/bin/bash"}}


def test_restored_puts_back_and_forgets(system: System) -> None:
    system.ask("bash")

    result = system.ask("restored")

    assert (result["changed"], system.shell) == (True, APPLIANCE_SHELL)
    assert not system.memory.exists()
    assert system.ask("restored")["changed"] is False


def test_a_run_that_died_is_put_right_by_the_next(system: System) -> None:
    """The second run finds bash; what the first one remembered stays."""
    system.ask("bash")

    assert system.ask("bash")["changed"] is False
    system.ask("restored")
    assert system.shell == APPLIANCE_SHELL


def test_a_run_that_died_between_remembering_and_switching(system: System) -> None:
    system.chsh_works = False
    with pytest.raises(NodeError):
        system.ask("bash")

    assert system.ask("restored")["changed"] is False
    assert not system.memory.exists() and system.shell == APPLIANCE_SHELL


def test_nothing_remembered_is_nothing_to_restore(system: System) -> None:
    system.shell = "/bin/bash"

    assert system.ask("restored")["changed"] is False
    assert system.calls == [] and not system.state_dir.exists()


def test_a_posix_shell_stays(system: System) -> None:
    system.shell = "/usr/bin/zsh"

    assert system.ask("bash")["changed"] is False
    assert system.calls == [] and not system.state_dir.exists()


@pytest.mark.parametrize("state", ["bash", "restored"])
def test_check_mode_changes_nothing(system: System, state: str) -> None:
    if state == "restored":
        system.ask("bash")
    before, calls = system.shell, list(system.calls)

    assert system.ask(state, check_mode=True)["changed"] is True
    assert system.shell == before and system.calls == calls
    assert system.memory.exists() == (state == "restored")


def test_chsh_is_believed_only_when_passwd_says_so(system: System) -> None:
    system.chsh_works = False

    with pytest.raises(NodeError, match=r"still /opt/vmware/bin/appliancesh.*PAM says no"):
        system.ask("bash")


def test_told_changes_nothing(system: System) -> None:
    assert system.ask("told")["current"] == APPLIANCE_SHELL
    assert system.calls == [] and not system.state_dir.exists()


def test_a_switch_made_by_other_means_is_remembered(system: System) -> None:
    system.shell = "/bin/bash"

    result = system.ask("remembered", previous="/bin/appliancesh")

    assert result["changed"] is True and system.memory.read_text() == "/bin/appliancesh\n"
    system.ask("restored")
    assert system.shell == "/bin/appliancesh"
