# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display
from ansible_collections.vcfleet.certs.plugins.plugin_utils.handover import handover
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeAction, NodeRefused, NodeUnreachable
from ansible_collections.vcfleet.certs.plugins.plugin_utils.stage import Stage

display = Display()


class ActionModule(Stage, NodeAction):
    """The work of vcfleet.certs.machine_ssl_handover."""

    CONSTRAINTS = {"required_one_of": [[name, "record"] for name in ("pnid", "sso_domain", "old", "new")]}

    def from_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The swap of this run, or the one of an earlier run that was finished before this one began."""
        ended = record["resumed"] if "resumed" in record and not record.get("swap") else record["swap"]
        return {
            "pnid": record["survey"]["pnid"],
            "sso_domain": record["survey"]["sso_domain"],
            "old": ended["old"],
            "new": ended["new"],
            **{name: record["settings"][name] for name in ("state_dir", "tool_timeout")},
        }

    def parts(self, record: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
        return {name: told[name] for name in ("handover",) if name in told}

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Make the list. The rotation is as good when the node cannot be told that it was made."""
        told = handover(options["pnid"], options["sso_domain"], options["old"], options["new"])
        try:
            noted = self.call_node(self.module_name, options, self._task.check_mode)["noted"]
        except (NodeUnreachable, NodeRefused) as problem:
            display.warning(f"A later run will tell this handover again, since the node could not note it: {problem}")
            noted = False
        return {"changed": False, "handover": told, "noted": noted}
