# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who certool says it is (vmware-cli.md §1.3): named on the command line, else the machine account, else nobody."""

from __future__ import annotations

import os

from .. import console
from ..vmca_errors import ARGUMENT_ERROR, VmcaError
from .program_options import Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PASSWORD_MAX = 32


def credentials(values: Values) -> dict[str, Any]:
    """What goes with each request to VMCA; raises VmcaError 70003 when no password is typed."""
    upn = values.text("srp-upn")
    if upn:
        return {"upn": upn, "password": values.text("srp-pwd") or _asked(upn)}
    # The registry with the machine account is root's; everybody else goes on unauthenticated, without a word.
    return {"machine": True} if os.geteuid() == 0 else {}


def _asked(upn: str) -> str:
    console.out(f"Enter password for {upn}: ")
    console.flush()
    password = _typed()
    if not password:
        console.out("Error : Invalid password\n")
        raise VmcaError(ARGUMENT_ERROR)
    return password


def _typed() -> str:
    """One line of stdin; the newline is echoed unless the line fills the buffer, a backspace ends the password."""
    with console.Echoless():
        typed = ""
        while len(typed) < _PASSWORD_MAX:
            character = console.read_char()
            if character in ("", "\n"):
                console.out("\n")
                console.flush()
                break
            typed = typed[:-1] + "\0" if character == "\b" else typed + character
    return typed.partition("\0")[0]
