# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of a linked group by its directory, against those of the inventory."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import membership
from ansible_collections.vcfleet.certs.plugins.plugin_utils.groups import linked_groups
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import make_plan
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_text import plan_lines

Answer = dict[str, Any]


def member(name: str, **more: Any) -> dict[str, Any]:
    healthy = {"type": "directory", "site": "s", "partners": [], "reachable": True, "state": "Normal", "problem": None}
    return {"name": name, **healthy, **more}


def status(partner: str, available: bool = True, behind: int | None = 0) -> dict[str, Any]:
    return {"partner": partner, "host_available": True, "status_available": available, "behind": behind}


def answer(*members: dict[str, Any], replication: list[dict[str, Any]] | None = None, node: str = "") -> Answer:
    """That of `node`, which is the first member where nothing is said."""
    return {
        "node": node or members[0]["name"],
        "sso_domain": "vsphere.local",
        "members": list(members),
        "replication": replication or [],
    }


def records(linked_mode: Answer | None, *pnids: str) -> dict[str, Any]:
    """Nodes a, b, ... with these PNIDs; the first one was asked."""
    made: dict[str, Any] = {name: {"survey": {"pnid": pnid}} for name, pnid in zip("abc", pnids, strict=False)}
    if linked_mode is not None:
        made["a"]["linked_mode"] = linked_mode
    return made


def judged(found: dict[str, Any], inventory: tuple[str, ...] = ()) -> dict[str, str]:
    findings = membership.judge(list(found), found, inventory)
    assert all(finding.remedy or finding.id == "membership-unknown" for finding in findings)
    return {finding.id: f"{finding.severity}: {finding.message}" for finding in findings}


def test_a_group_that_is_what_the_inventory_says_has_no_findings() -> None:
    found = records(answer(member("VC01.lab"), member("vc02.lab")), "vc01.lab", "vc02.LAB")
    assert judged(found) == {}


def test_nobody_asked_is_told_and_refuses_nothing() -> None:
    (told,) = judged(records(None, "vc01.lab")).values()
    assert told.startswith("info") and "trusted roots only" in told and "no replication gate" in told


def test_no_answer_refuses() -> None:
    found = judged(records({"problem": "the password was refused."}, "vc01.lab"))
    assert found["membership-unknown"] == (
        "refuse: a did not tell who its linked group's members are: the password was refused."
    )


def test_an_unknown_member_refuses() -> None:
    found = judged(records(answer(member("vc01.lab"), member("vc09.lab")), "vc01.lab"))
    assert found == {
        "member-not-in-inventory": "refuse: The directory has members that the inventory does not know: vc09.lab."
    }


@pytest.mark.parametrize("known", ["vc09.lab", "VC09.LAB", "vc09"])
def test_a_member_outside_this_run_is_known_by_its_name_or_the_first_label_and_refuses(known: str) -> None:
    assert judged(records(answer(member("vc01.lab"), member("vc09.lab")), "vc01.lab"), (known,)) == {
        "member-not-surveyed": "refuse: Members of the linked group were not surveyed by this run: vc09.lab."
    }


@pytest.mark.parametrize("known", ["192.0.2.9", "2001:DB8:0::9", "VC09.lab.", "Vc09"])
def test_a_member_outside_this_run_is_known_by_an_address_in_any_spelling(known: str) -> None:
    outside = member("vc09.lab", addresses=["192.0.2.9", "2001:db8::9"])
    found = judged(records(answer(member("vc01.lab"), outside), "vc01.lab"), ("site-c-9", known))
    assert list(found) == ["member-not-surveyed"]


@pytest.mark.parametrize("known", ["192.0.2.99", "2001:db8::99", "9", "site-c-9"])
def test_nothing_else_makes_a_member_known(known: str) -> None:
    outside = member("vc09.lab", addresses=["192.0.2.9", "2001:db8::9"])
    assert list(judged(records(answer(member("vc01.lab"), outside), "vc01.lab"), (known,))) == [
        "member-not-in-inventory"
    ]


def test_a_member_without_a_name_is_not_known_by_the_first_number_of_its_address() -> None:
    outside = member("192.0.2.9", addresses=["192.0.2.9"])
    found = judged(records(answer(member("192.0.2.8"), outside), "192.0.2.8"), ("192",))
    assert list(found) == ["member-not-in-inventory"]


def test_a_member_that_cannot_be_reached_refuses_with_the_reason() -> None:
    lost = member("vc02.lab", reachable=False, state=None, problem="error 9127: vmdird does not answer")
    found = judged(records(answer(member("vc01.lab"), lost), "vc01.lab", "vc02.lab"))
    assert list(found) == ["member-not-reached"]
    assert found["member-not-reached"].startswith("refuse: vc01.lab does not reach") and "9127" in str(found)


def test_a_management_node_has_no_directory_to_reach() -> None:
    web = member("web.lab", type="management", reachable=None, state=None)
    assert judged(records(answer(member("vc01.lab"), web), "vc01.lab", "web.lab")) == {}


@pytest.mark.parametrize(("state", "ids"), [("Read only", ["directory-state"]), ("Standalone", []), ("Normal", [])])
def test_the_directory_is_normal_on_every_member(state: str, ids: list[str]) -> None:
    found = judged(records(answer(member("vc01.lab"), member("vc02.lab", state=state)), "vc01.lab", "vc02.lab"))
    assert list(found) == ids
    assert not ids or (found["directory-state"].startswith("refuse: ") and "vc02.lab is Read only" in str(found))


