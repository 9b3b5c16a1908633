# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module documentation as argument spec, on every module we have."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring
from ansible_collections.vcfleet.certs.plugins.plugin_utils import argspec

PLUGINS = Path(argspec.__file__).resolve().parents[1]
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
SAMPLES = {"str": "x", "path": "/x", "dict": {}, "list": []}
NODE_MODULES = yaml.safe_load((PLUGINS.parent / "meta" / "runtime.yml").read_text())["action_groups"]["node"]


def constants(module: str) -> dict[str, Any]:
    tree = ast.parse((PLUGINS / "modules" / f"{module}.py").read_text())
    return {
        node.targets[0].id: yaml.safe_load(ast.literal_eval(node.value))
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def test_options_fragments_and_suboptions() -> None:
    spec = argspec.argument_spec(argspec.documented_options("vecs_entry"))

    assert spec["state"] == {"type": "str", "choices": ["present", "absent"], "default": "present"}
    assert spec["store"] == {"type": "str", "required": True}
    assert spec["tool_timeout"] == {"type": "float", "default": 120}
    assert spec["state_dir"]["default"] == "/var/lib/vcfleet"
    nested = argspec.argument_spec(argspec.documented_options("machine_ssl_assess"))["policy"]["options"]
    assert nested["san"]["options"]["dns"] == {"type": "list", "elements": "str", "default": []}


def test_a_module_without_documentation_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "x.py").write_text("EXAMPLES = ''\n")

    with pytest.raises(LookupError, match="DOCUMENTATION"):
        argspec.documented_options("x", tmp_path)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_spec_that_ansible_takes(module: str) -> None:
    spec = argspec.argument_spec(argspec.documented_options(module))
    required = {name: SAMPLES[value["type"]] for name, value in spec.items() if value.get("required")}

    result = ArgumentSpecValidator(spec).validate(required | choices(spec))

    assert result.error_messages == []
    assert set(result.validated_parameters) == set(spec)


def choices(spec: dict[str, Any]) -> dict[str, str]:
    return {name: value["choices"][0] for name, value in spec.items() if value.get("required") and "choices" in value}


def with_fragments(module: str) -> dict[str, Any]:
    """A module's documentation as ansible-doc shows it."""
    path = str(PLUGINS / "modules" / f"{module}.py")
    return dict(get_docstring(path, fragment_loader, is_module=True, collection_name="vcfleet.certs")[0])


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_an_action_and_full_documentation(module: str) -> None:
    assert (PLUGINS / "action" / f"{module}.py").is_file()
    written = constants(module)
    documentation = written["DOCUMENTATION"]
    assert documentation["module"] == module
    attributes = with_fragments(module)["attributes"]
    for attribute in ("check_mode", "diff_mode", "idempotent"):
        assert attributes[attribute]["description"] and attributes[attribute]["support"]
    assert written["EXAMPLES"] and written["RETURN"]
    for task in written["EXAMPLES"]:
        assert task["name"]


@pytest.mark.parametrize("module", MODULES)
def test_the_action_group_has_the_modules_that_talk_to_a_node(module: str) -> None:
    fragments = constants(module)["DOCUMENTATION"]["extends_documentation_fragment"]

    assert ("vcfleet.certs.node" in fragments) == (module in NODE_MODULES)
    assert ("vcfleet.certs.attributes.node" in fragments) == (module in NODE_MODULES)


def test_every_action_is_a_module() -> None:
    assert sorted(path.stem for path in (PLUGINS / "action").glob("*.py")) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_examples_validate_against_the_spec(module: str) -> None:
    """Each task of the examples that uses the module, with templates taken for text."""
    spec = argspec.argument_spec(argspec.documented_options(module))
    used = [
        task[f"vcfleet.certs.{module}"] or {}
        for task in tasks(constants(module)["EXAMPLES"])
        if f"vcfleet.certs.{module}" in task
    ]

    assert used
    for options in used:
        names = {name: value for name, value in options.items() if not (isinstance(value, str) and "{{" in value)}
        untyped = {name: dict(spec[name], required=False) if name not in names else spec[name] for name in spec}
        assert ArgumentSpecValidator(untyped).validate(names).error_messages == []
        assert set(options) <= set(spec)


def tasks(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    nested = [each for task in found for part in ("block", "rescue", "always") for each in task.get(part, [])]
    return [*found, *(tasks(nested) if nested else [])]
