# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates for these tests; keys are slow to make and made once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

PNID = "vc01.lab.example"
_TYPES = {
    "CN": NameOID.COMMON_NAME,
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
}


@cache
def _key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key(name: str = "one") -> str:
    """A private key as certool writes it: PKCS#8, no newline at the end."""
    encoded = _key(name).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return encoded.decode().rstrip("\n")


def encrypted_key(name: str = "one") -> str:
    return (
        _key(name)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        .decode()
    )


def public(name: str = "one", pkcs1: bool = True) -> str:
    """Its public key: PKCS#1 as certool writes it, or SubjectPublicKeyInfo."""
    form = serialization.PublicFormat.PKCS1 if pkcs1 else serialization.PublicFormat.SubjectPublicKeyInfo
    return _key(name).public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def certificate(
    name: str = "one",
    subject: Sequence[tuple[str, str]] = (("CN", PNID), ("C", "US"), ("O", "Lab")),
    dns: Sequence[str] = (PNID,),
    ip: Sequence[str] = (),
    email: Sequence[str] = (),
    age: timedelta = timedelta(minutes=10),
    life: timedelta = timedelta(days=730),
) -> str:
    """A certificate for the key of that name, signed by itself; dated back like VMCA's."""
    rdns = [x509.NameAttribute(_TYPES[kind], value, _validate=False) for kind, value in subject]
    names: list[x509.GeneralName] = [x509.RFC822Name(each) for each in email]
    names += [x509.IPAddress(ip_address(each)) for each in ip]
    names += [x509.DNSName(each) for each in dns]
    begin = datetime.now(UTC).replace(microsecond=0) - age
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(rdns))
        .issuer_name(x509.Name(rdns))
        .public_key(_key(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + life)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(_key(name), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
