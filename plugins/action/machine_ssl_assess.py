# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.assess import assess
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import render
from ansible_collections.vcfleet.certs.plugins.plugin_utils.handover import untold
from ansible_collections.vcfleet.certs.plugins.plugin_utils.policy import IN_THE_ROLE, Policy, PolicyError
from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule_options import OptionError, moment_at
from ansible_collections.vcfleet.certs.plugins.plugin_utils.settings import SettingsError, understood
from ansible_collections.vcfleet.certs.plugins.plugin_utils.stage import Stage
from ansible_collections.vcfleet.certs.plugins.plugin_utils.survey import Surveyor
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC
from ansible_collections.vcfleet.certs.plugins.plugin_utils.x509 import X509Error

_OF_A_SURVEY = ("state_dir", "tool_timeout")
# What is asked of a survey once it is judged; what else matters of it stands in the assessment.
_KEPT = (
    *("surveyed_at", "pnid", "sso_domain", "site", "machine_id", "fqdn", "node_type", "version", "build"),
    *("vmca_root", "trusted_roots", "journal", "last_swap", "last_restart", "last_window_seconds"),
    *("login_shell", "login_shell_before"),
)
_IN_THE_ROLE = "Correct these options; nothing was judged. The role calls each of them machine_ssl_X"


class ActionModule(Stage, Surveyor):
    """The work of vcfleet.certs.machine_ssl_assess."""

    CONSTRAINTS = {"mutually_exclusive": [["survey", "record"]], "required_one_of": [["survey", "record"]]}

    def from_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What a survey needs. All settings are looked at here, where nothing has been changed yet."""
        try:
            self._settings = understood(self._task.args.get("settings") or record["settings"])
        except SettingsError as error:
            problem = f"The settings cannot be used: {error}"
            raise Refused(problem, _IN_THE_ROLE, {"problems": error.problems}) from None
        return _only(self._settings, _OF_A_SURVEY)

    def parts(self, record: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
        """The survey, its assessment, why it was forced, a swap still to be handed over, and who came first."""
        if told.get("failed"):
            return {}
        resumed = record.get("resumed") or untold(self._survey)
        superseded = _is_superseded(record.get("assessment"), told["assessment"])
        return {
            "survey": {**_only(self._survey, _KEPT), "census": _only(self._survey["census"] or {}, ("running",))},
            "settings": {**self._settings, "probe": _named(self._settings["probe"], self._survey["pnid"])},
            "assessment": told["assessment"],
            **({"forced": self._policy.force_reason} if self._policy.force else {}),
            **({"resumed": resumed} if resumed else {}),
            **({"superseded": True} if superseded else {}),
        }

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Judge the survey by the policy. What is wrong with the options is said before the node is asked."""
        policy = self._policy = _policy(options)
        now = _now(options["at"], policy)
        surveyed = {"appliance": options["survey"]} if options["survey"] else self.survey(_only(options, _OF_A_SURVEY))
        self._survey = surveyed.pop("appliance")
        try:
            assessment = assess(self._survey, policy, now or datetime.now(UTC))
        except X509Error as error:
            raise Refused(f"The survey holds a certificate that cannot be read: {error}") from error
        return {**surveyed, "changed": False, "assessment": assessment, "summary": render(assessment)}


def _only(facts: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: facts[name] for name in names if name in facts}


def _named(probe: Mapping[str, Any] | None, pnid: str | None) -> dict[str, Any] | None:
    """Whatever the address is that the controller knows, the node is asked for by its PNID."""
    return {**probe, "server_name": probe["server_name"] or pnid} if probe else None


def _policy(options: Mapping[str, Any]) -> Policy:
    try:
        return Policy.from_options(options["policy"])
    except PolicyError as error:
        remedy = f"Correct these options; nothing was judged. {IN_THE_ROLE}"
        raise Refused(f"The policy cannot be used: {error}", remedy, {"problems": error.problems}) from error


def _is_superseded(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> bool:
    """Assessed a second time: has somebody replaced the certificate since, so that it is not due any more?"""
    if not before or not before["current"] or not now["current"]:
        return False
    return bool(before["current"]["sha256"] != now["current"]["sha256"] and now["verdict"] == "keep")


def _now(at: str | None, policy: Policy) -> datetime | None:
    """The time that was asked for, None where it is the controller's. Raises Refused."""
    if not at:
        return None
    try:
        return moment_at(at, policy.schedule.zone)
    except OptionError as error:
        raise Refused(f"The option at (machine_ssl_at) {error}") from error
