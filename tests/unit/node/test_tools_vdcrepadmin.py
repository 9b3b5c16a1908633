# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vdcrepadmin: failures on stdout, success while a partner is down, three shapes of status (vmware-cli.md §6.1)."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import ToolError, ToolTimeoutError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools import vdcrepadmin
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.sso import Login
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.vdcrepadmin import (
    PartnerStatus,
    Server,
    Vdcrepadmin,
)
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedRunner, hung

LOGIN = Login("administrator@vsphere.local", "VMware1!")
HEALTHY = """\
Partner: psc-02.example.com
Host available:   Yes
Status available: Yes
My last change number:             1632
Partner has seen my change number: 1632
Partner is 0 changes behind.
"""
DOWN = "Partner: psc-03.example.com\nHost available:   No\n"
SILENT = "Partner: psc-04.example.com\nHost available:   Yes\nStatus available: No\n"
REFUSED = "Vdcrepadmin failed. Error [User invalid credential] [9234]\n"
OWN_DN = "cn=vc01,cn=Servers,cn=default-site,cn=Sites,cn=Configuration,dc=vsphere,dc=local\n"

names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z0-9]{1,10}){0,3}", fullmatch=True)
blank = st.text(" \t", max_size=4)


def tool(feature: str, stdout: str, **more: Any) -> tuple[Vdcrepadmin, ScriptedRunner]:
    runner = ScriptedRunner().expect(f"vdcrepadmin -f {feature} -h localhost -u administrator", stdout, **more)
    return Vdcrepadmin(runner), runner  # type: ignore[arg-type]


def test_the_password_goes_to_the_prompt_and_the_domain_nowhere():
    adapter, runner = tool("showpartners", "ldap://psc-02.example.com\n")
    assert adapter.partners(LOGIN) == ["psc-02.example.com"]
    assert runner.inputs == [b"VMware1!\n"]
    assert runner.calls == [["vdcrepadmin", "-f", "showpartners", "-h", "localhost", "-u", "administrator"]]


def test_servers_are_dns_with_site_and_domain():
    dn = "cn={},cn=Servers,cn={},cn=Sites,cn=Configuration,dc=vsphere,dc=local\n"
    adapter, _ = tool(
        "showservers", dn.format("VC01.example.com", "default-site") + dn.format("vc02", "Zürich\\, West")
    )
    assert adapter.servers(LOGIN) == [
        Server("VC01.example.com", "default-site", "vsphere.local"),
        Server("vc02", "Zürich, West", "vsphere.local"),
    ]


def test_the_three_shapes_of_a_status():
    adapter, _ = tool("showpartnerstatus", "\n".join([HEALTHY, DOWN, SILENT]))
    statuses = adapter.partner_status(LOGIN)
    assert statuses == [
        PartnerStatus("psc-02.example.com", True, True, 0),
        PartnerStatus("psc-03.example.com", False, False, None),
        PartnerStatus("psc-04.example.com", True, False, None),
    ]
    assert [status.problem for status in statuses] == [
        None,
        "the partner psc-03.example.com is not available",
        "the replication status of the partner psc-04.example.com is not available",
    ]


@pytest.mark.parametrize(
    ("behind", "problem"),
    [
        (0, None),
        (17, "the partner p is 17 changes behind"),
        (-3, "the partner p has seen 3 changes more than this node has made"),
    ],
)
def test_a_partner_is_well_at_0_changes_alone(behind: int, problem: str | None):
    assert PartnerStatus("p", True, True, behind).problem == problem


@pytest.mark.parametrize("feature", ["partners", "partner_status"])
def test_a_lone_node_says_nothing(feature: str):
    adapter, _ = tool({"partners": "showpartners", "partner_status": "showpartnerstatus"}[feature], "")
    assert getattr(adapter, feature)(LOGIN) == []


