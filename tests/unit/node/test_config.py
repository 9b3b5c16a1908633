# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""config.py: what certool would misread is refused before it sees it (vmware-cli.md §2)."""

from __future__ import annotations

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import config
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from hypothesis import given
from hypothesis import strategies as st

GOOD = """\
# made for vc01
Country = US
Name = vc01.lab.example
Organization = Lab & Co
OrgUnit = IT = Ops
State = California
Locality = O'Fallon
IPAddress = 198.18.0.11, 2001:db8::1
Email = ops@lab.example
Hostname = vc01.lab.example,vc01
"""


def changed(key: str, value: str | None) -> str:
    """The good config with one key given another value, or left out."""
    lines = [line for line in GOOD.splitlines() if not line.startswith(key)]
    return "\n".join([*lines, f"{key} = {value}"] if value is not None else lines)


def faults(text: str) -> list[str]:
    with pytest.raises(NodeError) as caught:
        config.parse(text)
    assert caught.value.remedy
    return list(caught.value.details["faults"])


def test_a_good_config_is_read_as_certool_reads_it():
    request = config.parse(GOOD)
    assert request.common_name == "vc01.lab.example"
    assert request.names == {
        "email": ["ops@lab.example"],
        "ip": ["198.18.0.11", "2001:db8::1"],
        "dns": ["vc01.lab.example", "vc01"],
    }
    assert set(request.rdns()) == {
        ("CN", "vc01.lab.example"),
        ("C", "US"),
        ("O", "Lab & Co"),
        ("OU", "IT = Ops"),
        ("ST", "California"),
        ("L", "O'Fallon"),
    }


@pytest.mark.parametrize("newline", ["\r\n", "\n\n", "\n   \n"])
def test_line_ends_and_blank_lines_do_not_matter(newline):
    assert config.parse(GOOD.replace("\n", newline)) == config.parse(GOOD)


def test_empty_fields_are_left_out_and_so_are_absent_ones():
    request = config.parse("Name = vc01.lab.example\nHostname = vc01.lab.example\nOrgUnit =\nIPAddress =\n")
    assert request.subject == {"Name": "vc01.lab.example"}
    assert request.names == {"email": [], "ip": [], "dns": ["vc01.lab.example"]}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("Country", "USA", "Country must be two letters"),
        ("Country", "U1", "Country must be two letters"),
        ("Country", "", "Country must be two letters"),
        ("Country", '"US"', "Country must be two letters"),
        ("Organization", "Acme, Inc.", "Organization must not contain a comma"),
        ("Organization", "Acme # Inc", "Organization must not contain a #"),
        ("Organization", 'Acme "Inc"', "Organization must not contain a quote"),
        ("Organization", "'Acme'", "Organization must not contain a quote"),
        ("Organization", "A\x00B", "Organization must not contain a control character"),
        ("Organization", "x" * 65, "Organization has 65 characters"),
        ("OrgUnit", "x" * 65, "OrgUnit has 65 characters"),
        ("State", "x" * 129, "State has 129 characters"),
        ("Locality", "x" * 129, "Locality has 129 characters"),
        ("Name", "x" * 65, "Name has 65 characters"),
        ("Name", "*.lab.example", "Name must not be a wildcard"),
        ("Name", "a,b", "Name must not contain a comma"),
        ("Name", "", "Name (the common name) is missing"),
        ("Name", None, "Name (the common name) is missing"),
        ("Name", "CA", "left over from the vendor's template"),
        ("Hostname", None, "Hostname (the DNS names) is missing"),
        ("Hostname", "", "Hostname (the DNS names) is missing"),
        ("Hostname", "vc01,,vc02", "an entry of the list is empty"),
        ("Hostname", "vc01,", "an entry of the list is empty"),
        ("Hostname", "*.lab.example", "wildcards are not allowed"),
        ("Hostname", "vc 01", "'vc 01' is no valid DNS name"),
        ("Hostname", "-vc01", "is no valid DNS name"),
        ("Hostname", '"vc01"', "Hostname must not contain a quote"),
        ("Hostname", "vc01 # old name", "Hostname must not contain a #"),
        ("Hostname", "a" * 64 + ".example", "is no valid DNS name"),
        ("Hostname", ",".join(f"vc{n}.lab.example" for n in range(150)), "silently drops"),
        ("Hostname", "vc01.lab.example,server.acme.com", "left over from the vendor's template"),
        ("IPAddress", "10.0.0.0/8", "is no valid IP address"),
        ("IPAddress", "[::1]", "is no valid IP address"),
        ("IPAddress", "vc01", "is no valid IP address"),
        ("IPAddress", "127.0.0.1", "left over from the vendor's template"),
        ("Email", "copy", "is no valid e-mail address"),
        ("Email", "email@acme.com", "left over from the vendor's template"),
    ],
)
def test_a_bad_value_is_refused_naming_key_and_value(key, value, said):
    found = faults(changed(key, value))
    assert any(said in fault for fault in found), found
    assert any(key in fault for fault in found)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Country US", "line 11 ('Country US') is no assignment"),
        ("Acme Inc., a newline in the field before", "is no assignment"),
        ("[certool]", "is no assignment"),
        ("; a comment elsewhere", "is no assignment"),
        ("country = US", "unknown key 'country'"),
        ("Bogus = 1", "unknown key 'Bogus', known are Name,"),
        ("= value", "unknown key ''"),
        ("privkey = /etc/x", "unknown key 'privkey'"),
        ("Name = again", "Name is given twice"),
    ],
)
def test_a_line_that_certool_would_choke_on_is_refused_by_number(line, said):
    assert any(said in fault for fault in faults(GOOD + line))


def test_all_faults_are_told_at_once():
    assert len(faults("Country = USA\nOrganization = a,b\nHostname = *\nBogus = 1\n")) == 5


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_words(text):
    try:
        config.parse(text)
    except NodeError as error:
        assert error.details["faults"]


@given(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x17F, blacklist_characters=",#\"'=\x7f"), max_size=64),
)
def test_what_is_accepted_as_a_subject_field_survives_certools_own_reading(value):
    request = config.parse(changed("Organization", value))
    assert request.subject.get("Organization", "") == value.strip()


def test_what_is_lacking_is_named():
    request = config.parse(GOOD)
    wanted = {"cn": "VC01.lab.example", "dns": ["vc01", "vc02"], "ip": ["2001:DB8:0::1", "10.0.0.1"], "email": None}
    assert config.lacking(wanted, request.common_name, request.names) == [
        "the common name is 'vc01.lab.example', not 'VC01.lab.example'",
        "vc02 is not among the dns names",
        "10.0.0.1 is not among the ip names",
    ]
    assert config.lacking(None, None, {}) == []


@pytest.mark.parametrize("name", ["192.0.2.17", "2001:DB8:0::17"])
def test_a_node_without_a_name_needs_no_dns_name_but_its_address(name: str) -> None:
    request = config.parse(f"Name = {name}\nCountry = US\nIPAddress = 192.0.2.17, 2001:db8::17\n")
    assert (request.common_name, request.names["dns"]) == (name, [])
    assert faults(f"Name = {name}\nCountry = US\nIPAddress = 192.0.2.18\n") == ["Hostname (the DNS names) is missing"]
