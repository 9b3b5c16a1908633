# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, certificates and CRLs made on the spot for tests of the simulated tools."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_KINDS = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME, "DC": NameOID.DOMAIN_COMPONENT}


class Pair(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def pkcs1_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()

    def encrypted_key_pem(self, passphrase: str) -> str:
        protection = BestAvailableEncryption(passphrase.encode())
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection).decode()


@cache
def pair(name: str = "vc01.lab.example", *, issuer: str | None = None, curve: bool = False, serial: int = 1) -> Pair:
    """A certificate CN=name; self-signed with a SKI, or of the `issuer` sample without one."""
    key = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, 2048)
    return _signed(name, key, pair(issuer) if issuer else None, serial)


def renewed(old: Pair, serial: int = 2) -> Pair:
    """Another certificate with the same name and key, so with the same SKI."""
    name = old.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    return _signed(str(name), old.key, None, serial)


def revocations(authority: Pair, *, with_key_id: bool = True) -> str:
    """An empty CRL as PEM."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    builder = builder.last_update(_NOW).next_update(_NOW + timedelta(days=30))
    if with_key_id:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    return builder.sign(authority.key, SHA256()).public_bytes(Encoding.PEM).decode()


def _signed(name: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, by: Pair | None, serial: int) -> Pair:
    subject = x509.Name([x509.NameAttribute(_KINDS["CN"], name), x509.NameAttribute(_KINDS["O"], "Lab")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(_NOW)
        .not_valid_after(_NOW + timedelta(days=730))
    )
    if by is None:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return Pair(builder.sign(by.key if by else key, SHA256()), key)
