# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority of our own, and a healthy survey to make ill."""

from __future__ import annotations

import ipaddress
import ssl
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(Path(__file__).parent))

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
VMCA_SUBJECT = [
    (NameOID.COMMON_NAME, "CA"),
    (NameOID.DOMAIN_COMPONENT, "vsphere"),
    (NameOID.DOMAIN_COMPONENT, "local"),
    (NameOID.COUNTRY_NAME, "US"),
    (NameOID.ORGANIZATION_NAME, "vc01.lab.example"),
]


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    """The same key for the same name, for the whole session: making one is slow."""
    return rsa.generate_private_key(65537, 2048)


class Authority:
    """Makes certificates. Times are days from `now`; a certificate without an issuer signs itself."""

    now = NOW

    def __init__(self) -> None:
        self._made: dict[str, tuple[x509.Certificate, rsa.RSAPrivateKey]] = {}

    def root(
        self,
        name: str = "root",
        begins: float = -1000,
        ends: float = 2650,
        subject: Sequence[tuple[x509.ObjectIdentifier, str]] = tuple(VMCA_SUBJECT),
        issuer: str | None = None,
        is_ca: bool = True,
    ) -> str:
        """An authority's certificate as PEM; `issuer` is the name of one made before."""
        constraints = x509.BasicConstraints(ca=is_ca, path_length=None)
        return self._make(name, subject, begins, ends, issuer, [(constraints, True)])

    def leaf(
        self,
        issuer: str = "root",
        begins: float = -700,
        ends: float = 30,
        cn: str | None = "vc01.lab.example",
        dns: Sequence[str] = ("vc01.lab.example",),
        ip: Sequence[str] = (),
        email: Sequence[str] = (),
        uri: Sequence[str] = (),
        fields: Sequence[tuple[x509.ObjectIdentifier, str]] = ((NameOID.COUNTRY_NAME, "US"),),
        name: str = "leaf",
    ) -> str:
        """A machine certificate as PEM."""
        subject = [(NameOID.COMMON_NAME, cn)] * (cn is not None) + list(fields)
        sans = [
            *(x509.RFC822Name(each) for each in email),
            *(x509.IPAddress(ipaddress.ip_address(each)) for each in ip),
            *(x509.UniformResourceIdentifier(each) for each in uri),
            *(x509.DNSName(each) for each in dns),
        ]
        extensions = [(x509.SubjectAlternativeName(sans), False)] if sans else []
        return self._make(name, subject, begins, ends, issuer, extensions)

    def odd(self) -> dict[str, str]:
        """Certificates that are read by others and not by cryptography, each by what is odd about it."""
        organization = [(NameOID.ORGANIZATION_NAME, "Mueller"), *VMCA_SUBJECT[:3]]
        curve = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "odd")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
        builder = builder.not_valid_before(self.now).not_valid_after(self.now + timedelta(days=9))
        of_a_curve = builder.public_key(curve.public_key()).sign(curve, hashes.SHA256()).public_bytes(Encoding.DER)
        return {
            "subject": _edited(self.root("t61", subject=organization), b"\x0c\x07Mueller", b"\x14\x07M\xfceller"),
            "dns": _edited(self._odd_name("mueller.lab"), b"mueller.lab", b"m\xfceller.lab"),
            "curve": _edited(of_a_curve, b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2a\x86\x48\xce\x3d\x03\x01\x04"),
        }

    def _odd_name(self, dns: str) -> str:
        return self._make(
            "latin", VMCA_SUBJECT, -1, 9, None, [(x509.SubjectAlternativeName([x509.DNSName(dns)]), False)]
        )

    def public_key(self, name: str) -> str:
        """The public key of that name, in the form certool writes (PKCS#1)."""
        return key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()

    def _make(
        self, name: str, subject: Any, begins: float, ends: float, issuer: str | None, extensions: list[Any]
    ) -> str:
        subject_name = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject])
        issuer_certificate, signing_key = self._made[issuer] if issuer else (None, key(name))
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject_name)
            .issuer_name(issuer_certificate.subject if issuer_certificate else subject_name)
            .public_key(key(name).public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + timedelta(days=begins))
            .not_valid_after(self.now + timedelta(days=ends))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key(name).public_key()), False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), False
        )
        certificate = builder.sign(signing_key, hashes.SHA256())
        self._made[name] = (certificate, key(name))
        return certificate.public_bytes(Encoding.PEM).decode()


def _edited(certificate: str | bytes, old: bytes, new: bytes) -> str:
    """A certificate, PEM or DER, as PEM with other bytes of the same length; its signature is wrong then."""
    der = ssl.PEM_cert_to_DER_cert(certificate) if isinstance(certificate, str) else certificate
    assert old in der and len(old) == len(new)
    return ssl.DER_cert_to_PEM_cert(der.replace(old, new))


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def survey(authority: Authority) -> dict[str, Any]:
    """A healthy node whose certificate has 30 of 730 days left."""
    root = authority.root()
    return healthy_survey(root, authority.leaf())


def healthy_survey(root: str, leaf: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "surveyed_at": "2026-11-22T16:00:00Z",
        "hostname": "vc01",
        "fqdn": "vc01.lab.example",
        "pnid": "vc01.lab.example",
        "dns": {"addresses": ["198.18.0.11"], "reverse": {"198.18.0.11": ["vc01.lab.example"]}},
        "node_type": "embedded",
        "version": "8.0.2.00300",
        "build": "24322831",
        "os": "VMware Photon OS/Linux 4.0",
        "python": "3.10.13",
        "sso_domain": "vsphere.local",
        "site": "default-site",
        "machine_id": "6ad5b2a3-9c5e-4a7c-8a5f-64bb2f1d6c11",
        "vmca_root": [root],
        "machine_certificate": {"alias": "__MACHINE_CERT", "type": "Private Key", "chain": [leaf], "key_matches": True},
        "trusted_roots": [{"alias": "a", "chain": [root]}],
        "legacy_certificate": None,
        "stores": ["MACHINE_SSL_CERT", "TRUSTED_ROOTS", "TRUSTED_ROOT_CRLS"],
        "backup_store": [],
        "crl_count": 2,
        "census": {
            "running": ["vmafdd", "vmcad", "vmdird", "vmware-envoy", "vmware-rhttpproxy", "vmware-vpxd"],
            "stopped": ["vmcam", "vmware-vcha"],
            "start_pending": [],
            "stop_pending": [],
        },
        "disk": [{"path": "/storage/log", "total": 10_000_000_000, "free": 6_000_000_000, "inodes_free": 600_000}],
        "clock": {"epoch": 1_000_000.5, "asked": 1_000_000.0, "answered": 1_000_001.0},
        "vcha": False,
        "journal": None,
        "last_restart": None,
        "login_shell": "/bin/bash",
        "problems": [],
    }


@pytest.fixture
def make_survey() -> Callable[[str, str], dict[str, Any]]:
    return healthy_survey


@pytest.fixture
def signing_key() -> Callable[[str], rsa.RSAPrivateKey]:
    """The private key behind a name."""
    return key
