# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeAction
from ansible_collections.vcfleet.certs.plugins.plugin_utils.stage import Stage


class ActionModule(Stage, NodeAction):
    """The work of vcfleet.certs.linked_mode_info: one call of the node's verb."""

    SECRETS = frozenset({"sso_password"})

    def from_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {"tool_timeout": record["settings"]["tool_timeout"]}

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Ask. Nothing is taken for granted until the node has told, and Ansible may end this task before that."""
        self.note(linked_mode={"problem": "it did not answer."})
        return super().act(options)

    def parts(self, record: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
        """What the directory knows, or why it did not tell."""
        return {"linked_mode": told.get("linked_mode") or {"problem": told["msg"]}}
