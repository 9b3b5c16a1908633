# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSO account that the directory tools log in with. Its password goes to their prompts and nowhere else."""

from __future__ import annotations

import re

from ..errors import NodeError, ToolError
from ..process import Completed
from . import codes

# dir-cli reads 33 bytes into a buffer of 33, so that 32 are safe (vmware-cli.md §5.1).
_PROMPT_BYTES = 32
_USER = re.compile(r"[^\s@\x00-\x1f\x7f-][^\s@\x00-\x1f\x7f]*(@[A-Za-z0-9._-]+)?")

# What says that user or password are wrong: LDAP's number, Windows' three, vmdir's (vmware-cli.md §5.2, §6.1).
WRONG = frozenset({49, 1317, 1325, 1326, 9234})
_MAY_BE_CHARACTERS = WRONG | {1360, codes.LARGEST}


class Login:
    """An SSO user, with or without its domain, and the password, which no text of ours ever holds.

    Raises NodeError, in words and before any tool is asked, for what a prompt would cut or take for something else:
    a wrong password is a step towards a locked account.
    """

    def __init__(self, user: str, password: str) -> None:
        if not _USER.fullmatch(user):
            raise NodeError(
                f"{user!r} cannot be an SSO user.", "Give a bare name such as administrator, or administrator@DOMAIN."
            )
        self.user = user
        self._line = _line(password)

    @property
    def name(self) -> str:
        """The bare name: vdcrepadmin takes the domain from the server (§6.1)."""
        return self.user.partition("@")[0]

    @property
    def line(self) -> bytes:
        """What a prompt is answered with, for stdin."""
        return self._line

    def judge(self, completed: Completed, code: int) -> ToolError:
        """The error that a documented number of a directory tool is."""
        if code not in WRONG:
            known = codes.lookup(code)
            return completed.error(known.meaning + self._doubt(code), code, known.remedy)
        error = completed.error(
            f"the SSO user or password was refused for {self.user} (error {code}){self._doubt(code)}",
            code,
            "Correct it before the next run. It was tried once and not again: a few wrong passwords lock the account.",
        )
        # For whoever would ask another node of the same group next.
        error.details["login_refused"] = True
        return error

    def _doubt(self, code: int) -> str:
        """Whether the tools convert what they read at a prompt, and fail at UTF-8, is not known (§3.8, §9 43)."""
        if (self.user + self.line.decode()).isascii() or (codes.is_known(code) and code not in _MAY_BE_CHARACTERS):
            return ""
        return "; user or password hold non-ASCII characters, which its tools may not take: try an account without them"


def _line(password: str) -> bytes:
    if not password:
        raise NodeError("The SSO password is empty.", "Set it, or leave out what needs it.")
    if re.search(r"[\r\n\x00]", password):
        raise NodeError(
            "The SSO password holds a line break or a NUL, which no prompt of the vendor's tools takes.",
            "A line break at its end often comes from the file that it was read from.",
        )
    try:
        encoded = password.encode("utf-8")
    except UnicodeEncodeError:
        raise NodeError("The SSO password is no valid text.", "Check how it is stored.") from None
    if len(encoded) > _PROMPT_BYTES:
        raise NodeError(
            f"The SSO password is {len(encoded)} bytes long, and dir-cli's prompt takes {_PROMPT_BYTES}.",
            "Use an account with a shorter password. On a command line it would fit, and be seen in the process list.",
        )
    return encoded + b"\n"
