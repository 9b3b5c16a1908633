# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles' two halves of documentation agree, and their tasks keep to the house's rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())

# What may stand in a task besides our own actions: none of these runs anything on a node.
ON_THE_CONTROLLER = {f"ansible.builtin.{name}" for name in (
    "assert", "fail", "import_playbook", "import_role", "import_tasks", "include_role",
    "include_tasks", "include_vars", "meta", "set_fact",
)}  # fmt: skip
KEYWORDS = {
    "always", "any_errors_fatal", "block", "changed_when", "delegate_facts", "delegate_to", "failed_when",
    "gather_facts", "hosts", "loop", "loop_control", "max_fail_percentage", "name", "register", "rescue", "run_once",
    "serial", "strategy", "tasks", "tags", "throttle", "timeout", "until", "vars", "vars_files", "when",
}  # fmt: skip


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) or {}


def specs(role: Path) -> dict[str, Any]:
    return dict(load(role / "meta" / "argument_specs.yml")["argument_specs"])


def all_options(role: Path) -> dict[str, Any]:
    return {name: option for spec in specs(role).values() for name, option in spec["options"].items()}


def task_files() -> list[Path]:
    return [*sorted(ROOT.glob("roles/*/tasks/*.yml")), *sorted(ROOT.glob("playbooks/**/*.yml"))]


def _is_ours(action: str) -> bool:
    return action.startswith("vcfleet.certs.")


def tasks(items: Any) -> Iterator[dict[str, Any]]:
    """Every task and block below a list of tasks or plays."""
    for item in items if isinstance(items, list) else []:
        yield item
        for section in ("tasks", "block", "rescue", "always"):
            yield from tasks(item.get(section))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
class TestArgumentSpecs:
    def test_defaults_are_stated_alike(self, role: Path) -> None:
        stated = {name: option["default"] for name, option in all_options(role).items() if "default" in option}
        assert stated == load(role / "defaults" / "main.yml")

    def test_an_option_without_default_stands_in_the_defaults_file_as_a_comment(self, role: Path) -> None:
        text = (role / "defaults" / "main.yml").read_text()
        for name, option in all_options(role).items():
            assert "default" in option or f"# {name}:" in text

    def test_every_entry_point_has_its_tasks_and_every_stage_its_entry_point(self, role: Path) -> None:
        internal = {"refuse"}
        assert set(specs(role)) == {path.stem for path in (role / "tasks").glob("*.yml")} - internal

    def test_an_option_means_the_same_at_every_entry_point(self, role: Path) -> None:
        together = all_options(role)
        for spec in specs(role).values():
            assert all(option == together[name] for name, option in spec["options"].items())

    def test_every_public_variable_in_use_is_an_option(self, role: Path) -> None:
        used = " ".join(path.read_text() for path in role.rglob("*") if path.suffix in (".yml", ".j2"))
        options = all_options(role)
        words = set(used.replace("(", " ").replace(".", " ").replace("|", " ").split())
        public = {word for word in words if word.startswith(f"{role.name}_") and word.isidentifier()}
        assert public <= set(options), public - set(options)


@pytest.mark.parametrize("path", task_files(), ids=lambda path: str(path.relative_to(ROOT)))
class TestTasks:
    def test_nothing_of_ansible_runs_on_a_node(self, path: Path) -> None:
        for task in tasks(load(path)):
            actions = set(task) - KEYWORDS
            if task.get("delegate_to") == "localhost":
                actions -= {"ansible.builtin.template"}
            assert all(name in ON_THE_CONTROLLER or name.startswith("vcfleet.certs.") for name in actions), actions

    def test_every_task_has_a_name(self, path: Path) -> None:
        assert all(task.get("name") for task in tasks(load(path)))

    def test_conditions_hold_no_template(self, path: Path) -> None:
        conditions = [
            task[key] for task in tasks(load(path)) for key in ("when", "until", "failed_when") if key in task
        ]
        assert not [condition for condition in conditions if "{{" in str(condition)]
