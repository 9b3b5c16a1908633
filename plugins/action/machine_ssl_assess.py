# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.assess import assess
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused, plain
from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import render
from ansible_collections.vcfleet.certs.plugins.plugin_utils.handover import untold
from ansible_collections.vcfleet.certs.plugins.plugin_utils.policy import IN_THE_ROLE, Policy, PolicyError
from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule_options import OptionError, moment_at
from ansible_collections.vcfleet.certs.plugins.plugin_utils.settings import SettingsError, understood
from ansible_collections.vcfleet.certs.plugins.plugin_utils.stage import Stage
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC
from ansible_collections.vcfleet.certs.plugins.plugin_utils.x509 import X509Error

_IN_THE_ROLE = "Correct these options; nothing was judged. The role calls each of them machine_ssl_X"


class ActionModule(Stage):
    """The work of vcfleet.certs.machine_ssl_assess."""

    _requires_connection = False
    CONSTRAINTS = {"required_one_of": [["survey", "record"]]}

    def from_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The survey. The settings of the later stages are looked at here, where nothing has been changed yet."""
        try:
            self._settings = understood(record["settings"])
        except SettingsError as error:
            problem = f"The settings cannot be used: {error}"
            raise Refused(problem, _IN_THE_ROLE, {"problems": error.problems}) from None
        return {"survey": record["survey"]}

    def parts(self, record: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
        """The assessment, what it was made with, a swap still to be handed over, and whether another run came first."""
        resumed = record.get("resumed") or untold(record["survey"])
        superseded = _is_superseded(record.get("assessment"), result["assessment"])
        return {
            "settings": self._settings,
            "policy": plain(self._task.args["policy"]),
            "assessment": result["assessment"],
            **({"resumed": resumed} if resumed else {}),
            **({"superseded": True} if superseded else {}),
        }

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Judge the survey by the policy."""
        try:
            policy = Policy.from_options(options["policy"])
            assessment = assess(options["survey"], policy, _now(options["at"], policy))
        except PolicyError as error:
            remedy = f"Correct these options; nothing was judged. {IN_THE_ROLE}"
            raise Refused(f"The policy cannot be used: {error}", remedy, {"problems": error.problems}) from error
        except X509Error as error:
            raise Refused(f"The survey holds a certificate that cannot be read: {error}") from error
        return {"changed": False, "assessment": assessment, "summary": render(assessment)}


def _is_superseded(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> bool:
    """Assessed a second time: has somebody replaced the certificate since, so that it is not due any more?"""
    if not before or not before["current"] or not now["current"]:
        return False
    return bool(before["current"]["sha256"] != now["current"]["sha256"] and now["verdict"] == "keep")


def _now(at: str | None, policy: Policy) -> datetime:
    """The controller's time, or the one that was asked for. Raises Refused."""
    if not at:
        return datetime.now(UTC)
    try:
        return moment_at(at, policy.schedule.zone)
    except OptionError as error:
        raise Refused(f"The option at (machine_ssl_at) {error}") from error
