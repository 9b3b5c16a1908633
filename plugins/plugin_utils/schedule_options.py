# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. From what a person writes about time to a Schedule: durations, cron, time zones, dates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from functools import partial
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule import DEADLINES, Schedule, duration_words, words
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC, Freeze, Window, occurrences

T = TypeVar("T")

_DURATION = re.compile(r"(?:[0-9]+[smhdw])+")
_PART = re.compile(r"([0-9]+)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST = 366 * 86_400
# Far enough for whoever means for ever, and near enough to count from.
_YEARS = range(1970, 3000)
_CRON_FIELDS = 5
_CRON = "five fields, such as '0 22 * * sat'"
# Where a window is tried out: so many times from the beginning of a leap year on.
_TRIAL, _TRIALS = datetime(2024, 1, 1, tzinfo=UTC), 64


class OptionError(ValueError):
    """An option cannot be used. The text goes on after the option's name: `is 'x', no duration ...`."""


class _Reader:
    """Reads the options of one level, and notes what is wrong with each under its full name."""

    def __init__(self, options: Mapping[str, Any], name: str, problems: list[str]) -> None:
        self._options, self.name, self.problems = options, name, problems

    def read(self, option: str, parse: Callable[[Any], T], otherwise: T) -> T:
        """What `parse` makes of the option; `otherwise` where it is missing, null, empty or wrong."""
        value = self._options.get(option)
        if value is None or value == "":
            return otherwise
        try:
            return parse(value)
        except OptionError as error:
            self.problems.append(f"{self.name}.{option} {error}")
            return otherwise

    def need(self, option: str, parse: Callable[[Any], T]) -> T | None:
        """The same for an option that must be there."""
        if self._options.get(option) in (None, ""):
            self.problems.append(f"{self.name}.{option} is missing")
        return self.read(option, parse, None)

    def items(self, option: str) -> list[_Reader]:
        """A reader for each dictionary of a list."""
        listed: list[Mapping[str, Any]] = self.read(option, _dictionaries, [])
        return [_Reader(item, f"{self.name}.{option}[{at}]", self.problems) for at, item in enumerate(listed)]


def read_schedule(options: Mapping[str, Any]) -> tuple[Schedule, list[str]]:
    """The schedule in the options of a policy, and all that is wrong with it, each option by its name.

    An option that is missing, null or empty has its default.
    """
    reader, default = _Reader(options, "policy", []), Schedule()
    zone = reader.read("timezone", time_zone, default.zone)
    schedule = Schedule(
        jitter=reader.read("jitter", _fraction, default.jitter),
        margin=reader.read("expiry_margin", duration, default.margin),
        zone=zone,
        next_run=reader.read("next_run", partial(_next_run, zone=zone), default.next_run),
        windows=tuple(window for item in reader.items("windows") if (window := _window(item, zone))),
        window_needs=reader.read("window_needs", duration, default.window_needs),
        freezes=tuple(freeze for item in reader.items("freezes") if (freeze := _freeze(item, zone))),
        deadline=reader.read("deadline", _deadline, default.deadline),
        backoff=reader.read("backoff", duration, default.backoff),
    )
    for at, window in enumerate(schedule.windows):
        if window.duration < schedule.window_needs:
            reader.problems.append(
                f"policy.windows[{at}].duration is {duration_words(window.duration)}, shorter than policy.window_needs"
                f" ({duration_words(schedule.window_needs)}), so nothing would ever begin in it"
            )
    return schedule, reader.problems


def duration(value: Any) -> timedelta:
    """`90` (seconds), `30m`, `4h`, `2d`, `1w`, or such parts in a row: `1h30m`. Raises OptionError."""
    text = str(value).strip().lower()
    if text.isascii() and text.isdecimal():
        text += "s"
    if not _DURATION.fullmatch(text):
        raise OptionError(f"is {value!r}, no duration: give seconds, or such as 30m, 4h, 2d or 1h30m")
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if seconds > _LONGEST:
        raise OptionError(f"is {value!r}, longer than a year")
    return timedelta(seconds=seconds)


def time_zone(value: Any) -> tzinfo:
    """A time zone by its IANA name. Raises OptionError."""
    if value == "UTC":
        return UTC
    try:
        return ZoneInfo(str(value))
    except (LookupError, ValueError, OSError) as error:
        raise OptionError(
            f"is {value!r}, no time zone that the controller knows: give an IANA name, such as Europe/Berlin, and where"
            " that is unknown install the Python package tzdata"
        ) from error


def moment_at(value: Any, zone: tzinfo) -> datetime:
    """The moment that a person means by a date (its beginning) or a time in a zone, in UTC. Raises OptionError."""
    return _moments(value, zone, last=False)[0]


def _dictionaries(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise OptionError(f"is {value!r}, no list of dictionaries")
    return value


def _fraction(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise OptionError(f"is {value!r}, no number") from None
    if not 0 <= number <= 1:
        raise OptionError(f"is {value}, not between 0 and 1")
    return number


def _deadline(value: Any) -> str:
    if value not in DEADLINES:
        raise OptionError(f"is {value!r}, none of {', '.join(DEADLINES)}")
    return str(value)


def _next_run(value: Any, zone: tzinfo) -> timedelta | str:
    if " " in str(value).strip():
        return _cron(value, zone)
    interval = duration(value)
    if interval < timedelta(minutes=1):
        raise OptionError(f"is {value!r}, less than a minute from run to run; it may also be cron: {_CRON}")
    return interval


def _cron(value: Any, zone: tzinfo) -> str:
    text = str(value).strip()
    if len(text.split()) != _CRON_FIELDS:
        raise OptionError(f"is {value!r}, no cron expression: give {_CRON}")
    if not _trial(text, zone, 1):
        raise OptionError(f"is {value!r}, which never comes")
    return text


def _trial(cron: str, zone: tzinfo, times: int) -> list[datetime]:
    try:
        return list(islice(occurrences(cron, _TRIAL.astimezone(zone)), times))
    except ImportError as error:
        raise OptionError(
            "takes the Python package cronsim on the controller, where Ansible runs: pip install cronsim"
        ) from error
    except Exception as error:  # CronSimError; it cannot be named here, where cronsim may be missing
        raise OptionError(f"is {cron!r}, no cron expression ({error}): give {_CRON}") from error


def _window(reader: _Reader, default: tzinfo) -> Window | None:
    zone = reader.read("timezone", time_zone, default)
    cron, length = reader.need("cron", partial(_cron, zone=zone)), reader.need("duration", duration)
    if cron is None or length is None:
        return None
    again = _reopens(Window(cron, length, zone))
    if again:
        reader.problems.append(
            f"{reader.name}.cron is {cron!r}, which opens again on {words(again, zone)} before it has closed: name the"
            " minute and the hour at which it opens, once"
        )
    return Window(cron, length, zone)


def _reopens(window: Window) -> datetime | None:
    """When a window first opens before it has closed: `* 22 * * sat` opens 60 times, and is meant to open once."""
    openings = _trial(window.cron, window.zone, _TRIALS)
    half = window.duration / 2  # daily for 24h is meant, although a clock change makes it overlap
    return next((after for before, after in zip(openings, openings[1:]) if after - before < half), None)


def _freeze(reader: _Reader, default: tzinfo) -> Freeze | None:
    zone = reader.read("timezone", time_zone, default)
    begins = reader.need("from", lambda value: min(_moments(value, zone, last=False)))
    ends = reader.need("until", lambda value: max(_moments(value, zone, last=True)))
    if begins is None or ends is None:
        return None
    if ends <= begins:
        reader.problems.append(f"{reader.name}.until is not after its from: {words(ends, zone)}")
    return Freeze(begins, ends, zone, reader.read("reason", str, "").strip().rstrip("."))


def _moments(value: Any, zone: tzinfo, last: bool) -> tuple[datetime, datetime]:
    """A date or a local time, in UTC. A last day counts whole.

    A clock change makes two moments of a local time that comes twice, or never: the first is by the clock before it.
    """
    text = str(value).strip().replace("Z", "+00:00")
    try:
        whole_day = date.fromisoformat(text)
    except ValueError:
        whole_day = None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OptionError(
            f"is {value!r}, neither a date such as 2026-12-18 nor a time such as 2026-12-18 18:00"
        ) from None
    if moment.year not in _YEARS:
        raise OptionError(f"is {value!r}, not in the years {_YEARS[0]} to {_YEARS[-1]}")
    if whole_day:
        moment = datetime.combine(whole_day + timedelta(days=last), time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.replace(fold=0).astimezone(UTC), moment.replace(fold=1).astimezone(UTC)
