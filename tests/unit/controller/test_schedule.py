# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a certificate is due and when it may be rotated: jitter, runs, windows, freezes, the deadline and backoff."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import schedule as schedule_module
from ansible_collections.vcfleet.certs.plugins.plugin_utils import windows as windows_module
from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule import (
    BEGIN,
    REFUSE,
    WAIT,
    Decision,
    Outlook,
    Schedule,
    Validity,
    cannot_wait,
    decide,
    describe,
    duration_words,
    look,
    share,
    too_late,
    when_due,
)
from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule_options import read_schedule
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import Span, Window, occurrences, open_spans
from hypothesis import given
from hypothesis import strategies as st

BERLIN = ZoneInfo("Europe/Berlin")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
# A Wednesday, 17:00 in Berlin.
NOW = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
SATURDAYS = {"cron": "0 22 * * sat", "duration": "4h", "timezone": "Europe/Berlin"}
SATURDAY = datetime(2026, 11, 28, 21, 0, tzinfo=UTC)
YEAR_END = {"from": "2026-11-20", "until": "2026-12-04", "reason": "year end.", "timezone": "Europe/Berlin"}


def plan(**options: Any) -> Schedule:
    schedule, problems = read_schedule(options)
    assert problems == []
    return schedule


def valid(days_left: float, lifetime: float = 730) -> Validity:
    return Validity(NOW + (days_left - lifetime) * DAY, NOW + days_left * DAY)


def outlook(schedule: Schedule, days_left: float = 30, at: datetime = NOW) -> Outlook:
    return look(schedule, at, valid(days_left))


def decided(
    days_left: float = 30,
    at: datetime = NOW,
    forced: bool = False,
    last_swap: dict[str, Any] | None = None,
    **options: Any,
) -> Decision:
    schedule = plan(**options)
    return decide(schedule, outlook(schedule, days_left, at), last_swap, forced)


def said(decision: Decision) -> str:
    return " ".join(decision.reasons)


class TestJitter:
    @given(
        days_left=st.floats(0, 5000),
        fraction=st.floats(0, 1),
        jitter=st.floats(0, 1),
        lifetime=st.floats(0.01, 4000),
        pnid=st.text(min_size=1),
    )
    def test_it_only_ever_makes_a_certificate_due_sooner_and_never_when_it_is_new(
        self, days_left: float, fraction: float, jitter: float, lifetime: float, pnid: str
    ) -> None:
        validity = valid(0, lifetime)
        plain = when_due(validity, days_left, fraction, 0, pnid)
        due = when_due(validity, days_left, fraction, jitter, pnid)

        assert plain.jitter == timedelta(0)
        assert due.at == plain.at - due.jitter <= plain.at
        assert due.jitter <= jitter * (validity.ends - plain.at) + timedelta(microseconds=2)
        assert due.at - validity.begins >= (plain.at - validity.begins) / 2 - timedelta(microseconds=2)
        assert due == when_due(validity, days_left, fraction, jitter, pnid)

    def test_a_thousand_names_are_spread_evenly(self) -> None:
        tenths = [0] * 10
        for number in range(1000):
            tenths[int(share(f"vc{number:04}.lab.example") * 10)] += 1

        assert min(tenths) > 70 and max(tenths) < 130

    def test_the_share_is_what_it_was_in_every_run_before(self) -> None:
        """A literal: were it to change, a fleet would fall due anew."""
        assert share("vc01.lab.example") == share("VC01.lab.example") == pytest.approx(SHARE_OF_VC01)

    def test_it_does_not_wander_with_the_time(self) -> None:
        ends = {when_due(valid(0), 60, 0, 0.5, name).at for name in ("a.example", "b.example", "a.example")}

        assert len(ends) == 2

    @pytest.mark.parametrize(
        ("days_left", "fraction", "days"),
        [(60, 0, 60), (0, 0.5, 365), (60, 1 / 3, 730 / 3), (300, 1 / 3, 300), (1e9, 0, 730), (0, 0, 0)],
    )
    def test_whichever_comes_first(self, days_left: float, fraction: float, days: float) -> None:
        due = when_due(valid(0), days_left, fraction, 0, "a")

        assert (NOW - due.at) / DAY == pytest.approx(days)


SHARE_OF_VC01 = 0.6941461405375975


