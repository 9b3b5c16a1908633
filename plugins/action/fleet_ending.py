# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import DocumentedAction
from ansible_collections.vcfleet.certs.plugins.plugin_utils.fleet import ROTATED, ended_node


class ActionModule(DocumentedAction):
    """The work of vcfleet.certs.fleet_ending."""

    _requires_connection = False

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Fail, or be changed, as the node's record says."""
        record = records.load(options["node"])
        ended = ended_node(record, options["planned"], self._task.check_mode)
        changed = (ended["ending"] == ROTATED and "swap" in record) or "restarted" in record
        result = {"changed": changed, "ending": ended["ending"]}
        return {**result, "failed": True, "msg": ended["sentence"]} if ended["failed"] else result
