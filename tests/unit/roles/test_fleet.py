# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan and summary, from records as they come out of the stages."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import fleet
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import make_plan
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_text import plan_lines

CURRENT = {"not_after": "2026-12-22T15:45:02Z", "sha1": "ab" * 20, "sha256": "cd" * 32}
NEW = {"not_after": "2028-11-21T15:45:02Z", "sha1": "12" * 20, "sha256": "34" * 32}
WANTED = {"cn": "vc", "dns": ["vc", "alias"], "ip": [], "email": [], "subject": {"country": "CH", "state": None}}
OLD_AND_NEW = {"old": CURRENT, "new": NEW, "window_seconds": 12.34, "started_at": "2026-11-22T21:00:00.000+00:00"}
TOLD = {"new": NEW, "holders": []}


def record(verdict: str = "rotate", **more: Any) -> dict[str, Any]:
    assessment = {
        "verdict": verdict,
        "due": verdict != "keep",
        "reasons": [f"it is {verdict}"],
        "current": {**CURRENT, "days_left": 30.0},
        "wanted": WANTED,
        "san_changes": {"kept": ["vc"], "added": ["alias"], "dropped": []},
        "findings": [{"severity": "warn", "message": "root ends early"}, {"severity": "info", "message": "fine"}],
    }
    return {"survey": {"census": {"running": ["a", "b"]}}, "assessment": assessment, **more}


def group(*nodes: str, verdict: str = "rotate", name: str = "g") -> dict[str, Any]:
    return {"name": name, "nodes": list(nodes), "verdict": verdict, "reasons": [f"group is {verdict}"]}


def ended(
    node_record: dict[str, Any] | None, node_group: dict[str, Any] | None = None, check_mode: bool = False
) -> dict[str, Any]:
    records = {"n": node_record} if node_record else {}
    plan = make_plan(records, [node_group or group("n")])
    return dict(fleet.summarize(records, plan, check_mode)["n"])


def ending(node_record: dict[str, Any] | None, node_group: dict[str, Any] | None = None) -> str:
    return str(ended(node_record, node_group)["ending"])


class TestPlan:
    def test_linked_groups_are_walked_at_the_same_time_one_node_of_each_in_its_turn(self) -> None:
        records = {name: record() for name in "abcde"}
        plan = make_plan(records, [group("a", "b", "c"), group("d", "e", name="h")])
        assert plan["waves"] == [["g", "h"]]
        assert plan["groups"]["g"]["turns"] == ["a", "b", "c"]
        assert plan["nodes"]["c"]["after"] == ["a", "b"]
        assert plan["nodes"]["a"]["together"] == plan["nodes"]["c"]["together"] == ["a", "b", "c"]
        assert plan["nodes"]["d"]["after"] == []
        assert (plan["nodes"]["e"]["wave"], plan["nodes"]["e"]["turn"]) == (1, 2)

    def test_a_node_that_is_kept_has_no_turn_and_nobody_waits_for_it(self) -> None:
        plan = make_plan({"a": record("keep"), "b": record()}, [group("a", "b")])
        assert plan["groups"]["g"]["turns"] == ["b"]
        assert (plan["nodes"]["a"]["wave"], plan["nodes"]["a"]["turn"]) == (None, None)
        assert plan["nodes"]["b"]["after"] == []

    def test_a_refused_group_is_refused_as_a_whole_with_all_its_reasons(self) -> None:
        records = {"a": record(), "b": record("refuse"), "c": record("keep")}
        plan = make_plan(records, [group("a", "b", "c", verdict="refuse")])
        assert plan["waves"] == []
        assert {node["verdict"] for node in plan["nodes"].values()} == {"refuse"}
        assert plan["nodes"]["a"]["reasons"] == ["group is refuse"]
        assert plan["nodes"]["a"]["wanted"] is None

    def test_another_group_goes_on(self) -> None:
        records = {"a": record("refuse"), "b": record()}
        plan = make_plan(records, [group("a", verdict="refuse"), group("b", name="h")])
        assert plan["waves"] == [["h"]]

    def test_a_node_that_was_not_surveyed_is_in_the_plan(self) -> None:
        plan = make_plan({}, [group("gone", verdict="refuse")])
        assert plan["nodes"]["gone"]["verdict"] == "not surveyed"

    def test_a_node_that_could_not_be_assessed_is_refused_and_spoils_no_plan(self) -> None:
        surveyed = {"survey": {"census": None}}
        plan = make_plan({"a": surveyed, "b": record()}, [group("a", verdict="refuse"), group("b", name="h")])
        assert plan["nodes"]["a"]["verdict"] == "refuse"
        assert plan["waves"] == [["h"]]
        assert ending(surveyed, group("n", verdict="refuse")) == "refused"

    def test_a_node_that_is_kept_shows_what_would_stand_in_its_way(self) -> None:
        kept = record("keep")
        kept["assessment"]["findings"].append({"severity": "refuse", "message": "vmcad is down"})
        assert make_plan({"a": kept}, [group("a")])["nodes"]["a"]["warnings"] == [
            "root ends early",
            "vmcad is down",
        ]

    def test_a_census_that_could_not_be_read_stops_no_plan(self) -> None:
        plan = make_plan({"a": {**record("keep"), "survey": {"census": None}}}, [group("a")])
        assert plan["nodes"]["a"]["stops"] == []

    def test_its_lines_name_what_a_person_wants_to_know(self) -> None:
        plan = make_plan({"a": record(), "b": record("keep")}, [group("a", "b")])
        text = "\n".join(plan_lines(plan))
        for words in ("2 nodes in 1 linked group, 1 to rotate", "it is rotate", "CN=vc; DNS vc, alias; CH",
                      "2 running services stop", "note: root ends early", "until 2026-12-22"):  # fmt: skip
            assert words in text


