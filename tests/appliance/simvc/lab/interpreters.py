# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds a Python of a wanted version among those of this machine, to be the node's own."""

import os
import re
import shutil
import subprocess
from pathlib import Path


class NoInterpreter(Exception):
    """No Python of the wanted kind is on this machine."""


def find(wanted: str) -> str:
    """The real path of Python `wanted`: `3.7`, or the path of an interpreter.

    Raises NoInterpreter.
    """
    for candidate in [wanted] if "/" in wanted else _candidates(wanted):
        path = os.path.realpath(candidate)
        if os.access(path, os.X_OK) and ("/" in wanted or _version(path) == wanted):
            return path
    raise NoInterpreter(f"no Python {wanted} on this machine")


def find_or_nearest(wanted: str) -> tuple[str, str | None]:
    """Like find(), but the next higher version rather than none; then also a note that says so.

    Raises NoInterpreter when there is no such version either.
    """
    minor = int(wanted.split(".")[1])
    for version in [wanted, *(f"3.{number}" for number in range(minor + 1, 15))]:
        try:
            path = find(version)
        except NoInterpreter:
            continue
        note = (
            None if version == wanted else f"no Python {wanted} on this machine: nodes that should have it get {path}"
        )
        return path, note
    raise NoInterpreter(f"no Python {wanted} or higher on this machine")


def prefix(path: str) -> Path | None:
    """The folder that the interpreter needs besides /usr, None when it is part of /usr."""
    return None if path.startswith("/usr/bin/") else Path(path).parent.parent


def _candidates(version: str) -> list[str]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    by_patch = sorted(pyenv.glob(f"versions/{version}.*/bin/python3"), key=_numbers, reverse=True)
    on_path = shutil.which(f"python{version}")
    fixed = [f"{folder}/python{version}" for folder in ("/usr/bin", "/usr/local/bin", "/opt/python/bin")]
    return [*map(str, by_patch), *([on_path] if on_path else []), *fixed, "/usr/bin/python3"]


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def _version(path: str) -> str:
    """What the interpreter says; empty when it does not run (a pyenv shim, a broken link)."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([path, "-ISc", code], capture_output=True, text=True, check=False)
    return answer.stdout.strip()
