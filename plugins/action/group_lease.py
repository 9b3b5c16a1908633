# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display
from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeAction, NodeRefused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.stage import Stage

display = Display()

PAUSE = 3.0


class ActionModule(Stage, NodeAction):
    """The work of vcfleet.certs.group_lease. It waits here, and not on the node: no connection hangs meanwhile."""

    CONSTRAINTS = {
        "required_if": [
            ["state", "held", ["group", "owner"]],
            ["state", "awaited", ["group", "owner"]],
            ["state", "renewed", ["owner"]],
            ["state", "released", ["owner"]],
            ["state", "returned", ["owner"]],
        ]
    }

    def from_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Where the node keeps its lease. A lease is the run's, and stands in no record."""
        return {name: record["settings"][name] for name in ("state_dir", "tool_timeout")}

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Ask until the lease is ours or the time to wait is over; the last refusal is the task's."""
        wait = _seconds(options.pop("wait"))
        patient = options["state"] in ("held", "awaited", "renewed") and not self._task.check_mode
        begun = time.monotonic()
        deadline = begun + wait * patient
        waited_for = ""
        while True:
            try:
                answer = self.call_node(self.module_name, options, check_mode=self._task.check_mode)
                waited = round(time.monotonic() - begun, 1) if waited_for else 0.0
                return {**answer, "waited": waited, "outdated": bool(waited_for) or self._has_swapped_since(answer)}
            except NodeRefused as refused:
                left = deadline - time.monotonic()
                if "lease" not in refused.details or left <= 0:
                    raise
                if _holder(refused) != waited_for:
                    waited_for = _holder(refused)
                    self._say(f"waiting for the lease, at most {math.ceil(left)} s more: {refused.problem}")
                time.sleep(min(PAUSE, left))

    def _has_swapped_since(self, answer: Mapping[str, Any]) -> bool:
        """Has the node begun a swap since it was surveyed? Where no record is named, nobody has surveyed it for us."""
        survey = records.load(self._name).get("survey") if self._name else None
        newest = (survey or {}).get("last_restart") or (survey or {}).get("last_swap") or {}
        return survey is not None and newest.get("id") != answer["lease"]["newest_journal"]

    def _say(self, line: str) -> None:
        node = self._task.delegate_to or self.task_vars.get("inventory_hostname", "node")
        display.display(f"  {node}  {time.strftime('%H:%M:%S')}  {line}")


def _holder(refused: NodeRefused) -> str:
    return str((refused.details["lease"] or {}).get("owner", "a swap"))


def _seconds(wait: float) -> float:
    if not 0 <= wait < math.inf:
        raise Refused(f"wait is {wait:g} seconds", "Give 0 or more seconds to wait for another owner's lease to end")
    return wait
