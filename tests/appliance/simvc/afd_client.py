# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the tools reach vmafdd: through its socket, or over TCP with a name and a password."""

from __future__ import annotations

import os

from . import afd_errors, ipc, paths
from .afd_errors import AfdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class AfdServer:
    """The local vmafdd, or that of `host` as `upn`."""

    def __init__(self, host: str | None = None, upn: str | None = None, password: str | None = None) -> None:
        self._address: ipc.Address = (host, paths.VMAFD_PORT) if host else paths.VMAFD_SOCKET
        self._credentials = {"upn": upn, "password": password} if upn else {}

    def ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        """The answer to one operation of vmafdd; raises AfdError, 1021 or an RPC number when nobody answers."""
        answer = self.reply(op, **arguments)
        return afd_errors.raise_for(answer)

    def reply(self, op: str, **arguments: Any) -> dict[str, Any]:
        """As `ask`, but an error of the operation itself stays in the answer's `code`."""
        try:
            return ipc.call(self._address, {"op": op, **arguments, **self._credentials})
        except ipc.gaierror:
            raise AfdError(afd_errors.RPC_INVAL_NET_ADDR) from None
        except OSError:
            local = isinstance(self._address, str)
            code = afd_errors.CANNOT_CONNECT_VMAFD if local else afd_errors.RPC_CONNECT_REJECTED
            raise AfdError(code) from None


def server_named(host: str) -> AfdServer:
    """vmafdd of a host by its name, without credentials; this node is reached through the socket by all its names."""
    local = ("localhost", "127.0.0.1", os.uname().nodename.lower())
    return AfdServer(None if host.lower() in local else host)
