# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pem.py: splitting, DER and fingerprints, whatever stands around the blocks."""

from __future__ import annotations

import base64
import hashlib

import material
import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st

NOISE = st.text(st.characters(blacklist_characters="-", blacklist_categories=("Cs",)), max_size=60)


def sequence(body: bytes) -> bytes:
    """A DER SEQUENCE, as every certificate and key is one."""
    if len(body) < 0x80:
        return bytes([0x30, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([0x30, 0x80 | size]) + len(body).to_bytes(size, "big") + body


def block(label: str, data: bytes, width: int = 64, newline: str = "\n") -> str:
    text = base64.b64encode(data).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return newline.join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])


@given(
    st.lists(st.binary(max_size=300).map(sequence), max_size=4),
    st.integers(1, 100),
    st.sampled_from(["\n", "\r\n"]),
    st.lists(NOISE, min_size=5, max_size=5),
)
def test_certificates_are_found_in_order_whatever_stands_around_them(ders, width, newline, noise):
    text = noise[0] + "".join(block("CERTIFICATE", each, width, newline) + noise[1] for each in ders)
    assert [pem.der(each) for each in pem.certificates(text)] == ders


@given(st.binary(min_size=1, max_size=300).map(sequence), st.integers(1, 80))
def test_normal_makes_equal_der_equal_text(data, width):
    assert pem.normal(block("CERTIFICATE", data, width, "\r\n")) == pem.normal(block("CERTIFICATE", data))
    assert pem.sha1(block("CERTIFICATE", data, width)) == hashlib.sha1(data).hexdigest()


@given(st.data())
def test_a_truncated_certificate_is_never_taken_for_a_certificate(data):
    whole = block("CERTIFICATE", b"\x30\x82\x01\x00" + bytes(256))
    cut = data.draw(st.integers(len("-----BEGIN CERTIFICATE-----"), len(whole) - 1))
    with pytest.raises(pem.PemError):
        pem.certificates(whole[:cut])


def test_glued_blocks_are_told_apart():
    glued = material.key() + material.certificate()  # certool's key files have no newline at their end
    assert "-----END PRIVATE KEY----------BEGIN CERTIFICATE-----" in glued
    assert len(pem.certificates(glued)) == 1
    assert len(pem.private_keys(glued)) == 1


def test_a_block_that_is_no_sequence_of_its_own_length_is_damaged():
    for data in (b"", b"\x30", b"\x30\x05\x00", b"\x02\x01\x01", b"\x30\x01\x00\x00"):
        with pytest.raises(pem.PemError):
            pem.certificates(block("CERTIFICATE", data))


def test_text_that_is_no_base64_is_damaged_and_not_quoted():
    with pytest.raises(pem.PemError) as caught:
        pem.certificates("-----BEGIN CERTIFICATE-----\n!!secret!!\n-----END CERTIFICATE-----")
    assert "secret" not in str(caught.value)


def test_fingerprints_are_those_of_cryptography():
    text = material.certificate()
    certificate = x509.load_pem_x509_certificate(text.encode())
    assert pem.sha256(text) == certificate.fingerprint(hashes.SHA256()).hex()
    assert pem.sha1(text) == certificate.fingerprint(hashes.SHA1()).hex()


@pytest.mark.parametrize("label", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"])
def test_every_kind_of_private_key_is_seen(label):
    text = block(label, sequence(b"\x00"))
    assert pem.private_keys("noise\n" + text) == [text + "\n"]
    assert pem.certificates(text) == []


def test_both_kinds_of_public_key_are_seen():
    assert [len(pem.public_keys(material.public(pkcs1=form))) for form in (True, False)] == [1, 1]
    assert pem.public_keys(material.key()) == []


def test_no_block_is_an_error_for_der():
    with pytest.raises(pem.PemError):
        pem.der("nothing here")
