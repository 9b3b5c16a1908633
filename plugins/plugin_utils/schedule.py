# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. When a certificate is due, and when a due one may be rotated. Pure functions over aware datetimes.

Two questions with two answers: `when_due` and `cannot_wait` say whether a node is due, by its own dates alone;
`decide` says whether a due node begins now, waits, or is refused, by windows, freezes, backoff and the deadline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import islice, tee
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import (
    HORIZON,
    UTC,
    Freeze,
    Span,
    Window,
    occurrences,
    open_spans,
)

BEGIN, WAIT, REFUSE = "begin", "wait", "refuse"
ROTATE = "rotate"
DEADLINES = (REFUSE, ROTATE)

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FAILED = {"rolled_back": "was rolled back", "refused": "was refused by the node", "stuck": "is stuck"}


@dataclass(frozen=True)
class Schedule:
    """The part of a policy that is about time.

    `jitter` is a fraction of the time between due and end; `next_run` what the pipeline's own schedule is: an interval,
    a cron expression in `zone`, or None when nobody said. `margin` is how near its end no certificate may come.
    """

    jitter: float = 0.0
    margin: timedelta = _DAY
    zone: tzinfo = UTC
    next_run: timedelta | str | None = None
    windows: tuple[Window, ...] = ()
    window_needs: timedelta = timedelta(minutes=30)
    freezes: tuple[Freeze, ...] = ()
    deadline: str = REFUSE
    backoff: timedelta = timedelta(0)


@dataclass(frozen=True)
class Validity:
    """When a certificate begins and ends."""

    begins: datetime
    ends: datetime

    @property
    def lifetime(self) -> timedelta:
        """Never less than nothing, whatever the certificate says."""
        return max(self.ends - self.begins, timedelta(0))

    @property
    def halfway(self) -> datetime:
        """When half of the lifetime is over."""
        return self.ends - self.lifetime / 2


@dataclass(frozen=True)
class Due:
    """When a certificate is due: at `at`, which is `jitter` before the date that the policy's numbers give."""

    at: datetime
    jitter: timedelta


@dataclass(frozen=True)
class Outlook:
    """What the calendar says at one moment.

    `window` is the span around `now` that is open, `enough` whether a rotation still fits into it; `next_opening`
    the first usable span that opens later; `chances` are the next two moments to begin at, if this one is not taken.
    """

    now: datetime
    validity: Validity
    deadline: datetime
    window: Span | None
    enough: bool
    freeze: Freeze | None
    next_opening: Span | None
    chances: tuple[datetime, ...]

    @property
    def near(self) -> bool:
        """Would waiting for the next chance bring the certificate nearer to its end than the margin?"""
        return not self.chances or self.chances[0] > self.deadline


@dataclass(frozen=True)
class Decision:
    """What becomes of a due node now: it begins, waits for the next run, or is refused. `reasons` says why."""

    verdict: str = BEGIN
    reasons: tuple[str, ...] = ()


# ---- When it is due --------------------------------------------------------------------------------------------------


def when_due(validity: Validity, days_left: float, fraction: float, jitter: float, pnid: str) -> Due:
    """When a certificate is due: with so many days or such a fraction of its lifetime left, whichever comes first, less
    the node's share of the jitter.

    Jitter only ever makes it due sooner: "due at 60 days" stays true for every node. It never takes more than half of
    the time between the start and the unjittered date, or a certificate could be due on the day it was issued.
    """
    lifetime = validity.lifetime
    span = max(lifetime * fraction, _DAY * min(days_left, lifetime / _DAY))
    sooner = min(span * jitter, (lifetime - span) / 2) * share(pnid)
    return Due(validity.ends - span - sooner, sooner)


