# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import DocumentedAction
from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule import too_late
from ansible_collections.vcfleet.certs.plugins.plugin_utils.walk import reasons_to_wait
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC


class ActionModule(DocumentedAction):
    """The work of vcfleet.certs.fleet_turn."""

    _requires_connection = False

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Say whether the node may begin. In check mode nobody is staged or handed over, and everybody may."""
        if self._task.check_mode:
            return {"changed": False, "begin": True, "sentence": ""}
        node, lease, planned = options["node"], options.pop("lease"), options["planned"]
        known = records.load_all([node, *planned["after"], *planned["together"]])
        sentence = " ".join([*reasons_to_wait(records=known, **options), *_too_late(known.get(node, {}))])
        records.note(node, {"not_begun": sentence} if sentence else {"lease": lease})
        return {"changed": False, "begin": not sentence, "sentence": sentence}


def _too_late(record: Mapping[str, Any]) -> list[str]:
    """A turn may come long after the assessment, when the maintenance window has closed."""
    assessment = record.get("assessment") or {}
    return list(filter(None, [too_late(assessment.get("when"), datetime.now(UTC))]))
