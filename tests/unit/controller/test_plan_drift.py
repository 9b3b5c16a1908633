# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reviewed plan against what the nodes say later: every kind of drift, what is done, and what is left alone."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import make_plan, seal
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_drift import Present, apply_plan
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_text import plan_lines
from ansible_collections.vcfleet.certs.plugins.plugin_utils.selection import Selection, Slice, Waves, slice_of
from hypothesis import given
from hypothesis import strategies as st
from planning import certificate, digest, finding, fleets, group, record

MADE = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
LATER = MADE + timedelta(hours=5)


class Fleet:
    """Two linked groups, g with a and b and c (kept), h with d: planned, then changed by a test, then applied to."""

    def __init__(self) -> None:
        self.records = {name: record(name, "keep" if name == "c" else "rotate") for name in "abcd"}
        self.groups = [group("g", "a", "b", "c"), group("h", "d")]
        self.inventory = ["a", "b", "c", "d"]
        self.now = LATER
        self.selection = Selection()
        self.plan = seal(make_plan(self.records, self.groups, waves=Waves(canary=("d",))), MADE, 72)
        self.records, self.groups = deepcopy(self.records), deepcopy(self.groups)

    def applied(self) -> dict[str, Any]:
        return apply_plan(self.plan, Present(self.records, self.groups, self.selection, self.inventory, self.now))

    def rotated(self, node: str, planned: str | None = None) -> None:
        """The node has a new certificate, put there by a journaled swap of the certificate `planned`."""
        new = {**certificate(node), "sha256": digest(f"new {node}"), "not_after": "2028-11-21T15:45:02Z"}
        swap = {"id": "J1", "state": "committed", "old": {"sha256": planned or digest(node)}, "new": new}
        self.records[node]["survey"]["last_swap"] = swap
        self.records[node]["assessment"].update(current=new, verdict="keep", due=False, reasons=["Not due."])


def verdicts(plan: dict[str, Any]) -> dict[str, str]:
    return {node: item["verdict"] for node, item in plan["nodes"].items()}


def test_what_has_not_drifted_is_applied_as_it_was_reviewed() -> None:
    fleet = Fleet()
    assert fleet.applied() == fleet.plan
    assert fleet.plan["waves"] == [["h"], ["g"]]


@given(fleets())
def test_no_plan_drifts_by_itself(fleet: Any) -> None:
    records, groups = fleet
    plan = seal(make_plan(records, groups), MADE, 72)
    inventory = [node for each in groups for node in each["nodes"]]
    applied = apply_plan(plan, Present(records, groups, Selection(), inventory, LATER))
    assert applied["waves"] == plan["waves"]
    assert {node for node, item in applied["nodes"].items() if item["verdict"] == "rotate"} == {
        node for node, item in plan["nodes"].items() if item["verdict"] == "rotate"
    }


def other_certificate(fleet: Fleet) -> None:
    fleet.records["b"]["assessment"]["current"]["sha256"] = digest("by hand")


def kept_one_has_another_certificate(fleet: Fleet) -> None:
    fleet.records["c"]["assessment"]["current"]["sha256"] = digest("by hand")


def rotated_twice(fleet: Fleet) -> None:
    fleet.rotated("b", planned=digest("another one in between"))


def rotated_without_a_planned_name(fleet: Fleet) -> None:
    fleet.rotated("b")
    fleet.records["b"]["assessment"]["current"]["sans"]["dns"] = ["elsewhere"]


def new_member(fleet: Fleet) -> None:
    fleet.records["e"] = record("e")
    fleet.groups[0]["nodes"].append("e")


def member_gone(fleet: Fleet) -> None:
    del fleet.records["c"]
    fleet.groups[0]["nodes"].remove("c")


def member_in_a_group_of_its_own(fleet: Fleet) -> None:
    fleet.groups[0]["nodes"].remove("c")
    fleet.groups.append(group("i", "c", "f", verdict="keep"))
    fleet.records["f"] = record("f", "keep")


def refused_now(fleet: Fleet) -> None:
    fleet.records["a"] = record("a", "refuse")
    fleet.groups[0] = group("g", "a", "b", "c", verdict="refuse")


def unreachable_now(fleet: Fleet) -> None:
    del fleet.records["c"]
    fleet.groups[0] = {**group("g", "a", "b", "c", verdict="refuse"), "reasons": ["c could not be surveyed."]}


def other_wanted(fleet: Fleet) -> None:
    fleet.records["a"]["assessment"]["wanted"]["dns"] = ["a", "alias"]


def sick_partner_of_nodes_that_are_not_due_by_themselves(fleet: Fleet) -> None:
    for node in "abc":
        findings = [finding("refuse", "vmafdd-down")] if node == "c" else []
        fleet.records[node]["assessment"].update(verdict="keep", due=False, findings=findings)
    fleet.groups[0]["verdict"] = "keep"


