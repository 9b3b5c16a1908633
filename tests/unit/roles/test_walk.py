# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may begin: evidence of the nodes before it, and what stops a whole run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import walk

STAGED = {"staged": {"sha256": "ab"}}
DONE = {**STAGED, "swap": {"state": "committed"}, "handover": {"new": {"sha256": "ab"}}}
BEGUN = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)


def committed(days_left: int, days_ago: int = 0) -> dict[str, Any]:
    """A swap of a certificate that had so many days left."""
    begun = BEGUN - timedelta(days=days_ago)
    end = (begun + timedelta(days=days_left)).isoformat()
    return {"state": "committed", "started_at": begun.isoformat(timespec="milliseconds"), "old": {"not_after": end}}


def rotated(days_left: int) -> dict[str, Any]:
    return {**DONE, "swap": committed(days_left)}


def reasons(node: str, records: dict[str, Any], turns: str = "ab", **run: Any) -> str:
    planned = {"group": "g", "after": list(turns[: turns.index(node)]), "together": list(turns), "force_reason": None}
    return " ".join(walk.reasons_to_wait(node, planned, [*turns, "m"], records, **run))


def surveyed(shell: str = "/bin/bash", before: str = "", **more: Any) -> dict[str, Any]:
    return {"survey": {"login_shell": shell, "login_shell_before": before}, **more}


def test_every_node_that_has_something_to_do_is_on_a_roster() -> None:
    plan = {
        "groups": {"g": {"nodes": ["a", "b"], "wave": 2}, "h": {"nodes": ["c", "d", "e"], "wave": None}},
        "nodes": {"b": {"verdict": "rotate"}, **{node: {"verdict": "keep"} for node in "acde"}},
    }
    records = {
        "b": surveyed("/bin/appliancesh"),
        "c": surveyed(resumed={"state": "committed"}),
        "d": surveyed(before="/bin/appliancesh"),
        "e": surveyed(),
    }
    assert walk.rosters(plan, records, hosts=["b", "c", "d", "e", "f"]) == {
        "due": ["b"],
        "without_bash": ["b"],
        "shells": ["b", "d"],
        "untold": ["c"],
        "concerned": ["b", "c", "d"],
        "waves": [["b"]],
    }
    assert not any(walk.rosters(plan, records, hosts=[]).values())
    plan["nodes"]["c"]["verdict"] = "refuse"
    refused = walk.rosters(plan, records, hosts=["b", "c"])
    assert (refused["untold"], refused["concerned"]) == ([], ["b", "c"])


def test_each_wave_has_the_first_reached_node_of_each_of_its_groups() -> None:
    waves = {"g": (2, "ab"), "h": (1, "cd"), "i": (None, "e"), "j": (2, "f"), "k": (3, "xy")}
    groups = {name: {"nodes": list(nodes), "wave": wave} for name, (wave, nodes) in waves.items()}
    rosters = walk.rosters({"groups": groups, "nodes": {}}, {}, hosts=list("bcdef"))
    assert rosters["waves"] == [["c"], ["b", "f"]]


def test_the_first_node_of_a_staged_group_begins() -> None:
    assert reasons("a", {"a": STAGED, "b": STAGED}) == ""


@pytest.mark.parametrize(
    "before",
    [
        STAGED,
        {**STAGED, "swap": {"state": "rolled_back"}},
        {**STAGED, "swap": {"state": "committed"}},
        {**STAGED, "swap": {}, "handover": {}},
        {**DONE, "swap": {"state": "contact_lost"}},
        {**STAGED, "resumed": {"state": "committed"}, "handover": {"new": {"sha256": "cd"}}},
    ],
)
def test_the_next_one_begins_on_the_evidence_of_a_handover_alone(before: dict[str, Any]) -> None:
    assert "a of the same linked group was to be handed over" in reasons("b", {"a": before, "b": STAGED})
    assert reasons("b", {"a": DONE, "b": STAGED}) == ""


def test_no_window_in_a_group_with_an_unstaged_node() -> None:
    assert "b of the same linked group could not be staged" in reasons("a", {"a": STAGED})


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ({"failure": "It is stuck."}, "m of the same linked group has failed in this run"),
        (
            {"survey": {"journal": {"state": "interrupted"}}},
            "m of the same linked group has a swap that is not at its end",
        ),
        (
            {"assessment": {"verdict": "keep", "findings": [
                {"id": "services-missing", "severity": "refuse", "message": "vmdird is down.", "remedy": "Start it."}
            ]}},
            "m: vmdird is down. Start it.",
        ),
    ],
)  # fmt: skip
def test_no_window_while_a_member_that_has_no_turn_may_be_down(member: dict[str, Any], words: str) -> None:
    """It was left behind by an earlier run, or another run was at work on it since it was planned."""
    assert words in reasons("a", {"a": STAGED, "b": STAGED, "m": member})
    well = {"survey": {"journal": None}, "assessment": {"verdict": "keep", "findings": []}}
    assert reasons("a", {"a": STAGED, "b": STAGED, "m": well}) == ""


