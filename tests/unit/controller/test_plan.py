# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: turns, waves, selection, its id, its schema and its lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import plan as plans
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import make_plan, plan_id, seal, seal_of
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_file import SCHEMA_FILE, schema_problems
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_text import plan_lines
from ansible_collections.vcfleet.certs.plugins.plugin_utils.selection import (
    Selection,
    SelectionError,
    Slice,
    Waves,
    slice_of,
    unknown_names,
)
from hypothesis import given
from hypothesis import strategies as st
from planning import WINDOW, finding, fleets, group, record

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
SIZES = st.lists(st.sampled_from(["1", "2", "5", "25%", "50%", "all"]), min_size=1, max_size=3)


def names_in(groups: list[dict[str, Any]]) -> list[str]:
    return [group["name"] for group in groups] + [node for group in groups for node in group["nodes"]]


@st.composite
def chosen(draw: st.DrawFn) -> tuple[Any, Any, Selection, Waves]:
    """A fleet, and what a person may choose of it."""
    records, groups = draw(fleets())
    some = st.lists(st.sampled_from(names_in(groups)), max_size=4).map(tuple) if groups else st.just(())
    selection = Selection(
        only=draw(st.none() | some),
        without=draw(some),
        part=draw(st.none() | st.integers(1, 3).map(lambda number: Slice(number, 3))),
    )
    return records, groups, selection, Waves(draw(some), tuple(draw(SIZES)))


class TestProperties:
    @given(chosen())
    def test_every_node_to_rotate_has_a_turn_of_its_own_in_one_wave(self, made: Any) -> None:
        plan = make_plan(*made)
        walked = [name for wave in plan["waves"] for name in wave]
        assert len(walked) == len(set(walked)) and all(plan["waves"])
        turns = [node for name in walked for node in plan["groups"][name]["turns"]]
        assert sorted(turns) == sorted(node for node, item in plan["nodes"].items() if item["verdict"] == "rotate")
        for name, each in plan["groups"].items():
            assert [plan["nodes"][node]["turn"] for node in each["turns"]] == list(range(1, len(each["turns"]) + 1))
            for at, node in enumerate(each["turns"]):
                item = plan["nodes"][node]
                assert (item["after"], item["together"]) == (each["turns"][:at], each["turns"])
                assert item["wave"] == each["wave"] == 1 + next(at for at, w in enumerate(plan["waves"]) if name in w)

    @given(chosen())
    def test_canaries_go_first_and_together_and_sizes_are_kept(self, made: Any) -> None:
        plan, waves = make_plan(*made), made[3]
        canaries = [
            name for name, each in plan["groups"].items() if each["turns"] and waves.is_canary({"name": name, **each})
        ]
        assert (plan["waves"][0] if canaries else []) == canaries
        rest = plan["waves"][1:] if canaries else plan["waves"]
        total = sum(map(len, rest))
        allowed = [_size(waves.sizes[min(at, len(waves.sizes) - 1)], total) for at in range(len(rest))]
        assert [len(wave) for wave in rest[:-1]] == allowed[:-1]
        assert all(len(wave) <= size for wave, size in zip(rest, allowed))

    @given(chosen())
    def test_it_fits_its_schema_and_says_the_same_when_made_again(self, made: Any) -> None:
        plan = seal(make_plan(*made), NOW, 72)
        assert list(schema_problems(plan)) == []
        again = json.loads(json.dumps(seal(make_plan(*made), NOW, 1), sort_keys=True))
        assert {**again, "valid_until": plan["valid_until"]} == plan
        assert plan_id(again) == plan["id"]
        assert plan_lines(plan)

    @given(chosen())
    def test_who_is_not_selected_is_not_rotated_and_whose_group_is_refused_neither(self, made: Any) -> None:
        records, groups, selection, _waves = made
        plan = make_plan(*made)
        for each in groups:
            for node in each["nodes"]:
                item = plan["nodes"][node]
                if item["verdict"] == "rotate":
                    assert each["verdict"] != "refuse" and selection.why_not(node, each, records) is None
                if selection.why_not(node, each, records) and node in records:
                    assert item["verdict"] in ("not selected", "refuse")

    @given(fleets(), st.integers(1, 6))
    def test_slices_part_the_fleet_and_keep_groups_whole(self, fleet: Any, count: int) -> None:
        records, groups = fleet
        whole = make_plan(records, groups)["groups"]
        parts = [make_plan(records, groups, Selection(part=Slice(number, count))) for number in range(1, count + 1)]
        for name, each in whole.items():
            selected = [part["groups"][name] for part in parts if part["groups"][name]["verdict"] != "not selected"]
            assert [part["turns"] for part in selected] == [each["turns"]]


