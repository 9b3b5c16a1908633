# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMCA's certificate authority: its files, what it signs and what it revokes (vmware-cli.md §1.6, §1.9)."""

import itertools
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from . import der, pki, vmca_errors, vmca_keys, vmca_pki
from .vmca_errors import VmcaError
from .vmca_register import Register

# Files that are rotated when another root is installed: root.cer -> root.cer.0 -> ... -> root.cer.32.
_ROTATED = ("root.cer", "privatekey.pem")
_OLDEST = 32

_BACKDATED = timedelta(days=14)
_LONGEST = timedelta(days=3650)
_CRL_VALIDITY = timedelta(days=30)


@dataclass(frozen=True)
class Policy:
    """What the server allows and adds; `leaf` is the longest validity it grants, whatever was asked for."""

    pnid: str
    aia_path: str
    leaf: timedelta
    multiple_names: bool
    administrator: bool


class Authority:
    """The CA whose files lie in `folder`; `load` it before anything else."""

    def __init__(self, folder: Path, register: Register) -> None:
        self._folder = folder
        self._register = register
        self.chain: list[x509.Certificate] = []
        self._key: rsa.RSAPrivateKey | None = None

    @property
    def certificate(self) -> x509.Certificate:
        """The signing certificate, the first of the chain."""
        return self.chain[0]

    @property
    def key(self) -> rsa.RSAPrivateKey:
        assert self._key is not None
        return self._key

    def require(self) -> None:
        """Raises VmcaError 70000 when there is no CA."""
        if not self.chain:
            raise VmcaError(vmca_errors.ROOT_CA_MISSING)

    def load(self) -> None:
        """Read the files; files that are missing or do not fit leave VMCA without a CA."""
        try:
            chain = pki.certificates((self._folder / "root.cer").read_text())
            key = pki.private_key((self._folder / "privatekey.pem").read_text())
        except OSError:
            return
        if chain and isinstance(key, rsa.RSAPrivateKey) and pki.key_matches(chain[0], key):
            self.chain, self._key = chain, key

    def chain_pem(self) -> str:
        """root.cer as it is on disk now; raises VmcaError."""
        try:
            chain = pki.certificates((self._folder / "root.cer").read_text())
        except OSError as error:
            raise VmcaError(error.errno or vmca_errors.FILE_NOT_FOUND) from None
        if not chain:
            raise VmcaError(vmca_errors.BAD_FORMAT)
        return "".join(pki.pem(certificate) for certificate in chain)

    def install(self, chain_pem: str, key_pem: str) -> None:
        """Take another CA; the old files are kept. Raises VmcaError 70010, 70011, 70009, 70037."""
        chain = pki.certificates(chain_pem)
        if not chain:
            raise VmcaError(vmca_errors.CERT_IO_FAILURE)
        if not is_authority(chain[0]):
            raise VmcaError(vmca_errors.NOT_CA_CERT)
        key = pki.private_key(key_pem)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise VmcaError(vmca_errors.KEY_IO_FAILURE)
        if not pki.key_matches(chain[0], key):
            raise VmcaError(vmca_errors.PRIVATE_KEY_MISMATCH)
        self._rotate()
        self.write(chain, key)
        self.write_crl()

    def write(self, chain: list[x509.Certificate], key: rsa.RSAPrivateKey) -> None:
        """Make a chain and its key the CA of this node, on disk and in memory."""
        text = "".join(pki.pem(certificate) for certificate in chain) + "\n"
        _write(self._folder / "root.cer", text, 0o644)
        _write(self._folder / "privatekey.pem", vmca_keys.private_pem(key), 0o600)
        self.chain, self._key = chain, key

    def sign(self, request_pem: str, start: datetime, end: datetime, policy: Policy) -> str:
        """The certificate for a request, and the CA chain without its root behind it when the CA is a subordinate one
        (§1.9.3). Raises VmcaError as §1.9.1 has it, rows 2 to 11 in this order."""
        request = _checked_request(request_pem)
        if start < datetime.now(UTC) - _BACKDATED or end - start > _LONGEST:
            raise VmcaError(vmca_errors.INVALID_TIME_SPECIFIED)
        if not request.is_signature_valid or not list(request.subject):
            raise VmcaError(vmca_errors.INVALID_CSR_FIELD)
        if start < self.certificate.not_valid_before_utc:
            raise VmcaError(vmca_errors.START_TIME)
        wanted = _extensions(request)
        _check_purposes(wanted, policy)
        _check_names(request.subject, wanted, policy)
        leaf = vmca_pki.certificate(
            request.subject,
            self.certificate.subject,
            request.public_key(),  # type: ignore[arg-type]
            self.key,
            start,
            min(end, start + policy.leaf, self.certificate.not_valid_after_utc),
            [*wanted, *self._issuer_extensions(policy)] if wanted else [],
        )
        return self._issued(leaf)

    def issue(
        self, subject: x509.Name, key: rsa.RSAPublicKey, start: datetime, end: datetime, wanted: list[der.Extension]
    ) -> str:
        """A certificate outside any policy, with exactly these extensions; never valid past the CA's own end."""
        end = min(end, self.certificate.not_valid_after_utc)
        return self._issued(vmca_pki.certificate(subject, self.certificate.subject, key, self.key, start, end, wanted))

    def authority_key(self) -> der.Extension:
        """authorityKeyIdentifier, key id only."""
        identifier = bytes.fromhex(pki.directory_id(self.certificate))
        value = x509.AuthorityKeyIdentifier(identifier, None, None).public_bytes()
        return der.Extension(x509.AuthorityKeyIdentifier.oid.dotted_string, False, value)

    def revoke(self, pem: str) -> None:
        """Raises VmcaError 70010, 183."""
        certificate = _one(pem)
        self._register.revoke(*_identity(certificate))
        self.write_crl()

    def status(self, pem: str) -> str:
        """ACTIVE, REVOKED, EXPIRED or INVALID_STATE; raises VmcaError 70010."""
        certificate = _one(pem)
        if certificate.not_valid_after_utc < datetime.now(UTC):
            return "EXPIRED"
        return self._register.status(*_identity(certificate))

    def crl_pem(self) -> str:
        """The CRL as it is on disk, made anew when there is none."""
        path = self._folder / "vmca.crl"
        if not path.exists():
            self.write_crl()
        return path.read_text()

    def write_crl(self) -> None:
        """A new CRL with the next number and every revocation under the present CA."""
        now = datetime.now(UTC)
        number = self._register.value("CRLNumber", 0) + 1
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now)
            .next_update(now + _CRL_VALIDITY)
            .add_extension(_aki(self.certificate), False)
            .add_extension(x509.CRLNumber(number), False)
        )
        for serial, date in self._register.revoked(self.certificate.subject.rfc4514_string()):
            builder = builder.add_revoked_certificate(_revoked(serial, date))
        crl = builder.sign(self.key, hashes.SHA256())
        _write(self._folder / "vmca.crl", pki.pem(crl), 0o644)
        self._register.set_value("CRLNumber", number)

    def _issued(self, leaf: x509.Certificate) -> str:
        text = pki.pem(leaf).rstrip("\n")
        if not has_issued(self.certificate, self.certificate):
            text += "\n" + "".join(pki.pem(certificate) for certificate in self.chain[:-1])
        self._register.add(*_identity(leaf), text)
        return text

    def _issuer_extensions(self, policy: Policy) -> list[der.Extension]:
        return [self.authority_key(), issuers_url(policy.pnid, policy.aia_path)]

    def _rotate(self) -> None:
        for name in _ROTATED:
            for number in range(_OLDEST, 0, -1):
                _move(self._folder / f"{name}.{number - 1}", self._folder / f"{name}.{number}")
            _move(self._folder / name, self._folder / f"{name}.0")


