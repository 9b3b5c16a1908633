# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: when two are the same, and which can be asked for."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import names
from hypothesis import given
from hypothesis import strategies as st

LABELS = st.text("abcXYZ019-", min_size=1, max_size=10).filter(lambda label: label.strip("-") == label)
DNS_NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join).filter(lambda name: not names.is_ip(name))


@given(DNS_NAMES)
def test_dns_names_know_no_case(name: str) -> None:
    assert names.normal("dns", name.upper()) == names.normal("dns", name.lower()) == names.normal("dns", name + ".")
    assert names.name_problem("dns", name) is None


@given(st.ip_addresses())
def test_an_address_is_the_same_in_every_spelling(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert names.normal("ip", address.exploded) == names.normal("ip", address.compressed)
    assert names.name_problem("ip", str(address)) is None


@given(st.lists(DNS_NAMES))
def test_unique_keeps_the_first_spelling_and_the_order(found: list[str]) -> None:
    once = names.unique("dns", found)

    assert once == [n for i, n in enumerate(found) if n.lower() not in {m.lower() for m in found[:i]}]
    assert all(names.contains("dns", once, name.upper()) for name in found)


@given(st.text(max_size=30))
def test_what_is_let_through_cannot_harm_a_config_file(name: str) -> None:
    for kind in names.KINDS:
        if names.name_problem(kind, name) is None:
            assert name and not set(name) & set("#,\"'\n\r*= ")


@given(st.text(max_size=70))
def test_a_field_that_is_let_through_cannot_harm_a_config_file(value: str) -> None:
    for field in ("organization", "locality"):
        if names.field_problem(field, value) is None:
            assert value == value.strip() and not set(value) & set("#,\"'\n\r")


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("dns", "", "is empty"),
        ("dns", "   ", "is empty"),
        ("dns", "*.example.com", "wildcard"),
        ("dns", "a,b", "cannot state"),
        ("dns", "a#b", "cannot state"),
        ("dns", "a b", "cannot state"),
        ("dns", "198.18.0.1", "is an IP address"),
        ("dns", "-a.example", "no DNS name"),
        ("dns", "a..b", "no DNS name"),
        ("dns", "a" * 64, "no DNS name"),
        ("ip", "[::1]", "no IP address"),
        ("ip", "198.18.0.0/15", "no IP address"),
        ("ip", "fe80::1%eth0", "no IP address"),
        ("ip", "vc01", "no IP address"),
        ("email", "nobody", "no e-mail address"),
        ("email", "a@b@c", "no e-mail address"),
        ("email", "@example.com", "no e-mail address"),
        ("email", "move", "no e-mail address"),
    ],
)
def test_names_that_cannot_be_asked_for(kind: str, name: str, words: str) -> None:
    problem = names.name_problem(kind, name)

    assert problem is not None and words in problem


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("country", "USA", "two letters"),
        ("country", "U1", "two letters"),
        ("organization", "Example, Inc.", "comma"),
        ("organization", "Nr. #1", "#"),
        ("organization", '"Example"', "quote"),
        ("organization", "Two\nLines", "control character"),
        ("organization", " Example", "blank"),
        ("organization", "x" * 65, "64"),
        ("locality", "x" * 129, "128"),
    ],
)
def test_fields_that_cannot_be_asked_for(field: str, value: str, words: str) -> None:
    problem = names.field_problem(field, value)

    assert problem is not None and words in problem


@pytest.mark.parametrize(("field", "value"), [("country", "ch"), ("organization", ""), ("organization", "Müller AG")])
def test_fields_that_can(field: str, value: str) -> None:
    assert names.field_problem(field, value) is None


def test_template_leftovers() -> None:
    assert names.is_template_name("ip", "127.0.0.1")
    assert names.is_template_name("dns", "SERVER.acme.com")
    assert names.is_template_name("email", "email@ACME.com")
    assert not names.is_template_name("dns", "acme.com")
    assert names.is_template_field("AcmeOrg Engineering") and not names.is_template_field("VMware")


def test_more_names_than_certool_has_room_for() -> None:
    few = {"dns": ["a.example"], "ip": ["198.18.0.1"], "email": []}
    many = {**few, "dns": [f"host{number:03}.department.example.com" for number in range(80)]}

    assert names.buffer_problem(few) is None
    assert "2048" in (names.buffer_problem(many) or "")