def in_the_way_of_a_node_that_is_not_due_by_itself(fleet: Fleet) -> None:
    fleet.records["b"]["assessment"].update(verdict="keep", due=False, findings=[finding("refuse", "disk-full")])


def expired(fleet: Fleet) -> None:
    fleet.now = MADE + timedelta(hours=73)


DRIFTS: list[tuple[Callable[[Fleet], None], str]] = [
    (
        other_certificate,
        f"b has another certificate: SHA-256 {digest('b')[:12]}… when planned, {digest('by hand')[:12]}",
    ),
    (kept_one_has_another_certificate, "c has another certificate"),
    (rotated_twice, "b has another certificate"),
    (rotated_without_a_planned_name, "b has another certificate"),
    (new_member, "e is a new member of the linked group g"),
    (member_gone, "c is not among the linked group's members"),
    (member_in_a_group_of_its_own, "f is a new member"),
    (refused_now, "The group is refuse."),
    (unreachable_now, "c could not be surveyed."),
    (other_wanted, "CN=a; DNS a; US when planned, CN=a; DNS a, alias; US now"),
    (sick_partner_of_nodes_that_are_not_due_by_themselves, "c: vmafdd-down is so. Mend it."),
    (in_the_way_of_a_node_that_is_not_due_by_itself, "b: disk-full is so."),
    (expired, "valid until 2026-11-25T16:00:00Z, and it is 2026-11-25T17:00:00Z"),
]


@pytest.mark.parametrize("change, words", DRIFTS, ids=[change.__name__ for change, _ in DRIFTS])
def test_drift_refuses_the_whole_group_in_words_and_no_other(change: Callable[[Fleet], None], words: str) -> None:
    fleet = Fleet()
    change(fleet)
    applied = fleet.applied()
    own = applied["groups"]["g"]
    assert own["verdict"] == "refuse" and own["turns"] == [] and own["wave"] is None
    for node in own["nodes"]:
        item = applied["nodes"][node]
        assert item["verdict"] == ("refuse" if node in fleet.records else "not surveyed")
        assert words in " ".join(item["reasons"])
        assert fleet.plan["id"] in item["reasons"][0] and "Make a new plan" in item["reasons"][-1]
        assert (item["turn"], item["after"], item["together"], item["wanted"]) == (None, [], [], None)
    assert set("abc") <= set(own["nodes"])
    if change is not expired:
        assert applied["waves"] == [["h"]] and applied["nodes"]["d"]["verdict"] == "rotate"
    assert plan_lines(applied)


def test_a_node_that_is_gone_from_the_inventory_with_its_group_refuses_that() -> None:
    fleet = Fleet()
    del fleet.records["d"], fleet.groups[1]
    fleet.inventory.remove("d")
    applied = fleet.applied()
    assert applied["groups"]["h"]["verdict"] == "refuse"
    assert "d is not in the inventory any more." in applied["groups"]["h"]["reasons"]
    # It was the canary.
    assert applied["waves"] == [] and verdicts(applied)["a"] == "refuse"
    assert applied["groups"]["g"]["reasons"] == ["The canary h is refused, and nothing is begun before it."]


def test_a_refused_group_that_is_no_canary_refuses_no_other() -> None:
    fleet = Fleet()
    refused_now(fleet)
    applied = fleet.applied()
    assert applied["waves"] == [["h"]] and applied["nodes"]["d"]["wave"] == 1


def test_a_group_that_this_run_leaves_out_is_not_selected() -> None:
    fleet = Fleet()
    del fleet.records["d"], fleet.groups[1]
    assert fleet.applied()["nodes"]["d"]["verdict"] == "not selected"


@pytest.mark.parametrize("selection", [Selection(only=("g",)), Selection(without=("d",)), Selection(only=())])
def test_one_that_is_gone_and_not_selected_refuses_nothing(selection: Selection) -> None:
    fleet = Fleet()
    del fleet.records["d"], fleet.groups[1]
    fleet.inventory.remove("d")
    fleet.selection = selection
    applied = fleet.applied()
    assert applied["nodes"]["d"]["verdict"] == applied["groups"]["h"]["verdict"] == "not selected"
    assert "elected" in applied["nodes"]["d"]["reasons"][0] or "Excepted" in applied["nodes"]["d"]["reasons"][0]


def test_the_slice_of_a_group_that_is_gone_is_that_of_its_planned_pnids() -> None:
    fleet = Fleet()
    fleet.plan["nodes"]["d"]["pnid"] = "vc99.lab.example"
    del fleet.records["d"], fleet.groups[1]
    fleet.inventory.remove("d")
    of_the_plan = slice_of({"nodes": ["vc99.lab.example"]}, {}, 97)
    for number in (of_the_plan, of_the_plan % 97 + 1):
        fleet.selection = Selection(part=Slice(number, 97))
        assert fleet.applied()["nodes"]["d"]["verdict"] == ("not surveyed" if number == of_the_plan else "not selected")


