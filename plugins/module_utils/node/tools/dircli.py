# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dir-cli: members and state of the directory (vmware-cli.md §5)."""

from __future__ import annotations

import re
from typing import NamedTuple

from .. import paths
from ..process import Completed, Runner
from .sso import Login
from .vdcrepadmin import partner_name

# Known causes have a sentence, of several lines, with the number at its end; the others have the number first (§5.2),
# in words that differ from build to build (§0.5).
_ERROR = re.compile(r"\bError (\d+):")
_SENTENCE = re.compile(r"dir-cli failed, error= .*?\b(\d+)\s*$", re.DOTALL | re.MULTILINE)
_STATE = re.compile(r"Directory Server State\s*:\s*(.+?)\s*\((\d+)\)")
# The first line may stand behind the prompt.
_NODE = re.compile(r"(?:^|(?<=: ))[ \t]*Node[ \t]*:[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)
_TYPE = re.compile(r"^[ \t]*Type[ \t]*:[ \t]*(\S+)", re.MULTILINE)
_SITE = re.compile(r"^[ \t]*Site[ \t]*:[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)
_PARTNER = re.compile(r"^[ \t]*Partner[ \t]*#?[ \t]*\d+[ \t]*:(.*)$", re.MULTILINE)

NORMAL, STANDALONE = "Normal", "Standalone"


class Listed(NamedTuple):
    """One node of `nodes list`. `type` is PSC for a directory node, Management for a 6.x vCenter without one."""

    name: str
    type: str
    site: str | None
    partners: list[str]


class DirCli:
    """Reads only. Every method raises ToolError; wrong credentials are code 1326 or 9234, no directory 9126, 9127."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def nodes(self, login: Login) -> list[Listed]:
        """All nodes that this node's directory knows, with their partners."""
        completed = self._ask(login, "nodes", "list", "--server-name", "localhost")
        try:
            return parse_nodes(completed.stdout)
        except ValueError as error:
            raise completed.error(
                f"printed {completed.said} ({error})", remedy="Run `dir-cli nodes list` by hand on the node."
            ) from error

    def state(self, login: Login, server: str = "localhost", timeout: float | None = None) -> str:
        """The state of a node's vmdir, by name: `Normal`, `Read only`, `Standalone`, ... `timeout` is in seconds."""
        completed = self._ask(login, "state", "get", "--server-name", server, timeout=timeout)
        found = _STATE.search(completed.stdout)
        if found is None:
            raise completed.error(
                f"printed {completed.said} instead of a state",
                remedy=f"Run `dir-cli state get --server-name {server}` by hand on the node.",
            )
        return found.group(1)

    def _ask(self, login: Login, *arguments: str, timeout: float | None = None) -> Completed:
        completed = self._runner.run(
            [paths.DIR_CLI, *arguments, "--login", login.user], timeout=timeout, stdin=login.line
        )
        code = error_code(completed)
        if code is not None:
            raise login.judge(completed, code)
        if completed.rc:
            # What it printed may be a part of what there is.
            raise completed.error(
                f"ended with exit status {completed.rc} and printed {completed.said}",
                remedy=f"Run `dir-cli {' '.join(arguments)}` by hand on the node.",
            )
        return completed


def error_code(completed: Completed) -> int | None:
    """The documented number on stderr; the exit status has only its low byte."""
    found = _ERROR.search(completed.stderr) or _SENTENCE.search(completed.stderr)
    return int(found.group(1)) if found else None


def parse_nodes(text: str) -> list[Listed]:
    """The blocks of `nodes list`. Raises ValueError for none, for one without a type and for a partner that is none."""
    heads = list(_NODE.finditer(text))
    if not heads:
        raise ValueError("no node, not even this one")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [_listed(head.group(1), text[head.end() : end]) for head, end in zip(heads, ends)]


def _listed(name: str, block: str) -> Listed:
    kind, site = _TYPE.search(block), _SITE.search(block)
    if kind is None:
        raise ValueError(f"{name} has no type")
    return Listed(
        name, kind.group(1), site.group(1) if site else None, [partner_name(p) for p in _PARTNER.findall(block)]
    )
