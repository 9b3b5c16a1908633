# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. X.509 on the controller: PEM in, plain facts out. The only place that knows `cryptography`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
    from cryptography.x509.oid import NameOID

    _MISSING = "" if hasattr(x509.Certificate, "not_valid_before_utc") else "it is older than 42"
except ImportError as error:
    _MISSING = str(error)

from ansible_collections.vcfleet.certs.plugins.module_utils.node import pem as pem_text

_MAX_CHAIN = 8
_FIELDS = {
    "country": "COUNTRY_NAME",
    "organization": "ORGANIZATION_NAME",
    "organizational_unit": "ORGANIZATIONAL_UNIT_NAME",
    "state": "STATE_OR_PROVINCE_NAME",
    "locality": "LOCALITY_NAME",
}


class X509Error(ValueError):
    """What was given is no certificate that can be read, or there is nothing to read it with."""


@dataclass(frozen=True)
class Chain:
    """How a certificate chains: subjects from leaf to root, and what is wrong with it (nothing: it chains)."""

    subjects: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Does it end in a trusted root, with every certificate valid at the time?"""
        return bool(self.subjects) and not self.problems


@contextmanager
def _in_words() -> Iterator[None]:
    """What cryptography says of a certificate, it says as late as its parts are looked at, and in several ways."""
    try:
        yield
    except X509Error:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise X509Error(f"This is no certificate that can be read: {error}") from error


@_in_words()
def facts(pem: str) -> dict[str, Any]:
    """What a certificate says, in JSON types. Takes the first certificate of the text. Raises X509Error.

    Times are ISO 8601 in UTC, fingerprints lower hex without colons and, as `..._colons`, upper hex with them. `sans`
    has `dns`, `ip`, `email` and `other` (those that no certool.cfg can state), in the certificate's order.
    """
    certificate = _load(pem)
    sha1, sha256 = pem_text.sha1(pem), pem_text.sha256(pem)
    return {
        "subject": _name(certificate.subject),
        "cn": _attribute(certificate.subject, NameOID.COMMON_NAME),
        "subject_fields": _subject_fields(certificate.subject),
        "sans": _sans(certificate),
        "issuer": _name(certificate.issuer),
        "serial": f"{certificate.serial_number:x}",
        "not_before": _iso(certificate.not_valid_before_utc),
        "not_after": _iso(certificate.not_valid_after_utc),
        "sha1": sha1,
        "sha1_colons": colons(sha1),
        "sha256": sha256,
        "sha256_colons": colons(sha256),
        "key": _key(certificate),
        "public_key_sha256": _public_key_sha256(certificate.public_key()),
        "signature_algorithm": _signature_algorithm(certificate),
        "is_ca": _is_ca(certificate),
        "self_signed": certificate.issuer == certificate.subject,
        "ski": _key_identifier(certificate, x509.SubjectKeyIdentifier, "digest"),
        "aki": _key_identifier(certificate, x509.AuthorityKeyIdentifier, "key_identifier"),
    }


def sha256(pem: str) -> str:
    """SHA-256 of the DER, lower hex, whatever that says: it takes no reading to tell two apart. Raises X509Error."""
    try:
        return pem_text.sha256(pem)
    except ValueError as error:
        raise X509Error(f"This is no PEM: {error}.") from error


def subject(pem: str) -> str:
    """The subject as text; empty where it cannot be read."""
    try:
        return _name(_load(pem).subject)
    except ValueError:
        return ""


def days_left(pem: str, now: datetime) -> float:
    """Days until the certificate ends; negative after it."""
    return (_load(pem).not_valid_after_utc - now).total_seconds() / 86400


def not_before(pem: str) -> datetime:
    """When the certificate's validity begins; aware, in UTC."""
    return _load(pem).not_valid_before_utc


def not_after(pem: str) -> datetime:
    """When the certificate's validity ends; aware, in UTC."""
    return _load(pem).not_valid_after_utc


def lifetime_days(pem: str) -> float:
    """Days from the certificate's start to its end."""
    certificate = _load(pem)
    return (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds() / 86400


def lifetime_fraction_left(pem: str, now: datetime) -> float:
    """How much of its lifetime a certificate has before it: 1 until it starts, 0 from its end on."""
    whole = lifetime_days(pem)
    return min(1.0, max(0.0, days_left(pem, now) / whole)) if whole > 0 else 0.0


def same_key(one: str, other: str) -> bool:
    """Do two PEM texts, certificates or public keys, hold the same public key? Raises X509Error."""
    return public_key_sha256(one) == public_key_sha256(other)


@_in_words()
def public_key_sha256(pem: str) -> str:
    """SHA-256 of the DER SubjectPublicKeyInfo of a certificate or public key. Raises X509Error."""
    _require_library()
    if "-----BEGIN CERTIFICATE-----" in pem:
        return _public_key_sha256(_load(pem).public_key())
    try:
        return _public_key_sha256(load_pem_public_key(pem.encode()))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise X509Error(f"This is no public key: {error}") from error


def is_issued_by(pem: str, issuer: str) -> bool:
    """Did the issuer's key sign the certificate, and does it name the issuer? Raises X509Error for what is no X.509."""
    return _signed(_load(pem), _load(issuer))


def chain_to_root(chain: Sequence[str], roots: Sequence[str], at: datetime) -> Chain:
    """How the first certificate of `chain` comes, by signatures, to one of `roots`, through the rest of `chain`.

    All certificates on the way must be valid at that time, and all but the first must be authorities. Of several
    ways the first without a problem is taken. A root that cannot be read is on no way. Raises X509Error.
    """
    leaf = _load(chain[0])
    trusted = list(_readable(roots))
    known = [_load(link) for link in chain[1:]] + trusted
    ways = [Chain(tuple(map(_subject, way)), tuple(_defects(way, at))) for way in _ways(leaf, known, trusted)]
    if not ways:
        return Chain((), (f"No trusted root has issued {_subject(leaf)} (its issuer is {_issuer(leaf)}).",))
    return min(ways, key=lambda way: len(way.problems))


def split(text: str) -> list[str]:
    """The certificates of a PEM text, in order. Raises X509Error for a damaged one."""
    try:
        return pem_text.certificates(text)
    except ValueError as error:
        raise X509Error(f"This is no PEM: {error}.") from error


def colons(digest: str) -> str:
    """A hex digest as people compare it: upper case, a colon between octets."""
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)).upper()


