# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vdcrepadmin and vdcadmintool against vmware-cli.md §6."""

import getopt
import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simvc.private_node import Done, PrivateNode, link
from simvc.tools import vdcrepadmin

LOGIN = ["-h", "localhost", "-u", "administrator", "-w", "VMware1!"]
BAD_CREDENTIALS = "Vdcrepadmin failed. Error [User invalid credential] [9234]\n"
SERVER_DOWN = "Vdcrepadmin failed. Error [Server down] [9127]\n"


@pytest.fixture
def node() -> Iterator[PrivateNode]:
    with PrivateNode() as private:
        private.start("vmdird")
        yield private


@pytest.fixture
def linked() -> Iterator[tuple[PrivateNode, PrivateNode]]:
    """Two partners, of which the first one runs."""
    with PrivateNode("vc01.lab.example") as one, PrivateNode("vc02.lab.example") as two:
        link(one, two)
        one.start("vmdird")
        yield one, two


def show(node: PrivateNode, feature: str) -> Done:
    return node.run("vdcrepadmin", "-f", feature, *LOGIN)


WORDS = st.one_of(
    st.sampled_from(["-f", "-hlocalhost", "-2", "-nov", "-2x", "-o2w", "-w", "--", "--long", "--long=1", "-", "word"]),
    st.text(alphabet="-fhpuwHPeas2novx:= \u00e9", max_size=5),
)


@given(st.lists(WORDS, max_size=6))
def test_options_are_found_as_python_s_getopt_finds_them(argv: list[str]) -> None:
    try:
        expected: object = dict(getopt.gnu_getopt(argv, "f:h:p:u:w:H:P:e:a:s:2nov")[0])
    except getopt.GetoptError as error:
        told = "invalid option" if error.msg.endswith("not recognized") else "option requires an argument"
        expected = f"{told} -- '{error.opt}'"
    try:
        assert vdcrepadmin.getopt(argv) == expected
    except vdcrepadmin.BadOption as error:
        assert str(error) == expected


def settled(node: PrivateNode) -> str:
    """The partner status once nothing is behind."""
    for _ in range(200):
        shown = show(node, "showpartnerstatus").out
        if shown.endswith("Partner is 0 changes behind.\n"):
            return shown
        time.sleep(0.05)
    raise AssertionError(shown)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["-f", "showservers"],
        ["-f", "showservers", "-h", "localhost"],
        ["-f", "ShowServers", *LOGIN],
        ["-f", "nothing", *LOGIN],
        ["-f", "createagreement", *LOGIN],
    ],
)
def test_bad_arguments(node: PrivateNode, argv: list[str]) -> None:
    done = node.run("vdcrepadmin", *argv)
    assert (done.rc, done.err) == (87, "")
    assert done.out.startswith("Usage: vdcrepadmin -f ")


@pytest.mark.parametrize(
    ("argv", "complaint"), [(["-x"], "invalid option -- 'x'"), (["-f"], "option requires an argument -- 'f'")]
)
def test_bad_options(node: PrivateNode, argv: list[str], complaint: str) -> None:
    done = node.run("vdcrepadmin", *argv)
    assert (done.rc, done.err) == (87, f"/usr/lib/vmware-vmdir/bin/vdcrepadmin: {complaint}\n")
    assert done.out.startswith("Usage: vdcrepadmin -f ")


def test_servers(node: PrivateNode) -> None:
    dn = "cn=vc01.lab.example,cn=Servers,cn=default-site,cn=Sites,cn=Configuration,dc=vsphere,dc=local\n"
    assert show(node, "showservers") == (0, dn, "")


def test_servers_that_are_dead_are_shown_too(linked: tuple[PrivateNode, PrivateNode]) -> None:
    shown = show(linked[0], "showservers").out
    assert [line.partition(",")[0] for line in shown.splitlines()] == ["cn=vc01.lab.example", "cn=vc02.lab.example"]


@pytest.mark.parametrize("feature", ["showpartners", "showpartnerstatus"])
def test_a_lone_node_has_no_partners(node: PrivateNode, feature: str) -> None:
    assert show(node, feature) == (0, "", "")


def test_password_by_prompt(node: PrivateNode) -> None:
    argv = ["-f", "showpartners", "-h", "localhost", "-u", "administrator"]
    assert node.run("vdcrepadmin", *argv, stdin="VMware1!\n") == (0, "", "password: \n")
    assert node.run("vdcrepadmin", *argv) == (18, BAD_CREDENTIALS, "password: \n")


def test_wrong_password(node: PrivateNode) -> None:
    argv = ["-f", "showpartnerstatus", "-h", "localhost", "-u", "administrator", "-w", "bad"]
    assert node.run("vdcrepadmin", *argv) == (18, BAD_CREDENTIALS, "")


def test_the_failure_line_of_an_old_build(node: PrivateNode) -> None:
    node.knobs({"vmdir.old_failure_line": True})
    argv = ["-f", "showpartnerstatus", "-h", "localhost", "-u", "administrator", "-w", "bad"]
    assert node.run("vdcrepadmin", *argv) == (18, "Vdcrepadmin failed. Error[9234]\n", "")


def test_directory_down(node: PrivateNode) -> None:
    node.stop("vmdird")
    assert show(node, "showservers") == (167, SERVER_DOWN, "")
    unknown = "First replication cycle done: UNKNOWN, error code (9127)\n"
    assert show(node, "isfirstcycledone") == (167, unknown + SERVER_DOWN, "")


