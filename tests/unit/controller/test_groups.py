# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linked groups from surveys: who is linked, who may be, and when a group is refused as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils.groups import linked_groups, override_problems
from cryptography.x509.oid import NameOID

Fleet = dict[str, dict[str, Any]]


@pytest.fixture
def fleet(authority: Any, make_survey: Any) -> Callable[..., Fleet]:
    """Nodes as {name: group}; every node of a group trusts the VMCA roots of all of `trusts` in it."""

    def make(
        members: dict[str, str], trusts: dict[str, list[str]] | None = None, domain: str = "vsphere.local"
    ) -> Fleet:
        names = [*members, *(name for extra in (trusts or {}).values() for name in extra)]
        roots = {name: authority.root(name, subject=vmca_subject(name)) for name in dict.fromkeys(names)}
        records: Fleet = {}
        for node, group in members.items():
            trusted = [other for other in members if members[other] == group] + (trusts or {}).get(group, [])
            survey = make_survey(roots[node], authority.leaf(node, name=f"{node}-leaf"))
            survey["trusted_roots"] = [{"alias": each, "chain": [roots[each]]} for each in trusted]
            survey["sso_domain"] = domain
            survey["pnid"] = f"{node}.lab.example"
            records[node] = {"survey": survey, "assessment": judged("keep")}
        return records

    return make


def vmca_subject(node: str) -> list[tuple[Any, str]]:
    """As VMCA makes it: the organization is the host's name."""
    domain = [(NameOID.DOMAIN_COMPONENT, part) for part in ("vsphere", "local")]
    return [(NameOID.COMMON_NAME, "CA"), *domain, (NameOID.ORGANIZATION_NAME, f"{node}.lab.example")]


def judged(verdict: str, finding: str = "x") -> dict[str, Any]:
    findings = [
        {"id": finding, "severity": "refuse", "message": f"It is {finding}.", "remedy": "Mend it.", "evidence": {}}
    ]
    return {"verdict": verdict, "reasons": [f"{verdict} because"], "findings": findings if verdict == "refuse" else []}


def shape(groups: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {group["name"]: group["nodes"] for group in groups}


def test_nodes_that_trust_each_other_are_linked(fleet: Callable[..., Fleet]) -> None:
    records = fleet({"vc01": "a", "vc11": "b", "vc02": "a", "vc12": "b", "vc21": "c"})

    groups = linked_groups(records)

    assert shape(groups) == {
        "vsphere.local@vc01": ["vc01", "vc02"],
        "vsphere.local@vc11": ["vc11", "vc12"],
        "vsphere.local@vc21": ["vc21"],
    }
    assert {group["sso_domain"] for group in groups} == {"vsphere.local"}


def test_links_join_in_whatever_order_they_are_met(fleet: Callable[..., Fleet]) -> None:
    """vc03 came last into the group, and so far only vc01 and vc02 have heard of it, each on its own."""
    records = fleet({"vc01": "a", "vc02": "b", "vc03": "c"})
    root = records["vc03"]["survey"]["trusted_roots"][0]
    for node in ("vc01", "vc02"):
        records[node]["survey"]["trusted_roots"].append(root)

    assert shape(linked_groups(records)) == {"vsphere.local@vc01": ["vc01", "vc02", "vc03"]}


def test_a_shared_root_across_sso_domains_links_nobody(fleet: Callable[..., Fleet]) -> None:
    records = fleet({"vc01": "a", "vc02": "a"})
    records["vc02"]["survey"]["sso_domain"] = "other.local"

    assert len(linked_groups(records)) == 2


def test_an_enterprise_root_above_the_vmcas_links_nobody(authority: Any, make_survey: Any) -> None:
    top = authority.root("top", subject=[(NameOID.COMMON_NAME, "Corporate CA")])
    records = {}
    for node in ("vc01", "vc02"):
        vmca = authority.root(node, issuer="top")
        survey = make_survey(vmca, authority.leaf(node))
        survey["vmca_root"] = [vmca, top]
        survey["trusted_roots"] = [{"alias": "v", "chain": [vmca]}, {"alias": "t", "chain": [top]}]
        records[node] = {"survey": survey, "assessment": judged("keep")}

    assert len(linked_groups(records)) == 2


def test_the_sso_domain_knows_no_case(fleet: Callable[..., Fleet]) -> None:
    records = fleet({"vc01": "a", "vc02": "a"})
    records["vc02"]["survey"]["sso_domain"] = "VSPHERE.LOCAL"

    assert len(linked_groups(records)) == 1


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["keep", "keep"], "keep"),
        (["keep", "rotate"], "rotate"),
        (["rotate", "refuse"], "refuse"),
        (["keep", "refuse"], "refuse"),
    ],
)
def test_a_group_has_one_verdict(fleet: Callable[..., Fleet], verdicts: list[str], expected: str) -> None:
    records = fleet({"vc01": "a", "vc02": "a"})
    for node, verdict in zip(records, verdicts, strict=True):
        records[node]["assessment"] = judged(verdict)

    group = linked_groups(records)[0]

    assert group["verdict"] == expected
    if expected == "refuse":
        assert group["reasons"] == ["vc02: It is x. Mend it."]


