# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. What a TLS server presents, seen from the controller. Looked at, not trusted: it may be expired."""

from __future__ import annotations

import socket
import ssl
from ipaddress import ip_address
from typing import Any


class TlsError(Exception):
    """No certificate was to be had from the server; the text says why."""


def served(host: str, port: int, server_name: str | None = None, timeout: float = 10.0) -> list[str]:
    """The certificates that host:port presents, as PEM, leaf first; the leaf alone on a Python before 3.10.

    `server_name` is what is asked for (SNI), the host by default; an IP address is never asked for. `timeout` is that
    of each step, in seconds. Raises TlsError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = server_name or host
    try:
        with (
            socket.create_connection((host, port), timeout) as link,
            context.wrap_socket(link, server_hostname=None if _is_ip(name) else name) as tls,
        ):
            chain = _chain(tls)
    except (OSError, ValueError) as error:
        raise TlsError(f"{_place(host, port)} cannot be reached by TLS: {error}") from error
    if not chain:
        raise TlsError(f"{_place(host, port)} presents no certificate")
    return [ssl.DER_cert_to_PEM_cert(der) for der in chain]


def _chain(tls: ssl.SSLSocket) -> list[bytes]:
    """As DER. The method is public from Python 3.13 on, and one layer below before."""
    holder: Any = tls if hasattr(tls, "get_unverified_chain") else getattr(tls, "_sslobj", None)
    if hasattr(holder, "get_unverified_chain"):
        return [each if isinstance(each, bytes) else _der(each) for each in holder.get_unverified_chain()]
    leaf = tls.getpeercert(binary_form=True)
    return [leaf] if leaf else []


def _der(certificate: Any) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.public_bytes())


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_ip(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