def test_an_earlier_swap_that_was_handed_over_is_not_the_one_that_was_planned() -> None:
    told = {"resumed": {"state": "committed"}, "handover": {"new": {"sha256": "ab"}}}
    assert walk.handed_over(told, "resumed") and not walk.handed_over(told)
    assert "a of the same linked group was to be handed over" in reasons("b", {"a": told, "b": STAGED})


def test_what_another_run_has_rotated_meanwhile_needs_no_turn_and_keeps_nobody_waiting() -> None:
    assessment = {"verdict": "keep", "reasons": ["700 of 730 days are left."], "findings": []}
    kept = {"assessment": assessment, "superseded": True}
    assert reasons("a", {"a": kept, "b": STAGED}) == "Another run was here first. 700 of 730 days are left."
    assert reasons("b", {"a": kept, "b": STAGED}) == ""
    refused = {"assessment": {"verdict": "refuse", "reasons": []}, "failure": "vmcad is down."}
    assert "a of the same linked group could not be staged" in reasons("b", {"a": refused, "b": STAGED})


def test_whose_lease_another_run_has_hears_of_nothing_else() -> None:
    told = "Another run has the lease."
    assert reasons("a", {"a": {}}, failed=["g", "h"], lease_refusal=told) == told


def test_a_node_after_one_that_was_stopped_hears_what_stopped_it() -> None:
    told = reasons("b", {"a": {**STAGED, "not_begun": "x"}, "b": STAGED}, failed=["h"], failures_allowed=0)
    assert "a of the same linked group" in told and "vcfleet_failures_allowed is 0" in told


def test_more_failed_groups_than_are_allowed_stop_what_has_not_begun() -> None:
    run = {"records": {"c": STAGED}, "turns": "c", "failed": ["g", "h"]}
    assert reasons("c", **run, failures_allowed=2) == ""
    told = reasons("c", **run, failures_allowed=1)
    assert "g, h" in told and "vcfleet_failures_allowed is 1" in told


class TestCanaries:
    """Linked group h goes first, with k and l rotated and m kept; c of g comes after it."""

    canaries: Any = {"h": {"nodes": ["k", "l", "m"], "turns": ["k", "l"]}}

    def told(self, failed: tuple[str, ...] = (), node: str = "c", **canary: Any) -> str:
        records = {node: STAGED, **canary}
        return reasons(node, records, turns=node, canaries=self.canaries, failed=failed, failures_allowed=9)

    def test_one_that_is_wholly_rotated_lets_the_others_begin(self) -> None:
        assert self.told(k=DONE, l=DONE) == ""
        assert self.told(k=DONE, l={"superseded": True}, failed=("g",)) == ""

    @pytest.mark.parametrize(
        "last", [{}, STAGED, {**STAGED, "not_begun": "Another run has the lease."}, {**DONE, "failure": "It is ill."}]
    )
    def test_any_other_stops_them_though_nothing_is_known_to_have_failed(self, last: dict[str, Any]) -> None:
        told = self.told(k=DONE, l=last)
        assert told.startswith("The canary h has not come to a good end")

    def test_a_node_of_it_that_has_no_turn_counts(self) -> None:
        assert "canary h" in self.told(k=DONE, l=DONE, m={"failure": "Its services did not come back."})

    def test_one_that_has_failed_stops_other_canaries_too_whatever_is_allowed(self) -> None:
        self.canaries = {**self.canaries, "g": {"nodes": ["c"], "turns": ["c"]}}
        assert self.told() == ""
        assert "The canary h" in self.told(failed=("h",))

    def test_one_that_has_nothing_to_rotate_stops_nobody(self) -> None:
        self.canaries = {"h": {"nodes": ["k"], "turns": []}}
        assert self.told(k={"failure": "It was not surveyed."}) == ""


def test_what_has_to_wait_by_its_last_assessment_does_not_begin() -> None:
    """It was assessed again after another run had the lease, and its window has closed meanwhile."""
    waits = {"verdict": "keep", "due": True, "when": {"freeze": None}, "reasons": ["Due, waits for Saturday."]}
    assert reasons("a", {"a": {**STAGED, "assessment": waits}}, turns="a") == "Due, waits for Saturday."
    planned = {"group": "g", "after": [], "together": ["a"], "force_reason": "INC-4711"}
    assert walk.reasons_to_wait("a", planned, ["a"], {"a": {**STAGED, "assessment": waits}}) == []
    frozen = {**waits, "due": False, "waits": "waits until then: frozen.", "when": {"freeze": "year end"}}
    assert walk.reasons_to_wait("a", planned, ["a"], {"a": {**STAGED, "assessment": frozen}}) == [
        "Planned, waits until then: frozen.",
        "Force does not go before a freeze.",
    ]


