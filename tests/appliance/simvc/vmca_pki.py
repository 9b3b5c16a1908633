# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and self-signed certificates as VMCA's client library builds them (vmware-cli.md §2.3, §2.4)."""

import _socket
import _thread
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from . import der
from .vmca_errors import INVALID_CSR_FIELD, VmcaError

# The buffer that the library assembles the SAN text in, its final NUL included.
_SAN_BUFFER = 2048

_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")
_IPV4 = re.compile(r"\s*([+-]?\d+)\.\s*([+-]?\d+)\.\s*([+-]?\d+)\.\s*([+-]?\d+)(\s.*)?", re.DOTALL)

_LIMITS = {
    NameOID.COMMON_NAME: (1, 64),
    NameOID.DOMAIN_COMPONENT: (1, None),
    NameOID.COUNTRY_NAME: (2, 2),
    NameOID.STATE_OR_PROVINCE_NAME: (1, 128),
    NameOID.LOCALITY_NAME: (1, 128),
    NameOID.ORGANIZATION_NAME: (1, 64),
    NameOID.ORGANIZATIONAL_UNIT_NAME: (1, 64),
}


class FieldError(VmcaError):
    """A field that cannot stand in a certificate; `report` is what OpenSSL leaves in its error queue."""

    def __init__(self, report: str = "") -> None:
        super().__init__(INVALID_CSR_FIELD)
        self.report = report


class CommonNameError(FieldError):
    """The library prints OpenSSL's error queue on stdout for the CN, and for no other field."""


@dataclass(frozen=True)
class Fields:
    """What goes into a request: texts as given, empty where absent; but an empty `name` is refused, None is absent."""

    name: str | None = None
    domain: str = ""
    country: str = ""
    state: str = ""
    locality: str = ""
    organization: str = ""
    unit: str = ""
    email: str = ""
    address: str = ""
    hostname: str = ""

    def subject(self) -> x509.Name:
        """CN, DC..., C, ST, L, O, OU; raises FieldError."""
        attributes = [] if self.name is None else [_common_name(self.name)]
        attributes += [_attribute(NameOID.DOMAIN_COMPONENT, part) for part in _domain_parts(self.domain)]
        for oid, text in (
            (NameOID.COUNTRY_NAME, self.country),
            (NameOID.STATE_OR_PROVINCE_NAME, self.state),
            (NameOID.LOCALITY_NAME, self.locality),
            (NameOID.ORGANIZATION_NAME, self.organization),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, self.unit),
        ):
            attributes += [_attribute(oid, part) for part in _pieces(text)]
        return x509.Name(attributes)

    def alternative_names(self) -> der.Extension | None:
        """The SAN extension, None when there is nothing for it; raises FieldError."""
        listed = _fitting((("email:", self.email), ("IP:", self.address), ("DNS:", self.hostname)))
        if not listed:
            return None
        names = b"".join(_general_name(kind, value) for kind, value in listed)
        return der.Extension(der.SUBJECT_ALTERNATIVE_NAME, False, der.encoded(der.SEQUENCE, names))


def key_usage(*purposes: str, critical: bool = False) -> der.Extension:
    """The keyUsage extension of some purposes, named as `cryptography` names them."""
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    value = x509.KeyUsage(**{name: name in purposes for name in names}).public_bytes()
    return der.Extension(der.KEY_USAGE, critical, value)


def subject_key(key: rsa.RSAPublicKey) -> der.Extension:
    """The subjectKeyIdentifier extension of a public key."""
    value = x509.SubjectKeyIdentifier.from_public_key(key).public_bytes()
    return der.Extension(x509.SubjectKeyIdentifier.oid.dotted_string, False, value)


def signing_request(fields: Fields, key: rsa.RSAPrivateKey, usage: der.Extension | None = None) -> str:
    """A PKCS#10 request in PEM: keyUsage when asked for, SAN, SKI; SHA-256. Raises FieldError."""
    subject, names = fields.subject(), fields.alternative_names()
    wanted = [extension for extension in (usage, names, subject_key(key.public_key())) if extension]
    return request_for(subject, key, wanted)