class TestSummary:
    def test_endings(self) -> None:
        committed = {"state": "committed", **OLD_AND_NEW}
        assert ending(record(swap=committed, handover=TOLD)) == "rotated"
        assert ending(record("keep")) == "kept"
        assert ending(record("refuse"), group("n", verdict="refuse")) == "refused"
        assert ending(None, group("n", verdict="refuse")) == "not surveyed"
        assert ending(record(staged={})) == "not begun"
        assert ending(record()) == "failed"
        assert ending(record(staged={}, swap={"state": "rolled_back"})) == "rolled back"
        assert ending(record(staged={}, swap={"state": "stuck"})) == "stuck"
        assert ending(record(staged={}, swap=committed)) == "failed"
        assert ending(record(staged={}, swap={})) == "failed"
        assert ending(record(staged={}, swap={"state": "contact_lost"})) == "contact lost"
        assert ending(record(staged={}, swap={"state": "running"})) == "running"

    def test_a_node_that_another_run_has_rotated_meanwhile_is_kept(self) -> None:
        plan = make_plan({"n": record()}, [group("n")])
        kept = record("keep", not_begun="Another run was here first.", superseded=True)
        kept["assessment"]["current"] = {**NEW, "days_left": 700.0}
        told = fleet.summarize({"n": kept}, plan)["n"]
        assert (told["ending"], told["failed"], told["old"]["sha256"]) == ("kept", False, NEW["sha256"])

    @pytest.mark.parametrize(
        ("state", "verdict"),
        [
            *product(("interrupted", "stuck", "running"), ("keep", "refuse", "rotate")),
            *product(("interrupted", "stuck"), ("not selected",)),
        ],
    )
    def test_whatever_its_certificate_is_one_that_an_earlier_run_left_behind_is_not_well(
        self, state: str, verdict: str
    ) -> None:
        left = record("keep", not_begun="Another run has the lease.")
        left["survey"]["journal"] = {"state": state, "sentence": "Swap J1 has no end."}
        plan = make_plan({"n": left}, [group("n", verdict="keep")])
        plan["nodes"]["n"]["verdict"] = verdict
        told = fleet.summarize({"n": left}, plan)["n"]
        assert (told["ending"], told["failed"]) == (state, True)
        assert told["sentence"] == "Swap J1 has no end. Another run has the lease."
        assert fleet.summary_lines({"n": told})[-1] == f"  1 {state}"
        checked = fleet.summarize({"n": left}, plan, check_mode=True)["n"]
        would = "would rotate" if verdict == "rotate" else "would finish or undo"
        assert (checked["ending"], checked["failed"]) == (would, False)
        assert verdict == "rotate" or checked["sentence"].startswith("Swap J1 has no end.")

    def test_what_runs_on_a_node_that_is_not_selected_is_another_runs(self) -> None:
        """Another slice of the same fleet is at work there."""
        running = record("keep")
        running["survey"]["journal"] = {"state": "running", "sentence": "Swap J1 is replacing it."}
        plan = make_plan({"n": running}, [group("n", verdict="keep")])
        plan["nodes"]["n"]["verdict"] = "not selected"
        for check_mode in (False, True):
            told = fleet.summarize({"n": running}, plan, check_mode)["n"]
            assert (told["ending"], told["failed"]) == ("not selected", False)

    def test_one_that_this_run_could_not_finish_says_so_once(self) -> None:
        left = record("keep", failure="Swap J1: a person is needed. Reason: RC=5. Type on the node: ...")
        left["survey"]["journal"] = {"state": "stuck", "sentence": "Swap J1: a person is needed. Reason: RC=5"}
        assert ended(left)["sentence"] == left["failure"]

    @pytest.mark.parametrize("verdict", ["keep", "rotate", "not selected"])
    def test_what_this_run_has_undone_of_an_earlier_one_is_a_failure(self, verdict: str) -> None:
        undone = record(verdict, resumed={"state": "rolled_back", "sentence": "Swap J1 put back.", **OLD_AND_NEW})
        plan = make_plan({"n": undone}, [group("n", verdict="keep")])
        plan["nodes"]["n"]["verdict"] = verdict
        told = fleet.summarize({"n": {**undone, "not_begun": "Too late."}}, plan)["n"]
        assert (told["ending"], told["failed"]) == ("rolled back", True)
        assert told["sentence"] == "Swap J1 put back. Too late."
        again = {**undone, "staged": {}, "swap": {"state": "committed"}, "handover": TOLD}
        assert fleet.summarize({"n": again}, plan)["n"]["ending"] == "rotated"

    def test_an_earlier_swap_is_told_as_rotated_where_no_other_was_planned(self) -> None:
        told = {"resumed": {"state": "committed", **OLD_AND_NEW}, "handover": TOLD}
        assert ending(record("keep", **told)) == "rotated"
        assert ending(record(not_begun="Another run has the lease.", **told)) == "not begun"

    def test_no_ending_is_missing_from_the_last_line(self) -> None:
        for state in ("rolled_back", "running", "contact_lost", "interrupted", "stuck", "refused"):
            assert ending(record(staged={}, swap={"state": state})) in fleet.ENDINGS

    def test_a_node_without_a_swap_does_not_give_the_reasons_for_one(self) -> None:
        for unswapped, words in ((record(staged={}), "before its turn"), (record(), "did not begin")):
            assert words in ended(unswapped)["sentence"]

    def test_a_node_says_why_it_failed_or_did_not_begin(self) -> None:
        assert ended(record(failure="certool is gone."))["sentence"] == "certool is gone."
        for words in ({"not_begun": "Too many."}, {"failure": "vc01: 3 changes behind."}):
            (told,) = words.values()
            sentence = ended(record(staged={}, **words))["sentence"]
            assert sentence.startswith("Not begun: this run has not touched its certificate.") and told in sentence
        refused = ended(record("refuse"), group("n", verdict="refuse"))
        assert (refused["failed"], refused["sentence"]) == (True, "Nothing was changed. group is refuse")

    def test_who_is_a_failed_host(self) -> None:
        rotated = record(swap={"state": "committed"}, handover=TOLD)
        assert not ended(rotated)["failed"] and not ended(record("keep"))["failed"]
        for failed in (record(), record(staged={}), record(swap={"state": "rolled_back"}), {**rotated, "failure": "x"}):
            assert ended(failed)["failed"]

    def test_in_check_mode_what_is_planned_stays_so_unless_its_stage_refuses(self) -> None:
        planned = ended(record(), check_mode=True)
        assert (planned["ending"], planned["failed"]) == ("would rotate", False)
        refused = ended(record(failure="certool is gone."), check_mode=True)
        assert (refused["ending"], refused["failed"]) == ("failed", True)

    def test_an_earlier_handover_does_not_count_for_a_swap_of_this_run(self) -> None:
        again = record(resumed={"state": "committed", **OLD_AND_NEW}, handover=TOLD, swap={"state": "stuck"})
        assert ended(again)["ending"] == "stuck"

    def test_a_swap_that_this_run_only_finished_counts_as_rotated(self) -> None:
        finished = record("keep", resumed={"state": "committed", **OLD_AND_NEW}, handover=TOLD)
        end = ended(finished, group("n", verdict="keep"))
        assert (end["ending"], end["old"], end["new"]) == ("rotated", OLD_AND_NEW["old"], CURRENT)
        assert fleet.summary_lines({"n": end})

    @pytest.mark.parametrize(("verdict", "of"), [("rotate", "swap"), ("keep", "resumed")])
    def test_linked_nodes_that_hold_on_to_an_expired_certificate_are_named(self, verdict: str, of: str) -> None:
        expired = {**OLD_AND_NEW, "old": {**CURRENT, "not_after": "2026-11-22T20:59:59+00:00"}}
        records = {"a": record(verdict, **{of: {"state": "committed", **expired}}, handover=TOLD), "b": record("keep")}
        text = "\n".join(fleet.summary_lines(fleet.summarize(records, make_plan(records, [group("a", "b")]))))
        assert "the services of b (the certificate that had expired" in text

    def test_they_are_named_once_with_the_node_that_was_rotated_last(self) -> None:
        expired = {**OLD_AND_NEW, "old": {**CURRENT, "not_after": "2026-11-22T20:59:59+00:00"}}
        done = record(swap={"state": "committed", **expired}, handover=TOLD)
        records = {"a": done, "b": done, "c": record("keep")}
        summary = fleet.summarize(records, make_plan(records, [group("a", "b", "c")]))
        assert [[item["holder"] for item in summary[name]["todo"]] for name in "ab"] == [[], ["the services of a, c"]]

    def test_every_ending_is_counted_in_the_last_line(self) -> None:
        plan = make_plan({"a": record("keep"), "b": record()}, [group("a", "b")])
        assert (
            fleet.summary_lines(fleet.summarize({"a": record("keep"), "b": record()}, plan))[-1] == "  1 kept, 1 failed"
        )

    def test_a_rotated_node_shows_both_thumbprints_and_the_window(self) -> None:
        todo = {**TOLD, "holders": [{"kind": "anchor", "holder": "lookup service", "holds": "SHA-1", "todo": "x"}]}
        rotated = record(swap={"state": "committed", **OLD_AND_NEW}, verification={"certificate": NEW}, handover=todo)
        plan = make_plan({"a": rotated}, [group("a")])
        text = "\n".join(fleet.summary_lines(fleet.summarize({"a": rotated}, plan)))
        for words in ("window 12.3 s", "cd" * 32, "34" * 32, ":".join(["AB"] * 20), ":".join(["12"] * 20), "2028-11-21",
                      "lookup service (SHA-1)"):  # fmt: skip
            assert words in text


