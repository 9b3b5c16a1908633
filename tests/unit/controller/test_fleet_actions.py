# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions about the whole fleet: which names they take, and how they refuse others."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.vcfleet.certs.plugins.action import fleet_plan, linked_groups
from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import make_plan, seal
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC
from planning import group, record

Run = Callable[..., dict[str, Any]]
GROUPS = [group("g", "a", "b"), group("h", "c")]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Three surveyed nodes in two linked groups, and an action to do with them."""
    fleet = {name: record(name) for name in "abc"}
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})
    monkeypatch.setattr(records, "surveyed", lambda names: {name: fleet[name] for name in names if name in fleet})

    def run(action: Any = fleet_plan, **arguments: Any) -> dict[str, Any]:
        made: Any = object.__new__(action.ActionModule)
        groups = {"groups": GROUPS} if action is fleet_plan else {}
        made._task = SimpleNamespace(args={"nodes": list("abc"), "inventory": list("abcd"), **groups, **arguments})
        return dict(made.run())

    return run


def turns(result: dict[str, Any]) -> list[str]:
    return [node for each in result["plan"]["groups"].values() for node in each["turns"]]


@pytest.mark.parametrize(
    ("only", "selected"), [(None, "abc"), ("", "abc"), (" ", "abc"), ([], ""), ("a, h", "ac"), (["", "b"], "b")]
)
def test_a_blank_text_says_nothing(run: Run, only: Any, selected: str) -> None:
    assert turns(run(only=only)) == list(selected)


@pytest.mark.parametrize("only", [[None], [""], ",", " , "])
def test_commas_and_lists_without_a_name_do_not_select_the_whole_fleet(run: Run, only: Any) -> None:
    result = run(only=only)
    assert result["failed"] and "only (vcfleet_only) has no name" in result["msg"]


@pytest.mark.parametrize("option", ["only", "except", "canary"])
def test_a_name_is_that_of_a_node_a_group_or_a_host(run: Run, option: str) -> None:
    assert "failed" not in run(**{option: ["a", "h", "d"]})
    assert f"{option} (vcfleet_{option}) names 192.0.2.1" in run(**{option: ["192.0.2.1"]})["msg"]


def test_or_one_of_the_reviewed_plan(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is gone from the inventory since can still be left out."""
    reviewed = seal(make_plan({"z": record("z")}, [group("y", "z")]), fleet_plan.datetime.now(UTC), 72)
    monkeypatch.setattr(fleet_plan, "load_plan", lambda _path: reviewed)
    assert run(reviewed="p.json")["plan"]["groups"]["y"]["verdict"] == "refuse"
    for name in "yz":
        assert run(reviewed="p.json", **{"except": [name]})["plan"]["groups"]["y"]["verdict"] == "not selected"


def test_groups_by_hand_are_looked_at_before_they_are_used(run: Run) -> None:
    result = run(linked_groups, overrides={"a": 1, "b": "", "vc0l": "mine"})
    assert result["failed"]
    for words in ("has 1 for a", "has '' for b", "places vc0l, which is no host"):
        assert words in result["msg"]
