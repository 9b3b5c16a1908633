# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings for people."""

from __future__ import annotations

from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import Finding, refusals, render, worst_first

FINDINGS = [
    Finding("template-leftovers", "info", "Leftovers go."),
    Finding("disk-low", "warn", "The disk is rather full.", {"free": 1}, "Make room."),
    Finding("vcha-configured", "refuse", "vCenter HA is configured.", {}, "Destroy it."),
    Finding("key-mismatch", "refuse", "The key is not its own.", {}, "Repair it."),
]


def test_the_worst_comes_first_and_order_stays_within() -> None:
    assert [each.id for each in worst_first(FINDINGS)] == [
        "vcha-configured",
        "key-mismatch",
        "disk-low",
        "template-leftovers",
    ]


def test_refusals_of_findings_as_they_travel() -> None:
    assert [each["id"] for each in refusals([each.to_dict() for each in FINDINGS])] == [
        "vcha-configured",
        "key-mismatch",
    ]


def test_the_text_names_every_finding_and_what_to_do() -> None:
    assessment = {
        "verdict": "refuse",
        "reasons": ["30.0 of 730 days are left."],
        "findings": [each.to_dict() for each in worst_first(FINDINGS)],
    }

    assert render(assessment) == (
        "refuse: 30.0 of 730 days are left.\n"
        "refuse vcha-configured: vCenter HA is configured.\n"
        "       → Destroy it.\n"
        "refuse key-mismatch: The key is not its own.\n"
        "       → Repair it.\n"
        "warn   disk-low: The disk is rather full.\n"
        "       → Make room.\n"
        "info   template-leftovers: Leftovers go."
    )


def test_long_text_is_wrapped_and_names_stay_whole() -> None:
    name = "a-very-long-name.with-hyphens.department.example.com"
    finding = Finding("san-dropped", "refuse", f"The new certificate will not have {name}.", {}, f"Let {name} go.")

    text = render({"verdict": "refuse", "reasons": ["x"], "findings": [finding.to_dict()]}, width=60)

    assert text.count(name) == 2
    assert all(len(line) <= 60 or name in line for line in text.splitlines())
