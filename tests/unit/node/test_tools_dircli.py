# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dir-cli and the SSO login: prompts of 32 bytes, two ways to tell an error (vmware-cli.md §5)."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError, ToolError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.process import Completed
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools import dircli
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.dircli import DirCli, Listed
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.sso import Login
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedRunner

LOGIN = Login("administrator", "VMware1!")
PROMPT = "Enter password for administrator@vsphere.local: \n"
NODES = """\
Node: vc01.example.com
Type: PSC
Site: default-site
Partner #1: ldap://vc02.example.com
Partner #2: vc03.example.com

Node: old-vc.example.com
Type: Management

"""
LISTED = [
    Listed("vc01.example.com", "PSC", "default-site", ["vc02.example.com", "vc03.example.com"]),
    Listed("old-vc.example.com", "Management", None, []),
]
SENTENCE = (
    "dir-cli failed, error= Authentication to VMware Directory Service failed.\n"
    "Verify the username and password. 9234\n"
)


def tool(command: str, stdout: str, **more: Any) -> tuple[DirCli, ScriptedRunner]:
    runner = ScriptedRunner().expect(f"dir-cli {command}", PROMPT + stdout, **more)
    return DirCli(runner), runner  # type: ignore[arg-type]


class TestLogin:
    @pytest.mark.parametrize(
        "password", ["a", 'it\'s "$HOME" `id` \\ #!', "Pässwörd €", " blanks ", "x" * 32, "ü" * 16]
    )
    def test_any_password_of_32_bytes_is_taken_as_it_is(self, password: str):
        assert Login("administrator", password).line == password.encode() + b"\n"

    @pytest.mark.parametrize(
        ("password", "said"),
        [
            ("", "is empty"),
            ("x" * 33, "33 bytes long, and dir-cli's prompt takes 32"),
            ("ü" * 17, "34 bytes long"),
            ("secret\n", "line break"),
            ("sec\rret", "line break"),
            ("sec\0ret", "NUL"),
            ("sec\ud800ret", "no valid text"),
        ],
    )
    def test_what_a_prompt_would_take_for_another_one_is_refused_in_words(self, password: str, said: str):
        with pytest.raises(NodeError, match=said) as caught:
            Login("administrator", password)
        assert caught.value.remedy
        assert not password or password not in str(caught.value.to_dict())
        assert caught.value.__suppress_context__ or caught.value.__context__ is None

    @pytest.mark.parametrize("user", ["", "-w", "a b", "a@", "@vsphere.local", "a@b@c", "a\nb", "--password"])
    def test_a_user_that_the_tools_would_misread(self, user: str):
        with pytest.raises(NodeError, match="SSO user"):
            Login(user, "VMware1!")

    @pytest.mark.parametrize(("user", "password"), [("administrator", "Pässwörd"), ("zoë", "VMware1!")])
    @pytest.mark.parametrize("code", [1326, 1360, 9234, 0xFFFFFFFF, 1113])
    def test_where_characters_may_be_the_reason_they_are_named(self, user: str, password: str, code: int):
        completed = Completed(["/x/dir-cli"], 1, "", "", 0.1)
        assert "non-ASCII characters" in Login(user, password).judge(completed, code).meaning
        assert "non-ASCII" not in LOGIN.judge(completed, code).meaning

    @pytest.mark.parametrize("code", [1021, 9127])
    def test_characters_are_not_named_where_they_are_not_the_reason(self, code: int):
        error = Login("administrator", "Pässwörd").judge(Completed(["/x/dir-cli"], 1, "", "", 0.1), code)
        assert "non-ASCII" not in error.meaning and "Pässwörd" not in str(error.to_dict())

    def test_the_bare_name_is_without_the_domain(self):
        assert Login("Admin-2@vsphere.local", "x").name == "Admin-2"
        assert Login("admin", "x").name == "admin"

    def test_its_text_has_no_password(self):
        assert "VMware1!" not in f"{LOGIN!r} {LOGIN}"


def test_nodes_behind_the_prompt():
    adapter, runner = tool("nodes list --server-name localhost", NODES)
    assert adapter.nodes(LOGIN) == LISTED
    assert runner.inputs == [b"VMware1!\n"]
    assert runner.calls[0][-2:] == ["--login", "administrator"]
    assert "VMware1!" not in str(runner.calls)


@pytest.mark.parametrize(
    "value", ["ldap://vc02.example.com the second", " vc02.example.com ", "LDAP://vc02.example.com.\r"]
)
def test_a_partner_is_read_also_with_a_label(value: str):
    (node,) = dircli.parse_nodes(f"Node: vc01\nType: PSC\nPartner #1: {value}\n\n")
    assert node.partners == ["vc02.example.com"]


