# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection that is put to the proof: this checkout, or the broken copy that VCFLEET_COLLECTION names."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
COLLECTION = Path(os.environ.get("VCFLEET_COLLECTION", CHECKOUT))

sys.path[:0] = [str(CHECKOUT / "tests/appliance"), str(CHECKOUT / "tests/integration")]


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_program: Any = _module("vcfleet_node_program", COLLECTION / "plugins/plugin_utils/node_program.py")
# Read once: the sources may be worked on while a proof runs.
_MODULES = _program.node_modules()
parse_answer = _program.parse_answer


def node_program(request: dict[str, Any]) -> bytes:
    """The program that answers a request on the node."""
    return bytes(_program.node_program(request, _MODULES))


def road() -> list[str]:
    """The names of the swap's steps, from the swap's own list."""
    package = str(COLLECTION / "plugins/module_utils")
    sys.path.insert(0, package)
    try:
        from node.swap import ROAD
    finally:
        sys.path.remove(package)
    return [step.name for step in ROAD]
