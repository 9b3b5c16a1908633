# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. Starts the node package on the node, from memory: nothing of it touches the node's disk.

This file is sent ahead of the package and runs on the node: standard library only, Python 3.7.
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
import zlib
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class MemoryFinder:
    """Finds and loads modules among `{dotted name: [is a package, source]}`."""

    def __init__(self, modules: dict[str, tuple[bool, str]]) -> None:
        self.modules = modules

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in self.modules:
            return None
        return ModuleSpec(name, self, is_package=self.modules[name][0])  # type: ignore[arg-type] # a loader by its methods

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        # A name without <> lets tracebacks ask get_source for the lines.
        code = compile(self.get_source(name), "{}.py".format(name.replace(".", "/")), "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 (this is how a loader runs a module)

    def get_source(self, name: str) -> str:
        return self.modules[name][1]


def unpacked(text: str) -> Any:
    """What the controller has packed as JSON, compressed, in base 64."""
    return json.loads(zlib.decompress(base64.b64decode(text)))


def start(modules: dict[str, tuple[bool, str]], request: dict[str, Any]) -> None:
    """Let the package answer the request; the answer is the last line of stdout."""
    sys.meta_path.insert(0, MemoryFinder(modules))
    answer = importlib.import_module("node.__main__").handle(request)
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
    sys.stdout.flush()