@pytest.mark.parametrize("value", ["", " ", "vc02 label", "ldap://", "(none)"])
def test_a_partner_that_cannot_be_read_is_never_left_out(value: str):
    adapter, _ = tool("nodes list", f"Node: vc01\nType: PSC\nPartner #1: {value}\n\n")
    with pytest.raises(ToolError, match="is no partner"):
        adapter.nodes(LOGIN)


def test_nodes_on_the_line_of_the_prompt():
    assert dircli.parse_nodes(PROMPT.rstrip("\n") + NODES) == LISTED


@pytest.mark.parametrize("name", ["Normal", "Read only", "Standalone"])
def test_states(name: str):
    adapter, _ = tool("state get --server-name vc02", f"Directory Server State: {name} (3)\n")
    assert adapter.state(LOGIN, "vc02") == name


@pytest.mark.parametrize(
    ("stderr", "code"),
    [
        ("dir-cli failed. Error 1326: Operation failed with error ERROR_LOGON_FAILURE (1326) \n", 1326),
        ("dir-cli failed. Error 1326: <invalid SSOERROR code> \n", 1326),
        (SENTENCE, 9234),
    ],
)
def test_wrong_credentials_in_all_their_words(stderr: str, code: int):
    adapter, runner = tool("state get", "", stderr=stderr, rc=40)
    with pytest.raises(ToolError, match="password was refused") as caught:
        adapter.state(LOGIN)
    assert caught.value.code == code
    assert "lock the account" in caught.value.remedy
    assert len(runner.calls) == 1


@pytest.mark.parametrize(
    ("stderr", "code"),
    [
        ("Error 1326: Operation failed with error ERROR_LOGON_FAILURE (1326) \n", 1326),
        (SENTENCE + "warning: the log cannot be written\n", 9234),
        (SENTENCE.replace("\n", "\r\n") + "see line 12\n", 9234),
    ],
)
def test_wrong_credentials_in_the_words_of_other_builds(stderr: str, code: int):
    adapter, _ = tool("nodes list", NODES, stderr=stderr, rc=40)
    with pytest.raises(ToolError, match="password was refused") as caught:
        adapter.nodes(LOGIN)
    assert caught.value.code == code


@pytest.mark.parametrize("rc", [1, 139, -9])
def test_what_it_prints_before_it_fails_may_be_a_part_and_is_no_answer(rc: int):
    adapter, _ = tool("nodes list", NODES[: NODES.index("Node: old")], rc=rc)
    with pytest.raises(ToolError, match=f"ended with exit status {rc} and printed 'Enter password") as caught:
        adapter.nodes(LOGIN)
    assert caught.value.code is None and "dir-cli nodes list" in caught.value.remedy
    adapter, _ = tool("state get", "Directory Server State: Normal (3)\n", rc=rc)
    with pytest.raises(ToolError, match="exit status"):
        adapter.state(LOGIN)


def test_another_code_keeps_its_meaning():
    stderr = "dir-cli failed, error= Could not connect to the local service.\nVerify it is running. 9126\n"
    adapter, _ = tool("nodes list", "", stderr=stderr, rc=166)
    with pytest.raises(ToolError, match="vmdird does not answer") as caught:
        adapter.nodes(LOGIN)
    assert caught.value.code == 9126


@pytest.mark.parametrize("stdout", ["", "Node: a\nSite: x\n", "Type: PSC\n"])
def test_a_list_that_nobody_can_read(stdout: str):
    adapter, _ = tool("nodes list", stdout)
    with pytest.raises(ToolError, match="dir-cli nodes list: printed"):
        adapter.nodes(LOGIN)


def test_no_state():
    adapter, _ = tool("state get", "")
    with pytest.raises(ToolError, match="instead of a state"):
        adapter.state(LOGIN)


# Without a dot at the end, which a partner's name loses.
names = st.from_regex(r"[A-Za-z0-9.-]{0,29}[A-Za-z0-9-]", fullmatch=True).filter(lambda name: name[0] != ".")
listed = st.builds(
    Listed, names, st.sampled_from(["PSC", "Management"]), st.none() | names, st.lists(names, max_size=3)
)


@given(st.lists(listed, min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_every_list_is_read_back(nodes: list[Listed], end: str):
    blocks = [
        [f"Node: {node.name}", f"Type: {node.type}", *([f"Site: {node.site}"] if node.site is not None else [])]
        + [f"Partner #{k}: ldap://{partner}" for k, partner in enumerate(node.partners, 1)]
        + [""]
        for node in nodes
    ]
    assert dircli.parse_nodes(end.join(line for block in blocks for line in block)) == nodes


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str):
    with contextlib.suppress(ValueError):
        assert dircli.parse_nodes(text)
