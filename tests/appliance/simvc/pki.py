# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What VECS and the directory do with certificates, CRLs and keys; PEM is read as OpenSSL reads it.

`cryptography` is imported inside the functions: most tool calls never need it and must start fast.
"""

from __future__ import annotations

import binascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
_KEY_LABELS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY")

_BEGIN, _END, _DASHES = "-----BEGIN ", "-----END ", "-----"

# OpenSSL's short names; anything else is printed by its number.
_SHORT_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "street",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.42": "GN",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
}


class EncryptedKeyError(ValueError):
    """The key is protected with a passphrase that was not given, or was given wrong."""


def certificates(text: str) -> list[Any]:
    """The certificates of a PEM text in its order; reading stops silently at the first damaged block (§3.8)."""
    from cryptography import x509

    found: list[Any] = []
    for label, der in _decoded(text):
        if label not in _CERTIFICATE_LABELS:
            continue
        try:
            found.append(x509.load_der_x509_certificate(der))
        except ValueError:
            break
    return found


def certificate_pems(text: str) -> list[str]:
    """The same as `certificates`, each encoded anew, for a text whose certificates are known to be sound."""
    return [
        f"-----BEGIN CERTIFICATE-----\n{_folded(der)}-----END CERTIFICATE-----\n"
        for label, der in _decoded(text)
        if label in _CERTIFICATE_LABELS
    ]


def crl(text: str) -> Any | None:
    """The first CRL of a PEM text."""
    from cryptography import x509

    for label, der in _decoded(text):
        if label == "X509 CRL":
            try:
                return x509.load_der_x509_crl(der)
            except ValueError:
                return None
    return None


def private_key(text: str, passphrase: str | None = None) -> Any | None:
    """The first private key of a PEM text, of any kind; None when there is none that can be read.

    Raises EncryptedKeyError when it needs another passphrase.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    block = next((block for block in blocks(text) if block.label in _KEY_LABELS), None)
    if block is None:
        return None
    encrypted = block.label.startswith("ENCRYPTED") or "ENCRYPTED" in block.body
    if encrypted and not passphrase:
        raise EncryptedKeyError
    secret = passphrase.encode() if encrypted and passphrase else None
    try:
        # OpenSSL does not prove the primes of an RSA key either; it takes longer than all else that a tool does.
        return load_pem_private_key(block.text.encode(), secret, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if encrypted:
            raise EncryptedKeyError from None
        return None


def is_rsa(key: Any) -> bool:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    return isinstance(key, RSAPrivateKey)


def key_matches(certificate: Any, key: Any) -> bool:
    return public_der(certificate.public_key()) == public_der(key.public_key())


def public_der(key: Any) -> bytes:
    """The SubjectPublicKeyInfo of a public key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_pem(key: Any, passphrase: str | None = None) -> str:
    """PKCS#8 PEM with its final newline, encrypted when a passphrase is given."""
    from cryptography.hazmat.primitives import serialization

    protection = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, layout, protection).decode()


def pem(thing: Any) -> str:
    """A certificate or CRL as PEM with 64 columns and its final newline."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return thing.public_bytes(Encoding.PEM).decode()


def sha1(thing: Any) -> str:
    """The lower-case hex SHA-1 of a certificate's or CRL's DER: its alias in VECS."""
    import hashlib

    from cryptography.hazmat.primitives.serialization import Encoding

    return hashlib.sha1(thing.public_bytes(Encoding.DER)).hexdigest()


def directory_id(certificate: Any) -> str:
    """The CN of a certificate's object in the directory: SKI, or SHA-1 of the SubjectPublicKeyInfo (§5.3)."""
    import hashlib

    from cryptography import x509

    try:
        ski = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, ValueError):
        ski = b""
    return (ski or hashlib.sha1(public_der(certificate.public_key())).digest()).hex().upper()


def authority_id(revocations: Any) -> str | None:
    """The authorityKeyIdentifier of a CRL as a directory id, None when it has none."""
    from cryptography import x509

    try:
        aki = revocations.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None
    return aki.hex().upper() if aki else None


def compat_name(name: Any) -> str:
    """A distinguished name as OpenSSL's compat form prints it: `CN=x, O=y`, bytes beyond ASCII as `\\xNN`."""
    return ", ".join(f"{_SHORT_NAMES.get(a.oid.dotted_string, a.oid.dotted_string)}={_ascii(a.value)}" for a in name)


def _ascii(value: str | bytes) -> str:
    raw = value if isinstance(value, bytes) else value.encode()
    return "".join(chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02X}" for byte in raw)


def _folded(der: bytes) -> str:
    text = binascii.b2a_base64(der, newline=False).decode()
    return "".join(f"{text[start : start + 64]}\n" for start in range(0, len(text), 64))


def _decoded(text: str) -> Iterator[tuple[str, bytes]]:
    """Label and content of each PEM block; bad base64 ends the reading."""
    for block in blocks(text):
        body = "".join(line for line in block.body.splitlines() if ":" not in line)
        try:
            yield block.label, binascii.a2b_base64("".join(body.split()), strict_mode=True)
        except binascii.Error:
            return


class Block:
    """A PEM block: its label, what stands between its first and its last line, and all of it."""

    def __init__(self, lines: list[str], label: str) -> None:
        self.label = label
        self.body = "\n".join(lines[1:])
        self.text = "\n".join([*lines, f"{_END}{label}{_DASHES}"])


def blocks(text: str) -> Iterator[Block]:
    """The PEM blocks of a text, what stands around them dropped; one without an end of its own is none."""
    lines = text.split("\n")
    first = 0
    while first < len(lines):
        label = _begun(lines[first])
        last = _ended(label, lines, first) if label else None
        if last is not None:
            yield Block(lines[first:last], label)
            first = last
        first += 1


def _begun(line: str) -> str:
    """The label of the block that a line begins, empty when it begins none."""
    line = line.removesuffix("\r").rstrip(" \t")
    if not line.startswith(_BEGIN) or not line.endswith(_DASHES) or "\r" in line:
        return ""
    return line[len(_BEGIN) : -len(_DASHES)]


def _ended(label: str, lines: list[str], first: int) -> int | None:
    end = f"{_END}{label}{_DASHES}"
    return next((number for number in range(first + 1, len(lines)) if lines[number].startswith(end)), None)
