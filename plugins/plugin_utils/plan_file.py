# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. A plan as a file: read, checked against the published schema, and known to be what was made."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import SCHEMA, Plan, plan_id

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
    plan = _parsed(path)
    if not isinstance(plan, dict) or "schema" not in plan:
        raise PlanFileError(f"{path} is no plan of vcfleet.certs")
    if plan["schema"] != SCHEMA:
        raise PlanFileError(f"{path} is of plan schema {plan['schema']!r}, and this version knows {SCHEMA}")
    problems = list(schema_problems(plan))
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise PlanFileError(f"{path} does not fit its schema: {'; '.join(problems[:_SHOWN])}{more}")
    if plan["id"] != plan_id(plan):
        raise PlanFileError(
            f"{path} was changed after it was made: its id is {plan['id']}, and what it says has {plan_id(plan)}",
            f"{_AGAIN}. To leave nodes out, plan with vcfleet_except; only valid_until may be changed by hand",
        )
    return plan


def _parsed(path: str) -> Any:
    try:
        return json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise PlanFileError(f"{path} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanFileError(f"The plan {path} cannot be read: {getattr(error, 'strerror', None) or error}")


def schema_problems(plan: Mapping[str, Any]) -> Iterator[str]:
    """What the schema says against a plan, each with its place. Raises PlanFileError without the library for it."""
    try:
        jsonschema = importlib.import_module("jsonschema")
        validator = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    except ImportError:
        raise PlanFileError(
            f"Reading a plan takes the Python library jsonschema (4.0 or later), which {sys.executable} does not have",
            f"Install it on the controller: {sys.executable} -m pip install jsonschema",
        )
    for error in sorted(validator.iter_errors(plan), key=lambda error: error.json_path):
        yield f"{error.json_path}: {_short(error.message)}"


def _short(text: str, length: int = 200) -> str:
    """The library quotes the whole instance, which may be the whole plan."""
    return text if len(text) <= length else f"{text[: length // 2]} … {text[-length // 2 :]}"
