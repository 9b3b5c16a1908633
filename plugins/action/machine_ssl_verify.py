# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible.utils.display import Display
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.stage import Stage
from ansible_collections.vcfleet.certs.plugins.plugin_utils.verify import Probe, failures, notes, verify
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC
from ansible_collections.vcfleet.certs.plugins.plugin_utils.x509 import X509Error


class ActionModule(Stage):
    """The work of vcfleet.certs.machine_ssl_verify."""

    _requires_connection = False
    CONSTRAINTS = {"required_one_of": [["certificate", "record"], ["roots", "record"]]}

    def from_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The staged certificate, as the node is to present it."""
        return {
            "certificate": record["staged"]["certificate"],
            "wanted": record["assessment"]["wanted"],
            "roots": [root for entry in record["survey"]["trusted_roots"] for root in entry["chain"]],
            "probe": record["settings"]["probe"],
        }

    def parts(self, record: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
        return {name: told[name] for name in ("verification",) if name in told}

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Check the certificate, now; a check that fails fails the task."""
        now = datetime.now(UTC)
        probe = Probe.from_options(options["probe"]) if options["probe"] else None
        try:
            verification = verify(options["certificate"], options["roots"], now, options["wanted"], probe)
        except X509Error as error:
            raise Refused(f"The certificate cannot be verified: {error}") from error
        for note in notes(verification):
            Display().display(f"  {note}")
        result = {"changed": False, "verification": verification}
        if verification["ok"]:
            return result
        return {**result, "failed": True, "msg": " ".join(failures(verification))}
