# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display
from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import DocumentedAction
from ansible_collections.vcfleet.certs.plugins.plugin_utils.fleet import gone_nodes, summarize, summary_lines


class ActionModule(DocumentedAction):
    """The work of vcfleet.certs.fleet_summary."""

    _requires_connection = False

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Make the summary and show it."""
        plan = options["plan"]
        nodes = summarize(records.load_all(plan["nodes"]), plan, self._task.check_mode)
        for line in summary_lines(nodes):
            Display().display(line)
        told = {"changed": False, "nodes": nodes}
        gone = gone_nodes(plan, options["inventory"]) if options["inventory"] else {}
        return {**told, "failed": True, "msg": " ".join(dict.fromkeys(gone.values()))} if gone else told