def test_host_that_does_not_exist(node: PrivateNode) -> None:
    argv = ["-f", "showservers", "-h", "no-such-host.invalid", "-u", "administrator", "-w", "x"]
    assert node.run("vdcrepadmin", *argv) == (167, SERVER_DOWN, "")


def test_partners(linked: tuple[PrivateNode, PrivateNode]) -> None:
    assert show(linked[0], "showpartners") == (0, "ldap://vc02.lab.example\n", "")


def test_a_partner_that_is_down_is_no_failure(linked: tuple[PrivateNode, PrivateNode]) -> None:
    assert show(linked[0], "showpartnerstatus") == (0, "Partner: vc02.lab.example\nHost available:   No\n", "")


def test_a_partner_without_status(linked: tuple[PrivateNode, PrivateNode]) -> None:
    one, two = linked
    two.knobs({"vmdir.status_unavailable": True})
    two.start("vmdird")
    shown = "Partner: vc02.lab.example\nHost available:   Yes\nStatus available: No\n"
    assert show(one, "showpartnerstatus") == (0, shown, "")


def test_partner_status(linked: tuple[PrivateNode, PrivateNode]) -> None:
    one, two = linked
    two.start("vmdird")
    pattern = (
        r"Partner: vc02.lab.example\nHost available:   Yes\nStatus available: Yes\n"
        r"My last change number:             (\d+)\nPartner has seen my change number: \1\n"
        r"Partner is 0 changes behind.\n"
    )
    assert re.fullmatch(pattern, settled(one))


def test_a_partner_falls_behind_and_catches_up(linked: tuple[PrivateNode, PrivateNode]) -> None:
    one, two = linked
    two.start("vmdird")
    settled(one)
    one.knobs({"vmdir.replication_delay": 3600})
    for password in ("a", "b"):
        one.ask("vmdird", {"op": "password_set", "account": "administrator@vsphere.local", "new": password})
    one.ask("vmdird", {"op": "password_set", "account": "administrator@vsphere.local", "new": "VMware1!"})
    assert show(one, "showpartnerstatus").out.endswith("Partner is 3 changes behind.\n")
    one.knobs({"vmdir.replication_delay": 0})
    settled(one)


def test_blocks_are_parted_by_one_empty_line() -> None:
    with PrivateNode() as node:
        absent = [{"name": f"vc0{number}.lab.example", "address": "127.0.0.99"} for number in (2, 3)]
        node.identify(partners=absent)
        node.start("vmdird")
        shown = "Partner: vc02.lab.example\nHost available:   No\n\nPartner: vc03.lab.example\nHost available:   No\n"
        assert show(node, "showpartnerstatus") == (0, shown, "")


def test_first_cycle(linked: tuple[PrivateNode, PrivateNode]) -> None:
    one, two = linked
    assert show(one, "isfirstcycledone") == (0, "First replication cycle done: FALSE\n", "")
    two.start("vmdird")
    settled(one)
    settled(two)
    assert show(one, "isfirstcycledone") == (0, "First replication cycle done: TRUE\n", "")


def test_federation_status(linked: tuple[PrivateNode, PrivateNode]) -> None:
    one, two = linked
    assert "Domain Controller: vc02.lab.example is NOT available\n\n" in show(one, "showfederationstatus").out
    two.start("vmdird")
    settled(one)
    shown = show(one, "showfederationstatus").out
    assert shown.count("\nDomain Controller: ") == 2 and "is NOT available" not in shown


def test_agreements(linked: tuple[PrivateNode, PrivateNode]) -> None:
    one, two = linked
    two.start("vmdird")
    assert node_partners(one) == ["ldap://vc02.lab.example"]
    there = ["-H", "vc02.lab.example", "-2"]
    assert one.run("vdcrepadmin", "-f", "removeagreement", "-h", one.name, *LOGIN[2:], *there).rc == 0
    assert node_partners(one) == []
    assert one.run("vdcrepadmin", "-f", "createagreement", "-h", one.name, *LOGIN[2:], *there).rc == 0
    assert node_partners(one) == ["ldap://vc02.lab.example"]


def node_partners(node: PrivateNode) -> list[str]:
    return show(node, "showpartners").out.splitlines()


# vdcadmintool (§6.2)


def test_state_by_menu(node: PrivateNode) -> None:
    done = node.run("vdcadmintool", stdin="6\n")
    assert (done.rc, done.out) == (0, "\n\n VmDir State is - Normal\n\n")
    assert done.err.count("0. exit\n") == 2


@pytest.mark.parametrize("stdin", ["", "0\n", "42\n", "x\n"])
def test_menu_ends(node: PrivateNode, stdin: str) -> None:
    done = node.run("vdcadmintool", stdin=stdin)
    assert (done.rc, done.out) == (0, "")


def test_menu_sets_the_state_and_resets_passwords(node: PrivateNode) -> None:
    done = node.run("vdcadmintool", stdin="5\nREAD_ONLY\n6\n3\nadministrator@vsphere.local\n0\n")
    match = re.fullmatch(
        r"\n\n State of Vmdir set to READ_ONLY\n\n\n\n VmDir State is - Read only\n\nNew password is -\n(.+)\n",
        done.out,
    )
    assert match
    request = {"op": "authenticate", "user": "administrator@vsphere.local", "password": match[1]}
    assert node.ask("vmdird", request)["code"] == 0


def test_menu_without_directory(node: PrivateNode) -> None:
    node.stop("vmdird")
    done = node.run("vdcadmintool", stdin="6\n")
    assert (done.rc, done.out) == (0, "\n GetVmDirState failed: VmDirGetState() failed. error(9126)\n")