class TestCron:
    """The time zone database and Debian's cron, at the two days of a year that are not 24 hours long."""

    @pytest.mark.parametrize(
        ("cron", "after", "opens"),
        [
            # 02:30 is skipped on 29 March: 03:00 CEST is the first minute after the change.
            ("30 2 * * *", "2026-03-28T20:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
            ("0 2 * * sun", "2026-03-28T20:00+01:00", ["2026-03-29T03:00+02:00", "2026-04-05T02:00+02:00"]),
            # 02:30 comes twice on 25 October, and counts once.
            ("30 2 * * *", "2026-10-24T20:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
            # Asked between the two: the first is over.
            ("30 2 * * *", "2026-10-25T02:10+01:00", ["2026-10-26T02:30+01:00"]),
            ("30 2 * * *", "2026-10-25T02:40+01:00", ["2026-10-26T02:30+01:00"]),
            # What comes every hour comes every real hour.
            ("0 * * * *", "2026-10-25T01:30+02:00", ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]),
            ("0 22 * * sat", "2026-10-24T20:00+02:00", ["2026-10-24T22:00+02:00", "2026-10-31T22:00+01:00"]),
            # Both days given: either counts, as in Debian's cron.
            ("0 0 2 * sat", "2026-10-30T00:00+01:00", ["2026-10-31T00:00+01:00", "2026-11-02T00:00+01:00"]),
        ],
    )
    def test_when_it_comes(self, cron: str, after: str, opens: list[str]) -> None:
        found = list(islice(occurrences(cron, datetime.fromisoformat(after).astimezone(BERLIN)), len(opens)))

        assert [at.isoformat() for at in found] == [
            datetime.fromisoformat(at).astimezone(UTC).isoformat() for at in opens
        ]

    @given(
        minute=st.integers(0, 59),
        hour=st.integers(0, 23),
        start=st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)),
        zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    )
    def test_a_daily_time_comes_once_a_day_in_order_and_never_in_the_past(
        self, minute: int, hour: int, start: datetime, zone: str
    ) -> None:
        after = start.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))

        found = list(islice(occurrences(f"{minute} {hour} * * *", after), 4))

        assert found == sorted(found) and found[0] > after
        days = [at.astimezone(ZoneInfo(zone)).date() for at in found]
        assert [later - first for first, later in zip(days, days[1:])] == [DAY] * 3
        assert found[0] - after.astimezone(UTC) <= 25 * HOUR

    @pytest.mark.parametrize(
        ("day", "opens", "closes"),
        [
            ("2026-03-29", "2026-03-29T01:00+00:00", "2026-03-29T03:00+00:00"),
            ("2026-10-25", "2026-10-25T00:30+00:00", "2026-10-25T02:30+00:00"),
        ],
    )
    def test_a_window_is_open_for_so_much_real_time(self, day: str, opens: str, closes: str) -> None:
        window = Window("30 2 * * *", 2 * HOUR, BERLIN)
        before = datetime.fromisoformat(f"{day}T00:00+00:00")

        found = next(open_spans([window], [], before))

        assert (found.opens, found.closes) == (datetime.fromisoformat(opens), datetime.fromisoformat(closes))
        assert next(open_spans([window], [], found.closes - MINUTE)) == found
        assert next(open_spans([window], [], found.closes)).opens > found.closes


