# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node in memory, for the swap: stores, services, TLS ports, and every way in which they misbehave.

Only what the swap touches; the vendor tools' real behaviour is the simulated appliance's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace

from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.process import Runner
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.openssl import Openssl
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.servicecontrol import Census, ServiceControl
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.vecs import Entry, Vecs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

PNID = "vc01.lab.example"
CORE = {"vmafdd", "vmdird", "vmcad"}
PROFILE = {"lwsmd", "vmware-rhttpproxy", "vmware-vpxd", "vsphere-ui"}
STOPPED = {"vmcam", "vmware-vcha"}


class PowerLoss(BaseException):
    """Ends the swap's process between two instructions; nothing in the product can catch it as an error."""


@cache
def pair(name: str, days: int = 730) -> tuple[str, str]:
    """A certificate for PNID and its key, as PEM; `name` tells pairs apart."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, PNID), x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)]
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=abs(days) + 1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(PNID)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


class FakeNode:
    """Its `hook(call)` is run before every outside act, by name (`vecs delete`, `stop None`), and may raise.

    So may `asked(question)`, which is run before every question to VECS.
    """

    def __init__(self, legacy: bool = False) -> None:
        self.stores: dict[str, dict[str, tuple[str, list[str], str]]] = {"MACHINE_SSL_CERT": {}, "TRUSTED_ROOTS": {}}
        cert, key = pair("old")
        self.stores["MACHINE_SSL_CERT"]["__MACHINE_CERT"] = ("Private Key", [cert], key)
        if legacy:
            self.stores["STS_INTERNAL_SSL_CERT"] = {"__MACHINE_CERT": ("Private Key", [cert], key)}
        self.running = CORE | PROFILE
        self.known = CORE | PROFILE | STOPPED
        self.never_start: set[str] = set()
        self.never_stop: set[str] = set()
        self.presented: str | None = cert
        self.hook: Callable[[str], None] = lambda call: None
        self.asked: Callable[[str], None] = lambda question: None
        self.calls: list[str] = []
        self.toolbox = SimpleNamespace(vecs=FakeVecs(self), services=FakeServices(self), openssl=Openssl(Runner()))

    def act(self, call: str) -> None:
        self.calls.append(call)
        self.hook(call)

    def served(self, ports: object, server_name: str, timeout: float = 5.0) -> dict[int, str | None]:
        from ansible_collections.vcfleet.certs.plugins.module_utils.node import pem

        up = "vmware-rhttpproxy" in self.running
        return {port: pem.sha256(self.presented) if up and self.presented else None for port in ports}  # type: ignore[attr-defined]

    def power_on(self) -> None:
        """Everything that starts by itself starts, and presents what VECS holds."""
        self.hook = lambda call: None
        self.running = CORE | PROFILE
        entry = self.stores["MACHINE_SSL_CERT"].get("__MACHINE_CERT")
        self.presented = entry[1][0] if entry else None
        if entry is None:
            self.running -= {"vmware-rhttpproxy"}

    @property
    def certificate(self) -> str | None:
        entry = self.stores["MACHINE_SSL_CERT"].get("__MACHINE_CERT")
        return entry[1][0] if entry else None


class FakeVecs:
    create_argv = staticmethod(Vecs.create_argv)
    delete_argv = staticmethod(Vecs.delete_argv)

    def __init__(self, node: FakeNode) -> None:
        self.node = node

    def _need_vmafdd(self) -> None:
        if "vmafdd" not in self.node.running:
            raise NodeError("Cannot connect to vmafd service.")

    def stores(self) -> list[str]:
        self._need_vmafdd()
        return list(self.node.stores)

    def get(self, store: str, alias: str) -> Entry | None:
        self.node.asked(f"vecs get {store}")
        self._need_vmafdd()
        found = self.node.stores[store].get(alias)
        return Entry(alias, found[0], list(found[1])) if found else None

    def key(self, store: str, alias: str) -> str:
        self._need_vmafdd()
        return self.node.stores[store][alias][2]

    def settle(self) -> None:
        self.node.asked("vecs settle")

    def delete(self, store: str, alias: str) -> None:
        self.node.act(f"vecs delete {store}")
        self._need_vmafdd()
        self.node.stores[store].pop(alias, None)

    def create(self, store: str, alias: str, cert_path: str, key_path: str) -> None:
        self.node.act(f"vecs create {store}")
        self._need_vmafdd()
        if alias in self.node.stores[store]:
            raise NodeError("Error 183")
        with open(cert_path) as cert, open(key_path) as key:
            self.node.stores[store][alias] = ("Private Key", [cert.read()], key.read())


class FakeServices:
    start_argv = staticmethod(ServiceControl.start_argv)
    stop_argv = staticmethod(ServiceControl.stop_argv)

    def __init__(self, node: FakeNode) -> None:
        self.node = node

    def census(self, timeout: float | None = None) -> Census:
        return Census(sorted(self.node.running), sorted(self.node.known - self.node.running), [], [])

    def stop(self, names: list[str] | None, timeout: float) -> SimpleNamespace:
        self.node.act(f"stop {names}")
        self.node.running -= (self.node.known if names is None else set(names)) - self.node.never_stop
        return SimpleNamespace(rc=0, seconds=0.0)

    def start(self, names: list[str] | None, timeout: float) -> SimpleNamespace:
        self.node.act(f"start {names}")
        wanted = CORE | PROFILE if names is None else set(names)
        entry = self.node.certificate
        if "vmware-rhttpproxy" in wanted and "vmware-rhttpproxy" not in self.node.running:
            self.node.presented = entry
            wanted = wanted if entry else wanted - {"vmware-rhttpproxy"}
        self.node.running |= wanted - self.node.never_start
        return SimpleNamespace(rc=0, seconds=0.0)
