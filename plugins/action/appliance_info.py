# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeAction


class ActionModule(NodeAction):
    """The work of vcfleet.certs.appliance_info: one call of the node's verb, and when it was made."""

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """The survey; its clock is framed by the controller's, so that an offset can be judged later."""
        asked = time.time()
        result = self.call_node(self.module_name, options, check_mode=self._task.check_mode)
        result["appliance"]["clock"] = {
            **(result["appliance"].get("clock") or {}),
            "asked": asked,
            "answered": time.time(),
        }
        return result
