# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walls between the rooms, kept by reading imports and strings. Each has a counter-example that it must see."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
NODE = PLUGINS / "module_utils" / "node"
TOOLS = NODE / "tools"
BOOTSTRAP = PLUGINS / "plugin_utils" / "node_bootstrap.py"
COLLECTION = "ansible_collections.vcfleet.certs.plugins."

NODE_SIDE = [*sorted(NODE.rglob("*.py")), BOOTSTRAP]
CONTROLLER_SIDE = [
    path for room in ("plugin_utils", "action", "inventory") for path in sorted((PLUGINS / room).glob("*.py"))
]
ALL_PLUGINS = sorted(PLUGINS.rglob("*.py"))
MODULES = sorted((PLUGINS / "modules").glob("*.py"))
SHIPPED = sorted(
    path
    for room in ("plugins", "roles", "playbooks")
    for path in (ROOT / room).rglob("*.*")
    if path.suffix in {".py", ".yml", ".yaml", ".j2", ".md", ".json"}
)
YAML_FILES = sorted(path for room in ("roles", "playbooks") for path in (ROOT / room).rglob("*.yml"))

TOOL_NAMES = {
    "certool",
    "vecs-cli",
    "vmafd-cli",
    "dir-cli",
    "vdcrepadmin",
    "vdcadmintool",
    "service-control",
    "vmon-cli",
    "certificate-manager",
    "openssl",
}
# They run in the controller's own process and never send anything to a node.
CONTROLLER_MODULES = {
    f"ansible.builtin.{name}"
    for name in (
        "assert",
        "debug",
        "fail",
        "import_playbook",
        "import_role",
        "import_tasks",
        "include_role",
        "include_tasks",
        "include_vars",
        "meta",
        "pause",
        "set_fact",
        "set_stats",
        "validate_argument_spec",
    )
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of what is imported; relative ones begin with their dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (f"{node.module}." if node.module else "")
            yield from (base + alias.name for alias in node.names)


def strings(tree: ast.AST) -> Iterator[str]:
    """String constants that code uses, docstrings apart."""
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def foreign_to_the_node(tree: ast.AST) -> list[str]:
    return [each for each in imports(tree) if each[0] != "." and each.split(".")[0] not in sys.stdlib_module_names]


def vendor_spellings(tree: ast.AST) -> list[str]:
    """A tool's path, its name as a word of a command line, or an option of one."""
    return [
        text
        for text in strings(tree)
        if re.match(r"/usr/lib/vmware-\w+/bin/|/s?bin/service-control", text)
        or text in TOOL_NAMES
        or re.match(r"--[A-Za-z][\w-]*(=|$)", text)
    ]


def too_new_for_3_7(source: str) -> bool:
    try:
        ast.parse(source, feature_version=(3, 7))
    except SyntaxError:
        return True
    return False


_NESTED = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")


def tasks(found: Any) -> Iterator[dict[str, Any]]:
    """All tasks of a task file or of a playbook's plays, those in blocks too."""
    for each in found or []:
        nested = [part for part in _NESTED if part in each]
        if not nested:
            yield each
        for part in nested:
            yield from tasks(each[part])


def action(task: dict[str, Any]) -> str:
    """The module of a task: its one key with dots, since all of them are written in full."""
    found = [key for key in task if "." in key]
    assert len(found) == 1, f"no module, or more than one, in {task}"
    return str(found[0])


@pytest.mark.parametrize("path", NODE_SIDE, ids=name)
def test_the_node_package_needs_the_standard_library_only(path: Path) -> None:
    assert foreign_to_the_node(ast.parse(path.read_text())) == []


@pytest.mark.parametrize("path", NODE_SIDE, ids=name)
def test_the_node_package_is_3_7_syntax(path: Path) -> None:
    assert not too_new_for_3_7(path.read_text())


@pytest.mark.parametrize("path", sorted(NODE.rglob("*.py")), ids=name)
def test_the_node_package_never_leaves_itself(path: Path) -> None:
    """A relative import does not climb out of the package."""
    depth = len(path.relative_to(NODE).parts)
    climbs = [each for each in imports(ast.parse(path.read_text())) if len(each) - len(each.lstrip(".")) > depth]
    assert climbs == []


@pytest.mark.parametrize("path", ALL_PLUGINS, ids=name)
def test_only_x509_knows_cryptography(path: Path) -> None:
    users = [each for each in imports(ast.parse(path.read_text())) if each.split(".")[0] == "cryptography"]
    assert users == [] or path == PLUGINS / "plugin_utils" / "x509.py"


@pytest.mark.parametrize("path", CONTROLLER_SIDE, ids=name)
def test_the_controller_takes_pem_alone_from_the_node_package(path: Path) -> None:
    taken = [each for each in imports(ast.parse(path.read_text())) if "module_utils.node" in each]
    assert set(taken) <= {f"{COLLECTION}module_utils.node.pem"}


@pytest.mark.parametrize("path", CONTROLLER_SIDE, ids=name)
def test_the_controller_imports_in_full(path: Path) -> None:
    assert [each for each in imports(ast.parse(path.read_text())) if each.startswith(".")] == []


@pytest.mark.parametrize("path", [p for p in ALL_PLUGINS if p not in MODULES], ids=name)
def test_only_the_adapters_spell_a_vendor_tool(path: Path) -> None:
    if TOOLS not in path.parents and path != NODE / "paths.py":
        assert vendor_spellings(ast.parse(path.read_text())) == []


@pytest.mark.parametrize("path", ALL_PLUGINS, ids=name)
def test_only_the_runner_starts_processes(path: Path) -> None:
    starters = {"subprocess", "pty", "multiprocessing"}
    used = [each for each in imports(ast.parse(path.read_text())) if each.split(".")[0] in starters]
    assert used == [] or path == NODE / "process.py"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_documentation_and_nothing_else(path: Path) -> None:
    body = ast.parse(path.read_text()).body
    assert isinstance(body[0], ast.ImportFrom) and body[0].module == "__future__"
    assigned = [node.targets[0].id for node in body[1:] if isinstance(node, ast.Assign)]  # type: ignore[attr-defined]
    assert assigned == ["DOCUMENTATION", "EXAMPLES", "RETURN"] and len(body) == 4


@pytest.mark.parametrize("path", SHIPPED, ids=name)
def test_the_product_does_not_know_the_simulated_appliance(path: Path) -> None:
    assert re.search(r"simvc|simulat|tests/appliance", path.read_text(), re.IGNORECASE) is None


@pytest.mark.parametrize("path", [p for p in YAML_FILES if {"tasks", "handlers"} & set(p.parts)], ids=name)
def test_roles_and_task_files_run_nothing_of_ansibles_own_on_a_node(path: Path) -> None:
    assert foreign_actions(yaml.safe_load(path.read_text())) == []


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("playbooks/*.yml")) + sorted(ROOT.glob("playbooks/parts/*")), ids=name
)
def test_playbooks_run_nothing_of_ansibles_own_on_a_node(path: Path) -> None:
    plays = yaml.safe_load(path.read_text())
    assert foreign_actions(plays) == []
    assert all(play.get("gather_facts") is False for play in plays if "hosts" in play), "gathering facts is a module"


