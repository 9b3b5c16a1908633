# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""linked_mode_info and replication_gate: who is linked, and whether all have told each other everything."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.context import Context
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError, ToolError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.process import Completed
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.toolbox import Toolbox
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import linked_mode_info, replication_gate
from scripted import ScriptedRunner, hung

LOGIN = {"sso_user": "administrator", "sso_password": "VMware1!"}
DN = "cn={},cn=Servers,cn=site-{},cn=Sites,cn=Configuration,dc=vsphere,dc=local\n"
REFUSED = "Vdcrepadmin failed. Error [User invalid credential] [9234]\n"
SERVER_DOWN = "Vdcrepadmin failed. Error [Server down] [9127]\n"


def partner(name: str, behind: int | None = 0) -> str:
    if behind is None:
        return f"Partner: {name}\nHost available:   No\n"
    return (
        f"Partner: {name}\nHost available:   Yes\nStatus available: Yes\nMy last change number:             50\n"
        f"Partner has seen my change number: {50 - behind}\nPartner is {behind} changes behind.\n"
    )


def state(name: str = "Normal") -> str:
    return f"Directory Server State: {name} (3)\n"


class Answers:
    """A runner that knows the answer to each command line, by a part of it; calls may come in any order."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {name.replace("_", " "): answer for name, answer in answers.items()}
        self.calls: list[list[str]] = []
        self.history: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def run(self, argv: list[str], timeout: float | None = None, stdin: bytes = b"", **more: Any) -> Completed:
        with self._lock:
            self.calls.append([Path(argv[0]).name, *argv[1:]])
        line = " ".join(argv)
        (answer,) = [answer for part, answer in self.answers.items() if part in line]
        if isinstance(answer, Exception):
            raise answer
        stdout, stderr = answer if isinstance(answer, tuple) else (answer, "")
        return Completed(argv, 0, stdout, stderr, 0.01)


def info(answers: dict[str, Any], **options: Any) -> tuple[dict[str, Any], Answers]:
    runner = Answers(**answers)
    result = linked_mode_info.run({**LOGIN, **options}, Context(False, Toolbox(runner)))  # type: ignore[arg-type]
    assert result["changed"] is False
    return result["linked_mode"], runner


GROUP = {
    "showservers": DN.format("vc01.lab", 1) + DN.format("VC02.lab", 2) + DN.format("dead.lab", 1),
    "showpartners_": "ldap://VC02.lab\n",
    "showpartnerstatus": partner("VC02.lab", 4),
    "nodes_list": "Node: vc01.lab\nType: PSC\nSite: site-1\nPartner #1: ldap://vc02.lab\n\n"
    "Node: vc02.lab\nType: PSC\nSite: site-2\nPartner #1: ldap://vc01.lab\n\nNode: web.lab\nType: Management\n\n",
    "get-pnid": "VC01.lab\n",
    "state_get_--server-name_localhost": state(),
    "state_get_--server-name_VC02.lab": state("Read only"),
    "state_get_--server-name_dead.lab": hung("dir-cli"),
}


@pytest.fixture(autouse=True)
def name_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Knows two of the nodes."""

    def addresses_of(name: str) -> list[str]:
        known = {"vc01.lab": ["192.0.2.11", "2001:db8::11"], "VC02.lab": ["192.0.2.12"]}
        if name not in known:
            raise NodeError(f"The name {name} cannot be resolved on the node: no such name.")
        return known[name]

    monkeypatch.setattr(linked_mode_info, "addresses_of", addresses_of)