class TestGoingOn:
    def test_a_node_rotated_by_the_plan_is_done_and_the_others_go_on(self) -> None:
        fleet = Fleet()
        fleet.rotated("a")
        applied = fleet.applied()
        assert verdicts(applied) == {"a": "keep", "b": "rotate", "c": "keep", "d": "rotate"}
        assert applied["groups"]["g"]["turns"] == ["b"]
        item = applied["nodes"]["b"]
        assert (item["turn"], item["after"], item["together"]) == (1, [], ["b"])
        assert "J1" in applied["nodes"]["a"]["reasons"][0]
        assert applied["nodes"]["a"]["current"]["not_after"].startswith("2028")

    def test_when_all_is_done_nothing_is_left_to_do_nor_to_refuse(self) -> None:
        fleet = Fleet()
        for node in "abd":
            fleet.rotated(node)
        new_member(fleet)
        expired(fleet)
        applied = fleet.applied()
        assert applied["waves"] == []
        assert verdicts(applied) == {"a": "keep", "b": "keep", "c": "keep", "d": "keep", "e": "not selected"}
        assert plan_lines(applied)

    @pytest.mark.parametrize("state", ["rolled_back", "refused", "interrupted"])
    def test_a_swap_that_did_not_commit_is_not_done(self, state: str) -> None:
        fleet = Fleet()
        fleet.rotated("a")
        fleet.records["a"]["survey"]["last_swap"]["state"] = state
        assert fleet.applied()["nodes"]["a"]["verdict"] == "refuse"

    def test_a_certificate_changed_after_the_swap_is_drift(self) -> None:
        fleet = Fleet()
        fleet.rotated("a")
        fleet.records["a"]["assessment"]["current"] = {**certificate("a"), "sha256": digest("by hand")}
        assert fleet.applied()["nodes"]["a"]["verdict"] == "refuse"


