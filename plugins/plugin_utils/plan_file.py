# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. A plan as a file: read, checked against the published schema, and known to be what was made."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import SCHEMA, Plan, seal_of
from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule import moment

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "docs" / "schema" / f"plan-{SCHEMA}.schema.json"

_AGAIN = "Make a new plan with the playbook vcfleet.certs.plan, have it reviewed, and apply that one"
# Of many problems the first few say enough.
_SHOWN = 5


class PlanFileError(ValueError):
    """The file cannot be applied: `problem` says why, `remedy` what to do."""

    def __init__(self, problem: str, remedy: str = _AGAIN) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def load_plan(path: str) -> Plan:
    """The plan in a file. Raises PlanFileError when it cannot be read, is no plan, or was changed since it was made."""
    if not path.strip():
        raise PlanFileError("The name of the plan file is blank", "Name a file, or leave the name out to plan anew")
    try:
        return _checked(path, _parsed(path))
    except RecursionError:
        raise PlanFileError(f"{path} is no plan of vcfleet.certs: it is nested too deeply") from None


def _checked(path: str, plan: Any) -> Plan:
    if not isinstance(plan, dict) or "schema" not in plan:
        raise PlanFileError(f"{path} is no plan of vcfleet.certs")
    if plan["schema"] != SCHEMA:
        raise PlanFileError(f"{path} is of plan schema {plan['schema']!r}, and this version knows {SCHEMA}")
    problems = list(schema_problems(plan))
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise PlanFileError(f"{path} does not fit its schema: {'; '.join(problems[:_SHOWN])}{more}")
    if plan["seal"] != seal_of(plan):
        raise PlanFileError(
            f"{path}, plan {plan['id']}, was changed after it was made: its seal is {plan['seal'][:12]}…, and what it"
            f" says has {seal_of(plan)[:12]}…",
            f"{_AGAIN}. To leave nodes out, plan with vcfleet_except; only valid_until may be changed by hand",
        )
    if problem := next(chain(_impossible_end(plan), _loose_ends(plan)), ""):
        raise PlanFileError(f"{path} cannot be applied: {problem}")
    return plan


def _impossible_end(plan: Plan) -> Iterator[str]:
    """The schema asks for digits only, and an approver may write others."""
    try:
        moment(plan["valid_until"] or plan["made_at"])
    except ValueError:
        yield f"valid_until is {plan['valid_until']}, which no calendar has"


def _loose_ends(plan: Plan) -> Iterator[str]:
    """Names that stand for nothing in the plan: who made a seal of his own may have left some."""
    nodes, groups = plan["nodes"], plan["groups"]
    named = [("waves", name, groups) for wave in plan["waves"] for name in wave]
    named += [("groups", node, nodes) for group in groups.values() for node in [*group["nodes"], *group["turns"]]]
    named += [("nodes", planned["group"], groups) for planned in nodes.values()]
    yield from (f"{place} names {name}, which it does not have" for place, name, known in named if name not in known)


def _parsed(path: str) -> Any:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError) as error:
        raise PlanFileError(f"The plan {path!r} cannot be read: {getattr(error, 'strerror', None) or error}")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise PlanFileError(f"{path} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}")
    except ValueError as error:
        raise PlanFileError(f"{path} is no plan of vcfleet.certs: {error}")


def schema_problems(plan: Mapping[str, Any]) -> Iterator[str]:
    """What the schema says against a plan, each with its place. Raises PlanFileError without the library for it."""
    try:
        validator_of = importlib.import_module("jsonschema").Draft202012Validator
    except (ImportError, AttributeError):
        raise PlanFileError(
            f"Reading a plan takes the Python library jsonschema (4.0 or later), which {sys.executable} does not have",
            f"Install it on the controller: {sys.executable} -m pip install --upgrade jsonschema",
        )
    validator = validator_of(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    for error in sorted(validator.iter_errors(plan), key=lambda error: error.json_path):
        yield f"{error.json_path}: {_short(error.message)}"


def _short(text: str, length: int = 200) -> str:
    """The library quotes the whole instance, which may be the whole plan."""
    return text if len(text) <= length else f"{text[: length // 2]} … {text[-length // 2 :]}"
