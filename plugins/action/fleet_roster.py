# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import DocumentedAction


class ActionModule(DocumentedAction):
    """The work of vcfleet.certs.fleet_roster."""

    _requires_connection = False

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Keep them."""
        records.enroll(options["rosters"])
        return {"changed": False, "rosters": options["rosters"]}