def test_a_refused_group_refuses_no_other(fleet: Callable[..., Fleet]) -> None:
    records = fleet({"vc01": "a", "vc11": "b"})
    records["vc01"]["assessment"], records["vc11"]["assessment"] = judged("refuse"), judged("rotate")

    assert [group["verdict"] for group in linked_groups(records)] == ["refuse", "rotate"]


def test_a_node_that_could_not_be_assessed_refuses_its_group(fleet: Callable[..., Fleet]) -> None:
    records = fleet({"vc01": "a", "vc02": "a", "vc11": "b"})
    del records["vc02"]["assessment"]

    verdicts = {group["nodes"][0]: group for group in linked_groups(records)}

    assert verdicts["vc01"]["verdict"] == "refuse"
    assert "vc02: It was surveyed and could not be assessed" in verdicts["vc01"]["reasons"][0]
    assert verdicts["vc11"]["verdict"] == "keep"


@pytest.mark.parametrize(
    ("finding", "other", "expected"),
    [
        ("services-missing", "rotate", "refuse"),
        ("vmafdd-down", "rotate", "refuse"),
        ("issuer-not-vmca", "rotate", "rotate"),
        ("services-missing", "keep", "keep"),
    ],
)
def test_a_member_that_is_kept_must_be_a_safe_partner_for_one_that_is_rotated(
    fleet: Callable[..., Fleet], finding: str, other: str, expected: str
) -> None:
    records = fleet({"vc01": "a", "vc02": "a"})
    records["vc01"]["assessment"] = judged(other)
    records["vc02"]["assessment"] = {**judged("refuse", finding), "verdict": "keep"}

    (group,) = linked_groups(records)

    assert group["verdict"] == expected
    assert ("vc02: It is" in group["reasons"][0]) is (expected == "refuse")


@pytest.mark.parametrize("what", ["subject", "dns", "curve"])
def test_an_odd_root_in_one_node_stops_nobody(fleet: Callable[..., Fleet], authority: Any, what: str) -> None:
    records = fleet({"vc01": "a", "vc02": "a", "vc11": "b"})
    for node in ("vc01", "vc02"):
        records[node]["survey"]["trusted_roots"].append({"alias": "odd", "chain": [authority.odd()[what]]})

    groups = linked_groups(records, ["vc99"])

    assert shape(groups)["vsphere.local@vc01"][:2] == ["vc01", "vc02"]
    assert [group["verdict"] for group in groups if "vc11" in group["nodes"]] == ["keep"]


