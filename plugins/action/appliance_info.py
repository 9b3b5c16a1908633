# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.survey import Surveyor


class ActionModule(Surveyor):
    """The work of vcfleet.certs.appliance_info."""

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        return self.survey(options)