def share(pnid: str) -> float:
    """The node's own number from 0 up to 1, the same in every run and everywhere, spread evenly over names."""
    digest = hashlib.sha256(f"vcfleet.certs jitter {pnid.lower()}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def cannot_wait(schedule: Schedule, outlook: Outlook) -> str:
    """Why a certificate is due whatever its dates say; empty when it can wait.

    Where the schedule of runs is known, the run after the next one must still be in time: one run may fail. Where only
    windows are known, the next one must be. A certificate in the first half of its life can always wait: where chances
    are that rare, a new one would be due again at once.
    """
    if outlook.now < outlook.validity.halfway or not (schedule.next_run or schedule.windows):
        return ""
    spare = 2 if schedule.next_run else 1
    chance = outlook.chances[spare - 1] if len(outlook.chances) >= spare else None
    if chance and chance <= outlook.deadline:
        return ""
    what = "The second run from now that could rotate it" if schedule.next_run else "The next window"
    when = f"is on {words(chance, _zone(schedule))}" if chance else "is not in sight"
    return f"{what} {when}, and {_end(schedule, outlook)}."


# ---- When it may begin -----------------------------------------------------------------------------------------------


def look(schedule: Schedule, now: datetime, validity: Validity) -> Outlook:
    """The calendar around `now` for one certificate."""
    # Looking for a gap in windows that have none takes long, so it is done once.
    spans, openings, chances = tee(open_spans(schedule.windows, schedule.freezes, now), 3)
    first = next(spans, None)
    window = first if first and first.opens <= now else None
    return Outlook(
        now=now,
        validity=validity,
        deadline=validity.ends - schedule.margin,
        window=window,
        enough=window is not None and window.closes - now >= schedule.window_needs,
        freeze=max(
            (freeze for freeze in schedule.freezes if freeze.opens <= now < freeze.closes),
            key=lambda freeze: freeze.closes,
            default=None,
        ),
        next_opening=next((span for span in _usable(schedule, now, openings) if span.opens > now), None),
        chances=tuple(islice(_later_chances(schedule, now, _usable(schedule, now, chances)), 2)),
    )


def decide(schedule: Schedule, outlook: Outlook, last_swap: Mapping[str, Any] | None, forced: bool) -> Decision:
    """May a due node begin now? Freeze, window and backoff are asked in this order, and the first that objects rules.

    The deadline goes before windows and freezes when the policy says `rotate`, and before backoff always: waiting after
    a failure is our own caution. Force goes before windows and backoff, never before a freeze: others rely on that.
    """
    if outlook.freeze:
        return _frozen(schedule, outlook, outlook.freeze, forced)
    if not outlook.enough:
        return _closed(schedule, outlook, forced)
    return _backed_off(schedule, outlook, last_swap, forced)


def waits(schedule: Schedule, outlook: Outlook, last_swap: Mapping[str, Any] | None) -> str:
    """What a node waits for now that is neither forced nor near its deadline: `waits until ...: frozen until ...`.

    Empty when nothing is in its way.
    """
    if outlook.freeze:
        return _waits_for_the_next(schedule, outlook, _why_frozen(outlook.freeze))
    if not outlook.enough:
        return _waits_for_the_next(schedule, outlook, _why_closed(schedule, outlook))
    until = backoff_until(schedule, last_swap)
    if not last_swap or until is None or until <= outlook.now:
        return ""
    return _waits_until(schedule, until, _why_backed_off(schedule, last_swap))


def _frozen(schedule: Schedule, outlook: Outlook, freeze: Freeze, forced: bool) -> Decision:
    frozen = _why_frozen(freeze)
    if outlook.near:
        return _at_the_deadline(schedule, outlook, frozen)
    if forced:
        return Decision(REFUSE, (f"{_capital(frozen)}: force goes before windows and backoff, not before a freeze.",))
    return _wait(_waits_for_the_next(schedule, outlook, frozen))


def _closed(schedule: Schedule, outlook: Outlook, forced: bool) -> Decision:
    closed = _why_closed(schedule, outlook)
    if forced:
        return Decision(BEGIN, (f"{_capital(closed)}, and force goes before that.",))
    if outlook.near:
        return _at_the_deadline(schedule, outlook, closed)
    return _wait(_waits_for_the_next(schedule, outlook, closed))


def _why_frozen(freeze: Freeze) -> str:
    return f"frozen until {words(freeze.closes, freeze.zone)}" + f" ({freeze.reason})" * bool(freeze.reason)


def _why_closed(schedule: Schedule, outlook: Outlook) -> str:
    if outlook.window is None:
        return "no window is open now"
    left = duration_words(outlook.window.closes - outlook.now)
    what = "the window closes" if schedule.windows else "a freeze begins"
    return f"{what} in {left}, and a rotation needs {duration_words(schedule.window_needs)} (policy.window_needs)"


def _why_backed_off(schedule: Schedule, last_swap: Mapping[str, Any]) -> str:
    began, backoff = words(moment(last_swap["started_at"]), _zone(schedule)), duration_words(schedule.backoff)
    return f"the last attempt, of {began}, {_FAILED[last_swap['state']]} less than {backoff} ago (policy.backoff)"


def _wait(what: str) -> Decision:
    return Decision(WAIT, (f"Due, {what}",))


def _waits_for_the_next(schedule: Schedule, outlook: Outlook, obstacle: str) -> str:
    opening = outlook.next_opening
    if opening is None:
        return f"waits for a chance, and none is in sight: {obstacle}."
    if not schedule.windows:
        return _waits_until(schedule, opening.opens, obstacle)
    return f"waits for the window that opens at {words(opening.opens, _zone(schedule, opening))}: {obstacle}."


def _waits_until(schedule: Schedule, at: datetime, obstacle: str) -> str:
    return f"waits until {words(at, _zone(schedule))}: {obstacle}."


def _at_the_deadline(schedule: Schedule, outlook: Outlook, obstacle: str) -> Decision:
    chance = outlook.chances[0] if outlook.chances else None
    when = f"the next chance is on {words(chance, _zone(schedule))}" if chance else _no_chance(schedule, outlook)
    why = f"{_capital(obstacle)}, but {_end(schedule, outlook)}, and {when}, which is too late"
    if schedule.deadline == ROTATE:
        return Decision(BEGIN, (f"{why}: it is rotated anyway, as policy.deadline says.",))
    return Decision(REFUSE, (f"{why}: it is refused, as policy.deadline says.",))


def _backed_off(schedule: Schedule, outlook: Outlook, last_swap: Mapping[str, Any] | None, forced: bool) -> Decision:
    until = backoff_until(schedule, last_swap)
    if not last_swap or until is None or until <= outlook.now:
        return Decision()
    failed = _why_backed_off(schedule, last_swap)
    if forced:
        return Decision(BEGIN, (f"{_capital(failed)}, and force goes before that.",))
    later = _usable(schedule, until, open_spans(schedule.windows, schedule.freezes, until))
    chance = next(_chances(schedule, until, later), None)
    if chance is None or chance > outlook.deadline:
        return Decision(BEGIN, (f"{_capital(failed)}, but {_end(schedule, outlook)}, too near to wait.",))
    return _wait(_waits_until(schedule, until, failed))


def _no_chance(schedule: Schedule, outlook: Outlook) -> str:
    if schedule.next_run and outlook.next_opening:
        return "no run comes in a window (policy.next_run, policy.windows)"
    return "there is no other chance in sight"


def _end(schedule: Schedule, outlook: Outlook) -> str:
    margin = f", less a margin of {duration_words(schedule.margin)}" if schedule.margin else ""
    return f"the certificate ends on {words(outlook.validity.ends, _zone(schedule))}{margin}"


def backoff_until(schedule: Schedule, last_swap: Mapping[str, Any] | None) -> datetime | None:
    """Until when a node is left alone after its newest swap failed; None when it did not, or there is no backoff.

    Always the same time after the start of that swap: only the newest journal travels, so failures cannot be counted.
    """
    if not last_swap or last_swap.get("state") not in _FAILED or not schedule.backoff:
        return None
    return moment(last_swap["started_at"]) + schedule.backoff


# ---- Chances ---------------------------------------------------------------------------------------------------------


def _usable(schedule: Schedule, start: datetime, spans: Iterator[Span]) -> Iterator[Span]:
    """Those of the open spans from `start` on that have enough time for a rotation."""
    return (span for span in spans if span.closes - max(span.opens, start) >= schedule.window_needs)


def _chances(schedule: Schedule, start: datetime, usable: Iterator[Span]) -> Iterator[datetime]:
    """When a rotation can begin, from `start` on: the scheduled runs that fall into usable spans."""
    interval = schedule.next_run if isinstance(schedule.next_run, timedelta) else timedelta(0)
    soonest = start + interval
    for span in usable:
        for at in _runs(schedule, start, max(span.opens, soonest)):
            if at + schedule.window_needs > span.closes:
                break
            yield at
            soonest = at + interval


def _later_chances(schedule: Schedule, now: datetime, usable: Iterator[Span]) -> Iterator[datetime]:
    """The chances that come if this one is not taken. Without windows or a known schedule, any later moment is one."""
    if schedule.next_run or not schedule.windows:
        return _chances(schedule, now, usable)
    return (at for at in _chances(schedule, now, usable) if at > now)


def _runs(schedule: Schedule, now: datetime, first: datetime) -> Iterator[datetime]:
    """The scheduled runs after `now` that are not before `first`.

    An interval does not say at what hour runs are: one is taken to come at `first`, since who has windows runs in them.
    Where nothing is known at all, one comes in each week.
    """
    run = schedule.next_run
    if isinstance(run, str):
        yield from occurrences(run, max(first - _SECOND, now).astimezone(schedule.zone))
        return
    while first <= now + HORIZON:
        yield first
        first += run or 7 * _DAY


# ---- In words --------------------------------------------------------------------------------------------------------


def too_late(when: Mapping[str, Any] | None, now: datetime) -> str:
    """Why a node may not begin any more, or not yet, although it could when `when` was said; empty when it may."""
    begin = (when or {}).get("begin")
    if not begin:
        return ""
    turn = f"Its turn came at {iso(now)}, and it was to begin"
    if begin["from"] and now < moment(begin["from"]):
        return f"{turn} from {begin['from']} on, when its window opens. Run again then."
    if now > moment(begin["by"]):
        return f"{turn} by {begin['by']}, while its window was open for long enough. Run again in the next one."
    return ""


def is_open(when: Mapping[str, Any] | None, now: datetime) -> bool:
    """May services be stopped now, by the windows and freezes of which `when` was said?"""
    if not when or when["freeze"]:
        return False
    return (when["window"] is None or when["begin"] is not None) and not too_late(when, now)


def describe(
    schedule: Schedule, due: Due, outlook: Outlook, last_swap: Mapping[str, Any] | None, forced: bool
) -> dict[str, Any]:
    """What the plan says about time, in JSON types and UTC.

    {"due_at", "jitter_days", "window": {"open_now", "closes_at", "next_opens_at"} or null without windows,
    "begin": {"from", "by"} or null where no window or freeze bounds it, "deadline": {"at", "near", "rule"},
    "freeze": reason or null, "backoff_until"}.
    """
    window = {
        "open_now": outlook.window is not None,
        "closes_at": iso(outlook.window.closes) if outlook.window else None,
        "next_opens_at": iso(outlook.next_opening.opens) if outlook.next_opening else None,
    }
    until = backoff_until(schedule, last_swap)
    freeze = outlook.freeze
    return {
        "due_at": iso(due.at),
        "jitter_days": round(due.jitter / _DAY, 2),
        "window": window if schedule.windows else None,
        "begin": None if forced else _begin(schedule, outlook),
        "deadline": {"at": iso(outlook.deadline), "near": outlook.near, "rule": schedule.deadline},
        "freeze": freeze and (freeze.reason or f"until {words(freeze.closes, freeze.zone)}"),
        "backoff_until": iso(until) if until and until > outlook.now else None,
    }


def _begin(schedule: Schedule, outlook: Outlook) -> dict[str, str | None] | None:
    """The first and the last moment to begin in the window that is open. Without windows only a freeze can end it."""
    window = outlook.window
    if window is None or not outlook.enough or window.closes >= outlook.now + HORIZON:
        return None
    opened = iso(window.opens) if schedule.windows else None
    return {"from": opened, "by": iso(window.closes - schedule.window_needs)}


def words(at: datetime, zone: tzinfo) -> str:
    """A moment for people, in their time zone: `Sat 2026-11-28 22:00 CET`. One at the end of all time stays in UTC."""
    try:
        local = at.astimezone(zone)
    except OverflowError:
        local = at
    return f"{_DAYS[local.weekday()]} {local:%Y-%m-%d %H:%M %Z}"


def duration_words(duration: timedelta) -> str:
    """A duration in the form that the options take: `1d12h`, `30m`. Less than a minute is in seconds."""
    seconds = int(duration.total_seconds())
    if seconds < 60:
        return f"{seconds}s"
    parts = ((seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def iso(at: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """From ISO 8601 with an offset or Z."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)  # noqa: FURB162 (for Python 3.10)


def _zone(schedule: Schedule, span: Span | None = None) -> tzinfo:
    """The time zone to say a moment in: that of its window, or the policy's, or that of the first window or freeze."""
    if span and schedule.windows:
        return span.zone
    if schedule.zone is not UTC:
        return schedule.zone
    zones = [*(window.zone for window in schedule.windows), *(freeze.zone for freeze in schedule.freezes)]
    return zones[0] if zones else UTC


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