class TestLeftAlone:
    def test_a_node_that_became_due_since_is_not_rotated(self) -> None:
        fleet = Fleet()
        fleet.records["c"] = record("c")
        applied = fleet.applied()
        assert applied["groups"]["g"]["turns"] == ["a", "b"] and applied["nodes"]["c"]["verdict"] == "keep"

    def test_neither_is_one_of_a_group_without_turns(self) -> None:
        fleet = Fleet()
        kept = seal(make_plan({"k": record("k", "keep")}, [group("k1", "k", verdict="keep")]), MADE, 72)
        fleet.plan = kept
        fleet.records, fleet.groups = {"k": record("k")}, [group("k1", "k")]
        applied = fleet.applied()
        assert applied["waves"] == [] and applied["nodes"]["k"]["verdict"] == "keep"
        assert "Due now: It is rotate." in applied["nodes"]["k"]["reasons"][0]

    def test_one_that_was_kept_and_cannot_be_judged_now_is_refused(self) -> None:
        fleet = Fleet()
        fleet.plan = seal(make_plan({"k": record("k", "keep")}, [group("k1", "k", verdict="keep")]), MADE, 72)
        fleet.records, fleet.groups = {"k": record("k", "refuse")}, [group("k1", "k", verdict="refuse")]
        applied = fleet.applied()
        assert verdicts(applied) == {"k": "refuse"}
        assert applied["nodes"]["k"]["reasons"] == ["The group is refuse."]
        fleet.selection = Selection(without=("k",))
        assert verdicts(fleet.applied()) == {"k": "keep"}

    def test_so_is_one_of_a_group_in_which_all_is_done(self) -> None:
        fleet = Fleet()
        for node in "ab":
            fleet.rotated(node)
        refused = fleet.records["c"] = record("c", "refuse")
        fleet.groups[0] = group("g", "a", "b", "c", verdict="refuse")
        assert verdicts(fleet.applied()) == {"a": "keep", "b": "keep", "c": "refuse", "d": "rotate"}
        refused["assessment"] = None
        assert verdicts(fleet.applied())["c"] == "refuse"

    def test_a_group_that_the_plan_does_not_know_is_not_selected(self) -> None:
        fleet = Fleet()
        fleet.records["x"] = record("x", "refuse")
        fleet.groups.append(group("i", "x", verdict="refuse"))
        applied = fleet.applied()
        assert applied["nodes"]["x"]["verdict"] == applied["groups"]["i"]["verdict"] == "not selected"
        assert applied["waves"] == [["h"], ["g"]]

    def test_a_group_that_was_refused_then_stays_so(self) -> None:
        fleet = Fleet()
        records = {"a": record("a", "refuse")}
        fleet.plan = seal(make_plan(records, [group("g", "a", verdict="refuse")]), MADE, 72)
        assert verdicts(fleet.applied())["a"] == "refuse"

    def test_one_that_could_not_be_surveyed_then_needs_a_new_plan(self) -> None:
        fleet = Fleet()
        fleet.plan = seal(make_plan({}, [group("g", "a", verdict="refuse")]), MADE, 72)
        applied = fleet.applied()
        assert applied["nodes"]["a"]["verdict"] == "refuse"
        assert "could not be surveyed when plan" in applied["nodes"]["a"]["reasons"][0]

    @pytest.mark.parametrize("selection", [Selection(only=("h",)), Selection(without=("g",)), Selection(only=("d",))])
    def test_a_selection_leaves_out_more_and_asks_nothing_of_what_it_leaves_out(self, selection: Selection) -> None:
        fleet = Fleet()
        other_certificate(fleet)
        fleet.selection = selection
        applied = fleet.applied()
        assert applied["waves"] == [["h"]]
        assert applied["nodes"]["a"]["verdict"] == "not selected"

    def test_a_node_that_has_to_wait_for_its_window_waits(self) -> None:
        fleet = Fleet()
        fleet.records["a"]["assessment"].update(verdict="keep", due=True, reasons=["Due.", "It waits until Saturday."])
        applied = fleet.applied()
        assert applied["nodes"]["a"]["verdict"] == "keep"
        assert applied["nodes"]["a"]["reasons"][-1] == "It waits until Saturday."
        assert applied["groups"]["g"]["turns"] == ["b"]

    def test_a_plan_that_is_applied_before_its_window_waits_although_nothing_is_due_yet(self) -> None:
        fleet = Fleet()
        fleet.records["a"]["assessment"].update(verdict="keep", due=False, waits="waits for Saturday: no window.")
        applied = fleet.applied()
        assert applied["nodes"]["a"]["verdict"] == "keep"
        assert applied["nodes"]["a"]["reasons"] == ["Planned, waits for Saturday: no window."]
        assert applied["groups"]["g"]["turns"] == ["b"]

    def test_behind_a_canary_that_waits_the_others_wait(self) -> None:
        fleet = Fleet()
        fleet.records["d"]["assessment"].update(verdict="keep", due=False, waits="waits for Saturday: no window.")
        applied = fleet.applied()
        assert applied["waves"] == [] and set(verdicts(applied).values()) == {"keep"}
        assert "the canary h is due and waits itself" in applied["nodes"]["a"]["reasons"][0]
        fleet.records["a"]["assessment"]["when"] = {"deadline": {"near": True}}
        assert fleet.applied()["waves"] == [["g"]]

    def test_behind_a_canary_that_is_done_or_not_selected_they_do_not(self) -> None:
        fleet = Fleet()
        fleet.rotated("d")
        fleet.records["d"]["assessment"]["waits"] = "waits for Saturday: no window."
        assert fleet.applied()["waves"] == [["g"]]
        fleet = Fleet()
        fleet.records["d"]["assessment"].update(verdict="keep", waits="waits for Saturday: no window.")
        fleet.selection = Selection(only=("g",))
        assert fleet.applied()["waves"] == [["g"]]

    @pytest.mark.parametrize(("freeze", "verdict"), [(None, "rotate"), ("end of year", "keep")])
    def test_a_forced_node_waits_for_no_window_and_for_the_end_of_a_freeze(
        self, freeze: str | None, verdict: str
    ) -> None:
        fleet = Fleet()
        fleet.plan["nodes"]["a"]["force_reason"] = "Its key may be known."
        fleet.records["a"]["assessment"].update(verdict="keep", when={"freeze": freeze})
        assert fleet.applied()["nodes"]["a"]["verdict"] == verdict


@given(st.sets(st.sampled_from(range(len(DRIFTS) - 1)), max_size=3), fleets())
def test_no_drift_makes_a_node_rotate_that_the_plan_does_not(changes: set[int], others: Any) -> None:
    fleet = Fleet()
    fleet.records |= others[0]
    fleet.groups += [each for each in others[1] if each["name"] not in "gh"]
    for at in sorted(changes):
        if not (at in (5, 6, 8) and "c" not in fleet.groups[0]["nodes"]) and set("abc") <= set(fleet.records):
            DRIFTS[at][0](fleet)
    applied = fleet.applied()
    rotates = {node for node, verdict in verdicts(applied).items() if verdict == "rotate"}
    assert rotates <= {"a", "b", "d"}
    assert sorted(rotates) == sorted(node for each in applied["groups"].values() for node in each["turns"])
    assert set(applied["nodes"]) == {node for each in applied["groups"].values() for node in each["nodes"]}
