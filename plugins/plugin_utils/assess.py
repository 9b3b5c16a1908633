# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The assessment: a pure function from survey, policy and time to a judgement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import gates, x509
from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import REFUSE, Finding, worst_first
from ansible_collections.vcfleet.certs.plugins.plugin_utils.policy import Policy
from ansible_collections.vcfleet.certs.plugins.plugin_utils.wanted import Wanted, missing_names, plan_certificate

ROTATE, KEEP = "rotate", "keep"
SCHEMA = 1


def assess(survey: Mapping[str, Any], policy: Policy, now: datetime) -> dict[str, Any]:
    """Judge a survey. `now` is aware, and the controller's.

    Returns {"schema", "verdict": rotate|keep|refuse, "due", "reasons", "current", "wanted", "san_changes",
    "findings"}, all in JSON types. A node that is not due is kept whatever was found: nothing will be done to it.
    One whose certificate cannot be read is refused, since nobody can say that it is not due.
    Raises X509Error when the survey holds what is no certificate.
    """
    findings = gates.judge(survey, policy, now)
    current = _current(survey, now)
    wanted: Wanted | None = None
    if current and survey.get("pnid"):
        wanted, found = plan_certificate(survey["pnid"], current, policy)
        findings += found
    reasons = list(_reasons(survey, current, policy))
    due = bool(reasons)
    return {
        "schema": SCHEMA,
        "verdict": _verdict(due, current is not None, findings),
        "due": due,
        "reasons": reasons or [_why_not(current)],
        "current": current,
        "wanted": wanted.to_dict() if wanted else None,
        "san_changes": wanted.changes() if wanted else None,
        "findings": [finding.to_dict() for finding in worst_first(findings)],
    }


def _current(survey: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    chain = (survey.get("machine_certificate") or {}).get("chain") or []
    if not chain:
        return None
    leaf = chain[0]
    return {
        **x509.facts(leaf),
        "lifetime_days": round(x509.lifetime_days(leaf), 2),
        "days_left": round(x509.days_left(leaf, now), 2),
        "lifetime_fraction_left": round(x509.lifetime_fraction_left(leaf, now), 4),
    }


def _reasons(survey: Mapping[str, Any], current: Mapping[str, Any] | None, policy: Policy) -> Iterator[str]:
    """Every reason for which the certificate is due."""
    if policy.force:
        yield f"Forced: {policy.force_reason.rstrip('.')}."
    if current is None:
        return
    if current["days_left"] < 0:
        yield f"It ended {current['not_after']}."
    elif current["lifetime_fraction_left"] <= policy.lifetime_fraction:
        yield f"{_left(current)}, and {policy.lifetime_fraction:.0%} or less is due."
    elif current["days_left"] <= policy.days_left:
        yield f"{_left(current)}, and {policy.days_left:g} days or fewer are due."
    missing = missing_names(survey["pnid"], current, policy) if survey.get("pnid") else []
    if missing:
        yield f"It lacks {', '.join(missing)}."


def _why_not(current: Mapping[str, Any] | None) -> str:
    if current is None:
        return "There is no machine certificate to judge."
    return f"{_left(current)}, so it is not due."


def _left(current: Mapping[str, Any]) -> str:
    days, whole = current["days_left"], current["lifetime_days"]
    return f"{days:.1f} of {whole:.0f} days are left ({current['lifetime_fraction_left']:.0%} of the lifetime)"


def _verdict(due: bool, readable: bool, findings: list[Finding]) -> str:
    if readable and not due:
        return KEEP
    if not readable or any(finding.severity == REFUSE for finding in findings):
        return REFUSE
    return ROTATE
