# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The assessment: a pure function from survey, policy and time to a judgement."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import gates, schedule, x509
from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import REFUSE, Finding, worst_first
from ansible_collections.vcfleet.certs.plugins.plugin_utils.policy import Policy
from ansible_collections.vcfleet.certs.plugins.plugin_utils.wanted import Wanted, missing_names, plan_certificate

ROTATE, KEEP = "rotate", "keep"
SCHEMA = 1


def assess(survey: Mapping[str, Any], policy: Policy, now: datetime) -> dict[str, Any]:
    """Judge a survey. `now` is aware, and the controller's.

    Returns {"schema", "verdict": rotate|keep|refuse, "due", "reasons", "waits", "when", "current", "wanted",
    "san_changes", "findings"}, all in JSON types; `waits` is that of schedule.waits, for a node that is not due, too,
    and `when` that of schedule.describe, or None without a certificate. A node that is not due, or that has to wait, is
    kept whatever was found: nothing will be done to it.
    One whose certificate cannot be read is refused, since nobody can say that it is not due.
    Raises X509Error when the survey holds what is no certificate.
    """
    findings = gates.judge(survey, policy, now)
    current = _current(survey, now)
    wanted: Wanted | None = None
    if current and survey.get("pnid"):
        wanted, found = plan_certificate(survey["pnid"], current, policy)
        findings += found
    times = _times(survey, current, policy, now)
    reasons = list(_reasons(survey, current, times, policy))
    due = bool(reasons)
    decision = schedule.Decision()
    if due and times:
        decision = schedule.decide(policy.schedule, times.outlook, survey.get("last_swap"), policy.force)
        findings += _refusal(decision)
    return {
        "schema": SCHEMA,
        "verdict": _verdict(due and decision.verdict != schedule.WAIT, current is not None, findings),
        "due": due,
        "reasons": [*(reasons or [_why_not(current, times)]), *decision.reasons],
        "waits": schedule.waits(policy.schedule, times.outlook, survey.get("last_swap")) if times else "",
        "when": _when(survey, times, policy),
        "current": current,
        "wanted": wanted.to_dict() if wanted else None,
        "san_changes": wanted.changes() if wanted else None,
        "findings": [finding.to_dict() for finding in worst_first(findings)],
    }


def why_waits(assessment: Mapping[str, Any], forced: bool) -> list[str]:
    """Why a node whose turn is planned has to wait by its assessment, in sentences. None when it may begin.

    A plan may be applied before the node is due, and the windows and freezes are there all the same. Force goes before
    windows and backoff, never before a freeze.
    """
    frozen = bool((assessment.get("when") or {}).get("freeze"))
    if assessment.get("verdict") != KEEP or (forced and not frozen):
        return []
    if assessment.get("due"):
        return list(assessment["reasons"])
    waits = assessment.get("waits")
    return [f"Planned, {waits}", *["Force does not go before a freeze."] * forced] if waits else []


def _current(survey: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    chain = (survey.get("machine_certificate") or {}).get("chain") or []
    if not chain:
        return None
    leaf = chain[0]
    return {
        **x509.facts(leaf),
        "lifetime_days": round(x509.lifetime_days(leaf), 2),
        # Rounded down: a certificate that ended just now has less than no day left.
        "days_left": math.floor(x509.days_left(leaf, now) * 100) / 100,
        "lifetime_fraction_left": round(x509.lifetime_fraction_left(leaf, now), 4),
    }


@dataclass(frozen=True)
class _Times:
    """When the certificate is due, and what the calendar says now."""

    due: schedule.Due
    outlook: schedule.Outlook


def _times(
    survey: Mapping[str, Any], current: Mapping[str, Any] | None, policy: Policy, now: datetime
) -> _Times | None:
    if current is None:
        return None
    validity = schedule.Validity(*(schedule.moment(current[end]) for end in ("not_before", "not_after")))
    pnid = survey.get("pnid") or ""
    due = schedule.when_due(validity, policy.days_left, policy.lifetime_fraction, policy.schedule.jitter, pnid)
    return _Times(due, schedule.look(policy.schedule, now, validity))


def _reasons(
    survey: Mapping[str, Any], current: Mapping[str, Any] | None, times: _Times | None, policy: Policy
) -> Iterator[str]:
    """Every reason for which the certificate is due."""
    if policy.force:
        yield f"Forced: {policy.force_reason.rstrip('.')}."
    if current is None or times is None:
        return
    yield from _dates(current, times, policy)
    missing = missing_names(survey["pnid"], current, policy) if survey.get("pnid") else []
    if missing:
        yield f"It lacks {', '.join(missing)}."


def _dates(current: Mapping[str, Any], times: _Times, policy: Policy) -> Iterator[str]:
    """The one reason that the calendar gives, if any."""
    if current["days_left"] < 0:
        yield f"It ended {current['not_after']}."
    elif current["lifetime_fraction_left"] <= policy.lifetime_fraction:
        yield f"{_left(current)}, and {policy.lifetime_fraction:.0%} or less is due."
    elif current["days_left"] <= policy.days_left:
        yield f"{_left(current)}, and {policy.days_left:g} days or fewer are due."
    elif times.due.at <= times.outlook.now:
        yield f"{_left(current)}, and it is due since {schedule.iso(times.due.at)}, {_jitter(times.due)}."
    elif cannot_wait := schedule.cannot_wait(policy.schedule, times.outlook):
        yield f"{_left(current)}, but it cannot wait. {cannot_wait}"


def _jitter(due: schedule.Due) -> str:
    return f"{due.jitter.total_seconds() / 86400:.1f} days sooner by its jitter"


def _why_not(current: Mapping[str, Any] | None, times: _Times | None) -> str:
    if current is None or times is None:
        return "There is no machine certificate to judge."
    jitter = f" before {schedule.iso(times.due.at)}, {_jitter(times.due)}" if times.due.jitter else ""
    return f"{_left(current)}, so it is not due{jitter}."


def _refusal(decision: schedule.Decision) -> list[Finding]:
    if decision.verdict != schedule.REFUSE:
        return []
    remedy = (
        "Open a window before that (machine_ssl_windows, policy.windows), lift the freeze for this node"
        " (machine_ssl_freezes, policy.freezes), or set machine_ssl_deadline (policy.deadline) to rotate."
    )
    return [Finding("not-now", REFUSE, " ".join(decision.reasons), {}, remedy)]


def _when(survey: Mapping[str, Any], times: _Times | None, policy: Policy) -> dict[str, Any] | None:
    if times is None:
        return None
    return schedule.describe(policy.schedule, times.due, times.outlook, survey.get("last_swap"), policy.force)


def _left(current: Mapping[str, Any]) -> str:
    days, whole = current["days_left"], current["lifetime_days"]
    return f"{days:.1f} of {whole:.0f} days are left ({current['lifetime_fraction_left']:.0%} of the lifetime)"


def _verdict(due: bool, readable: bool, findings: list[Finding]) -> str:
    if readable and not due:
        return KEEP
    if not readable or any(finding.severity == REFUSE for finding in findings):
        return REFUSE
    return ROTATE