def foreign_actions(found: Any) -> list[str]:
    used = [action(task) for task in tasks(found) if not writes_on_the_controller(task)]
    return [each for each in used if each not in CONTROLLER_MODULES and not each.startswith("vcfleet.certs.")]


def writes_on_the_controller(task: dict[str, Any]) -> bool:
    """Is it a file that is written where the run was started?"""
    return action(task) == "ansible.builtin.template" and task.get("delegate_to") == "localhost"


class TestTheWallsThemselves:
    """A check that cannot fail keeps nothing out."""

    @pytest.mark.parametrize(
        "source",
        ["import ansible", "from ansible_collections.x import y", "import yaml", "from cryptography import x509"],
    )
    def test_foreign_imports_are_seen(self, source: str) -> None:
        assert foreign_to_the_node(ast.parse(source))
        assert foreign_to_the_node(ast.parse("import json\nfrom . import pem\nfrom ..x import y")) == []

    @pytest.mark.parametrize(
        "source",
        [
            "run(['/usr/lib/vmware-vmafd/bin/vecs-cli'])",
            "X = '/bin/service-control'",
            "run([tool, '--genkey'])",
            "run(f'--privkey={x}')",
            "which('certool')",
        ],
    )
    def test_vendor_spellings_are_seen(self, source: str) -> None:
        assert vendor_spellings(ast.parse(source))

    def test_words_for_people_are_no_spellings(self) -> None:
        source = '"""Docstring: certool --genkey"""\nremedy = "Run `service-control --start vmafdd` by hand."'
        assert vendor_spellings(ast.parse(source)) == []

    @pytest.mark.parametrize("source", ["(x := 1)", "def f(a, /): pass", "match x:\n    case 1: pass"])
    def test_new_syntax_is_seen(self, source: str) -> None:
        assert too_new_for_3_7(source)

    def test_actions_are_found_in_blocks_and_plays(self) -> None:
        book = """
- hosts: all
  tasks:
    - block:
        - name: One
          ansible.builtin.copy: {}
      always:
        - name: Two
          ansible.builtin.shell: id
    - name: Three
      vcfleet.certs.vecs_info:
    - name: A file of the controller's
      ansible.builtin.template: {src: a, dest: b}
      delegate_to: localhost
    - name: A file of the node's
      ansible.builtin.template: {src: a, dest: b}
    - name: Four
      ansible.builtin.set_fact: {}
"""
        assert foreign_actions(yaml.safe_load(book)) == [
            f"ansible.builtin.{name}" for name in ("copy", "shell", "template")
        ]

    def test_there_is_something_behind_every_wall(self) -> None:
        assert len(NODE_SIDE) > 15 and len(CONTROLLER_SIDE) > 15 and len(MODULES) > 10 and len(YAML_FILES) > 5