class TestInfo:
    def test_members_come_from_both_lists_and_stale_ones_are_told(self):
        found, _ = info(GROUP)
        members = {member["name"]: member for member in found["members"]}
        assert list(members) == ["dead.lab", "vc01.lab", "VC02.lab", "web.lab"]
        assert {name: member["reachable"] for name, member in members.items()} == {
            "dead.lab": False, "vc01.lab": True, "VC02.lab": True, "web.lab": None,
        }  # fmt: skip
        assert "did not end" in members["dead.lab"]["problem"]
        assert members["VC02.lab"] == {
            "name": "VC02.lab", "type": "directory", "site": "site-2", "partners": ["vc01.lab"], "reachable": True,
            "state": "Read only", "problem": None, "addresses": ["192.0.2.12"],
        }  # fmt: skip
        assert members["web.lab"]["type"] == "management"
        assert (members["vc01.lab"]["addresses"], members["dead.lab"]["addresses"]) == (
            ["192.0.2.11", "2001:db8::11"], [],
        )  # fmt: skip

    def test_the_node_itself(self):
        found, _ = info(GROUP)
        assert (found["node"], found["sso_domain"], found["site"]) == ("VC01.lab", "vsphere.local", "site-1")
        assert (found["state"], found["partners"]) == ("Normal", ["VC02.lab"])
        assert found["replication"] == [
            {"partner": "VC02.lab", "host_available": True, "status_available": True, "behind": 4}
        ]

    def test_a_lone_node_is_its_only_member(self):
        lone = {
            "showservers": DN.format("vc01.lab", 1),
            "showpartners_": "",
            "showpartnerstatus": "",
            "nodes_list": "Node: vc01.lab\nType: PSC\nSite: site-1\n\n",
            "get-pnid": "vc01.lab\n",
            "state_get": state("Standalone"),
        }
        found, runner = info(lone)
        assert [(member["name"], member["reachable"]) for member in found["members"]] == [("vc01.lab", True)]
        assert (found["partners"], found["replication"], found["state"]) == ([], [], "Standalone")
        assert len(runner.calls) == 6

    def test_a_wrong_password_is_tried_exactly_once(self):
        runner = Answers(showservers=REFUSED)
        with pytest.raises(ToolError, match="password was refused"):
            linked_mode_info.run(dict(LOGIN), Context(False, Toolbox(runner)))  # type: ignore[arg-type]
        assert len(runner.calls) == 1

    def test_a_password_that_dir_cli_would_cut_is_not_even_tried(self):
        runner = Answers()
        with pytest.raises(NodeError, match="33 bytes"):
            linked_mode_info.run(dict(LOGIN, sso_password="x" * 33), Context(False, Toolbox(runner)))  # type: ignore[arg-type]
        assert runner.calls == []

    def test_no_command_line_holds_the_password(self):
        _, runner = info(GROUP)
        assert len(runner.calls) == 8
        assert "VMware1!" not in str(runner.calls)


def gate(*looks: tuple[str, str] | str, **options: Any) -> tuple[dict[str, Any], ScriptedRunner]:
    """Each look is what showpartnerstatus and `state get` print; a text alone is a vdcrepadmin that failed."""
    runner = ScriptedRunner()
    for look in looks:
        status, *rest = look if isinstance(look, tuple) else (look,)
        runner.expect("vdcrepadmin -f showpartnerstatus", status)
        for text in rest:
            runner.expect("dir-cli state get --server-name localhost", text)
    settings = {**LOGIN, "pause": 0.0, "timeout": 5.0, **options}
    return replication_gate.run(settings, runner.context()), runner


