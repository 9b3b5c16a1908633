# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One JSON line each way between a tool and a daemon, over a UNIX socket or TCP."""

import contextlib
import json
import os
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

Address = str | tuple[str, int]
Handler = Callable[[dict[str, Any], "Peer"], dict[str, Any]]


class Peer(NamedTuple):
    """Who calls: the uid of a local caller (SO_PEERCRED), None for a remote one."""

    uid: int | None

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

    Raises ConnectionError when nothing listens or the peer hangs up, socket.gaierror for an unknown host name,
    TimeoutError.
    """
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as link:
        link.settimeout(timeout)
        try:
            link.connect(address)
        except FileNotFoundError as error:
            raise ConnectionRefusedError(str(error)) from error
        with link.makefile("rwb") as stream:
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
            line = stream.readline()
    if not line:
        raise ConnectionResetError("no answer")
    return json.loads(line)


def serve(address: Address, handler: Handler) -> Any:
    """Answer requests on a background thread each; the listening socket exists when this returns."""
    import socketserver
    import threading

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline()
            if line:
                answer = handler(json.loads(line), Peer(_uid(self.request)))
                self.wfile.write(json.dumps(answer).encode() + b"\n")

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


def _uid(link: socket.socket) -> int | None:
    import struct

    if link.family != socket.AF_UNIX:
        return None
    credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1]
