# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message each way between a tool and a daemon, over a UNIX socket or TCP: data as `marshal` writes it.

A tool of the vendor's takes some milliseconds. So what every one of ours imports is the interpreter's own core:
`_socket` and not `socket`, no `typing`, no `json`, no `contextlib`, each of which takes longer to import than a tool to
run (test_start_up.py).
"""

from __future__ import annotations

import _socket
import marshal
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Address = str | tuple[str, int]
    Handler = Callable[[dict[str, Any], "Peer"], dict[str, Any]]

gaierror = _socket.gaierror
_PIECE = 65536


class Peer:
    """Who calls: the uid of a local caller (SO_PEERCRED), None for a remote one."""

    def __init__(self, uid: int | None) -> None:
        self.uid = uid

    @property
    def user(self) -> str | None:
        if self.uid is None:
            return None
        import pwd

        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


def call(address: Address, request: dict[str, Any], timeout: float = 120.0) -> dict[str, Any]:
    """Send one request, return the answer.

    Raises ConnectionError when nothing listens or the peer hangs up, gaierror for an unknown host name, TimeoutError.
    """
    family = _socket.AF_UNIX if isinstance(address, str) else _socket.AF_INET
    link = _socket.socket(family, _socket.SOCK_STREAM)
    try:
        link.settimeout(timeout)
        try:
            link.connect(address)
        except FileNotFoundError as error:
            raise ConnectionRefusedError(str(error)) from error
        link.sendall(marshal.dumps(request))
        link.shutdown(_socket.SHUT_WR)
        answer = b"".join(iter(lambda: link.recv(_PIECE), b""))
    finally:
        link.close()
    if not answer:
        raise ConnectionResetError("no answer")
    return marshal.loads(answer)


def serve(address: Address, handler: Handler) -> Any:
    """Answer requests on a background thread each; the listening socket exists when this returns."""
    import contextlib
    import socketserver
    import threading

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            question = self.rfile.read()
            if question:
                answer = handler(marshal.loads(question), Peer(_uid(self.request)))
                self.wfile.write(marshal.dumps(answer))

    if isinstance(address, str):
        os.makedirs(os.path.dirname(address), exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        base: Any = socketserver.ThreadingUnixStreamServer
    else:
        base = socketserver.ThreadingTCPServer
    server = type("Server", (base,), {"daemon_threads": True, "allow_reuse_address": True, "request_queue_size": 64})(
        address, Connection
    )
    if isinstance(address, str):
        os.chmod(address, 0o666)
    # Nothing ever asks the loop to end, so it need not wake up to look: an idle node sleeps.
    threading.Thread(target=server.serve_forever, args=(3600,), daemon=True).start()
    return server


def _uid(link: _socket.socket) -> int | None:
    import struct

    if link.family != _socket.AF_UNIX:
        return None
    credentials = link.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1]
