# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PEM text: split, DER, fingerprints. Pure; the controller uses it too."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATE = "CERTIFICATE"
_PRIVATE_KEYS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "DSA PRIVATE KEY")

_PUBLIC_KEYS = ("PUBLIC KEY", "RSA PUBLIC KEY")


class PemError(ValueError):
    """The text is no PEM, or a damaged one. Never quotes what it read: it may be a key."""


def certificates(text: str) -> list[str]:
    """All certificates of a text in their order, each normalised; text between them is dropped.

    Raises PemError for a damaged block and for one that was begun and never ended (a truncated file).
    """
    _refuse_truncated(text, _CERTIFICATE)
    return [_encode(_CERTIFICATE, _decode(body)) for label, body in _BLOCK.findall(text) if label == _CERTIFICATE]


def private_keys(text: str) -> list[str]:
    """All private keys of a text, encrypted ones too, each as its block with one final newline."""
    _refuse_truncated(text, "PRIVATE KEY")
    return [match.group(0) + "\n" for match in _BLOCK.finditer(text) if match.group(1) in _PRIVATE_KEYS]


def public_keys(text: str) -> list[str]:
    """All public keys of a text, SubjectPublicKeyInfo or PKCS#1, each normalised. Raises PemError."""
    _refuse_truncated(text, "PUBLIC KEY")
    return [_encode(label, _decode(body)) for label, body in _BLOCK.findall(text) if label in _PUBLIC_KEYS]


def der(pem: str) -> bytes:
    """The DER of the first PEM block, whatever its label. Raises PemError."""
    match = _BLOCK.search(pem)
    if match is None:
        raise PemError("no PEM block")
    return _decode(match.group(2))


def normal(pem: str) -> str:
    """The first block re-encoded: 64 columns, LF, one final newline, so that equal DER is equal text."""
    match = _BLOCK.search(pem)
    if match is None:
        raise PemError("no PEM block")
    return _encode(match.group(1), _decode(match.group(2)))


def sha1(pem: str) -> str:
    """The SHA-1 of the first block's DER, lower hex without colons: what vCenter calls the thumbprint."""
    return hashlib.sha1(der(pem)).hexdigest()  # noqa: S324  (a name, not a proof)


def sha256(pem: str) -> str:
    """The SHA-256 of the first block's DER, lower hex without colons."""
    return hashlib.sha256(der(pem)).hexdigest()


def _refuse_truncated(text: str, label: str) -> None:
    for match in re.finditer(r"-----BEGIN ((?:[A-Z0-9]+ )*" + label + ")-----", text):
        rest = text[match.end() :]
        end = rest.find(f"-----END {match.group(1)}-----")
        begin = rest.find("-----BEGIN ")
        if end < 0 or 0 <= begin < end:
            raise PemError(f"a {label} block has no end")


def _decode(body: str) -> bytes:
    try:
        data = base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error as error:
        raise PemError("a PEM block is not base64") from error
    if not _is_sequence(data):
        raise PemError("a PEM block holds no whole DER sequence")
    return data


def _is_sequence(data: bytes) -> bool:
    """Whether the bytes are exactly one DER SEQUENCE: all that stands in PEM is one."""
    if len(data) < 2 or data[0] != 0x30:
        return False
    if data[1] < 0x80:
        return len(data) == 2 + data[1]
    size = data[1] & 0x7F
    return len(data) == 2 + size + int.from_bytes(data[2 : 2 + size], "big")


def _encode(label: str, data: bytes) -> str:
    text = base64.b64encode(data).decode("ascii")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n".format(label, "\n".join(lines))
