# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node's own TLS ports present right now."""

from __future__ import annotations

import hashlib
import socket
import ssl
from typing import Iterable


def served(ports: Iterable[int], server_name: str, timeout: float = 5.0) -> dict[int, str | None]:
    """SHA-256 (lower hex, of the DER) of the leaf on each local port; None where no TLS server answers."""
    return {port: leaf_sha256("localhost", port, server_name, timeout) for port in ports}


def leaf_sha256(host: str, port: int, server_name: str, timeout: float) -> str | None:
    """The leaf is looked at, not trusted: it may be expired, and comparing it is the caller's business."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), timeout) as link, context.wrap_socket(
            link, server_hostname=server_name
        ) as tls:
            certificate = tls.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return None
    return hashlib.sha256(certificate).hexdigest() if certificate else None
