# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. From a module's documentation to its argument spec: the options are stated once, where people read them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

_PLUGINS = Path(__file__).resolve().parents[1]
_COLLECTION = "vcfleet.certs."
_COPIED = ("type", "elements", "required", "default", "aliases")

# The C loader is several times faster and not part of every PyYAML.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documented_options(module: str, plugins: Path = _PLUGINS) -> dict[str, Any]:
    """The options that a module's DOCUMENTATION states, with those of its fragments, as they stand there.

    Raises LookupError when the module or one of our fragments has no documentation.
    """
    documentation = _documentation(plugins / "modules" / f"{module}.py", "DOCUMENTATION")
    options: dict[str, Any] = {}
    for fragment in documentation.get("extends_documentation_fragment", []):
        options.update(_fragment(fragment, plugins).get("options", {}))
    options.update(documentation.get("options", {}))
    return options


def argument_spec(options: Mapping[str, Any], secrets: Collection[str] = ()) -> dict[str, Any]:
    """Documented options, nested ones too, in the form that ansible-core validates arguments by.

    Documentation cannot say `no_log`: `secrets` are the names of the options that have it.
    """
    spec = {name: _argument(option) for name, option in options.items()}
    for name in secrets:
        spec[name]["no_log"] = True
    return spec


def _argument(option: Mapping[str, Any]) -> dict[str, Any]:
    argument = {key: option[key] for key in _COPIED if key in option}
    if "choices" in option:
        argument["choices"] = list(option["choices"])
    if "suboptions" in option:
        argument["options"] = argument_spec(option["suboptions"])
    return argument


def _fragment(name: str, plugins: Path) -> dict[str, Any]:
    """`vcfleet.certs.node` is DOCUMENTATION of doc_fragments/node.py, `vcfleet.certs.node.state` its STATE."""
    file, _dot, section = name.removeprefix(_COLLECTION).partition(".")
    return _documentation(plugins / "doc_fragments" / f"{file}.py", section.upper() or "DOCUMENTATION")


def _documentation(path: Path, name: str) -> dict[str, Any]:
    """The YAML of the string constant `name` of a Python file, which is read and not run."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return dict(yaml.load(ast.literal_eval(node.value), Loader=_Loader))  # noqa: S506 (it is a safe loader)
    raise LookupError(f"{path} has no {name}")