def _size(size: str, total: int) -> int:
    if size == "all":
        return total
    return max(1, int(size[:-1]) * total // 100) if size.endswith("%") else int(size)


class TestCanaries:
    def made(self, verdict: str, **options: Any) -> Any:
        records = {"a": record("a", verdict), "b": record("b"), "c": record("c", "keep"), "d": record("d")}
        groups = [group("g", "a", verdict=verdict), group("h", "b", "c"), group("i", "d")]
        return make_plan(records, groups, Selection(**options), Waves(canary=("g", "i")))

    def test_behind_one_that_is_refused_nothing_is_planned_but_other_canaries(self) -> None:
        plan = self.made("refuse")
        assert plan["waves"] == [["i"]]
        assert {node: item["verdict"] for node, item in plan["nodes"].items()} == {
            "a": "refuse", "b": "refuse", "c": "keep", "d": "rotate",
        }  # fmt: skip
        assert "The canary g is refused" in plan["nodes"]["b"]["reasons"][0] and not plan["nodes"]["b"]["wanted"]

    def test_one_that_is_kept_or_not_selected_holds_back_nobody(self) -> None:
        assert self.made("keep")["waves"] == [["i"], ["h"]]
        assert self.made("refuse", without=("g",))["waves"] == [["i"], ["h"]]

    def behind_one_that_waits(self, **of_b: Any) -> Any:
        records = {"a": record("a", "keep"), "b": record("b", **of_b), "c": record("c", "keep"), "d": record("d")}
        records["a"]["assessment"].update(due=True, reasons=["Due, waits for Saturday."])
        groups = [group("g", "a", verdict="keep"), group("h", "b", "c", "d")]
        return records, make_plan(records, groups, waves=Waves(canary=("g",)))

    def test_behind_one_that_is_due_and_waits_the_others_wait(self) -> None:
        records, plan = self.behind_one_that_waits()
        assert plan["waves"] == [] and plan["groups"]["h"]["verdict"] == "keep"
        assert {item["verdict"] for item in plan["nodes"].values()} == {"keep"}
        why = ["Due, waits: the canary g is due and waits itself, and nothing is begun before it."]
        assert plan["nodes"]["b"]["reasons"] == plan["groups"]["h"]["reasons"] == why
        assert plan["nodes"]["c"]["reasons"] == ["It is keep."]
        unselected = Selection(without=("g",))
        assert make_plan(records, [group("g", "a"), group("h", "b")], unselected, Waves(canary=("g",)))["waves"]

    def test_neither_force_nor_an_end_that_is_near_waits_for_it(self) -> None:
        records, plan = self.behind_one_that_waits(forced="INC-4711")
        assert plan["groups"]["h"]["turns"] == ["b"] and plan["nodes"]["d"]["verdict"] == "keep"
        records["d"]["assessment"]["when"] = {"due_at": None, "deadline": {"near": True}}
        again = make_plan(records, [group("g", "a"), group("h", "b", "d")], waves=Waves(canary=("g",)))
        assert again["groups"]["h"]["turns"] == ["b", "d"]


class TestNodes:
    def test_what_a_rotated_node_says(self) -> None:
        rotated = record("a", findings=(finding("warn"),), forced="CVE")
        rotated["survey"]["last_window_seconds"] = WINDOW
        item = make_plan({"a": rotated}, [group("g", "a")], consumers=["NSX"])["nodes"]["a"]
        assert item["expected_window_seconds"] == WINDOW
        assert (item["force_reason"], item["consumers"], item["pnid"]) == ("CVE", ["NSX"], "a")
        assert (item["warnings"], item["stops"]) == (["some-fact is so."], ["vmafdd", "vpxd"])
        assert "days_left" not in item["current"] and item["current"]["sha256"]

    def test_a_force_that_is_off_leaves_no_reason(self) -> None:
        assert make_plan({"a": record("a")}, [group("g", "a")])["nodes"]["a"]["force_reason"] is None

    def test_a_sick_node_that_is_not_selected_refuses_its_group_all_the_same(self) -> None:
        records = {"a": record("a"), "b": record("b", "refuse")}
        plan = make_plan(records, [group("g", "a", "b", verdict="refuse")], Selection(only=("a",)))
        assert {item["verdict"] for item in plan["nodes"].values()} == {"refuse"}

    def test_a_group_of_which_nobody_is_selected_is_refused_in_nobodys_name(self) -> None:
        records = {"a": record("a", "refuse"), "b": record("b")}
        groups = [group("g", "a", verdict="refuse"), group("h", "b")]
        plan = make_plan(records, groups, Selection(without=("g",)))
        assert plan["nodes"]["a"]["verdict"] == plan["groups"]["g"]["verdict"] == "not selected"
        assert plan["nodes"]["a"]["reasons"] == plan["groups"]["g"]["reasons"] == ["Excepted by name: g."]
        assert plan["waves"] == [["h"]]

    def test_a_group_whose_only_due_node_is_not_selected_is_kept(self) -> None:
        records = {"a": record("a"), "b": record("b", "keep")}
        plan = make_plan(records, [group("g", "a", "b")], Selection(only=("b",)))
        assert [item["verdict"] for item in plan["nodes"].values()] == ["not selected", "keep"]
        assert plan["groups"]["g"]["verdict"] == "keep"


class TestId:
    def test_it_changes_with_what_is_decided_and_not_with_why(self) -> None:
        plan = seal(make_plan({"a": record("a")}, [group("g", "a")]), NOW, 72)
        assert plan["valid_until"] == "2026-11-25T16:00:00Z"
        later = record("a", findings=(finding("warn", "disk-low"),))
        later["assessment"].update(reasons=["29.9 days are left."], when={"due_at": None, "begin": None})
        later["assessment"]["current"]["days_left"] = 29.9
        again = seal(make_plan({"a": later}, [group("g", "a")]), NOW, 0)
        assert again["id"] == plan_id(again) == plan["id"] and again["seal"] != plan["seal"]
        plan["nodes"]["a"]["consumers"].append("x")
        assert plan_id(plan) != plan["id"]

    def test_its_seal_changes_with_all_but_the_end_of_approval(self) -> None:
        plan = seal(make_plan({"a": record("a")}, [group("g", "a")]), NOW, 72)
        assert seal_of({**plan, "valid_until": None}) == seal_of(plan) == plan["seal"]
        assert seal_of({**plan, "made_at": "2027-01-01T00:00:00Z"}) != plan["seal"]
        plan["groups"]["g"]["reasons"].append("x")
        assert seal_of(plan) != plan["seal"]

    def test_a_plan_for_a_window_to_come_is_valid_until_that_is_over(self) -> None:
        planned = record("a")
        begin = {"from": "2026-11-28T22:00:00Z", "by": "2026-11-29T01:30:00Z"}
        planned["assessment"]["when"] = {"due_at": None, "begin": begin}
        plan = make_plan({"a": planned}, [group("g", "a")])
        assert seal(plan, NOW, 72)["valid_until"] == "2026-11-29T01:30:00Z"
        assert seal(plan, NOW, 720)["valid_until"] == "2026-12-22T16:00:00Z"

    def test_a_freeze_to_come_does_not_make_it_valid_until_then(self) -> None:
        planned = record("a")
        planned["assessment"]["when"] = {"due_at": None, "begin": {"from": None, "by": "2027-12-17T23:30:00Z"}}
        assert seal(make_plan({"a": planned}, [group("g", "a")]), NOW, 72)["valid_until"] == "2026-11-25T16:00:00Z"

    def test_for_ever(self) -> None:
        assert seal(make_plan({}, []), NOW, 0)["valid_until"] is None


class TestOptions:
    def test_names_come_as_lists_or_with_commas(self) -> None:
        selection = Selection.from_options({"only": ["a", " b"], "except": ["c "], "slice": " 2/5 "})
        assert selection == Selection(("a", "b"), ("c",), Slice(2, 5))
        assert Waves.from_options({"canary": ["a"], "wave_sizes": [" 1", "10%"]}) == Waves(("a",), ("1", "10%"))

    def test_a_blank_text_says_nothing_and_an_empty_list_selects_nobody(self) -> None:
        assert Selection.from_options({"only": None, "except": [""], "slice": ""}) == Selection()
        nobody = Selection.from_options({"only": []})
        assert make_plan({"a": record("a")}, [group("g", "a")], nobody)["waves"] == []

    @pytest.mark.parametrize("only", [[""], ["", " "]])
    def test_a_list_without_any_name_selects_neither_nobody_nor_everybody(self, only: list[str]) -> None:
        with pytest.raises(SelectionError, match=r"only \(vcfleet_only\) has no name among its"):
            Selection.from_options({"only": only})

    @pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/2/3", "1.5/3"])
    def test_a_slice_that_is_none(self, text: str) -> None:
        with pytest.raises(SelectionError, match="K from 1 to N"):
            Slice.parse(text)

    @pytest.mark.parametrize("size", ["0", "-1", "0%", "101%", "some", "1.5", "01"])
    def test_a_size_that_is_none(self, size: str) -> None:
        with pytest.raises(SelectionError, match="has"):
            Waves.from_options({"wave_sizes": ["1", size]})

    def test_strangers_are_named_with_those_who_exist(self) -> None:
        groups = [group("g", "a", "b")]
        assert unknown_names("only", ["a", "g", "elsewhere"], groups, ["elsewhere"]) == []
        (problem,) = unknown_names("only", ["vc99", "a"], groups, [])
        assert "only (vcfleet_only) names vc99" in problem and "a, b" in problem and "linked groups g" in problem

    def test_a_slice_depends_on_nobody_else_and_on_no_inventory_name(self) -> None:
        one = {"x": record("vc01"), "y": record("vc02")}
        other = {"first": record("vc02"), "second": record("VC01")}
        assert slice_of(group("g", "x", "y"), one, 97) == slice_of(group("h", "first", "second"), other, 97)


def test_lines_name_what_a_person_wants_to_know() -> None:
    records = {"a": record("a", findings=(finding("warn"),)), "b": record("b", "keep"), "c": record("c")}
    records["a"]["survey"]["last_window_seconds"] = WINDOW
    plan = make_plan(records, [group("g", "a", "b"), group("h", "c")], waves=Waves(canary=("c",)))
    text = "\n".join(plan_lines(plan))
    for words in ("PLAN  3 nodes in 2 linked groups, 2 to rotate in 2 waves", "wave 1 of 2, canary", "wave 2 of 2",
                  "CN=a; DNS a; US", "2 running services stop and start again; 184 s the last time",
                  "note: some-fact is so.", "until 2026-12-22"):  # fmt: skip
        assert words in text
    assert text.index("  h") < text.index("  g"), "in the order of the walk"


def test_the_verdicts_of_schema_and_code_are_the_same() -> None:
    schema = json.loads(SCHEMA_FILE.read_text())
    assert schema["$defs"]["node"]["properties"]["verdict"]["enum"] == list(plans.VERDICTS)