class TestTelling:
    rotated = record(
        staged={"issued": True, "sha256": NEW["sha256"]}, swap={"state": "committed"}, verification={}, handover=TOLD
    )

    def told(self, concerned: bool, **records: Any) -> list[str]:
        first = {"first": record("keep")}
        return fleet.telling({**first, **records}, list(records) if concerned else [])[1:]

    @pytest.mark.parametrize("concerned", [True, False])
    def test_nobody_ends_badly_unheard(self, concerned: bool) -> None:
        left = record("keep")
        left["survey"]["journal"] = {"state": "stuck", "sentence": "Swap J1."}
        bad: dict[str, Any] = {
            "unsurveyed": {},
            "left": left,
            "failed": {**self.rotated, "failure": "No."},
            "late": record(staged={"issued": True}, not_begun="Too late."),
            "restarted": record("keep", restarted={}),
        }
        assert self.told(concerned, **bad) == list(bad)

    def test_a_good_end_is_not_told_twice(self) -> None:
        assert self.told(True, n=self.rotated) == []
        assert not ended(self.rotated)["failed"]
        assert self.told(False, n=record("keep")) == []

    @pytest.mark.parametrize("part", ["staged", "swap", "verification", "handover"])
    def test_whoever_has_something_to_do_and_did_not_come_to_its_end_tells(self, part: str) -> None:
        without = {name: found for name, found in self.rotated.items() if name != part}
        assert self.told(True, n=without) == ["n"]
        assert self.told(True, n={**self.rotated, "staged": {"issued": False, "sha256": NEW["sha256"]}}) == ["n"]

    def test_somebody_sums_up(self) -> None:
        records = {"a": {"node": "a"}, "b": record("keep"), "c": record("keep")}
        assert fleet.telling(records, []) == ["a", "b"]
        assert fleet.telling({}, []) == []
