# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may begin: evidence of the nodes before it, and what stops a whole run."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import walk

STAGED = {"staged": {"sha256": "ab"}}
DONE = {**STAGED, "swap": {"state": "committed"}, "handover": {"items": []}}


def plan(canary: str = "", **groups: list[str]) -> dict[str, Any]:
    nodes = {
        node: {"group": name, "after": turns[:at], "together": turns}
        for name, turns in groups.items()
        for at, node in enumerate(turns)
    }
    planned = {name: {"nodes": turns, "turns": turns, "canary": name == canary} for name, turns in groups.items()}
    return {"waves": [list(groups)], "groups": planned, "nodes": nodes}


def reasons(node: str, records: dict[str, Any], allowed: int = 1, **groups: Any) -> str:
    return " ".join(walk.reasons_to_wait(node, plan(**groups), records, allowed))


def test_the_first_node_of_a_staged_group_begins() -> None:
    assert reasons("a", {"a": STAGED, "b": STAGED}, g=["a", "b"]) == ""


@pytest.mark.parametrize(
    "before",
    [
        STAGED,
        {**STAGED, "swap": {"state": "rolled_back"}},
        {**STAGED, "swap": {"state": "committed"}},
        {**STAGED, "swap": {}, "handover": {}},
        {**STAGED, "resumed": {"state": "committed"}, "handover": {}, "swap": {"state": "contact_lost"}},
    ],
)
def test_the_next_one_begins_on_the_evidence_of_a_handover_alone(before: dict[str, Any]) -> None:
    assert "a of the same linked group was to be handed over" in reasons("b", {"a": before, "b": STAGED}, g=["a", "b"])
    assert reasons("b", {"a": DONE, "b": STAGED}, g=["a", "b"]) == ""


def test_no_window_in_a_group_with_an_unstaged_node() -> None:
    assert "b of the same linked group could not be staged" in reasons("a", {"a": STAGED}, g=["a", "b"])


def test_what_was_said_before_the_walk_stands() -> None:
    assert reasons("a", {"a": {"not_begun": "Another run has the lease."}}, g=["a"]) == "Another run has the lease."


def test_a_node_after_one_that_was_stopped_hears_what_stopped_it() -> None:
    records = {"a": {**STAGED, "not_begun": "x"}, "b": STAGED, "c": {**STAGED, "failure": "it is stuck"}}
    told = reasons("b", records, allowed=0, g=["a", "b"], h=["c"])
    assert "a of the same linked group" in told and "vcfleet_failures_allowed is 0" in told


def test_more_failed_groups_than_are_allowed_stop_what_has_not_begun() -> None:
    failed = {**STAGED, "failure": "it is stuck"}
    records = {"a": failed, "b": {}, "c": STAGED}
    groups = {"g": ["a"], "h": ["b"], "i": ["c"]}
    assert walk.failed_groups(plan(**groups), records) == ["g", "h"]
    assert reasons("c", records, allowed=2, **groups) == ""
    told = reasons("c", records, allowed=1, **groups)
    assert "g, h" in told and "vcfleet_failures_allowed is 1" in told


def test_a_group_with_two_failed_nodes_is_one_failed_group() -> None:
    records = {"a": {**STAGED, "failure": "x"}, "b": {**STAGED, "failure": "y"}, "c": STAGED}
    assert reasons("c", records, allowed=1, g=["a", "b"], h=["c"]) == ""


def test_a_failed_canary_stops_everything_whatever_is_allowed() -> None:
    records = {"a": {**DONE, "failure": "a service is gone again"}, "b": STAGED}
    assert "canary g has failed" in reasons("b", records, allowed=9, canary="g", g=["a"], h=["b"])
    assert reasons("b", {"a": DONE, "b": STAGED}, allowed=0, canary="g", g=["a"], h=["b"]) == ""


class TestPeers:
    """Three linked nodes in their turns, and a fourth that is kept."""

    def peers(self, **days_left: int) -> list[str]:
        records = {name: {**DONE, "assessment": {"current": {"days_left": days}}} for name, days in days_left.items()}
        return walk.peers_to_restart({"nodes": ["a", "b", "c", "d"], "turns": ["a", "b", "c"]}, records)

    def test_nobody_holds_on_to_a_certificate_that_was_valid(self) -> None:
        assert self.peers(a=10, b=0, c=1) == []

    def test_who_had_no_turn_after_it_holds_on_to_one_that_had_expired(self) -> None:
        assert self.peers(a=-1, b=10, c=10) == ["d"]
        assert self.peers(a=10, b=-1, c=-1) == ["a", "b", "d"]

    def test_one_that_was_not_handed_over_has_given_nobody_anything_new(self) -> None:
        assert self.peers(a=10, b=10) == []
        assert self.peers(a=-1) == ["b", "c", "d"]

    def test_one_that_was_restarted_since_needs_it_no_more(self) -> None:
        records = {"a": {**DONE, "assessment": {"current": {"days_left": -1}}}, "b": {"restarted": True}}
        assert walk.peers_to_restart({"nodes": ["a", "b", "c"], "turns": ["a"]}, records) == ["c"]


def test_a_group_that_is_under_way_has_not_failed() -> None:
    under_way = {**STAGED, "swap": {"state": "contact_lost"}}
    assert reasons("b", {"a": under_way, "b": STAGED}, allowed=0, g=["a"], h=["b"]) == ""