@pytest.mark.parametrize(
    ("method", "feature", "stdout", "rc"),
    [
        ("partners", "showpartners", "", 1),
        ("partner_status", "showpartnerstatus", "", 139),
        ("servers", "showservers", "", 0),
        ("partner_status", "showpartnerstatus", "Usage: vdcrepadmin -f showpartners\n", 87),
        ("partners", "showpartners", "Usage: vdcrepadmin -f showpartners\n", 0),
        ("servers", "showservers", "Segmentation fault\n", 0),
        ("partner_status", "showpartnerstatus", "Partner: a\nStatus available: Yes\n", 0),
        ("partner_status", "showpartnerstatus", "Partner: a\nHost available: Yes\n", 0),
        ("partner_status", "showpartnerstatus", "Partner: a\nHost available: Yes\nStatus available: Yes\n", 0),
        # A part of what there is, and then it failed.
        ("partner_status", "showpartnerstatus", HEALTHY, 1),
        ("partner_status", "showpartnerstatus", HEALTHY, -9),
        ("partner_status", "showpartnerstatus", HEALTHY + "Vdcrepadmin failed. Out of memory\n", 0),
        ("servers", "showservers", OWN_DN, -11),
        ("partners", "showpartners", "ldap://psc-02.example.com\n", 1),
    ],
)
def test_what_nobody_can_read_is_never_taken_for_no_partners(method: str, feature: str, stdout: str, rc: int):
    adapter, _ = tool(feature, stdout, rc=rc)
    with pytest.raises(ToolError) as caught:
        getattr(adapter, method)(LOGIN)
    assert feature in caught.value.message and caught.value.remedy


@pytest.mark.parametrize("rc", [0, 18])
def test_a_wrong_password_is_told_as_one_whatever_the_exit_status(rc: int):
    adapter, runner = tool("showservers", REFUSED, stderr="password: \n", rc=rc)
    with pytest.raises(ToolError, match="password was refused for administrator") as caught:
        adapter.servers(LOGIN)
    assert caught.value.code == 9234
    assert "lock the account" in caught.value.remedy
    assert len(runner.calls) == 1
    assert "VMware1!" not in str(caught.value.to_dict())


def test_a_directory_that_is_down_keeps_its_code():
    adapter, _ = tool("showservers", "Vdcrepadmin failed. Error [Server down] [9127]\n", rc=167)
    with pytest.raises(ToolError, match="vmdird does not answer") as caught:
        adapter.servers(LOGIN)
    assert caught.value.code == 9127


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Vdcrepadmin failed. Error[9234]\n", 9234),
        ("Vdcrepadmin failed. Error [Server [fd00::1] down] [9127]\n", 9127),
        ("Vdcrepadmin failed. Error [Server\ndown] [9127]\n", 9127),
        ("Vdcrepadmin failed. Error [x] [-1]\n", 0xFFFFFFFF),
        ("Vdcrepadmin failed. Error[-1]\n", 0xFFFFFFFF),
    ],
)
@pytest.mark.parametrize(
    ("method", "feature", "part"),
    [("partner_status", "showpartnerstatus", HEALTHY), ("servers", "showservers", OWN_DN)],
)
def test_the_failure_line_in_every_dialect_goes_before_what_was_printed(
    line: str, code: int, method: str, feature: str, part: str
):
    for printed in (line, part + line):
        adapter, _ = tool(feature, printed, stderr="password: \n", rc=code & 0xFF)
        with pytest.raises(ToolError) as caught:
            getattr(adapter, method)(LOGIN)
        assert caught.value.code == code and caught.value.remedy


def test_partners_that_answer_nothing_are_told_as_what_it_waits_for():
    adapter, _ = tool("showpartnerstatus", "", error=hung("vdcrepadmin", HEALTHY))
    with pytest.raises(ToolTimeoutError, match="asked how far each partner is, it did not end within 120") as caught:
        adapter.partner_status(LOGIN)
    assert "every partner that is down" in caught.value.remedy and "tool_timeout" in caught.value.remedy
    assert caught.value.stdout == HEALTHY
    adapter, _ = tool("showpartners", "", error=hung("vdcrepadmin"))
    with pytest.raises(ToolTimeoutError, match="vdcrepadmin: did not end"):
        adapter.partners(LOGIN)


