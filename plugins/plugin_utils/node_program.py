# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The node package as a program for the node's Python, the command that runs it, and what comes back.

The program travels on stdin: arguments never stand on a command line, and nothing is left on the node's disk. A
program that arrives cut short does nothing, since Python reads all of it before it runs any of it.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PLUGINS = Path(__file__).resolve().parents[1]
_NO_PYTHON = "vcfleet.certs: no Python 3.7 or newer"
_CANDIDATES = ("/usr/bin/python3", "python3", *(f"python3.{minor}" for minor in range(14, 6, -1)))
_KEPT_OUTPUT = 2000


@dataclass(frozen=True)
class Completed:
    """What a command on the node left behind."""

    rc: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Diagnosis:
    """Why there was no answer, in words, and what to do about it."""

    problem: str
    remedy: str
    details: dict[str, Any] = field(default_factory=dict)


def node_modules(package: Path = _PLUGINS / "module_utils" / "node") -> dict[str, tuple[bool, str]]:
    """The node package's modules, `{dotted name: (is a package, source)}`, under the name `node`."""
    modules = {}
    for file in sorted(package.rglob("*.py")):
        parts = ("node", *file.relative_to(package).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        modules[".".join(parts[:-1] if is_package else parts)] = (is_package, file.read_text(encoding="utf-8"))
    return modules


def node_program(request: Mapping[str, Any], modules: Mapping[str, tuple[bool, str]] | None = None) -> bytes:
    """Python source that answers `request` ({"verb", "options", "check_mode"}) on the node; ASCII, for stdin."""
    package = _PACKAGE if modules is None else _packed(modules)
    return f'{_BOOTSTRAP}\nstart(unpacked("{package}"), unpacked("{_packed(request)}"))\n'.encode("ascii")


def _packed(value: Any) -> str:
    """JSON data as text that needs no quoting; the bootstrap unpacks it."""
    return base64.b64encode(zlib.compress(json.dumps(value).encode(), 9)).decode()


def launch_command(interpreter: str | None = None) -> str:
    """A shell command that gives its stdin to the first Python of the node that is new enough."""
    candidates = " ".join(shlex.quote(each) for each in ((interpreter,) if interpreter else ()) + _CANDIDATES)
    new_enough = '"$p" -ISc "import sys; sys.exit(sys.version_info < (3, 7))" </dev/null >/dev/null 2>&1'
    return f'for p in {candidates}; do {new_enough} && exec "$p" -IB -; done; echo "{_NO_PYTHON}" >&2; exit 127'


def appliance_shell_command(interpreter: str | None = None) -> str:
    """The same through the appliance shell, whose `shell` command takes a plain command line and passes stdin on."""
    return f"shell {interpreter or _CANDIDATES[0]} -IB -"


def parse_answer(stdout: str) -> dict[str, Any] | None:
    """The node's answer: the last line that is one. Banners before it and prompts after it are nobody's business."""
    for line in reversed(stdout.splitlines()):
        if not line.startswith("{"):
            continue
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        if isinstance(answer, dict) and "ok" in answer:
            return answer
    return None


def is_appliance_shell(completed: Completed) -> bool:
    """Did the appliance shell answer in place of a POSIX shell (field notes §2.2)?"""
    return "Unknown command: `" in completed.stdout + completed.stderr


def diagnose(completed: Completed, through_appliance_shell: bool) -> Diagnosis:
    """Why a command gave no answer."""
    details = {
        "rc": completed.rc,
        "stdout": completed.stdout[-_KEPT_OUTPUT:],
        "stderr": completed.stderr[-_KEPT_OUTPUT:],
    }
    if through_appliance_shell:
        return Diagnosis(
            "The login shell on the node is the appliance shell, and its command `shell` does not run Python",
            "Switch the login shell with the role vcfleet.certs.appliance_shell (it is put back afterwards), or by hand"
            " with `shell.set --enabled true`, `shell`, `chsh -s /bin/bash root`",
            details,
        )
    if _NO_PYTHON in completed.stderr:
        return Diagnosis(
            "The node has no Python 3.7 or newer among {}".format(", ".join(_CANDIDATES)),
            "Set ansible_python_interpreter to the absolute path of one. vCenter 6.7 and older have none",
            details,
        )
    become = re.search(r"^(?:sudo|su|doas|dzdo|pbrun|runas): .*$|not in the sudoers.*$", completed.stderr, re.MULTILINE)
    if become:
        return Diagnosis(
            f"Becoming root on the node failed: {become.group(0).strip()}",
            "Let the connection's user become root without a terminal and without a prompt, or connect as root",
            details,
        )
    return Diagnosis(
        f"The node did not answer as it should (exit status {completed.rc}): {_last_line(completed)}",
        "Look at `details` for its whole output. Start-up files of the login shell that exit or wait do this, and so"
        " does a node that is out of memory or going down",
        details,
    )


def _last_line(completed: Completed) -> str:
    lines = (completed.stderr.strip() or completed.stdout.strip()).splitlines()
    return lines[-1][:300] if lines else "it printed nothing"


# Once a run: ansible-core imports this before it forks a worker for each task and host.
_BOOTSTRAP = (_PLUGINS / "plugin_utils" / "node_bootstrap.py").read_text(encoding="utf-8")
_PACKAGE = _packed(node_modules())
