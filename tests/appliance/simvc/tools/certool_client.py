# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How certool reaches VMCA and its neighbours, and what it makes of their silence (vmware-cli.md §1.8)."""

from __future__ import annotations

import _socket

from .. import ipc, paths
from ..vmca_errors import CANNOT_CONNECT_VMAFD, CONNECT_REJECTED, INVALID_NET_ADDRESS, SERVER_DOWN, VmcaError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LDAP_PORT = 389
_LOCAL = ("", "localhost", "127.0.0.1", "::1")


class Server:
    """The VMCA of one host, spoken to as one caller; `open` it first."""

    def __init__(self, name: str, credentials: dict[str, Any]) -> None:
        self.name = name
        self._credentials = credentials
        self._address: ipc.Address = paths.VMCA_SOCKET

    def open(self) -> None:
        """Find the host; raises VmcaError when its name does not resolve."""
        if self.name in _LOCAL:
            return
        self._address = (_resolved(self.name), paths.VMCA_PORT)
        if self._credentials.get("machine"):
            self._credentials = _machine_account()

    def call(self, operation: str, **details: Any) -> dict[str, Any]:
        """One request; raises VmcaError for VMCA's own errors and when nothing answers."""
        try:
            answer = ipc.call(self._address, {"op": operation, **details, **self._credentials})
        except OSError:
            raise VmcaError(CONNECT_REJECTED) from None
        if answer["code"]:
            raise VmcaError(answer["code"])
        return answer


def vmafd(operation: str, **details: Any) -> dict[str, Any]:
    """One request to the local vmafdd; raises VmcaError."""
    try:
        answer = ipc.call(paths.VMAFD_SOCKET, {"op": operation, **details})
    except OSError:
        raise VmcaError(CANNOT_CONNECT_VMAFD) from None
    if answer["code"]:
        raise VmcaError(answer["code"])
    return answer


def directory_address(host: str, port: int) -> ipc.Address:
    """Where the directory of a host listens; raises VmcaError when its name does not resolve."""
    if host in _LOCAL and port == LDAP_PORT:
        return paths.VMDIR_SOCKET
    try:
        return (_resolved(host or "localhost"), paths.VMDIR_PORT if port == LDAP_PORT else port)
    except VmcaError:
        raise VmcaError(SERVER_DOWN) from None


def _resolved(name: str) -> str:
    try:
        return _socket.gethostbyname(name)
    except OSError:
        raise VmcaError(INVALID_NET_ADDRESS) from None


def _machine_account() -> dict[str, Any]:
    try:
        account = vmafd("account")
    except VmcaError:
        return {}
    return {"upn": account["name"], "password": account["password"]}
