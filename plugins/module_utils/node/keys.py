# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key files on the node, read and matched. Keys stay in this process; nothing here returns one to the controller."""

from __future__ import annotations

from pathlib import Path

from . import pem
from .errors import NodeError
from .files import read_text
from .tools.openssl import Openssl


def public_key(openssl: Openssl, key_path: Path) -> str:
    """The public key (SubjectPublicKeyInfo PEM) of a private key's file. Raises NodeError naming the file."""
    text = read_text(key_path, "The private key")
    try:
        found = len(pem.private_keys(text))
    except pem.PemError as error:
        raise _unusable(key_path, str(error)) from error
    if found != 1:
        raise _unusable(key_path, f"{found} private keys in it, one is wanted")
    try:
        return openssl.public_key_of_key(text)
    except NodeError as error:
        raise _unusable(key_path, "encrypted, damaged, or no key at all", **error.details) from error


def is_public_key_of(text: str, public: str) -> bool:
    """Whether a public key's file content, PKCS#1 as certool writes it or SubjectPublicKeyInfo, is this public key.

    A SubjectPublicKeyInfo ends with the PKCS#1 form.
    """
    try:
        found = pem.public_keys(text)
    except pem.PemError:
        return False
    return len(found) == 1 and pem.der(public).endswith(pem.der(found[0]))


def read_chain(cert_path: Path) -> list[str]:
    """The certificates of a file, leaf first, at least one. Raises NodeError naming the file."""
    try:
        chain = pem.certificates(read_text(cert_path, "The certificate"))
    except pem.PemError as error:
        raise _no_certificate(cert_path, str(error)) from error
    if not chain:
        raise _no_certificate(cert_path, "no certificate in it")
    return chain


def _unusable(path: Path, why: str, **details: str) -> NodeError:
    return NodeError(
        f"The private key {path} cannot be used: {why}.",
        "Give an unencrypted RSA key in PEM, or have a new one made with certool_keypair and regenerate: true.",
        path=str(path),
        **details,
    )


def _no_certificate(path: Path, why: str) -> NodeError:
    return NodeError(
        f"The certificate {path} cannot be used: {why}.", "Give a PEM file, the leaf first.", path=str(path)
    )