def _require_library() -> None:
    if _MISSING:
        raise X509Error(
            f"This takes the Python library cryptography, 42 or newer, on the controller: {_MISSING}."
            " Install it for the Python that runs Ansible."
        )


@lru_cache(maxsize=512)
def _load(pem: str) -> x509.Certificate:
    _require_library()
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise X509Error(f"This is no certificate: {error}") from error


def _readable(pems: Sequence[str]) -> Iterator[x509.Certificate]:
    for pem in pems:
        with suppress(X509Error):
            yield _load(pem)


def _ways(
    leaf: x509.Certificate, known: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate]
) -> Iterator[list[x509.Certificate]]:
    """All ways from the leaf up to a trusted certificate, the leaf itself included."""
    begun = [[leaf]]
    while begun:
        way = begun.pop(0)
        if way[-1] in trusted:
            yield way
        elif len(way) < _MAX_CHAIN:
            begun.extend([*way, link] for link in known if link not in way and _signed(way[-1], link))


def _defects(way: Sequence[x509.Certificate], at: datetime) -> Iterator[str]:
    for certificate in way:
        name = _subject(certificate)
        if at < certificate.not_valid_before_utc:
            yield f"{name} is not valid before {_iso(certificate.not_valid_before_utc)}."
        if at > certificate.not_valid_after_utc:
            yield f"{name} ended {_iso(certificate.not_valid_after_utc)}."
    yield from (f"{_subject(link)} is no certificate authority." for link in way[1:] if not _may_issue(link))


def _may_issue(certificate: x509.Certificate) -> bool:
    """Extensions that cannot be read say nothing against whoever is trusted, or was signed by who is."""
    try:
        return _is_ca(certificate)
    except X509Error:
        return True


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _subject(certificate: x509.Certificate) -> str:
    try:
        return _name(certificate.subject)
    except ValueError:
        return f"the certificate {certificate.serial_number:x}, whose subject cannot be read,"


def _issuer(certificate: x509.Certificate) -> str:
    try:
        return _name(certificate.issuer)
    except ValueError:
        return "one whose name cannot be read"


def _name(name: x509.Name) -> str:
    """In the certificate's own order, which is also how the vendor's documents print it."""
    return ",".join(rdn.rfc4514_string() for rdn in name.rdns)


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str | None:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else None


def _subject_fields(name: x509.Name) -> dict[str, str | None]:
    return {field: _attribute(name, getattr(NameOID, oid)) for field, oid in _FIELDS.items()}


def _sans(certificate: x509.Certificate) -> dict[str, list[str]]:
    sans: dict[str, list[str]] = {"dns": [], "ip": [], "email": [], "other": []}
    names = _extension(certificate, x509.SubjectAlternativeName) or ()
    for name in names:
        if isinstance(name, x509.DNSName):
            sans["dns"].append(name.value)
        elif isinstance(name, x509.IPAddress):
            sans["ip"].append(str(name.value))
        elif isinstance(name, x509.RFC822Name):
            sans["email"].append(name.value)
        else:
            sans["other"].append(_other_name(name))
    return sans


def _other_name(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DirectoryName):
        return f"directory name {_name(name.value)}"
    if isinstance(name, x509.UniformResourceIdentifier):
        return name.value
    if isinstance(name, x509.RegisteredID):
        return f"registered id {name.value.dotted_string}"
    return f"other name {name.type_id.dotted_string}" if isinstance(name, x509.OtherName) else repr(name)


def _extension(certificate: x509.Certificate, kind: Any) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except ValueError as error:
        raise X509Error(f"An extension of {_subject(certificate)} cannot be read: {error}") from error


def _is_ca(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    return bool(constraints and constraints.ca)


def _key_identifier(certificate: x509.Certificate, kind: Any, attribute: str) -> str | None:
    extension = _extension(certificate, kind)
    identifier = getattr(extension, attribute) if extension else None
    return identifier.hex() if identifier else None


def _key(certificate: x509.Certificate) -> dict[str, Any]:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return {"algorithm": "RSA", "bits": key.key_size}
    if isinstance(key, ec.EllipticCurvePublicKey):
        return {"algorithm": "EC", "bits": key.key_size}
    if isinstance(key, dsa.DSAPublicKey):
        return {"algorithm": "DSA", "bits": key.key_size}
    return {"algorithm": type(key).__name__.removesuffix("PublicKey"), "bits": None}


def _public_key_sha256(key: Any) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _signature_algorithm(certificate: x509.Certificate) -> str:
    """OpenSSL's name for the usual ones, such as sha256WithRSAEncryption; the dotted number for the rest."""
    oid = certificate.signature_algorithm_oid
    known = str(getattr(oid, "_name", ""))
    return known if known and known != "Unknown OID" else oid.dotted_string


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