class TestSpans:
    def spans(self, start: datetime = NOW, number: int = 3, **options: Any) -> list[tuple[str, str]]:
        schedule = plan(**options)
        found: list[Span] = list(islice(open_spans(schedule.windows, schedule.freezes, start), number))
        return [(f"{span.opens:%d %H:%M}", f"{span.closes:%d %H:%M}") for span in found]

    def test_windows_that_touch_or_overlap_are_one(self) -> None:
        two = [{"cron": "0 22 * * sat", "duration": "2h"}, {"cron": "0 0 * * sun", "duration": "2h"}]
        three = [*two, {"cron": "30 22 * * sat", "duration": "30m"}]

        assert self.spans(windows=two, number=1) == self.spans(windows=three, number=1) == [("28 22:00", "29 02:00")]

    def test_windows_of_several_lists_come_in_order(self) -> None:
        windows = [{"cron": "0 3 * * *", "duration": "1h"}, {"cron": "0 1 * * thu", "duration": "1h"}]

        assert self.spans(windows=windows) == [
            ("26 01:00", "26 02:00"),
            ("26 03:00", "26 04:00"),
            ("27 03:00", "27 04:00"),
        ]

    @pytest.mark.parametrize(
        ("frozen", "left"),
        [
            (("2026-11-26 00:00", "2026-11-26 01:00"), [("26 01:00", "26 06:00")]),
            (("2026-11-26 01:00", "2026-11-26 03:00"), [("26 00:00", "26 01:00"), ("26 03:00", "26 06:00")]),
            (("2026-11-26 05:00", "2026-11-26 07:00"), [("26 00:00", "26 05:00")]),
            (("2026-11-25", "2026-11-26"), []),
            (("2026-11-26 06:00", "2026-11-26 07:00"), [("26 00:00", "26 06:00")]),
        ],
    )
    def test_a_freeze_cuts_a_window(self, frozen: tuple[str, str], left: list[tuple[str, str]]) -> None:
        freezes = [{"from": frozen[0], "until": frozen[1]}]

        found = self.spans(windows=[{"cron": "0 0 * * *", "duration": "6h"}], freezes=freezes)

        assert found[: len(left)] == left
        assert found[len(left)] == ("27 00:00", "27 06:00")

    def test_freezes_may_overlap(self) -> None:
        freezes = [
            {"from": "2026-11-26 02:00", "until": "2026-11-26 04:00"},
            {"from": "2026-11-25", "until": "2026-11-26 03:00"},
        ]

        assert self.spans(windows=[{"cron": "0 0 * * *", "duration": "6h"}], freezes=freezes, number=1) == [
            ("26 04:00", "26 06:00")
        ]

    def test_windows_without_a_gap_are_one_in_which_one_can_wait(self) -> None:
        """The one gap is that of the day with 25 hours."""
        schedule = plan(windows=[{"cron": "0 0 * * *", "duration": "24h", "timezone": "Europe/Berlin"}])
        found = outlook(schedule, 30)

        assert found.enough and found.chances == (NOW + 7 * DAY, NOW + 14 * DAY)
        assert found.window and found.window.closes == datetime(2027, 10, 31, 22, 0, tzinfo=UTC)
        assert not cannot_wait(schedule, found)


