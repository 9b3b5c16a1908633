# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The survey, as the controller asks for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeAction


class Surveyor(NodeAction):
    """An action that surveys its node."""

    def survey(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The result of the node's verb `appliance_info`; options: ca, state_dir, tool_timeout.

        Its clock is framed by the controller's, so that an offset can be judged later.
        """
        asked = time.time()
        result = self.call_node("appliance_info", dict(options), self._task.check_mode)
        result["appliance"]["clock"] = {
            **(result["appliance"].get("clock") or {}),
            "asked": asked,
            "answered": time.time(),
        }
        return result
