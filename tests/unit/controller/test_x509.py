# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What certificates say, how they chain, and how much of their life is left."""

from __future__ import annotations

import hashlib
import ssl
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import x509
from cryptography import x509 as crypto
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st


def test_facts_are_plain_and_complete(authority: Any) -> None:
    authority.root()
    pem = authority.leaf(dns=["vc01.lab.example", "b"], ip=["198.18.0.11", "2001:db8::1"], email=["ops@lab.example"])

    facts = x509.facts(pem)

    assert facts["subject"] == "CN=vc01.lab.example,C=US"
    assert facts["cn"] == "vc01.lab.example"
    assert facts["subject_fields"] == {
        "country": "US",
        "organization": None,
        "organizational_unit": None,
        "state": None,
        "locality": None,
    }
    assert facts["sans"] == {
        "dns": ["vc01.lab.example", "b"],
        "ip": ["198.18.0.11", "2001:db8::1"],
        "email": ["ops@lab.example"],
        "other": [],
    }
    assert facts["issuer"] == "CN=CA,DC=vsphere,DC=local,C=US,O=vc01.lab.example"
    assert facts["not_before"] == "2024-12-22T16:00:00Z"
    assert facts["not_after"] == "2026-12-22T16:00:00Z"
    assert facts["key"] == {"algorithm": "RSA", "bits": 2048}
    assert facts["signature_algorithm"] == "sha256WithRSAEncryption"
    assert facts["is_ca"] is False and facts["self_signed"] is False
    assert len(facts["ski"]) == 40 and len(facts["aki"]) == 40
    assert int(facts["serial"], 16) > 0


def test_fingerprints_are_those_of_the_der(authority: Any) -> None:
    pem = authority.root()
    der = ssl.PEM_cert_to_DER_cert(pem)

    facts = x509.facts(pem)

    assert facts["sha1"] == hashlib.sha1(der).hexdigest()
    assert facts["sha256"] == hashlib.sha256(der).hexdigest()
    assert facts["sha1_colons"].replace(":", "").lower() == facts["sha1"]
    assert facts["sha256_colons"].count(":") == 31 and facts["sha256_colons"].isupper()


def test_an_authority_is_known_as_one(authority: Any) -> None:
    facts = x509.facts(authority.root())

    assert facts["is_ca"] and facts["self_signed"]


def test_other_kinds_of_names_are_told(authority: Any) -> None:
    authority.root()

    assert x509.facts(authority.leaf(uri=["https://vc01/"]))["sans"]["other"] == ["https://vc01/"]