def issuers_url(pnid: str, path: str) -> der.Extension:
    """authorityInfoAccess with one caIssuers address."""
    location = x509.UniformResourceIdentifier(f"https://{pnid}{path}")
    access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, location)
    value = x509.AuthorityInformationAccess([access]).public_bytes()
    return der.Extension(x509.AuthorityInformationAccess.oid.dotted_string, False, value)


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether a certificate is a CA by its basicConstraints, and not barred from it by its keyUsage."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return constraints.ca and _may_sign(certificate)


def has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """OpenSSL's X509_check_issued: names, key ids and the issuer's keyUsage fit; no signature is verified."""
    if issuer.subject != certificate.issuer or not _may_sign(issuer):
        return False
    try:
        wanted = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        present = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, ValueError):
        return True
    return wanted is None or wanted == present


def check_chain(chain: list[x509.Certificate]) -> None:
    """Leaf first, each next one its issuer, the last one self-signed; raises VmcaError 70063, 70062."""
    for certificate, issuer in itertools.pairwise(chain):
        if not has_issued(issuer, certificate):
            raise VmcaError(vmca_errors.INVALID_CHAIN)
    if not has_issued(chain[-1], chain[-1]):
        raise VmcaError(vmca_errors.INCOMPLETE_CHAIN)


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except (x509.ExtensionNotFound, ValueError):
        return True