def request_for(subject: x509.Name, key: rsa.RSAPrivateKey, wanted: Iterable[der.Extension]) -> str:
    """A PKCS#10 request in PEM, with its newline."""
    builder = x509.CertificateSigningRequestBuilder(subject)
    for extension in wanted:
        builder = builder.add_extension(_raw(extension), extension.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def self_signed(
    fields: Fields, key: rsa.RSAPrivateKey, start: datetime, end: datetime, path_length: int | None = None
) -> x509.Certificate:
    """A CA certificate: SKI, SAN, critical keyUsage, critical basicConstraints in this order. Raises FieldError."""
    subject, names = fields.subject(), fields.alternative_names()
    constraints = x509.BasicConstraints(ca=True, path_length=path_length).public_bytes()
    extensions = [
        subject_key(key.public_key()),
        *([names] if names else []),
        key_usage("key_cert_sign", "crl_sign", critical=True),
        der.Extension(der.BASIC_CONSTRAINTS, True, constraints),
    ]
    return certificate(subject, subject, key.public_key(), key, start, end, extensions)


def certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: rsa.RSAPublicKey,
    signer: rsa.RSAPrivateKey,
    start: datetime,
    end: datetime,
    extensions: Iterable[der.Extension],
) -> x509.Certificate:
    """A version 3 certificate with a random 64-bit serial number whose top bit is set; SHA-256 with RSA."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(int.from_bytes(os.urandom(8), "big") | 1 << 63)
        .not_valid_before(start)
        .not_valid_after(end)
    )
    for extension in extensions:
        builder = builder.add_extension(_raw(extension), extension.critical)
    return builder.sign(signer, hashes.SHA256())


def _raw(extension: der.Extension) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(extension.oid), extension.value)


def _pieces(text: str) -> list[str]:
    """The parts between commas, blanks kept; empty ones vanish."""
    return [piece for piece in text.split(",") if piece]


def _domain_parts(text: str) -> list[str]:
    first, _, rest = text.lstrip(".").partition(".")
    return [part.removeprefix("dc=") for part in (first, *rest.split(",")) if part]


def _common_name(text: str) -> "x509.NameAttribute[str]":
    try:
        return _attribute(NameOID.COMMON_NAME, text)
    except FieldError as error:
        raise CommonNameError(error.report) from None


def _attribute(oid: x509.ObjectIdentifier, text: str) -> "x509.NameAttribute[str]":
    """One RDN; PrintableString for C, IA5String for DC, UTF8String for the rest. Raises FieldError."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise FieldError(_openssl_error("06800086", "invalid utf8string", 85)) from None
    shortest, longest = _LIMITS[oid]
    if len(text) < shortest:
        raise FieldError(_openssl_error("06800098", "string too short", 100, f"minsize={shortest}"))
    if longest is not None and len(text) > longest:
        raise FieldError(_openssl_error("06800097", "string too long", 106, f"maxsize={longest}"))
    if oid == NameOID.COUNTRY_NAME and not _PRINTABLE.fullmatch(text):
        raise FieldError
    if oid == NameOID.DOMAIN_COMPONENT and not text.isascii():
        raise FieldError
    return x509.NameAttribute(oid, text)


def _openssl_error(number: str, reason: str, line: int, data: str = "") -> str:
    thread = _thread.get_ident().to_bytes(8, "little").hex().upper()
    place = f"ASN1_mbstring_ncopy:{reason}:../crypto/asn1/a_mbstr.c:{line}:{data}"
    return f"{thread}:error:{number}:asn1 encoding routines:{place}\n"


def _fitting(lists: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Kind and value of each SAN entry that the buffer has room for; a list ends at the first that does not fit."""
    used = 0
    listed: list[tuple[str, str]] = []
    for kind, text in lists:
        for piece in _pieces(text):
            size = len(kind) + len(piece.encode("utf-8", "surrogateescape"))
            separator = 2 if listed else 0
            if _SAN_BUFFER - used - separator <= size:
                break
            used += separator + size
            listed.append((kind, piece.strip()))
    return listed


def _general_name(kind: str, value: str) -> bytes:
    """One GeneralName in DER; raises FieldError for a blank value and for an address that is none."""
    if not value:
        raise FieldError
    if kind == "IP:":
        return der.encoded(der.ADDRESS, _address(value))
    if kind == "email:" and value in ("copy", "move"):
        raise FieldError
    return der.encoded(der.EMAIL if kind == "email:" else der.DNS, value.encode("utf-8", "surrogateescape"))


def _address(text: str) -> bytes:
    if ":" in text:
        try:
            return _socket.inet_pton(_socket.AF_INET6, text)
        except (OSError, ValueError):
            raise FieldError from None
    match = _IPV4.fullmatch(text)
    octets = [int(octet) for octet in match.groups()[:4]] if match else []
    if not octets or not all(0 <= octet <= 255 for octet in octets):
        raise FieldError
    return bytes(octets)
