# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from ansible.utils.display import Display
from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import DocumentedAction, Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.handover import HOLDERS
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import Plan, make_plan, seal
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_drift import Present, apply_plan
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_file import PlanFileError, load_plan
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_text import plan_lines
from ansible_collections.vcfleet.certs.plugins.plugin_utils.selection import (
    Selection,
    SelectionError,
    Waves,
    names,
    unknown_names,
)
from ansible_collections.vcfleet.certs.plugins.plugin_utils.walk import rosters
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC

Made = TypeVar("Made")

# Hours: whoever means for ever says 0.
_YEAR = 8784


class ActionModule(DocumentedAction):
    """The work of vcfleet.certs.fleet_plan."""

    _requires_connection = False

    def arguments(self) -> dict[str, Any]:
        """A blank text of `only`, which is what a form's empty field gives, says nothing; a list of one is no text."""
        arguments: dict[str, Any] = super().arguments()
        only = arguments.get("only")
        return {**arguments, "only": None} if isinstance(only, str) and not only.strip() else arguments

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Make the plan, or take the reviewed one as far as it still fits, and show it."""
        now = datetime.now(UTC)
        reviewed = _reviewed(options["reviewed"])
        selection, waves = _choices(options, reviewed)
        surveyed, groups = records.surveyed(options["nodes"]), options["groups"]
        if reviewed:
            plan = apply_plan(reviewed, Present(surveyed, groups, selection, options["inventory"], now))
        else:
            consumers = [each.holder for each in HOLDERS]
            plan = seal(make_plan(surveyed, groups, selection, waves, consumers), now, options["valid_hours"])
        for line in plan_lines(plan):
            Display().display(line)
        enrolled = rosters(plan, surveyed, options["hosts"])
        records.keep_plan(plan)
        records.enroll(enrolled)
        return {"changed": False, "plan": plan, "rosters": enrolled}


def _reviewed(path: str | None) -> Plan | None:
    try:
        return None if path is None else load_plan(path)
    except PlanFileError as error:
        raise Refused(error.problem, f"Nothing was changed. {error.remedy}") from error


def _choices(options: Mapping[str, Any], reviewed: Plan | None) -> tuple[Selection, Waves]:
    """What a person chose. Raises Refused with all that is wrong with it at once."""
    problems: list[str] = []
    selection = _understood(lambda: Selection.from_options(options), Selection(), problems)
    waves = _understood(lambda: Waves.from_options(options), Waves(), problems)
    planned: Mapping[str, Any] = reviewed or {}
    known = {*options["inventory"], *planned.get("groups", ()), *planned.get("nodes", ())}
    for option in ("only", "except", "canary"):
        problems += unknown_names(option, names(options[option] or ()), options["groups"], known)
    if not 0 <= options["valid_hours"] <= _YEAR:
        problems.append(f"valid_hours (vcfleet_plan_valid) is {options['valid_hours']:g}, not from 0 to {_YEAR} hours")
    if problems:
        raise Refused(f"fleet_plan: {'; '.join(problems)}", details={"problems": problems})
    return selection, waves


def _understood(parse: Callable[[], Made], default: Made, problems: list[str]) -> Made:
    """What is parsed; where it cannot be, the default, and the problems noted."""
    try:
        return parse()
    except SelectionError as error:
        problems += error.problems
        return default
