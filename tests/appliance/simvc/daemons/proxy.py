# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS port of the appliance: `proxy PORT STORE` presents what the store's machine certificate was when it started.

What VECS is given later shows only after a restart, as on the appliance. The private key never touches a disk.
"""

import os
import signal
import socket
import ssl
import sys
import threading

from .. import ipc, paths

_ALIAS = "__MACHINE_CERT"
_PAGE = b"<!DOCTYPE html><title>vCenter Server</title>\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
    len(_PAGE),
    _PAGE,
)


def _context(store: str) -> ssl.SSLContext:
    """TLS with the store's pair.

    Raises SystemExit when VECS does not give one.
    """
    answer = ipc.call(paths.VMAFD_SOCKET, {"op": "entry_get", "store": store, "alias": _ALIAS})
    if answer["code"] or not answer.get("key"):
        raise SystemExit(f"no pair {_ALIAS} in {store}: {answer['code']}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = os.memfd_create("pair")
    os.write(pair, (answer["cert"] + "\n" + answer["key"]).encode())
    context.load_cert_chain(f"/proc/self/fd/{pair}")
    os.close(pair)
    return context


def _serve(link: socket.socket, context: ssl.SSLContext) -> None:
    link.settimeout(10)
    try:
        with context.wrap_socket(link, server_side=True) as tls:
            if tls.recv(65536):
                tls.sendall(_ANSWER)
    except OSError:
        link.close()


def main(argv: list[str]) -> None:
    port, store = int(argv[0]), argv[1]
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    context = _context(store)
    # Both families, unless this kernel has but one.
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    with socket.create_server(("", port), family=family, backlog=128, dualstack_ipv6=both) as listener:
        while True:
            link, _ = listener.accept()
            threading.Thread(target=_serve, args=(link, context), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])
