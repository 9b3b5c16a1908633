# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""openssl: what a certificate says and whom a key belongs to, with cryptography as the witness."""

from __future__ import annotations

from datetime import UTC

import material
import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.process import Runner
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.openssl import Openssl
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

OPENSSL = Openssl(Runner())
VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x17F, blacklist_characters="\x7f"), min_size=1, max_size=30
)
LABEL = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,5})?", fullmatch=True)
HOSTS = st.lists(LABEL, min_size=1, max_size=4).map(".".join)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["CN", "O", "OU", "L", "ST"]), VALUES), min_size=1, max_size=5),
    st.lists(HOSTS, unique=True, max_size=3),
    st.lists(st.ip_addresses().map(str), unique=True, max_size=3),
)
def test_subject_names_dates_and_serial_are_read_as_they_are(subject, dns, ip):
    subject = [(kind, value.strip() or "x") for kind, value in subject]
    pem = material.certificate(subject=subject, dns=dns, ip=ip, email=["ops@lab.example"])
    facts = OPENSSL.facts(pem)
    witness = x509.load_pem_x509_certificate(pem.encode())
    assert facts.rdns() == subject
    assert facts.common_name == next((value for kind, value in subject if kind == "CN"), None)
    assert (facts.of_kind("dns"), facts.of_kind("ip"), facts.of_kind("email")) == (dns, ip, ["ops@lab.example"])
    assert (facts.not_before, facts.not_after) == (witness.not_valid_before_utc, witness.not_valid_after_utc)
    assert facts.not_after.tzinfo is UTC
    assert int(facts.serial, 16) == witness.serial_number
    assert OPENSSL.subject_alternative_names(pem) == ["ops@lab.example", *ip, *dns]


def test_no_alternative_names_are_none():
    facts = OPENSSL.facts(material.certificate(dns=()))
    assert facts.names == []
    assert facts.to_dict()["subject_alternative_names"] == []


def test_a_certificate_without_a_subject():
    openssl = ["/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null"]
    made = Runner().run([*openssl, "-subj", "/", "-addext", "subjectAltName=DNS:vc01.lab.example", "-days", "2"])
    facts = OPENSSL.facts(made.stdout)
    assert (facts.subject, facts.issuer, facts.rdns(), facts.common_name) == ("", "", [], None)
    assert facts.of_kind("dns") == ["vc01.lab.example"]


def test_keys_match_their_own_certificates_only():
    assert OPENSSL.key_matches(material.certificate("one"), material.key("one"))
    assert not OPENSSL.key_matches(material.certificate("one"), material.key("two"))


@pytest.mark.parametrize("text", ["", "nonsense", material.encrypted_key(), material.key()[:800], material.public()])
def test_a_key_that_cannot_be_read_is_told_without_quoting_it_and_without_asking(text):
    with pytest.raises(NodeError, match="cannot be read") as caught:
        OPENSSL.public_key_of_key(text)
    assert material.key()[100:140] not in repr(caught.value.to_dict())


@pytest.mark.parametrize("text", ["", "nonsense", material.key()])
def test_a_certificate_that_cannot_be_read_is_told(text):
    for read in (OPENSSL.facts, OPENSSL.public_key_of_cert):
        with pytest.raises(NodeError, match="cannot be read"):
            read(text)
