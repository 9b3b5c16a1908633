# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. Maintenance windows and freezes as spans of time. Pure functions over aware datetimes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone, tzinfo

UTC = timezone.utc  # noqa: UP017 (ansible-core 2.16 runs on Python 3.10, too)

# How far ahead a window is looked for: longer than any certificate of VMCA lasts (730 days, field notes §5.3).
HORIZON = timedelta(days=3 * 366)
# More than any clock change.
_CLOCK_CHANGE = timedelta(hours=3)
# Cron knows no years: windows that have no gap in one have none, and need not be counted up to the horizon.
_NO_GAP = timedelta(days=370)


@dataclass(frozen=True)
class Span:
    """From `opens` to `closes`, both UTC; `zone` is the time zone that people think of it in."""

    opens: datetime
    closes: datetime
    zone: tzinfo = UTC


@dataclass(frozen=True)
class Window:
    """Opens when `cron` (five fields, in `zone`) says so, and closes after `duration` of real time."""

    cron: str
    duration: timedelta
    zone: tzinfo = UTC


@dataclass(frozen=True)
class Freeze(Span):
    """A span in which nothing may be rotated, and why."""

    reason: str = ""


def open_spans(windows: Sequence[Window], freezes: Sequence[Freeze], start: datetime) -> Iterator[Span]:
    """From `start` on: the windows, joined where they overlap, without the freezes. All time without windows."""
    spans: Iterator[Span] = iter([Span(start, start + HORIZON)])
    if windows:
        openings = (_openings(window, start) for window in windows)
        spans = _joined(heapq.merge(*openings, key=lambda span: span.opens))
    in_order = sorted(freezes, key=lambda freeze: freeze.opens)
    return (part for span in spans for part in _without(span, in_order) if part.closes > start)


def occurrences(cron: str, after: datetime) -> Iterator[datetime]:
    """When a cron expression is true after a moment, in UTC, as Debian's cron has it.

    `after` is in the time zone to read the expression in. What is said for an hour that a clock change skips, comes
    right after the change; for an hour that comes twice, in the first. Raises ImportError without cronsim, and
    CronSimError.
    """
    from cronsim import CronSim

    # A local time that comes twice is the earlier one to cronsim: begin earlier, and drop what is past.
    begin = (after.astimezone(UTC) - _CLOCK_CHANGE).astimezone(after.tzinfo)
    return (at for at in (local.astimezone(UTC) for local in CronSim(cron, begin)) if at > after)


def _openings(window: Window, start: datetime) -> Iterator[Span]:
    """The window each time that it opens, from the one that is open at `start` on."""
    for opens in occurrences(window.cron, (start - window.duration).astimezone(window.zone)):
        if opens > start + HORIZON:
            return
        yield Span(opens, opens + window.duration, window.zone)


def _joined(spans: Iterator[Span]) -> Iterator[Span]:
    current = next(spans, None)
    if current is None:
        return
    for span in spans:
        if span.opens > current.closes:
            yield current
            current = span
            continue
        current = replace(current, closes=max(current.closes, span.closes))
        if current.closes - current.opens > _NO_GAP:
            yield replace(current, closes=current.closes + HORIZON)
            return
    yield current


def _without(span: Span, freezes: Sequence[Freeze]) -> Iterator[Span]:
    """What freezes, sorted by their beginning, leave of a span. After a freeze, its end opens the rest."""
    for freeze in freezes:
        if freeze.closes <= span.opens or freeze.opens >= span.closes:
            continue
        if freeze.opens > span.opens:
            yield replace(span, closes=freeze.opens)
        if freeze.closes >= span.closes:
            return
        span = replace(span, opens=freeze.closes)
    yield span