def _checked_request(pem: str) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        key = request.public_key()
    except (ValueError, InvalidSignature):
        raise VmcaError(vmca_errors.INVALID_CSR_FIELD) from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < vmca_keys.KEY_BITS:
        raise VmcaError(vmca_errors.INVALID_KEY_LENGTH)
    return request


def _extensions(request: x509.CertificateSigningRequest) -> list[der.Extension]:
    try:
        return der.requested_extensions(request.public_bytes(Encoding.DER))
    except (ValueError, IndexError):
        raise VmcaError(vmca_errors.INVALID_CSR_FIELD) from None


def _check_purposes(wanted: list[der.Extension], policy: Policy) -> None:
    """CA and its key usages are for administrators, dataEncipherment for nobody (§1.9.1 row 9)."""
    for extension in wanted:
        if extension.oid == der.BASIC_CONSTRAINTS and _asks_for_ca(extension.value) and not policy.administrator:
            raise VmcaError(vmca_errors.INVALID_CSR_FIELD)
        if extension.oid == der.KEY_USAGE and _forbidden(extension.value, policy.administrator):
            raise VmcaError(vmca_errors.INVALID_CSR_FIELD)


def _asks_for_ca(value: bytes) -> bool:
    return any(tag == der.BOOLEAN and content != b"\x00" for tag, content in der.elements(der.inside(value)))


def _forbidden(value: bytes, administrator: bool) -> bool:
    bits = der.inside(value)[1:2]
    flags = bits[0] if bits else 0
    signing, encipherment = flags & 0b0000_0110, flags & 0b0001_0000
    return bool(encipherment) or bool(signing and not administrator)


def _check_names(subject: x509.Name, wanted: list[der.Extension], policy: Policy) -> None:
    if any("*" in str(attribute.value) for attribute in subject.get_attributes_for_oid(NameOID.COMMON_NAME)):
        raise VmcaError(vmca_errors.INVALID_SUBJECT)
    listed = [
        name
        for extension in wanted
        if extension.oid == der.SUBJECT_ALTERNATIVE_NAME
        for name in der.general_names(extension.value, der.DNS)
    ]
    if any(b"*" in name for name in listed) or (len(listed) > 1 and not policy.multiple_names):
        raise VmcaError(vmca_errors.INVALID_SAN)


def _one(pem: str) -> x509.Certificate:
    found = pki.certificates(pem)
    if not found:
        raise VmcaError(vmca_errors.CERT_IO_FAILURE)
    return found[0]


def _identity(certificate: x509.Certificate) -> tuple[str, str]:
    """Serial number in hex and issuer: what the database knows a certificate by."""
    return f"{certificate.serial_number:X}", certificate.issuer.rfc4514_string()


def _aki(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier(bytes.fromhex(pki.directory_id(certificate)), None, None)


def _revoked(serial: int, date: int) -> x509.RevokedCertificate:
    return (
        x509.RevokedCertificateBuilder()
        .serial_number(serial)
        .revocation_date(datetime.fromtimestamp(date, UTC))
        .add_extension(x509.CRLReason(x509.ReasonFlags.unspecified), False)
        .build()
    )


def _write(path: Path, text: str, mode: int) -> None:
    """Replace a file durably, never leaving half of it."""
    fresh = path.with_name(path.name + ".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.chmod(mode)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _move(old: Path, new: Path) -> None:
    if old.exists():
        old.replace(new)
