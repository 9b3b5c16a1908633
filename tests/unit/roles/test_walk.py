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


def test_a_group_that_is_under_way_has_not_failed() -> None:
    under_way = {**STAGED, "swap": {"state": "contact_lost"}}
    assert reasons("b", {"a": under_way, "b": STAGED}, allowed=0, g=["a"], h=["b"]) == ""