class TestPeers:
    """Three linked nodes in their turns, and a fourth that is kept."""

    def peers(self, **records: Any) -> list[str]:
        return walk.peers_to_restart({"nodes": ["a", "b", "c", "d"], "turns": ["a", "b", "c"]}, records)

    def test_nobody_holds_on_to_a_certificate_that_was_valid(self) -> None:
        assert self.peers(a=rotated(10), b=rotated(0), c=rotated(1)) == []

    def test_who_had_no_turn_after_it_holds_on_to_one_that_had_expired(self) -> None:
        assert self.peers(a=rotated(-1), b=rotated(10), c=rotated(10)) == ["d"]
        assert self.peers(a=rotated(10), b=rotated(-1), c=rotated(-1)) == ["a", "b", "d"]

    def test_one_that_was_not_handed_over_has_given_nobody_anything_new(self) -> None:
        assert self.peers(a=rotated(10), b=rotated(10)) == []
        assert self.peers(a=rotated(-1)) == ["b", "c", "d"]
        assert self.peers(a={"swap": committed(-1)}, b={"resumed": {**committed(-1), "state": "rolled_back"}}) == []

    def test_one_that_was_restarted_since_needs_it_no_more(self) -> None:
        assert self.peers(a=rotated(-1), b={"restarted": True}) == ["c", "d"]

    def test_so_is_one_that_was_restarted_since_by_other_means(self) -> None:
        died = {"a": {"resumed": committed(-1, days_ago=2)}}
        for window in ("last_swap", "last_restart"):
            later, before = ({"survey": {window: committed(9, days_ago=days)}} for days in (1, 3))
            assert self.peers(**died, b=later, c=before) == ["c", "d"]
            later["survey"][window]["state"] = "rolled_back"
            assert self.peers(**died, b=later) == ["b", "c", "d"]

    def test_an_earlier_runs_swaps_were_before_this_runs(self) -> None:
        """b was rotated by a run that died, d after it, and a and c by this one."""
        died = {"b": {"resumed": committed(-1, days_ago=2)}, "d": {"resumed": committed(9, days_ago=1)}}
        assert self.peers(**died) == ["a", "c"]
        assert self.peers(**died, a=rotated(10)) == ["c"]
        died["d"]["resumed"] = committed(9, days_ago=3)
        assert self.peers(**died, a=rotated(10)) == ["c", "d"]

    def test_one_that_an_earlier_run_rotated_and_this_one_again_counts_by_the_last(self) -> None:
        assert self.peers(a=rotated(10), b={**rotated(10), "resumed": committed(-1, days_ago=1)}) == ["c", "d"]

    def test_whether_it_had_expired_is_not_known_of_what_an_older_version_has_begun(self) -> None:
        assert self.peers(a={"resumed": {**committed(-1), "old": {"sha256": "cd", "not_after": None}}}) == []


class TestPeersNow:
    """Linked a, whose certificate had expired, and b and c, which hold on to it."""

    group: Any = {"nodes": ["a", "b", "c"], "turns": ["a"]}
    now = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)

    def peers(self, verdict: str = "keep", when: Any = None, **records: Any) -> list[str]:
        open_now = {"freeze": None, "window": None, "begin": None}
        known = {node: {"assessment": {"when": open_now}} for node in "bc"}
        known["a"] = rotated(-1)
        known["c"]["assessment"]["when"] = {**open_now, **(when or {})}
        planned = {"a": {"verdict": "rotate"}, "b": {"verdict": "keep"}, "c": {"verdict": verdict}}
        return walk.peers_to_restart_now(self.group, planned, {**known, **records}, self.now)

    def test_all_of_them_where_nothing_is_in_the_way(self) -> None:
        assert self.peers() == ["b", "c"]

    def test_nobody_while_the_group_has_not_come_to_a_good_end(self) -> None:
        for a in ({**rotated(-1), "failure": "The gate stayed shut."}, STAGED):
            assert self.peers(a=a) == []
        assert self.peers(b={"failure": "It did not come back."}) == []

    def test_whoever_is_not_selected_is_left_alone(self) -> None:
        assert self.peers(verdict="not selected") == ["b"]

    @pytest.mark.parametrize(
        "when",
        [
            {"freeze": "year end"},
            {"window": {"open_now": False}},
            {"window": {"open_now": True}, "begin": {"from": None, "by": "2026-11-28T21:59:59Z"}},
        ],
    )
    def test_so_is_one_without_an_open_window(self, when: Any) -> None:
        assert self.peers(when=when) == ["b"]

    def test_one_with_an_open_window_is_not(self) -> None:
        begin = {"from": "2026-11-28T21:00:00Z", "by": "2026-11-28T23:00:00Z"}
        assert self.peers(when={"window": {"open_now": True}, "begin": begin}) == ["b", "c"]
