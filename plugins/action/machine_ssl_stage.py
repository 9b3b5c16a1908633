# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeAction
from ansible_collections.vcfleet.certs.plugins.plugin_utils.stage import Stage
from ansible_collections.vcfleet.certs.plugins.plugin_utils.verify import failures, verify
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC
from ansible_collections.vcfleet.certs.plugins.plugin_utils.x509 import X509Error

_EXPECTED = ("cn", "dns", "ip", "email")
_REMEDY = "Nothing was put to use. Find out why VMCA issues such certificates, and run again"


class ActionModule(Stage, NodeAction):
    """The work of vcfleet.certs.machine_ssl_stage."""

    CONSTRAINTS = {"required_one_of": [[name, "record"] for name in ("wanted", "roots")]}

    def from_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What the certificate is to be, and what it has to lead to."""
        return {
            "wanted": record["assessment"]["wanted"],
            "roots": [root for entry in record["survey"]["trusted_roots"] for root in entry["chain"]],
            **{name: record["settings"][name] for name in ("state_dir", "tool_timeout")},
        }

    def parts(self, record: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
        """The staged certificate, and whether it was issued just now; check mode issues none."""
        staged = {name: told[name] for name in ("certificate", "sha256") if name in told}
        return {"staged": {**staged, "issued": told["changed"]}} if staged else {}

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Have the node make the pair, and prove the certificate here."""
        wanted = options["wanted"]
        question = {name: options[name] for name in ("config", "state_dir", "tool_timeout")}
        question["expect"] = {name: wanted[name] for name in _EXPECTED}
        result = self.call_node(self.module_name, question, self._task.check_mode)
        problems = _problems(result["certificate"], options) if "certificate" in result else []
        if problems:
            raise Refused(" ".join(problems), _REMEDY, {"changed": result["changed"], "problems": problems})
        return result


def _problems(certificate: str, options: Mapping[str, Any]) -> list[str]:
    """Whatever would be wrong with the node's presenting it."""
    try:
        return failures(verify(certificate, options["roots"], datetime.now(UTC), options["wanted"]))
    except X509Error as error:
        return [f"What VMCA issued cannot be verified: {error}"]
