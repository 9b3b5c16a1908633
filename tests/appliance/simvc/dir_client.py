# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the tools reach a directory node: the local one through its socket, any other over TCP."""

from __future__ import annotations

import os

from . import afd_errors, ipc, paths
from .afd_errors import AfdError
from .identity import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LOCAL = ("localhost", "127.0.0.1", "::1")


class DirectoryServer:
    """The vmdird of a host, as `user` (UPN) with a password."""

    def __init__(self, host: str | None, user: str = "", password: str = "") -> None:
        self._address = _address(host)
        self._credentials = {"user": user, "password": password}

    def ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        """The answer to one operation of vmdird; raises AfdError, 9127 when nobody answers."""
        return afd_errors.raise_for(self.reply(op, **arguments))

    def reply(self, op: str, **arguments: Any) -> dict[str, Any]:
        """As `ask`, but an error of the operation itself stays in the answer's `code`."""
        try:
            return ipc.call(self._address, {"op": op, **arguments, **self._credentials})
        except OSError:
            raise AfdError(afd_errors.VMDIR_SERVER_DOWN) from None

    def bind(self) -> None:
        """Raises AfdError 9234 for wrong credentials."""
        if self.reply("authenticate")["code"]:
            raise AfdError(afd_errors.VMDIR_INVALID_CREDENTIAL)


def _address(host: str | None) -> ipc.Address:
    if not host or host.lower() in (*_LOCAL, os.uname().nodename.lower()):
        return paths.VMDIR_SOCKET
    try:
        node = identity()
    except PermissionError:  # not root: names alone have to do
        node = {}
    if host.lower() in (node.get("address"), node.get("pnid", "").lower()):
        return paths.VMDIR_SOCKET
    known = {partner["name"].lower(): partner["address"] for partner in node.get("partners", [])}
    return known.get(host.lower(), host), paths.VMDIR_PORT
