# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node package on every real Python from 3.7 on that this machine has: each module loads, a request is answered."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import node_program

ROOT = Path(__file__).resolve().parents[3]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "tools" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


environment = tool("environment")
PYTHONS = {version: found for version in environment.NODE_PYTHONS if (found := environment.interpreter(version))}


def answer(python: Path, program: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [str(python), "-IB", "-W", "error", "-"]
    return subprocess.run(command, input=program, capture_output=True, timeout=60, check=False)


def test_there_is_an_old_and_a_new_one() -> None:
    """A machine without any would test nothing here."""
    assert PYTHONS


@pytest.mark.parametrize("version", PYTHONS)
def test_every_module_loads_without_a_warning(version: str) -> None:
    modules = node_program.node_modules()
    names = [name for name in modules if name != "node.__main__"]
    assert len(names) > 20
    program = node_program.node_program({}, modules).decode()
    load = program.replace("\nstart(", "\nmodules, _request = (") + "sys.meta_path.insert(0, MemoryFinder(modules))\n"
    loads = "".join(f"importlib.import_module({name!r})\n" for name in names)
    ran = answer(PYTHONS[version], f"{load}{loads}print('all loaded')\n".encode())
    assert ran.stdout.decode().endswith("all loaded\n"), ran.stderr.decode()


@pytest.mark.parametrize("version", PYTHONS)
def test_a_request_is_answered(version: str, tmp_path: Path) -> None:
    """From memory, with nothing written, as on a node."""
    request = {"verb": "no_such_verb", "options": {"state_dir": str(tmp_path / "state")}, "check_mode": True}
    ran = answer(PYTHONS[version], node_program.node_program(request))
    told = node_program.parse_answer(ran.stdout.decode())
    assert told is not None, ran.stderr.decode()
    assert told["ok"] is False and "no_such_verb" in json.dumps(told["error"])
    assert list(tmp_path.iterdir()) == []