class TestUnsurveyed:
    def test_a_group_that_may_have_the_node_is_refused_with_it(self, fleet: Callable[..., Fleet]) -> None:
        records = fleet({"vc01": "a", "vc02": "a", "vc11": "b"}, trusts={"a": ["vc03"]})

        groups = {group["name"]: group for group in linked_groups(records, ["vc03"])}

        assert groups["vsphere.local@vc01"]["verdict"] == "refuse"
        assert "vc03" in groups["vsphere.local@vc01"]["reasons"][0]
        assert groups["vsphere.local@vc11"]["verdict"] == "keep"
        assert groups["vsphere.local@vc01"]["nodes"] == ["vc01", "vc02", "vc03"]
        assert "vc03" not in groups

    def test_one_that_several_groups_may_have_refuses_them_all_and_is_listed_once(
        self, fleet: Callable[..., Fleet]
    ) -> None:
        records = fleet({"vc01": "a", "vc11": "b"}, trusts={"a": ["vc03"], "b": ["vc13"]})

        groups = linked_groups(records, ["vc03"])

        assert [group["verdict"] for group in groups] == ["refuse", "refuse", "refuse"]
        assert [node for group in groups for node in group["nodes"]] == ["vc01", "vc11", "vc03"]

    def test_one_that_no_group_waits_for_is_on_its_own(self, fleet: Callable[..., Fleet]) -> None:
        groups = linked_groups(fleet({"vc01": "a"}), ["vc09"])

        assert shape(groups) == {"vsphere.local@vc01": ["vc01"], "vc09": ["vc09"]}
        assert [group["verdict"] for group in groups] == ["keep", "refuse"]
        assert groups[1]["sso_domain"] is None

    def test_a_corporate_root_among_the_trusted_is_no_sign_of_a_member(
        self, fleet: Callable[..., Fleet], authority: Any
    ) -> None:
        records = fleet({"vc01": "a"})
        corporate = authority.root("corporate", subject=[(NameOID.COMMON_NAME, "Corporate CA")])
        records["vc01"]["survey"]["trusted_roots"].append({"alias": "c", "chain": [corporate]})

        assert linked_groups(records, ["vc09"])[0]["verdict"] == "keep"

    def test_a_node_whose_vmafdd_is_down_is_still_linked_by_its_vmca_root(self, fleet: Callable[..., Fleet]) -> None:
        records = fleet({"vc01": "a", "vc02": "a"})
        records["vc01"]["survey"].update(sso_domain=None, trusted_roots=None, pnid=None)

        (group,) = linked_groups(records)

        assert group["nodes"] == ["vc01", "vc02"]
        assert group["sso_domain"] == "vsphere.local"

    def test_a_node_whose_survey_tells_no_links_refuses_the_group_that_may_have_it(
        self, fleet: Callable[..., Fleet]
    ) -> None:
        records = fleet({"vc01": "a", "vc02": "a", "vc11": "b"})
        records["vc02"]["survey"].update(sso_domain=None, trusted_roots=None, vmca_root=None, pnid=None)

        groups = {group["name"]: group for group in linked_groups(records)}

        assert groups["vsphere.local@vc01"]["verdict"] == "refuse"
        assert "vc02 could not be surveyed in full and may belong" in groups["vsphere.local@vc01"]["reasons"][0]
        assert groups["vsphere.local@vc11"]["verdict"] == "keep"
        assert [node for group in groups.values() for node in group["nodes"]] == ["vc01", "vc02", "vc11"]

    def test_nobody_surveyed(self) -> None:
        assert shape(linked_groups({}, ["vc01", "vc02"])) == {"vc01": ["vc01"], "vc02": ["vc02"]}


class TestOverrides:
    def test_they_go_before_the_surveys(self, fleet: Callable[..., Fleet]) -> None:
        records = fleet({"vc01": "a", "vc02": "a", "vc03": "b"})

        groups = linked_groups(records, overrides={"vc02": "mine", "vc03": "mine"})

        assert shape(groups) == {"vsphere.local@vc01": ["vc01"], "mine": ["vc02", "vc03"]}

    def test_they_place_an_unsurveyed_node(self, fleet: Callable[..., Fleet]) -> None:
        records = fleet({"vc01": "a", "vc11": "b"}, trusts={"a": ["vc03"]})

        groups = linked_groups(records, ["vc03"], {"vc03": "mine", "vc11": "mine"})

        assert shape(groups) == {"vsphere.local@vc01": ["vc01"], "mine": ["vc11", "vc03"]}
        assert [group["verdict"] for group in groups] == ["keep", "refuse"]
        assert groups[1]["reasons"] == ["vc03 could not be surveyed."]

    def test_a_group_by_hand_with_the_name_of_one_that_is_found_is_that_one(self, fleet: Callable[..., Fleet]) -> None:
        records = fleet({"vc00": "b", "vc01": "a", "vc02": "a"})
        records["vc01"]["assessment"] = judged("rotate")

        (group,) = linked_groups(records, ["vc09"], dict.fromkeys(["vc00", "vc09"], "vsphere.local@vc01"))

        assert (group["name"], group["nodes"]) == ("vsphere.local@vc01", ["vc00", "vc01", "vc02", "vc09"])
        assert group["verdict"] == "refuse" and group["reasons"] == ["vc09 could not be surveyed."]

    def test_nor_is_there_a_second_one_of_the_name_of_an_unsurveyed_node(self, fleet: Callable[..., Fleet]) -> None:
        (group,) = linked_groups(fleet({"vc01": "a"}), ["vc09"], {"vc01": "vc09"})

        assert (group["nodes"], group["verdict"]) == (["vc01", "vc09"], "refuse")

    def test_a_found_group_with_a_node_by_hand_may_have_more_members(self, fleet: Callable[..., Fleet]) -> None:
        records = fleet({"vc01": "a", "vc02": "b"}, trusts={"a": ["vc03"]})

        (group,) = linked_groups(records, (), {"vc02": "vsphere.local@vc01"}, left_out=["vc03"])

        assert group["verdict"] == "refuse" and "hosts that this run leaves out: vc03." in group["reasons"][0]

    @pytest.mark.parametrize("name", [1, None, ["a"], "", " "])
    def test_what_names_no_group_is_told_with_its_value(self, name: Any) -> None:
        assert override_problems({"vc01": name}, ()) == [
            f"overrides (vcfleet_groups) has {name!r} for vc01, which names no group"
        ]

    def test_who_is_no_host_of_the_inventory_is_told_where_that_is_known(self) -> None:
        overrides = {"vc01": "mine", "vc0l": "mine", "192.0.2.1": "mine"}

        assert override_problems(overrides, ()) == []
        (problem,) = override_problems(overrides, ["vc01"])
        assert problem.startswith("overrides (vcfleet_groups) places vc0l, 192.0.2.1, which are no hosts")


