# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import DocumentedAction, Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.groups import linked_groups, override_problems
from ansible_collections.vcfleet.certs.plugins.plugin_utils.x509 import X509Error


class ActionModule(DocumentedAction):
    """The work of vcfleet.certs.linked_groups."""

    _requires_connection = False

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Sort the nodes."""
        nodes = options.pop("nodes")
        if problems := override_problems(options["overrides"], options["inventory"]):
            raise Refused(f"linked_groups: {'; '.join(problems)}", details={"problems": problems})
        surveyed = records.surveyed(nodes)
        try:
            groups = linked_groups(surveyed, [node for node in nodes if node not in surveyed], **options)
        except X509Error as error:
            raise Refused(f"A survey holds a certificate that cannot be read: {error}") from error
        return {"changed": False, "groups": groups}
