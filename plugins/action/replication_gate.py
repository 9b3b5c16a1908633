# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeAction


class ActionModule(NodeAction):
    """The work of vcfleet.certs.replication_gate: one call of the node's verb."""

    SECRETS = frozenset({"sso_password"})
