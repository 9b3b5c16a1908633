# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

from ansible_collections.vcfleet.certs.plugins.action import (
    machine_ssl_handover,
    machine_ssl_swap,
    machine_ssl_verify,
    replication_gate,
)
from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeAction
from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule import too_late
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC

_PARTS = ("swap", "verification", "handover")


class ActionModule(NodeAction):
    """The gate, and the stages from the swap to the handover, one after the other, each by the action of its name."""

    SECRETS = frozenset({"sso_password"})
    CONSTRAINTS = {"required_by": {"gate": ["sso_password"]}}

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """What the stages tell; one that fails is the last, and its failure is ours. Each notes its part itself."""
        record = options["record"]
        if options["postponed"]:
            return {"changed": False, "skipped": True, "skip_reason": "Its turn comes later.", "postponed": True}
        held = {} if options["not_begun"] else self._held(options)
        if held.get("failed"):
            return _together({"changed": False}, held)
        if reason := options["not_begun"] or (held and _too_late(record)):
            records.note(record, {"not_begun": reason})
            return {"changed": False, "skipped": True, "skip_reason": reason}
        swap = {"record": record, "state": "swapped", "lease": options["lease"]}
        told = _together({"changed": False}, self._done(machine_ssl_swap, swap))
        for stage in () if self._task.check_mode else (machine_ssl_verify, machine_ssl_handover):
            if not told.get("failed"):
                told = self._afterwards(stage, record, told)
        return told

    def _held(self, options: dict[str, Any]) -> dict[str, Any]:
        """What the gate tells when it has opened, or why it stays shut. Nothing where there is none."""
        if not options["gate"] or self._task.check_mode:
            return {}
        settings = records.load(options["record"])["settings"]
        login = {name: options[name] for name in ("sso_user", "sso_password", "lease")}
        where = {name: settings[name] for name in ("state_dir", "tool_timeout")}
        return self._done(replication_gate, {**options["gate"], **login, **where})

    def _shown(self, result: dict[str, Any]) -> dict[str, Any]:
        """As it leaves. A failure is noted here: other groups ask for it before Ansible gets to run a rescue."""
        shown = super()._shown(result)
        if shown.get("failed"):
            records.blame(str(self._task.args.get("record")), shown["msg"])
        return shown

    def _afterwards(self, stage: Any, record: str, told: dict[str, Any]) -> dict[str, Any]:
        """With what a later stage tells. The swap is done, whatever breaks now, and its part is not lost."""
        try:
            return _together(told, self._done(stage, {"record": record}))
        except Exception as error:
            raise Refused(f"{type(error).__name__}: {error}", details=told) from error

    def _done(self, stage: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        """A stage's result, with our connection. Raises AnsibleConnectionFailure as NodeAction does."""
        task = copy.copy(self._task)
        task.args = {name: argument for name, argument in arguments.items() if argument is not None}
        action = stage.ActionModule(
            task, self._connection, self._play_context, self._loader, self._templar, self._shared_loader_obj
        )
        return dict(action.run(task_vars=self.task_vars))


def _too_late(record: str) -> str:
    """Who has waited at a gate may have come too late for the maintenance window."""
    assessment = records.load(record).get("assessment") or {}
    return too_late(assessment.get("when"), datetime.now(UTC))


def _together(before: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """What all stages tell: parts, whether something changed, diff, commands at -v, and the failure of the last."""
    commands = [*before.get("commands", []), *result.get("commands", [])]
    return {
        **before,
        **(result if result.get("failed") else {}),
        **{name: result[name] for name in (*_PARTS, "diff") if name in result},
        **({"commands": commands} if commands else {}),
        "changed": before["changed"] or result["changed"],
    }
