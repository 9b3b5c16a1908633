# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the node package; every one says what happened and what to do, in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_KEPT_OUTPUT = 4000
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


class NodeError(Exception):
    """Something a person must know: `message` says what, `remedy` what to do, `details` (JSON-safe) the evidence."""

    def __init__(self, message: str, remedy: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details: dict[str, Any] = details

    def to_dict(self) -> dict[str, Any]:
        """The error as it travels: {"message": str, "remedy": str, "details": dict}."""
        return {"message": self.message, "remedy": self.remedy, "details": self.details}


class ToolError(NodeError):
    """A vendor tool failed, hung, is missing or answered with what nobody can read.

    `code` is the documented number found in the tool's text, None without one; it is never made from `rc`, which
    holds only the low byte (vmware-cli.md §0.3) and is None when the tool never ended. Secret output is not kept.
    """

    def __init__(
        self,
        meaning: str,
        argv: list[str],
        rc: int | None = None,
        stdout: str = "",
        stderr: str = "",
        code: int | None = None,
        remedy: str = "",
    ) -> None:
        self.argv = list(argv)
        self.rc = rc
        self.stdout = _kept(stdout)
        self.stderr = _kept(stderr)
        self.code = code
        self.meaning = meaning
        super().__init__(
            f"{short_name(argv)}: {meaning}",
            remedy,
            argv=self.argv,
            rc=rc,
            stdout=self.stdout,
            stderr=self.stderr,
            code=code,
        )


class ToolTimeoutError(ToolError):
    """The tool did not end in time and was killed; `stdout` and `stderr` hold what it had printed until then."""


def short_name(argv: list[str]) -> str:
    """How a person names a command: `vecs-cli entry create`, `certool --gencert`, `vdcrepadmin -f showservers`."""
    words = [Path(argv[0]).name]
    for argument in argv[1:]:
        if argument.startswith("-"):
            break
        words.append(argument)
    if len(words) == 1 and len(argv) > 1:
        words += [argv[1].split("=")[0]] if argv[1].startswith("--") else argv[1:3]
    return " ".join(words)


def _kept(output: str) -> str:
    """An output without private keys; of a long one the beginning, and the end, where the tools say what went wrong."""
    text = _PRIVATE_KEY.sub("(private key removed)", output)
    if len(text) <= _KEPT_OUTPUT:
        return text
    return f"{text[: _KEPT_OUTPUT // 4]}\n...\n{text[-_KEPT_OUTPUT * 3 // 4 :]}"