class TestPatience:
    """Looking ahead ends with what is looked for, and not with the horizon, which is three years away."""

    @pytest.fixture
    def openings(self, monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
        seen: list[datetime] = []

        def watched(cron: str, after: datetime) -> Any:
            for at in occurrences(cron, after):
                seen.append(at)
                yield at

        monkeypatch.setattr(windows_module, "occurrences", watched)
        return seen

    def test_of_windows_with_gaps_only_the_next_are_looked_at(self, openings: list[datetime]) -> None:
        found = outlook(plan(windows=[SATURDAYS]))

        assert found.window is None and found.next_opening and found.next_opening.opens == SATURDAY
        assert len(openings) < 6

    def test_windows_without_a_gap_in_a_year_have_none(self, openings: list[datetime]) -> None:
        found = outlook(plan(windows=[{"cron": "0 * * * *", "duration": "1h"}]))

        assert found.enough and found.next_opening is None and len(found.chances) == 2
        assert describe(plan(), when_due(valid(9), 30, 0, 0, "x"), found, None, forced=False)["begin"] is None
        assert 365 * 24 < len(openings) < 371 * 24


class TestWindows:
    def test_without_any_a_due_node_begins(self) -> None:
        assert decided() == Decision()
        assert decided(days_left=-3) == Decision()

    def test_outside_it_waits_and_says_for_what(self) -> None:
        decision = decided(windows=[SATURDAYS])

        assert decision.verdict == WAIT
        assert said(decision) == (
            "Due, waits for the window that opens at Sat 2026-11-28 22:00 CET: no window is open now."
        )

    @pytest.mark.parametrize(
        ("after", "verdict"),
        [(-MINUTE, WAIT), (0 * HOUR, BEGIN), (3.5 * HOUR, BEGIN), (3.5 * HOUR + MINUTE, WAIT), (4 * HOUR, WAIT)],
    )
    def test_inside_it_begins_while_there_is_time(self, after: timedelta, verdict: str) -> None:
        assert decided(at=SATURDAY + after, windows=[SATURDAYS]).verdict == verdict

    def test_a_window_that_closes_soon_is_not_begun(self) -> None:
        decision = decided(at=SATURDAY + 4 * HOUR - 2 * MINUTE, windows=[SATURDAYS])

        assert said(decision) == (
            "Due, waits for the window that opens at Sat 2026-12-05 22:00 CET: the window closes in 2m, and a rotation"
            " needs 30m (policy.window_needs)."
        )

    def test_force_goes_before_windows(self) -> None:
        decision = decided(forced=True, windows=[SATURDAYS])

        assert decision == Decision(BEGIN, ("No window is open now, and force goes before that.",))

    @pytest.mark.parametrize(("rule", "verdict"), [("refuse", REFUSE), ("rotate", BEGIN)])
    def test_the_deadline_before_the_next_window(self, rule: str, verdict: str) -> None:
        decision = decided(days_left=2, windows=[SATURDAYS], deadline=rule)

        assert decision.verdict == verdict
        assert said(decision) == (
            "No window is open now, but the certificate ends on Fri 2026-11-27 17:00 CET, less a margin of 1d, and the"
            " next chance is on Sat 2026-11-28 22:00 CET, which is too late: it is"
            f" {'rotated anyway' if rule == 'rotate' else 'refused'}, as policy.deadline says."
        )

    @pytest.mark.parametrize(("margin", "verdict"), [("0", WAIT), ("19h", WAIT), ("20h", REFUSE)])
    def test_the_margin_counts(self, margin: str, verdict: str) -> None:
        """It ends on Sunday at 16:00 UTC, 19 hours after the window opens."""
        assert decided(days_left=4, windows=[SATURDAYS], expiry_margin=margin).verdict == verdict

    def test_an_expired_one_is_rotated_in_a_window_whatever_the_rule(self) -> None:
        assert decided(days_left=-1, at=SATURDAY, windows=[SATURDAYS]).verdict == BEGIN
        assert decided(days_left=-1, windows=[SATURDAYS]).verdict == REFUSE

    def test_only_a_window_in_which_a_run_begins_is_a_chance(self) -> None:
        """Windows on Saturdays, runs on the first of the month: the next chance is months away."""
        options = {"windows": [SATURDAYS], "next_run": "0 22 1 * *", "timezone": "Europe/Berlin"}
        chances = outlook(plan(**options)).chances

        assert [f"{at:%Y-%m-%d %H:%M}" for at in chances] == ["2027-05-01 20:00", "2028-01-01 21:00"]
        assert decided(days_left=60, **options).verdict == REFUSE

    def test_a_run_that_never_comes_in_a_window_is_told(self) -> None:
        decision = decided(windows=[SATURDAYS], next_run="0 12 * * *")

        assert decision.verdict == REFUSE
        assert "no run comes in a window (policy.next_run, policy.windows), which is too late" in said(decision)

    def test_an_interval_does_not_say_at_what_hour_runs_are(self) -> None:
        """This run is in the afternoon, the windows are at night, and runs every day do meet them."""
        daily = {"cron": "0 22 * * *", "duration": "2h", "timezone": "UTC"}

        assert outlook(plan(windows=[SATURDAYS], next_run="24h")).chances == (SATURDAY, SATURDAY + 7 * DAY)
        assert outlook(plan(windows=[daily], next_run="60h")).chances == (NOW + 78 * HOUR, NOW + 150 * HOUR)


class TestFreezes:
    def test_a_frozen_node_waits_and_says_why(self) -> None:
        decision = decided(freezes=[YEAR_END])

        assert decision.verdict == WAIT
        assert said(decision) == (
            "Due, waits until Sat 2026-12-05 00:00 CET: frozen until Sat 2026-12-05 00:00 CET (year end)."
        )

    def test_it_waits_for_the_first_window_after_it(self) -> None:
        decision = decided(freezes=[YEAR_END], windows=[SATURDAYS])

        assert "waits for the window that opens at Sat 2026-12-05 22:00 CET: frozen until" in said(decision)

    def test_the_longest_of_several_is_named(self) -> None:
        longer = {"from": "2026-11-24", "until": "2026-12-31", "reason": "audit"}

        assert "(audit)" in said(decided(days_left=90, freezes=[YEAR_END, longer, YEAR_END]))

    def test_force_does_not_lift_it(self) -> None:
        decision = decided(forced=True, freezes=[YEAR_END])

        assert decision.verdict == REFUSE
        assert "(year end): force goes before windows and backoff, not before a freeze." in said(decision)

    @pytest.mark.parametrize("forced", [False, True])
    @pytest.mark.parametrize(("rule", "verdict"), [("refuse", REFUSE), ("rotate", BEGIN)])
    def test_a_certificate_that_ends_in_it(self, rule: str, verdict: str, forced: bool) -> None:
        decision = decided(days_left=5, forced=forced, freezes=[YEAR_END], deadline=rule)

        assert decision.verdict == verdict
        assert said(decision).startswith(
            "Frozen until Sat 2026-12-05 00:00 CET (year end), but the certificate ends on"
        )

    def test_nothing_is_begun_right_before_it(self) -> None:
        soon = {"from": "2026-11-25 16:20", "until": "2026-11-26"}

        assert said(decided(freezes=[soon])) == (
            "Due, waits until Fri 2026-11-27 00:00 UTC: a freeze begins in 20m, and a rotation needs 30m"
            " (policy.window_needs)."
        )

    def test_one_that_is_over_is_nothing(self) -> None:
        assert decided(freezes=[{"from": "2026-01-01", "until": "2026-11-24"}]) == Decision()

    def test_the_last_day_is_frozen_as_a_whole_in_its_time_zone(self) -> None:
        freeze = plan(freezes=[{"from": "2026-10-25", "until": "2026-10-25", "timezone": "Europe/Berlin"}]).freezes[0]

        assert freeze.closes - freeze.opens == 25 * HOUR

    def test_of_a_time_that_comes_twice_the_first_begins_and_the_second_ends_it(self) -> None:
        freeze = plan(
            freezes=[{"from": "2026-10-25 02:30", "until": "2026-10-25T02:45", "timezone": "Europe/Berlin"}]
        ).freezes[0]

        assert freeze.closes - freeze.opens == HOUR + 15 * MINUTE

    @pytest.mark.parametrize(
        ("zone", "begins", "ends", "utc"),
        [
            ("Europe/Berlin", "2026-03-29 02:30", "2026-03-30", ("29 00:30", "30 22:00")),
            ("Europe/Berlin", "2026-03-28", "2026-03-29 02:30", ("27 23:00", "29 01:30")),
            ("Europe/Berlin", "2026-03-29 02:10", "2026-03-29 02:50", ("29 00:10", "29 01:50")),
            ("America/Santiago", "2026-09-06", "2026-09-06", ("06 03:00", "07 03:00")),
            ("America/Santiago", "2026-09-05", "2026-09-05", ("05 04:00", "06 04:00")),
        ],
    )
    def test_of_a_time_that_never_comes_it_freezes_all_that_may_be_meant(
        self, zone: str, begins: str, ends: str, utc: tuple[str, str]
    ) -> None:
        freeze = plan(freezes=[{"from": begins, "until": ends, "timezone": zone}]).freezes[0]

        assert (f"{freeze.opens:%d %H:%M}", f"{freeze.closes:%d %H:%M}") == utc

    def test_one_for_ever_ends_far_away(self) -> None:
        decision = decided(freezes=[{"from": "2026-11-20", "until": "2999-12-31", "timezone": "Europe/Berlin"}])

        assert decision.verdict == REFUSE
        assert said(decision).startswith("Frozen until Wed 3000-01-01 00:00 CET, but the certificate ends on")

    def test_a_certificate_for_ever_can_be_told_in_any_time_zone(self) -> None:
        assert schedule_module.words(datetime(9999, 12, 31, 23, 59, tzinfo=UTC), BERLIN) == "Fri 9999-12-31 23:59 UTC"


class TestCannotWait:
    @pytest.mark.parametrize(
        ("days_left", "options", "now"),
        [
            # Runs daily: the second from now is in two days, and one day is the margin.
            (3.1, {"next_run": "24h"}, False),
            (2.9, {"next_run": "24h"}, True),
            (2.1, {"next_run": "24h", "expiry_margin": "0"}, False),
            (16, {"next_run": "24h", "expiry_margin": "2w"}, False),
            (15, {"next_run": "24h", "expiry_margin": "2w"}, True),
            # Runs on Saturdays: 28 November and 5 December, 22:00.
            (11.5, {"next_run": "0 22 * * sat"}, False),
            (11, {"next_run": "0 22 * * sat"}, True),
            # Windows only: the next one, in three days and five hours, must be in time.
            (5, {"windows": [SATURDAYS]}, False),
            (4, {"windows": [SATURDAYS]}, True),
            # Runs daily, windows on Saturdays: only runs in windows count, those of 28 November and of 5 December.
            (11.5, {"next_run": "0 23 * * *", "windows": [SATURDAYS]}, False),
            (11, {"next_run": "0 23 * * *", "windows": [SATURDAYS]}, True),
            # A freeze takes chances away.
            (11.5, {"next_run": "0 22 * * sat", "freezes": [YEAR_END]}, True),
            (20, {"next_run": "0 22 * * sat", "freezes": [YEAR_END]}, False),
            # Nothing said, nothing concluded.
            (1, {}, False),
            (1, {"freezes": [YEAR_END]}, False),
        ],
    )
    def test_it_is_due_when_the_chances_come_too_late(
        self, days_left: float, options: dict[str, Any], now: bool
    ) -> None:
        schedule = plan(**options)

        assert bool(cannot_wait(schedule, outlook(schedule, days_left))) is now

    def test_it_says_why(self) -> None:
        schedule = plan(next_run="0 22 * * sat", timezone="Europe/Berlin")

        assert cannot_wait(schedule, outlook(schedule, 9)) == (
            "The second run from now that could rotate it is on Sat 2026-12-05 22:00 CET, and the certificate ends on"
            " Fri 2026-12-04 17:00 CET, less a margin of 1d."
        )

    def test_a_new_certificate_is_never_due_because_chances_are_rare(self) -> None:
        schedule = plan(next_run="366d")

        assert not cannot_wait(schedule, look(schedule, NOW, valid(729)))
        assert cannot_wait(schedule, look(schedule, NOW, valid(364)))

    @given(days_left=st.floats(1, 364), hours=st.integers(1, 400))
    def test_with_daily_or_rarer_runs_nothing_comes_nearer_than_the_margin(self, days_left: float, hours: int) -> None:
        """As long as runs come as said, whether or not one of them fails."""
        schedule = plan(next_run=f"{hours}h")
        validity = valid(days_left)
        second = NOW + 2 * hours * HOUR

        waits = not cannot_wait(schedule, look(schedule, NOW, validity))

        assert waits == (second <= validity.ends - schedule.margin)


class TestBackoff:
    def swap(self, hours: float, state: str = "rolled_back") -> dict[str, Any]:
        return {"state": state, "started_at": (NOW - hours * HOUR).isoformat(timespec="milliseconds")}

    def test_a_node_that_has_just_failed_is_left_alone(self) -> None:
        decision = decided(last_swap=self.swap(3), backoff="1d", timezone="Europe/Berlin")

        assert decision.verdict == WAIT
        assert said(decision) == (
            "Due, waits until Thu 2026-11-26 14:00 CET: the last attempt, of Wed 2026-11-25 14:00 CET, was rolled back"
            " less than 1d ago (policy.backoff)."
        )

    @pytest.mark.parametrize("state", ["rolled_back", "refused", "stuck"])
    def test_whatever_way_it_failed(self, state: str) -> None:
        assert decided(last_swap=self.swap(3, state), backoff="1d").verdict == WAIT

    @pytest.mark.parametrize("state", ["committed", "none", "running", "interrupted"])
    def test_what_did_not_fail_is_no_reason(self, state: str) -> None:
        assert decided(last_swap=self.swap(3, state), backoff="1d") == Decision()

    def test_later_it_is_tried_again(self) -> None:
        assert decided(last_swap=self.swap(24), backoff="1d") == Decision()

    def test_without_a_backoff_it_is_tried_in_every_run(self) -> None:
        assert decided(last_swap=self.swap(0.1)) == Decision()
        assert decided(last_swap=None, backoff="1d") == Decision()

    def test_force_goes_before_it(self) -> None:
        decision = decided(last_swap=self.swap(3), backoff="1d", forced=True)

        assert decision.verdict == BEGIN and said(decision).endswith("and force goes before that.")

    @pytest.mark.parametrize("rule", ["refuse", "rotate"])
    def test_so_does_the_deadline(self, rule: str) -> None:
        decision = decided(days_left=1.5, last_swap=self.swap(3), backoff="1d", deadline=rule)

        assert decision.verdict == BEGIN and "too near to wait" in said(decision)

    def test_the_chance_after_it_may_be_a_window(self) -> None:
        """Its end is on Sunday morning, after this window; the next one is a week later."""
        failed = {"state": "refused", "started_at": "2026-11-28T21:10:00+00:00"}
        options = {"at": SATURDAY + HOUR, "windows": [SATURDAYS], "last_swap": failed, "backoff": "12h"}

        assert decided(days_left=9, **options).verdict == BEGIN
        assert decided(days_left=30, **options).verdict == WAIT

    def test_windows_come_first(self) -> None:
        decision = decided(last_swap=self.swap(3), backoff="1d", windows=[SATURDAYS])

        assert "no window is open" in said(decision)


class TestDescription:
    def test_all_of_it(self) -> None:
        schedule = plan(
            windows=[SATURDAYS], freezes=[YEAR_END], backoff="2d", deadline="rotate", expiry_margin="12h", jitter=0.5
        )
        validity = valid(30)
        due = when_due(validity, 60, 0, schedule.jitter, "vc01.lab.example")

        found = describe(schedule, due, look(schedule, NOW, validity), TestBackoff().swap(3), False)

        assert found == {
            "due_at": schedule_module.iso(due.at),
            "jitter_days": round(30 * SHARE_OF_VC01, 2),
            "window": {"open_now": False, "closes_at": None, "next_opens_at": "2026-12-05T21:00:00Z"},
            "begin": None,
            "deadline": {"at": "2026-12-25T04:00:00Z", "near": False, "rule": "rotate"},
            "freeze": "year end",
            "backoff_until": "2026-11-27T13:00:00Z",
        }

    def test_an_open_window(self) -> None:
        schedule = plan(windows=[SATURDAYS])
        found = describe(
            schedule, when_due(valid(30), 60, 0, 0, "a"), look(schedule, SATURDAY + HOUR, valid(30)), None, False
        )

        assert found["window"] == {
            "open_now": True,
            "closes_at": "2026-11-29T01:00:00Z",
            "next_opens_at": "2026-12-05T21:00:00Z",
        }
        assert found["freeze"] is None and found["backoff_until"] is None
        assert found["begin"] == {"from": "2026-11-28T21:00:00Z", "by": "2026-11-29T00:30:00Z"}

    def test_nothing_configured(self) -> None:
        schedule = plan()

        found = describe(schedule, when_due(valid(30), 60, 0, 0, "a"), look(schedule, NOW, valid(30)), None, False)

        assert found["window"] is None and found["freeze"] is None and found["jitter_days"] == 0
        assert found["begin"] is None
        assert found["deadline"] == {"at": "2026-12-24T16:00:00Z", "near": False, "rule": "refuse"}

    @pytest.mark.parametrize(("forced", "by"), [(False, "2026-11-25T16:30:00Z"), (True, None)])
    def test_a_freeze_that_comes_bounds_it_too(self, forced: bool, by: str | None) -> None:
        schedule = plan(freezes=[{"from": "2026-11-25 17:00", "until": "2026-11-26"}])
        found = describe(schedule, when_due(valid(30), 60, 0, 0, "a"), look(schedule, NOW, valid(30)), None, forced)

        assert found["begin"] == (by and {"from": None, "by": by})

    @pytest.mark.parametrize(
        ("after", "late"), [(-MINUTE, True), (0 * HOUR, False), (3.5 * HOUR, False), (3.6 * HOUR, True)]
    )
    def test_a_turn_that_comes_outside_the_window_comes_too_late(self, after: timedelta, late: bool) -> None:
        when = {"begin": {"from": "2026-11-28T21:00:00Z", "by": "2026-11-29T00:30:00Z"}}

        assert bool(too_late(when, SATURDAY + after)) is late

    def test_a_turn_that_comes_too_late_says_so(self) -> None:
        when = {"begin": {"from": None, "by": "2026-11-25T15:59:59Z"}}

        assert too_late(when, NOW) == (
            "Its turn came at 2026-11-25T16:00:00Z, and it was to begin by 2026-11-25T15:59:59Z, while its window was"
            " open for long enough. Run again in the next one."
        )

    @pytest.mark.parametrize(
        "when", [None, {}, {"begin": None}, {"begin": {"from": None, "by": "2026-11-25T16:00:00Z"}}]
    )
    def test_without_a_window_no_turn_comes_too_late(self, when: dict[str, Any] | None) -> None:
        assert too_late(when, NOW) == ""

    @pytest.mark.parametrize("text", ["45s", "30m", "4h", "1d", "1d12h", "8d1h5m"])
    def test_a_duration_is_said_as_it_is_written(self, text: str) -> None:
        assert duration_words(plan(backoff=text).backoff) == text
