# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy that cannot be used is refused before anything is judged, and every wrong option is named."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils.policy import Policy, PolicyError


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"subject": {"country": "USA"}}, "policy.subject.country is not two letters"),
        ({"subject": {"country": ""}}, "policy.subject.country is empty"),
        ({"subject": {"organization": "A, B"}}, "policy.subject.organization has a comma"),
        ({"subject": {"locality": "Bern #1"}}, "policy.subject.locality has a comma, a #"),
        ({"subject": {"organization": "x" * 65}}, "policy.subject.organization is longer than 64"),
        ({"subject": {"state": "x" * 129}}, "policy.subject.state is longer than 128"),
        ({"subject": {"street": "x"}}, "policy.subject.street is none of"),
        ({"san": {"dns": ["a.example", "*.example"]}}, "policy.san.dns[1] is a wildcard"),
        ({"san": {"dns": [""]}}, "policy.san.dns[0] is empty"),
        ({"san": {"ip": ["300.1.1.1"]}}, "policy.san.ip[0] is no IP address"),
        ({"san": {"email": ["nobody"]}}, "policy.san.email[0] is no e-mail address"),
        ({"drop_sans": [" "]}, "policy.drop_sans[0] is empty"),
        ({"lifetime_fraction": 33}, "policy.lifetime_fraction is 33"),
        ({"days_left": -1}, "policy.days_left is -1"),
        ({"force": True}, "policy.force_reason is missing"),
        ({"force": True, "force_reason": "  "}, "policy.force_reason is missing"),
        ({"disk_used_max": 0}, "policy.disk_used_max is 0"),
        ({"clock_offset_max": 0}, "policy.clock_offset_max is 0"),
    ],
)
def test_the_option_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.from_options(options)

    assert words in str(caught.value)
    assert len(caught.value.problems) == 1


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.from_options({"subject": {"country": "USA", "state": "a,b"}, "san": {"dns": [""]}, "days_left": -1})

    assert len(caught.value.problems) == 4


def test_what_is_left_out_or_null_has_its_default() -> None:
    policy = Policy.from_options({"subject": {"country": None}, "san": None, "drop_sans": None, "force_reason": ""})

    assert policy == Policy.from_options({})
    assert policy.lifetime_fraction == pytest.approx(1 / 3)
    assert policy.subject == {} and policy.san == {"dns": [], "ip": [], "email": []}
