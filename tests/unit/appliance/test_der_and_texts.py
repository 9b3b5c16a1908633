# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The little DER reader against `cryptography`, the PEM reader against a pattern, and OpenSSL's texts."""

import base64
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from simvc import der, pki
from simvc.samples import pair, revocations
from simvc.x509text import certificate_text, crl_text

EXTENSIONS: list[tuple[x509.ExtensionType, bool]] = [
    (x509.KeyUsage(True, False, True, False, False, False, False, False, False), True),
    (x509.SubjectAlternativeName([x509.DNSName("a.example"), x509.RFC822Name("a@b.c"), x509.DNSName("b")]), False),
    (x509.SubjectKeyIdentifier(b"\x01" * 20), False),
    (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.6876.999999.2"), b"\x05\x00"), False),
]
EXPECTED = [der.Extension(value.oid.dotted_string, critical, value.public_bytes()) for value, critical in EXTENSIONS]
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])


def test_extensions_of_a_request() -> None:
    builder = x509.CertificateSigningRequestBuilder(NAME)
    for value, critical in EXTENSIONS:
        builder = builder.add_extension(value, critical)
    request = builder.add_attribute(x509.ObjectIdentifier("1.2.840.113549.1.9.7"), b"pw").sign(pair().key, SHA256())
    assert der.requested_extensions(request.public_bytes(Encoding.DER)) == EXPECTED


def test_extensions_of_a_certificate() -> None:
    old = pair().certificate
    builder = x509.CertificateBuilder(
        NAME, NAME, old.public_key(), 7, old.not_valid_before_utc, old.not_valid_after_utc
    )
    for value, critical in EXTENSIONS:
        builder = builder.add_extension(value, critical)
    certificate = builder.sign(pair().key, SHA256())
    assert der.certificate_extensions(certificate.public_bytes(Encoding.DER)) == EXPECTED


def test_nothing_asked_for() -> None:
    request = x509.CertificateSigningRequestBuilder(NAME).sign(pair().key, SHA256())
    assert der.requested_extensions(request.public_bytes(Encoding.DER)) == []


def test_general_names_of_one_kind() -> None:
    assert der.general_names(EXPECTED[1].value, der.DNS) == [b"a.example", b"b"]
    assert der.general_names(EXPECTED[1].value, der.EMAIL) == [b"a@b.c"]


@given(st.integers(1, 30), st.binary(max_size=70000))
def test_an_element_comes_back(tag: int, content: bytes) -> None:
    assert list(der.elements(der.encoded(tag, content) * 2)) == [(tag, content)] * 2


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        list(der.elements(content))
    except ValueError as error:
        assert str(error)


PEM = re.compile(r"^-----BEGIN ([^\r\n]+?)-----[ \t]*\r?$(.*?)^-----END \1-----", re.MULTILINE | re.DOTALL)
PIECES = ["-----BEGIN ", "-----END ", "-----", "CERTIFICATE", "X", "QUJD", "=", "\n", "\r\n", "\r", " ", "\t", "A: b"]
LINES = [
    f"-----{word} {label}-----{end}"
    for word in ("BEGIN", "END")
    for label in ("CERTIFICATE", "X")
    for end in ("", "\n")
]


@given(st.lists(st.sampled_from([*PIECES, *LINES]), max_size=14).map("".join))
def test_the_blocks_of_a_pem_text(text: str) -> None:
    assert [(block.label, block.text) for block in pki.blocks(text)] == [(m[1], m[0]) for m in PEM.finditer(text)]


def test_certificates_come_back_without_what_stands_around_them() -> None:
    sample = pair()
    folded = base64.encodebytes(sample.der).decode().replace("\n", "\r\n")
    text = f"of\n-----BEGIN CERTIFICATE----- \t\r\nNote: x\n{folded}-----END CERTIFICATE-----more\n{sample.key_pem}"
    assert pki.certificate_pems(text) == [sample.pem]


def test_texts_have_compat_names() -> None:
    assert "        Issuer: CN=vc01.lab.example, O=Lab\n" in certificate_text(pair().pem)
    assert "        Issuer: CN=vc01.lab.example, O=Lab\n" in crl_text(revocations(pair()))


def test_texts_end_in_one_newline() -> None:
    for text in (certificate_text(pair().pem + pair("other").pem), crl_text(revocations(pair()))):
        assert text.endswith("\n") and not text.endswith("\n\n")


@pytest.mark.parametrize("render", [certificate_text, crl_text])
def test_no_text_of_garbage(render) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError):
        render("garbage")
