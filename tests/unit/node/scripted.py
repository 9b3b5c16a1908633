# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A runner that follows a script: the expected commands in their order, each with its answer; any other call fails.

openssl is no vendor tool and is really run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.vcfleet.certs.plugins.module_utils.node.context import Context
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import ToolError, ToolTimeoutError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.process import Completed, Runner
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.toolbox import Toolbox

Deed = Callable[[dict[str, str]], object]


@dataclass
class Line:
    """`words` must begin the command line, tool name first; the rest of it is handed to `deed` as options."""

    words: list[str]
    stdout: str = ""
    stderr: str = ""
    rc: int = 0
    deed: Deed | None = None
    error: ToolError | None = None


@dataclass
class ScriptedRunner:
    lines: list[Line] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)
    inputs: list[bytes] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    timeout: float = 120.0

    def expect(self, command: str, stdout: str = "", **more: Any) -> ScriptedRunner:
        """`command` as `vecs-cli entry list --store X`: a beginning of the expected call."""
        self.lines.append(Line(command.split(" "), stdout, **more))
        return self

    def run(
        self,
        argv: list[str],
        timeout: float | None = None,
        stdin: bytes = b"",
        secret: bool = False,
        umask: int = 0o077,
    ) -> Completed:
        if Path(argv[0]).name == "openssl":
            return Runner().run(argv, timeout, stdin, secret, umask)
        called = [Path(argv[0]).name, *argv[1:]]
        self.calls.append(called)
        self.inputs.append(stdin)
        assert self.lines, f"unexpected call: {called}"
        line = self.lines.pop(0)
        assert called[: len(line.words)] == line.words, f"expected {line.words}, got {called}"
        if line.deed is not None:
            line.deed(_options(argv))
        if line.error is not None:
            raise line.error
        return Completed(argv, line.rc, line.stdout, line.stderr, 0.01, secret)

    def context(self, check_mode: bool = False) -> Context:
        return Context(check_mode, Toolbox(self))  # type: ignore[arg-type]


def hung(command: str, stdout: str = "") -> ToolError:
    """What the real runner raises when a tool does not end."""
    return ToolTimeoutError(
        "did not end within 120 seconds and was killed", ["/x/" + command], stdout=stdout, remedy="Look."
    )


def _options(argv: list[str]) -> dict[str, str]:
    """`--cert=F` (certool) and `--cert F` (vecs-cli) alike."""
    options = {}
    for at, word in enumerate(argv):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            following = argv[at + 1] if at + 1 < len(argv) else ""
            options[name] = value if equals else following
    return options


def listing(*entries: tuple[str, str, str]) -> str:
    """What `vecs-cli entry list` prints for (alias, type, PEM) (vmware-cli.md §3.5)."""
    shown = [f"Alias :\t{alias}\nEntry type :\t{kind}\nCertificate :\t{pem}\n\n" for alias, kind, pem in entries]
    return f"Number of entries in store :\t{len(entries)}\n" + "".join(shown)


def vecs_error(code: int) -> dict[str, Any]:
    """stderr and exit status of a failing vecs-cli (§3.2)."""
    return {
        "stderr": f"vecs-cli failed. Error {code}: Operation failed with error X ({code}) \n",
        "rc": code & 0xFF,
    }


STORES = "MACHINE_SSL_CERT\nTRUSTED_ROOTS\nTRUSTED_ROOT_CRLS\nmachine\nBACKUP_STORE\n"