class TestLeftOut:
    """A run that is limited, to a part of a linked group perhaps."""

    def test_a_group_that_trusts_an_unknown_root_is_refused(self, fleet: Callable[..., Fleet]) -> None:
        records = fleet({"vc01": "a", "vc11": "b"}, trusts={"a": ["vc02"]})

        groups = linked_groups(records, left_out=["vc02", "vc12"])

        assert [group["verdict"] for group in groups] == ["refuse", "keep"]
        (reason,) = groups[0]["reasons"]
        assert "hosts that this run leaves out: vc02, vc12." in reason and "vcfleet_only" in reason
        assert [group["left_out"] for group in groups] == [["vc02", "vc12"], []]
        assert [group["verdict"] for group in linked_groups(records)] == ["keep", "keep"]

    def test_without_anybody_who_tells_whoever_is_due_is_refused(self, fleet: Callable[..., Fleet]) -> None:
        """The other half of the group is another job's inventory."""
        records = fleet({"vc01": "a", "vc02": "a"}, trusts={"a": ["vc03"]})
        records["vc02"]["assessment"] = judged("rotate")

        (group,) = linked_groups(records)
        assert group["verdict"] == "refuse"
        assert [finding["id"] for finding in group["findings"]] == ["member-unknown"]
        (reason,) = group["reasons"]
        assert "O=vc03.lab.example" in reason and "vcfleet_sso_password" in reason and "vcfleet_groups" in reason

        by_hand = {"vc01": "mine", "vc02": "mine"}
        assert [group["verdict"] for group in linked_groups(records, (), by_hand)] == ["rotate"]

    def test_a_nodes_own_former_root_is_nobody_elses(self, fleet: Callable[..., Fleet], authority: Any) -> None:
        records = fleet({"vc01": "a"})
        former = authority.root("former", subject=vmca_subject("vc01"))
        records["vc01"]["survey"]["trusted_roots"].append({"alias": "former", "chain": [former]})
        records["vc01"]["assessment"] = judged("rotate")

        assert [group["verdict"] for group in linked_groups(records)] == ["rotate"]
        assert [group["verdict"] for group in linked_groups(records, left_out=["vc02"])] == ["rotate"]

    def test_a_directory_knows_better(self, fleet: Callable[..., Fleet]) -> None:
        """The root of a node that was decommissioned long ago."""
        records = fleet({"vc01": "a"}, trusts={"a": ["gone"]})
        pnid = records["vc01"]["survey"]["pnid"]
        member = {"name": pnid, "type": "directory", "reachable": True, "state": "Standalone", "partners": []}
        records["vc01"]["linked_mode"] = {"node": pnid, "members": [member], "replication": []}

        assert linked_groups(records, left_out=["vc02"])[0]["verdict"] == "keep"

    def test_groups_by_hand_know_best(self, fleet: Callable[..., Fleet]) -> None:
        records = fleet({"vc01": "a", "vc11": "b"}, trusts={"a": ["gone"]})

        assert linked_groups(records, (), {"vc01": "mine"}, left_out=["vc02"])[0]["verdict"] == "keep"
        split = linked_groups(records, (), {"vc11": "mine", "vc12": "mine"}, left_out=["vc12"])
        assert [group["verdict"] for group in split if group["name"] == "mine"] == ["refuse"]
        assert [group["verdict"] for group in split if group["name"] != "mine"] == ["keep"]
