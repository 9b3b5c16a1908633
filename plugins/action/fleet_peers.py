# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import DocumentedAction
from ansible_collections.vcfleet.certs.plugins.plugin_utils.walk import peers_to_restart_now
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC


class ActionModule(DocumentedAction):
    """The work of vcfleet.certs.fleet_peers."""

    _requires_connection = False

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Name them."""
        group = options["group"]
        peers = peers_to_restart_now(group, options["planned"], records.load_all(group["nodes"]), datetime.now(UTC))
        return {"changed": False, "peers": peers}
