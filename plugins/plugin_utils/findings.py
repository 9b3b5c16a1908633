# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. Findings: one judged fact each, as data for reports and as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

REFUSE, WARN, INFO = "refuse", "warn", "info"
SEVERITIES = (REFUSE, WARN, INFO)


@dataclass(frozen=True)
class Finding:
    """`id` is stable, `severity` one of SEVERITIES, `evidence` JSON-safe, `remedy` what to do about it."""

    id: str
    severity: str
    message: str
    evidence: dict[str, Any] = field(default_factory=dict)
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The finding as it travels: {"id", "severity", "message", "evidence", "remedy"}."""
        return asdict(self)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """By severity; within one in the order they were found."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def refusals(findings: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those findings (as they travel) that stand in the way."""
    return [finding for finding in findings if finding["severity"] == REFUSE]


def render(assessment: Mapping[str, Any], width: int = 100) -> str:
    """An assessment as plain text: the verdict, every reason, every finding worst first, and what to do about each."""
    lines = [f"{assessment['verdict']}: {' '.join(assessment['reasons'])}"]
    for finding in assessment["findings"]:
        lines += _wrapped(f"{finding['severity']:<6} {finding['id']}: ", finding["message"], width)
        if finding["remedy"]:
            lines += _wrapped(" " * 7, f"→ {finding['remedy']}", width)
    return "\n".join(lines)


def _wrapped(head: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(head + text, width, subsequent_indent=" " * 7, break_long_words=False, break_on_hyphens=False)