def test_without_the_sentence_the_numbers_tell():
    text = HEALTHY.replace("Partner is 0 changes behind.\n", "").replace("number: 1632", "number: 1630")
    assert vdcrepadmin.parse_partner_status(text)[0].behind == 2


@given(st.data(), st.lists(st.tuples(names, st.integers(-5, 10**9)), max_size=5))
def test_spacing_case_and_line_ends_do_not_count(data: st.DataObject, partners: list[tuple[str, int]]):
    def line(key: str, value: str) -> str:
        word = data.draw(st.sampled_from([key, key.lower(), key.upper()]))
        before, between, after, trail = (data.draw(blank) for _ in range(4))
        return f"{before}{word}{between}:{after}{value}{trail}" + data.draw(st.sampled_from(["\n", "\r\n"]))

    blocks = [
        line("Partner", data.draw(st.sampled_from(["", "ldap://"])) + name)
        + line("Host available", "Yes")
        + line("Status available", "yes")
        + line("Something new in 9.1", "42")
        + line("My last change number", str(10**9))
        + f"Partner is  {behind} change{'' if behind == 1 else 's'} behind.\n"
        for name, behind in partners
    ]
    parsed = vdcrepadmin.parse_partner_status("\n".join(blocks))
    assert [(status.partner, status.behind) for status in parsed] == partners


@given(st.text(max_size=300) | st.lists(st.sampled_from([HEALTHY, DOWN, SILENT, REFUSED, "x\n", "\n"])).map("".join))
def test_any_text_is_parsed_or_refused(text: str):
    for parse in (vdcrepadmin.parse_partner_status, vdcrepadmin.parse_partners, vdcrepadmin.parse_servers):
        try:
            found = parse(text)
        except ValueError:
            continue
        assert bool(found) == bool(text.strip())


@given(st.lists(names, max_size=15), st.sampled_from(["ldap://{}", "ldaps://{}:636", "{}", " ldap://{}/ "]))
def test_partners_with_and_without_scheme(partners: list[str], form: str):
    assert vdcrepadmin.parse_partners("\n".join(form.format(name) for name in partners)) == partners


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("LDAP://VC02.example.com", "VC02.example.com"),
        ("ldap://vc02.example.com.", "vc02.example.com"),
        ("ldap://vc02.example.com.:389/", "vc02.example.com"),
        ("198.18.0.12", "198.18.0.12"),
        ("2001:DB8:0::17", "2001:DB8:0::17"),
        ("ldap://fd00::1", "fd00::1"),
        ("[fd00::1]:389", "fd00::1"),
        ("ldap://[fd00::1]:389/", "fd00::1"),
        ("ldaps://[::ffff:198.18.0.12]", "::ffff:198.18.0.12"),
    ],
)
def test_partners_by_address_and_in_other_spellings(uri: str, name: str):
    assert vdcrepadmin.parse_partners(uri + "\n") == [name]
    assert vdcrepadmin.parse_partner_status(f"Partner: {uri}\nHost available: No\n")[0].partner == name


def test_a_partner_is_never_left_out_for_its_label():
    labelled = HEALTHY + "\n" + DOWN.replace("psc-03.example.com", "ldap://psc-03.example.com the third")
    assert [status.problem for status in vdcrepadmin.parse_partner_status(labelled)] == [
        None,
        "the partner psc-03.example.com is not available",
    ]
    assert vdcrepadmin.parse_partners("ldap://psc-03.example.com the third\n") == ["psc-03.example.com"]
    for value in ("", "psc-03.example.com the third"):
        with pytest.raises(ValueError, match="is no partner"):
            vdcrepadmin.parse_partner_status(HEALTHY + "\n" + DOWN.replace("psc-03.example.com", value))


@pytest.mark.parametrize("uri", [".", "ldap://", "ldap://.", "[fd00::1", "fd00::1]", "vc02:ldap", "http://vc02", "a b"])
def test_what_is_no_partner(uri: str):
    with pytest.raises(ValueError, match="is no partner"):
        vdcrepadmin.parse_partners(uri + "\n")
