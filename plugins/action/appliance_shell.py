# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import (
    ApplianceShellRefused,
    NodeAction,
    NodeRefused,
)

# What the appliance shell understands (field notes §2.2).
_ENABLE = "shell.set --enabled true"
_SWITCH = "shell chsh -s /bin/bash root"
_APPLIANCE_SHELL = "/bin/appliancesh"
_BASH = "/bin/bash"


class ActionModule(NodeAction):
    """The work of vcfleet.certs.appliance_shell.

    The node's verb remembers, switches and reads back, in this order. Only where the appliance shell lets no Python
    through is the switch made by a plain command, and remembered right after.
    """

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Switch or restore. A new session proves which shell answers then."""
        if options["state"] == "restored":
            result = self._ask_verb(options)
        elif self.has_posix_shell():
            result = self._ask_verb(options, state="told")
        else:
            result = self._switched(options)
        if result["changed"] and not self._task.check_mode:
            self.reset_connection()
            if options["state"] == "bash":
                self._insist_on_posix_shell(result)
        return result

    def _switched(self, options: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._ask_verb(options)
        except ApplianceShellRefused:
            if self._task.check_mode:
                return {"changed": True, "previous": None, "current": _BASH}
        self.run_raw(_ENABLE)
        try:
            return self._ask_verb(options)
        except ApplianceShellRefused:
            return self._switched_blindly(options)

    def _switched_blindly(self, options: dict[str, Any]) -> dict[str, Any]:
        done = self.run_raw(_SWITCH)
        self.reset_connection()
        self._insist_on_posix_shell({"rc": done.rc, "stdout": done.stdout, "stderr": done.stderr})
        return self._ask_verb(options, state="remembered", previous=_APPLIANCE_SHELL)

    def _ask_verb(self, options: dict[str, Any], **other: str) -> dict[str, Any]:
        return self.call_node(self.module_name, {**options, **other}, check_mode=self._task.check_mode)

    def _insist_on_posix_shell(self, details: dict[str, Any]) -> None:
        if not self.has_posix_shell():
            raise NodeRefused(
                "The login shell was to be switched to bash, and the appliance shell still answers",
                "Run `shell.set --enabled true`, `shell` and `chsh -s /bin/bash root` by hand, and see what they say",
                details,
            )