@pytest.mark.parametrize("text", ["", "garbage", "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_an_error_in_words(text: str) -> None:
    with pytest.raises(x509.X509Error, match="no certificate"):
        x509.facts(text)


@pytest.mark.parametrize("what", ["subject", "dns", "curve"])
def test_an_odd_certificate_is_an_error_in_words_and_can_be_told_apart(authority: Any, what: str) -> None:
    odd = authority.odd()[what]

    with pytest.raises(x509.X509Error, match=r"can(not)? be read"):
        x509.facts(odd)
    assert x509.sha256(odd) == hashlib.sha256(ssl.PEM_cert_to_DER_cert(odd)).hexdigest()
    assert bool(x509.subject(odd)) is (what != "subject")
    with pytest.raises(x509.X509Error, match="no PEM"):
        x509.sha256("garbage")


@pytest.mark.parametrize("what", ["subject", "dns", "curve"])
def test_an_odd_root_is_in_nobodys_way(authority: Any, now: datetime, what: str) -> None:
    root, leaf = authority.root(), authority.leaf()

    assert x509.chain_to_root([leaf], [authority.odd()[what], "garbage", root], now).ok
    assert not x509.chain_to_root([leaf], [authority.odd()[what]], now).ok
    assert not x509.chain_to_root([authority.odd()[what]], [root], now).ok


def test_split_keeps_order_and_refuses_damage(authority: Any) -> None:
    root, leaf = authority.root(), authority.leaf()

    assert [x509.facts(pem)["sha256"] for pem in x509.split(f"noise\n{leaf}\n{root}")] == [
        x509.facts(leaf)["sha256"],
        x509.facts(root)["sha256"],
    ]
    with pytest.raises(x509.X509Error):
        x509.split(leaf[:-40])


def test_keys_are_compared_by_their_public_half(authority: Any) -> None:
    authority.root()
    leaf = authority.leaf(name="leaf")

    assert x509.same_key(leaf, authority.public_key("leaf"))
    assert not x509.same_key(leaf, authority.public_key("root"))
    assert x509.facts(leaf)["public_key_sha256"] == x509.public_key_sha256(authority.public_key("leaf"))
    with pytest.raises(x509.X509Error, match="no public key"):
        x509.public_key_sha256("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")


def test_issued_by_is_a_matter_of_signatures_not_of_names(authority: Any) -> None:
    root = authority.root("root")
    leaf = authority.leaf("root")
    namesake = authority.root("namesake")

    assert x509.is_issued_by(leaf, root)
    assert not x509.is_issued_by(leaf, namesake)
    assert x509.facts(namesake)["subject"] == x509.facts(root)["subject"]


class TestChain:
    def test_from_leaf_through_intermediate_to_root(self, authority: Any, now: datetime) -> None:
        root = authority.root("root")
        middle = authority.root("middle", subject=[(NameOID.COMMON_NAME, "Middle")], issuer="root")
        leaf = authority.leaf("middle")

        chain = x509.chain_to_root([leaf, middle], [root], now)

        assert chain.ok, chain
        assert chain.subjects == ("CN=vc01.lab.example,C=US", "CN=Middle", x509.facts(root)["subject"])

    def test_a_missing_intermediate_breaks_it(self, authority: Any, now: datetime) -> None:
        root = authority.root("root")
        authority.root("middle", subject=[(NameOID.COMMON_NAME, "Middle")], issuer="root")
        leaf = authority.leaf("middle")

        chain = x509.chain_to_root([leaf], [root], now)

        assert not chain.ok and chain.subjects == ()
        assert "CN=Middle" in chain.problems[0]

    def test_no_roots_is_no_chain(self, authority: Any, now: datetime) -> None:
        authority.root()
        assert not x509.chain_to_root([authority.leaf()], [], now).ok

    def test_every_link_must_be_valid_at_the_time(self, authority: Any, now: datetime) -> None:
        root = authority.root("root", ends=10)
        leaf = authority.leaf("root", begins=-1, ends=20)

        assert x509.chain_to_root([leaf], [root], now).ok
        late = x509.chain_to_root([leaf], [root], now + timedelta(days=11))
        assert not late.ok and "CN=CA" in late.problems[0] and "ended" in late.problems[0]
        early = x509.chain_to_root([leaf], [root], now - timedelta(days=2))
        assert "not valid before" in early.problems[0]

    def test_of_two_roots_with_one_name_the_right_one_counts(self, authority: Any, now: datetime) -> None:
        right, wrong = authority.root("right"), authority.root("wrong")
        leaf = authority.leaf("right")

        assert x509.chain_to_root([leaf], [wrong, right], now).ok
        assert not x509.chain_to_root([leaf], [wrong], now).ok

    def test_an_issuer_that_is_no_authority_does_not_count(self, authority: Any, now: datetime) -> None:
        authority.root("root")
        fake = authority.root("fake", is_ca=False)
        leaf = authority.leaf("fake")

        chain = x509.chain_to_root([leaf], [fake], now)

        assert not chain.ok

    def test_a_renewed_root_with_the_same_key_chains(self, authority: Any, now: datetime) -> None:
        old = authority.root("root", ends=-1)
        leaf = authority.leaf("root", begins=-100, ends=100)
        new = authority.root("root", ends=3000)

        assert not x509.chain_to_root([leaf], [old], now).ok
        assert x509.chain_to_root([leaf], [old, new], now).ok


NOW = datetime.fromisoformat("2026-11-22T16:00:00+00:00")


@lru_cache
def leaf() -> str:
    """One certificate for all examples of a property: 30 of its 730 days are left at NOW."""
    key = rsa.generate_private_key(65537, 2048)
    name = crypto.Name([crypto.NameAttribute(NameOID.COMMON_NAME, "x")])
    certificate = (
        crypto.CertificateBuilder(name, name, key.public_key(), serial_number=1)
        .not_valid_before(NOW - timedelta(days=700))
        .not_valid_after(NOW + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


class TestLifetime:
    @settings(deadline=None)
    @given(day=st.floats(min_value=-3000, max_value=3000, allow_nan=False))
    def test_the_fraction_falls_from_one_to_zero(self, day: float) -> None:
        at, later = NOW + timedelta(days=day), NOW + timedelta(days=day + 1)

        fraction = x509.lifetime_fraction_left(leaf(), at)

        assert 0 <= x509.lifetime_fraction_left(leaf(), later) <= fraction <= 1
        assert (fraction == 0) == (x509.days_left(leaf(), at) <= 0)
        if 0 < fraction < 1:
            assert fraction * x509.lifetime_days(leaf()) == pytest.approx(x509.days_left(leaf(), at))

    def test_days_left_are_negative_after_the_end(self) -> None:
        assert x509.days_left(leaf(), NOW) == pytest.approx(30)
        assert x509.days_left(leaf(), NOW + timedelta(days=31)) == pytest.approx(-1)
        assert x509.lifetime_days(leaf()) == pytest.approx(730)
