# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeAction
from ansible_collections.vcfleet.certs.plugins.plugin_utils.stage import Stage
from ansible_collections.vcfleet.certs.plugins.plugin_utils.verify import Probe, complaints
from ansible_collections.vcfleet.certs.plugins.plugin_utils.x509 import X509Error


class ActionModule(Stage, NodeAction):
    """The work of vcfleet.certs.machine_ssl_health: the node's census, and a look at its ports from here."""

    CONSTRAINTS = {"required_by": {"probe": ["sha256"]}, "required_one_of": [["running", "record"]]}

    def from_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What its swap has left: the services that run, and the certificate that is served."""
        return {
            "running": record["swap"]["running"],
            "sha256": record["swap"]["new"]["sha256"],
            **{name: record["settings"][name] for name in ("probe", "tool_timeout")},
        }

    def _shown(self, result: dict[str, Any]) -> dict[str, Any]:
        """As it leaves. What is amiss is the node's failure, whoever asked, and whatever becomes of the task."""
        shown = super()._shown(result)
        if self._name is not None and shown.get("failed"):
            records.blame(self._name, shown["msg"])
        return shown

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Look once; what is not as it should be fails the task, all of it at once."""
        census = self.call_node("service_control_info", {"tool_timeout": options["tool_timeout"]})["census"]
        gone = [service for service in options["running"] if service not in census["running"]]
        problems = [f"Services that ran before do not run: {', '.join(gone)}."] * bool(gone)
        if options["probe"]:
            problems += _complaints(options)
        if problems:
            raise Refused(" ".join(problems), details={"problems": problems, "census": census})
        return {"changed": False, "census": census}


def _complaints(options: Mapping[str, Any]) -> list[str]:
    try:
        return complaints(options["sha256"], Probe.from_options(options["probe"]))
    except X509Error as error:
        return [f"A port presents a certificate that cannot be read: {error}."]
