# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as a file: what is taken, and what is refused in which words."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import make_plan, seal, seal_of
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_file import SCHEMA_FILE, PlanFileError, load_plan
from planning import group, record

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


@pytest.fixture
def plan() -> dict[str, Any]:
    return seal(make_plan({"vc01": record("vc01")}, [group("gä", "vc01")]), NOW, 72)


def load(tmp_path: Path, content: Any) -> dict[str, Any]:
    path = tmp_path / "plan.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=3, ensure_ascii=False))
    return load_plan(str(path))


def refusal(tmp_path: Path, content: Any) -> str:
    with pytest.raises(PlanFileError) as caught:
        load(tmp_path, content)
    return f"{caught.value.problem} {caught.value.remedy}"


def test_what_was_made_is_taken_however_it_is_laid_out(tmp_path: Path, plan: dict[str, Any]) -> None:
    assert load(tmp_path, plan) == plan
    assert load(tmp_path, dict(reversed(plan.items()))) == plan


def test_an_approver_may_say_until_when(tmp_path: Path, plan: dict[str, Any]) -> None:
    assert load(tmp_path, {**plan, "valid_until": "2027-01-01T00:00:00Z"})["valid_until"] == "2027-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "content, words",
    [
        ('{"schema": 1,', "is not JSON: Expecting property name enclosed in double quotes in line 1, column 14"),
        ("", "is not JSON"),
        ("[]", "is no plan of vcfleet.certs"),
        ({"waves": []}, "is no plan of vcfleet.certs"),
        ({"schema": 2}, "is of plan schema 2, and this version knows 1"),
        ({"schema": 1}, "$: 'groups' is a required property"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"schema": ' + "1" * 5000 + "}", "is no plan of vcfleet.certs: Exceeds the limit"),
    ],
)
def test_what_is_no_plan(tmp_path: Path, content: Any, words: str) -> None:
    told = refusal(tmp_path, content)
    assert words in told and "Make a new plan with the playbook vcfleet.certs.plan" in told


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="cannot be read: No such file"):
        load_plan(str(tmp_path / "nothing.json"))
    with pytest.raises(PlanFileError, match="blank"):
        load_plan(" ")


@pytest.mark.parametrize("path", ["~nosuchuser/plan.json", "plan\0.json"])
def test_a_name_that_no_file_can_have(path: str) -> None:
    with pytest.raises(PlanFileError, match="cannot be read"):
        load_plan(path)


def test_an_approver_means_a_day_that_there_is(tmp_path: Path, plan: dict[str, Any]) -> None:
    told = refusal(tmp_path, {**plan, "valid_until": "2026-02-30T00:00:00Z"})
    assert "valid_until is 2026-02-30T00:00:00Z, which no calendar has" in told


@pytest.mark.parametrize("place", ["waves", "groups", "nodes"])
def test_names_that_stand_for_nothing_whoever_has_sealed_them(tmp_path: Path, plan: dict[str, Any], place: str) -> None:
    if place == "waves":
        plan["waves"].append(["nobody"])
    elif place == "groups":
        plan["groups"]["gä"]["turns"].append("nobody")
    else:
        plan["nodes"]["vc01"]["group"] = "nobody"
    plan["seal"] = seal_of(plan)
    assert f"{place} names nobody, which it does not have" in refusal(tmp_path, plan)


def test_edited_so_that_the_schema_notices(tmp_path: Path, plan: dict[str, Any]) -> None:
    plan["nodes"]["vc01"].update(verdict="rotat", turn=0, oops=1)
    told = refusal(tmp_path, plan)
    assert "$.nodes.vc01.verdict: 'rotat' is not one of" in told and "$.nodes.vc01.turn" in told and "oops" in told


@pytest.mark.parametrize(
    "key, value",
    [("verdict", "keep"), ("reasons", ["Because."]), ("pnid", "vc02"), ("warnings", ["All is well."]), ("when", {})],
)
def test_edited_so_that_only_the_seal_notices(tmp_path: Path, plan: dict[str, Any], key: str, value: Any) -> None:
    plan["nodes"]["vc01"][key] = value
    told = refusal(tmp_path, plan)
    assert "was changed after it was made" in told and plan["id"] in told and "vcfleet_except" in told


def test_without_the_library_it_says_which_python_lacks_it(
    tmp_path: Path, plan: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    told = refusal(tmp_path, plan)
    assert f"{sys.executable} -m pip install --upgrade jsonschema" in told
    monkeypatch.setitem(sys.modules, "jsonschema", SimpleNamespace(Draft7Validator=None))
    assert refusal(tmp_path, plan) == told


def test_the_schema_is_one() -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA_FILE.read_text()))
