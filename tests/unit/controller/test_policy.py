# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy that cannot be used is refused before anything is judged, and every wrong option is named."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils.policy import Policy, PolicyError

SATURDAYS = {"cron": "0 22 * * sat", "duration": "4h", "timezone": "Europe/Berlin"}


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
        ({"clock_offset_max": float("nan")}, "policy.clock_offset_max is nan"),
        ({"days_left": float("nan")}, "policy.days_left is nan"),
        ({"jitter": 1.5}, "policy.jitter is 1.5, not between 0 and 1"),
        ({"jitter": float("nan")}, "policy.jitter is nan"),
        ({"jitter": "much"}, "policy.jitter is 'much', no number"),
        ({"expiry_margin": "soon"}, "policy.expiry_margin is 'soon', no duration: give seconds, or such as 30m"),
        ({"expiry_margin": "-1d"}, "policy.expiry_margin is '-1d', no duration"),
        ({"backoff": "1.5h"}, "policy.backoff is '1.5h', no duration"),
        ({"backoff": "53w"}, "policy.backoff is '53w', longer than a year"),
        ({"timezone": "Europe/Bern"}, "policy.timezone is 'Europe/Bern', no time zone that the controller knows"),
        ({"timezone": "../../etc/passwd"}, "policy.timezone is '../../etc/passwd', no time zone"),
        ({"timezone": "Europe"}, "policy.timezone is 'Europe', no time zone"),
        ({"next_run": "nightly"}, "policy.next_run is 'nightly', no duration"),
        ({"next_run": "10s"}, "policy.next_run is '10s', less than a minute from run to run"),
        ({"next_run": "0 22 * *"}, "policy.next_run is '0 22 * *', no cron expression: give five fields"),
        ({"next_run": "0 25 * * *"}, "policy.next_run is '0 25 * * *', no cron expression (Bad hour)"),
        ({"windows": "always"}, "policy.windows is 'always', no list of dictionaries"),
        ({"windows": [{**SATURDAYS, "cron": "0 22 30 2 *"}]}, "policy.windows[0].cron is '0 22 30 2 *'"),
        ({"windows": [{**SATURDAYS, "cron": "0 0 22 * * sat"}]}, "policy.windows[0].cron is '0 0 22 * * sat'"),
        ({"windows": [{**SATURDAYS, "cron": "@weekly"}]}, "policy.windows[0].cron is '@weekly', no cron expression"),
        ({"windows": [{"duration": "4h"}]}, "policy.windows[0].cron is missing"),
        ({"windows": [SATURDAYS, {"cron": "0 22 * * sun"}]}, "policy.windows[1].duration is missing"),
        ({"windows": [{**SATURDAYS, "timezone": "Mars/Base"}]}, "policy.windows[0].timezone is 'Mars/Base'"),
        ({"windows": [{**SATURDAYS, "cron": "* 22 * * sat"}]}, "policy.windows[0].cron is '* 22 * * sat', which opens"),
        ({"windows": [{**SATURDAYS, "duration": "20m"}]}, "policy.windows[0].duration is 20m, shorter than policy.win"),
        ({"windows": [{**SATURDAYS, "duration": "0"}]}, "policy.windows[0].duration is 0s, shorter than policy.win"),
        ({"windows": [SATURDAYS], "window_needs": "5h"}, "policy.windows[0].duration is 4h, shorter than policy.win"),
        ({"freezes": [{"until": "2026-12-31"}]}, "policy.freezes[0].from is missing"),
        ({"freezes": [{"from": "18.12.2026", "until": "2026-12-31"}]}, "policy.freezes[0].from is '18.12.2026'"),
        ({"freezes": [{"from": "2026-12-18", "until": "2025-01-06"}]}, "policy.freezes[0].until is not after its from"),
        (
            {"freezes": [{"from": "2026-12-18", "until": "9999-12-31"}]},
            "policy.freezes[0].until is '9999-12-31', not",
        ),
        (
            {"freezes": [{"from": "0001-01-01", "until": "2026-12-31"}]},
            "policy.freezes[0].from is '0001-01-01', not",
        ),
        ({"deadline": "panic"}, "policy.deadline is 'panic', none of refuse, rotate"),
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


def test_all_problems_with_time_are_named_at_once() -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.from_options(
            {
                "jitter": 2,
                "timezone": "x",
                "windows": [{"cron": "x", "duration": "y", "timezone": "z"}, {}],
                "freezes": [{"from": "x", "until": "y"}],
                "backoff": "z",
                "force": True,
            }
        )

    assert len(caught.value.problems) == 11


def test_what_takes_cronsim_says_so_and_nothing_else_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)

    with pytest.raises(PolicyError) as caught:
        Policy.from_options({"windows": [SATURDAYS], "next_run": "0 22 * * *"})

    assert [problem.partition(" takes ")[0] for problem in caught.value.problems] == [
        "policy.next_run",
        "policy.windows[0].cron",
    ]
    assert "pip install cronsim" in str(caught.value)
    assert Policy.from_options({"next_run": "24h", "freezes": [{"from": "2026-12-18", "until": "2026-12-31"}]})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), (90, 90), ("90", 90), ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2D", 172_800), ("1w", 604_800)],
)
def test_durations(text: Any, seconds: int) -> None:
    assert Policy.from_options({"backoff": text}).schedule.backoff == timedelta(seconds=seconds)


def test_windows_and_freezes_have_the_time_zone_of_the_policy_or_their_own() -> None:
    freeze = {"from": "2026-12-18", "until": "2026-12-18"}
    schedule = Policy.from_options(
        {
            "timezone": "Europe/Zurich",
            "windows": [{**SATURDAYS, "timezone": None}, {**SATURDAYS, "timezone": "Asia/Tokyo"}],
            "freezes": [freeze, {**freeze, "timezone": "UTC"}, {**freeze, "from": "2026-12-17T12:00:00Z"}],
        }
    ).schedule

    assert [str(window.zone) for window in schedule.windows] == ["Europe/Zurich", "Asia/Tokyo"]
    assert [f"{freeze.opens:%d %H:%M}" for freeze in schedule.freezes] == ["17 23:00", "18 00:00", "17 12:00"]


def test_what_is_left_out_or_null_has_its_default() -> None:
    policy = Policy.from_options({"subject": {"country": None}, "san": None, "drop_sans": None, "force_reason": ""})

    assert policy == Policy.from_options({})
    assert policy.lifetime_fraction == pytest.approx(1 / 3)
    assert policy.subject == {} and policy.san == {"dns": [], "ip": [], "email": []}
