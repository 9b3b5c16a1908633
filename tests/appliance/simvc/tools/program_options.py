# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines and config files as Boost.Program_options 1.74 reads them (vmware-cli.md §1.1, §2.1).

Only what certool uses: long options without short forms, one value each at most, no positional options.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INT_MAX = 2**31 - 1
_BLANKS = " \t\r\n"


class Kind:
    """What an option takes: nothing, a text, an int, or a text or nothing."""


FLAG, TEXT, NUMBER, OPTIONAL = Kind(), Kind(), Kind(), Kind()


class ParseError(Exception):
    """What the tool prints behind `error: `."""


class Given:
    """One occurrence of an option; `prefix` is what messages put before its name."""

    def __init__(self, name: str, value: str | None, prefix: str = "--") -> None:
        self.name = name
        self.value = value
        self.prefix = prefix


class Values:
    """The values given for the options of one run; what is stored first stays."""

    def __init__(self, options: Mapping[str, Kind], defaults: Mapping[str, str | int]) -> None:
        self._options = options
        self._defaults = defaults
        self._given: dict[str, str | int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str) -> str:
        return str(self._given.get(name, self._defaults.get(name, "")))

    def number(self, name: str) -> int:
        return int(self._given.get(name, self._defaults.get(name, 0)))

    def store(self, occurrences: list[Given]) -> None:
        """Add one source's occurrences; names that an earlier source gave are skipped.

        Raises ParseError for an option given twice and for a number that is none.
        """
        fresh: dict[str, str | int] = {}
        for given in occurrences:
            if given.name in self._given:
                continue
            if given.name in fresh and not (self._options[given.name] is OPTIONAL and given.value is None):
                raise ParseError(f"option '{given.prefix}{given.name}' cannot be specified more than once")
            fresh[given.name] = self._converted(given)
        self._given.update(fresh)

    def _converted(self, given: Given) -> str | int:
        if self._options[given.name] is not NUMBER:
            return given.value or ""
        value = given.value or ""
        if not _is_number(value) or not -_INT_MAX - 1 <= int(value) <= _INT_MAX:
            shown = f" ('{value}')" if value else ""
            raise ParseError(f"the argument{shown} for option '{given.prefix}{given.name}' is invalid")
        return int(value)


def _is_number(text: str) -> bool:
    """Whether boost::lexical_cast takes it for an int, of whatever size."""
    digits = text[1:] if text.startswith(("+", "-")) else text
    return digits.isascii() and digits.isdigit()


def parse_command_line(argv: list[str], options: Mapping[str, Kind]) -> list[Given]:
    """The options of a command line in its order; bare words and everything behind `--` are dropped.

    Raises ParseError.
    """
    return list(_occurrences(list(argv), options))


def _occurrences(rest: list[str], options: Mapping[str, Kind]) -> Iterator[Given]:
    while rest:
        token = rest.pop(0)
        if token == "--":
            return
        if _is_option(token) and token[1] != "-":
            raise ParseError(f"unrecognised option '{token}'")
        if not token.startswith("--"):
            continue
        name, adjacent = _split(token)
        if name:
            name = _full_name(name, token, options)
            yield Given(name, _value(name, adjacent, rest, options[name]))


def _split(token: str, named: str | None = None) -> tuple[str, str | None]:
    """Name and value of `--name=value`; messages call it `named`."""
    name, equals, value = token[2:].partition("=")
    if equals and not value:
        shown = f" '--{named or name}'" if named or name else ""
        raise ParseError(f"the argument for option{shown} should follow immediately after the equal sign")
    return name, value or None


def _full_name(name: str, token: str, options: Mapping[str, Kind]) -> str:
    if name in options:
        return name
    candidates = sorted(option for option in options if option.startswith(name))
    if not candidates:
        raise ParseError(f"unrecognised option '{token}'")
    if len(candidates) > 1:
        listed = "".join(f"'--{candidate}', " for candidate in candidates[:-1])
        raise ParseError(f"option '{token}' is ambiguous and matches {listed}and '--{candidates[-1]}'")
    return candidates[0]


def _value(name: str, adjacent: str | None, rest: list[str], kind: Kind) -> str | None:
    if kind is FLAG and adjacent is not None:
        raise ParseError(f"option '--{name}' does not take any arguments")
    if adjacent is not None or kind is FLAG:
        return adjacent
    if kind is OPTIONAL:
        return rest.pop(0) if rest and not _is_option(rest[0]) else None
    if not rest:
        raise ParseError(f"the required argument for option '--{name}' is missing")
    value = rest.pop(0)
    # Boost looks whether the value is spelled like an option, and only trips over `--word=`.
    if value.startswith("--") and len(value) > 2:
        _split(value, name)
    return value


def _is_option(token: str) -> bool:
    return token.startswith("-") and token != "-"


def parse_config(text: str, options: Mapping[str, Kind]) -> list[Given]:
    """The assignments of a config file in its order.

    Raises ParseError at the first line that is neither blank, comment, section nor assignment, or has an unknown key.
    """
    section = ""
    found = []
    for raw in text.split("\n"):
        line = raw.split("#", 1)[0].strip(_BLANKS)
        if not line:
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            section += "" if section.endswith(".") else "."
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise ParseError(f"the options configuration file contains an invalid line '{line}'")
        name = section + key.strip(_BLANKS)
        if name not in options:
            raise ParseError(f"unrecognised option '{name}'" if name else "unrecognised option")
        found.append(Given(name, value.strip(_BLANKS), prefix=""))
    return found