def test_a_partner_whose_status_is_not_available_refuses_and_one_that_is_behind_does_not() -> None:
    group = [member("vc01.lab"), member("vc02.lab"), member("vc03.lab")]
    replication = [status("vc02.lab", False, None), status("vc03.lab", behind=7)]
    found = judged(records(answer(*group, replication=replication), "vc01.lab", "vc02.lab", "vc03.lab"))
    assert list(found) == ["replication-broken"]
    assert found["replication-broken"].startswith("refuse") and "vc03" not in found["replication-broken"]


@pytest.mark.parametrize(("members", "words"), [((), "nobody"), ((member("vc02.lab"),), "vc02.lab")])
def test_a_directory_that_does_not_list_its_own_node_refuses(members: tuple[Any, ...], words: str) -> None:
    found = judged(records(answer(*members, node="vc01.lab"), "vc01.lab", "vc02.lab"))
    assert found["membership-unknown"] == (
        f"refuse: The directory of vc01.lab lists {words}, and not that node itself."
    )
    assert found.get("node-not-a-member", "warn: b: ").startswith("warn: b: ")


def test_every_spelling_of_a_name_or_an_address_is_the_same() -> None:
    members = [member("VC01.lab."), member("2001:DB8:0::2")]
    replication = [status("2001:db8::2", False, None)]
    found = judged(records(answer(*members, replication=replication), "vc01.lab", "2001:db8:0:0::2"))
    assert list(found) == ["replication-broken"]
    assert membership.members({"linked_mode": answer(*members)}) == {"vc01.lab", "2001:db8::2"}


def test_a_node_that_the_directory_does_not_list_is_a_warning() -> None:
    found = judged(records(answer(member("vc01.lab")), "vc01.lab", "old.lab"))
    assert found["node-not-a-member"].startswith("warn: b: ")


class TestGroups:
    @pytest.fixture
    def pair(self, authority: Any, make_survey: Any) -> dict[str, Any]:
        """Two nodes of one SSO domain whose directories are linked, before their roots have reached each other."""
        made = {}
        for name in ("vc01", "vc02"):
            survey = make_survey(authority.root(name), authority.leaf(name, name=f"{name}-leaf"))
            survey["pnid"] = f"{name}.lab"
            assessment = {"verdict": "rotate", "reasons": ["due."], "findings": [], "current": None, "wanted": None}
            made[name] = {"survey": survey, "assessment": assessment}
        return made

    def test_a_directory_links_what_roots_do_not_yet(self, pair: dict[str, Any]) -> None:
        assert [group["nodes"] for group in linked_groups(pair)] == [["vc01"], ["vc02"]]
        pair["vc02"]["linked_mode"] = answer(member("VC01.lab"), member("vc02.lab"))
        (group,) = linked_groups(pair)
        assert (group["nodes"], group["verdict"], group["findings"]) == (["vc01", "vc02"], "rotate", [])

    def test_it_does_in_whatever_spelling(self, pair: dict[str, Any]) -> None:
        pair["vc01"]["survey"]["pnid"] = "2001:db8::1"
        pair["vc02"]["linked_mode"] = answer(member("2001:DB8:0::1"), member("vc02.lab."), node="vc02.lab")
        (group,) = linked_groups(pair)
        assert (group["nodes"], group["findings"]) == (["vc01", "vc02"], [])

    def test_an_unknown_member_refuses_the_whole_group_with_what_to_do(self, pair: dict[str, Any]) -> None:
        pair["vc01"]["linked_mode"] = answer(member("vc01.lab"), member("vc02.lab"), member("vc03.lab"))
        (group,) = linked_groups(pair)
        assert group["verdict"] == "refuse"
        assert "vc03.lab" in group["reasons"][0] and "Add them to the inventory" in group["reasons"][0]
        assert [finding["id"] for finding in group["findings"]] == ["member-not-in-inventory"]
        (group,) = linked_groups(pair, addresses=["vc03.lab"])
        assert group["verdict"] == "refuse"
        assert "not surveyed by this run: vc03.lab. Run with all nodes of the group" in group["reasons"][0]

    def test_another_group_is_not_refused_with_it(self, pair: dict[str, Any]) -> None:
        pair["vc01"]["linked_mode"] = {"problem": "it did not answer."}
        pair["vc02"]["linked_mode"] = answer(member("vc02.lab"))
        assert [group["verdict"] for group in linked_groups(pair)] == ["refuse", "rotate"]

    def test_the_leader_was_surveyed_and_has_a_directory(self, pair: dict[str, Any]) -> None:
        overrides = dict.fromkeys(["vc00", "vc01", "vc02"], "mine")
        pair["vc01"]["survey"]["node_type"] = "management"
        assert linked_groups(pair, ["vc00"], overrides)[0]["leader"] == "vc02"
        pair["vc02"]["survey"]["node_type"] = "management"
        assert linked_groups(pair, ["vc00"], overrides)[0]["leader"] is None

    def test_the_plan_tells_once_that_nobody_was_asked(self, pair: dict[str, Any]) -> None:
        pair = {
            name: record | {"assessment": record["assessment"] | {"verdict": "keep"}} for name, record in pair.items()
        }
        plan = make_plan(pair, linked_groups(pair))
        assert [group["findings"][0]["id"] for group in plan["groups"].values()] == ["membership-not-asked"] * 2
        lines = [line for line in plan_lines(plan) if "trusted roots only" in line]
        assert len(lines) == 1 and lines[0].strip().startswith("note: ")
