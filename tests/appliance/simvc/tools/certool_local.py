# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of certool that need no server (vmware-cli.md §1.6)."""

from __future__ import annotations

from .. import console, pki
from ..vmca_errors import CERT_DECODE_FAILURE, CRL_ERROR, INVALID_PARAMETER, KEY_DECODE_FAILURE, VmcaError
from . import certool_files as files
from .program_options import Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any, TypeVar

    from ..vmca_pki import Fields

    T = TypeVar("T")

VALIDITY_DAYS = 3650


def key_pair(values: Values) -> None:
    """Private key first, then the public one: a bad path of the second leaves the first behind."""
    from .. import vmca_keys

    key = vmca_keys.new_key()
    files.write_text(values.text("privkey"), vmca_keys.private_pem(key))
    files.write_text(values.text("pubkey"), vmca_keys.rsa_public_pem(key))


def request_with_new_key(values: Values) -> None:
    """Nothing tells whether the three files could be written."""
    from .. import vmca_keys, vmca_pki

    key = vmca_keys.new_key()
    fields = config_fields(values)
    request = with_report(lambda: vmca_pki.signing_request(fields, key))
    files.write_text_silently(values.text("privkey"), vmca_keys.private_pem(key))
    files.write_text_silently(values.text("pubkey"), vmca_keys.public_pem(key))
    files.write_text_silently(values.text("csrfile"), request.rstrip("\n"))


def view_certificate(values: Values) -> None:
    console.out(certificate_text(files.read_certificate(values.text("cert"))))


def view_crl(values: Values) -> None:
    from ..x509text import crl_text

    text = files.read_text(values.text("crl"))
    try:
        console.out(f"CRL Info : \n{crl_text(text)}")
    except ValueError:
        raise VmcaError(CRL_ERROR) from None


def self_signed_certificate(values: Values) -> None:
    """Certificate first, then its key."""
    from dataclasses import replace

    from .. import vmca_keys, vmca_pki

    key = vmca_keys.new_key()
    check_country(values)
    fields = replace(config_fields(values), name=values.text("Name"))
    certificate = with_report(lambda: vmca_pki.self_signed(fields, key, *ca_lifetime(values)))
    files.write_text(values.text("outcert"), pki.pem(certificate))
    files.write_text(values.text("outprivkey"), vmca_keys.private_pem(key))


def request_like_certificate(values: Values) -> None:
    """Subject, SAN and keyUsage of a certificate; basicConstraints, too, when it is a CA."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from .. import der, vmca_authority, vmca_pki

    certificate = files.read_certificate(values.text("cert"), CERT_DECODE_FAILURE)
    key = files.read_key(values.text("privkey"), KEY_DECODE_FAILURE)
    present = der.certificate_extensions(certificate.public_bytes(Encoding.DER))
    wanted = [
        extension
        for oid in (der.SUBJECT_ALTERNATIVE_NAME, der.KEY_USAGE)
        for extension in present
        if extension.oid == oid
    ]
    if vmca_authority.is_authority(certificate):
        wanted.append(der.Extension(der.BASIC_CONSTRAINTS, True, der.CA_TRUE))
    files.write_text(values.text("csrfile"), vmca_pki.request_for(certificate.subject, key, wanted))


def config_fields(values: Values) -> Fields:
    """The ten config keys, from the command line or the file."""
    from ..vmca_pki import Fields

    return Fields(
        name=values.text("Name") or None,
        domain=values.text("DomainComponent"),
        country=values.text("Country"),
        state=values.text("State"),
        locality=values.text("Locality"),
        organization=values.text("Organization"),
        unit=values.text("OrgUnit"),
        email=values.text("Email"),
        address=values.text("IPAddress"),
        hostname=values.text("Hostname"),
    )


def check_country(values: Values) -> None:
    """Self-signed certificates want a country of two bytes; raises VmcaError 87."""
    if len(values.text("Country").encode("utf-8", "surrogateescape")) != 2:
        raise VmcaError(INVALID_PARAMETER)


def ca_lifetime(values: Values) -> tuple[datetime, datetime]:
    from datetime import UTC, datetime, timedelta

    start = datetime.now(UTC) - timedelta(minutes=values.number("predate"))
    return start, start + timedelta(days=VALIDITY_DAYS)


def certificate_text(certificate: Any) -> str:
    """OpenSSL's text of a certificate, one newline at its end."""
    from ..x509text import certificate_text as text

    return text(pki.pem(certificate))


def with_report(build: Callable[[], T]) -> T:
    """Run a builder of requests or certificates; OpenSSL's words about the CN go to stdout before the error does."""
    from ..vmca_pki import CommonNameError

    try:
        return build()
    except CommonNameError as error:
        console.out(error.report)
        raise