class TestGate:
    def test_it_opens_after_two_good_looks(self):
        result, runner = gate((partner("b"), state()), (partner("b"), state()), min_partners=1)
        assert (result["changed"], result["samples"]) == (False, 2)
        (seen,) = result["members"]
        assert (seen["name"], seen["state"], seen["replication"][0]["behind"]) == ("localhost", "Normal", 0)
        assert runner.lines == []

    def test_two_in_a_row(self):
        good, bad = (partner("b"), state()), (partner("b", 1), state())
        _, runner = gate(good, bad, good, good)
        assert runner.lines == []

    def test_the_look_that_makes_sure_does_not_wait_as_long_as_one_for_a_change(self, monkeypatch: pytest.MonkeyPatch):
        slept: list[float] = []
        monkeypatch.setattr(replication_gate.time, "sleep", slept.append)
        good, bad = (partner("b"), state()), (partner("b", 1), state())
        gate(good, bad, good, good, pause=5.0, timeout=60.0)
        gate(good, bad, good, good, pause=0.5, timeout=60.0)
        assert slept == [2.0, 5.0, 2.0, 0.5, 0.5, 0.5]

    def test_a_directory_that_comes_up_is_waited_for(self):
        good = (partner("b"), state())
        _, runner = gate(SERVER_DOWN, (partner("b", None), state()), (partner("b"), state("Startup")), good, good)
        assert runner.lines == []
        _, runner = gate("Vdcrepadmin failed. Error [Server down] [-1]\n", good, good)
        assert runner.lines == []

    @pytest.mark.parametrize(
        ("look", "said"),
        [
            ((partner("b", None), state()), "the partner b is not available"),
            ((partner("b") + "\n" + partner("c", 17), state()), "the partner c is 17 changes behind"),
            ((partner("b", -2), state()), "has seen 2 changes more"),
            ((partner("b"), state("Read only")), "state is Read only, not Normal"),
            ((partner("b"), state("Standalone")), "state is Standalone, not Normal"),
            (("", state("Failure")), "state is Failure"),
            (SERVER_DOWN, "vmdird does not answer"),
        ],
    )
    def test_it_stays_shut_and_says_why(self, look: Any, said: str):
        with pytest.raises(NodeError, match=said) as caught:
            gate(look, timeout=0.0, pause=0.01)
        assert "within 0 seconds" in caught.value.message
        assert caught.value.details["problems"] and caught.value.remedy

    def test_a_partner_that_is_ahead_for_a_moment_is_waited_for(self):
        good, ahead = (partner("b"), state()), (partner("b", -2), state())
        _, runner = gate(*[ahead] * 5, good, *[ahead] * 5, good, good)
        assert runner.lines == []

    def test_a_partner_that_stays_ahead_is_told_long_before_the_timeout(self):
        with pytest.raises(NodeError, match="at 6 looks in a row, the partner b has seen 2 changes more") as caught:
            gate(*[(partner("b", -2), state())] * 6, timeout=600.0)
        assert "snapshot" in caught.value.remedy
        assert caught.value.details["members"][0]["replication"][0]["behind"] == -2

    @pytest.mark.parametrize("code", [51, 52, 1360])
    def test_a_directory_that_starts_refuses_for_a_while(self, code: int):
        runner = ScriptedRunner().expect("vdcrepadmin", partner("b"))
        runner.expect("dir-cli", stderr=f"dir-cli failed. Error {code}: <invalid SSOERROR code> \n", rc=code & 0xFF)
        for _ in range(2):
            runner.expect("vdcrepadmin", partner("b")).expect("dir-cli", state())
        assert replication_gate.run({**LOGIN, "pause": 0.0}, runner.context())["samples"] == 2

    def test_a_lone_node_may_stand_alone(self):
        result, _ = gate(("", state("Standalone")), ("", state()))
        assert result["members"][0]["replication"] == []

    def test_a_node_that_lost_its_partners_is_no_lone_node(self):
        with pytest.raises(NodeError, match="the node has 0 partners, and 1 or more are expected"):
            gate(("", state("Standalone")), min_partners=1, timeout=0.0, pause=0.01)

    def test_a_wrong_password_is_never_tried_again(self):
        with pytest.raises(ToolError, match="password was refused"):
            gate(REFUSED)

    def test_a_tool_that_is_missing_is_not_waited_for(self):
        runner = ScriptedRunner().expect("vdcrepadmin", error=ToolError("is missing", ["/x/vdcrepadmin"]))
        with pytest.raises(ToolError, match="missing"):
            replication_gate.run({**LOGIN, "pause": 0.0}, runner.context())

    def test_every_member_is_asked_from_here_and_each_sees_its_own_side(self):
        runner = Answers(
            **{
                "showpartnerstatus_-h_a": partner("b"),
                "showpartnerstatus_-h_b": partner("a", 3),
                "showpartnerstatus_-h_c": SERVER_DOWN,
                "state_get_--server-name_a": state(),
                "state_get_--server-name_b": state("Read only"),
            }
        )
        settings = {**LOGIN, "members": ["a", "b", "c"], "timeout": 0.0, "pause": 0.01}
        with pytest.raises(NodeError) as caught:
            replication_gate.run(settings, Context(False, Toolbox(runner)))  # type: ignore[arg-type]
        for words in (
            "b: the partner a is 3 changes behind",
            "b: the directory's state is Read only",
            "c: vdcrepadmin",
        ):
            assert words in caught.value.message
        assert [member["name"] for member in caught.value.details["members"]] == ["a", "b", "c"]

    def test_a_wrong_password_is_tried_on_one_member_only(self):
        runner = Answers(showpartnerstatus=REFUSED)
        with pytest.raises(ToolError, match="password was refused"):
            replication_gate.run({**LOGIN, "members": ["a", "b", "c"]}, Context(False, Toolbox(runner)))  # type: ignore[arg-type]
        assert len(runner.calls) == 1

    def test_check_mode_reads_all_the_same(self):
        runner = ScriptedRunner()
        for _ in range(2):
            runner.expect("vdcrepadmin", "").expect("dir-cli", state())
        assert replication_gate.run({**LOGIN, "pause": 0.0}, runner.context(check_mode=True))["samples"] == 2
