# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line grammar shared by vecs-cli, dir-cli and vmafd-cli: `--option value` tokens, nothing else (§3.1)."""

from __future__ import annotations

from .afd_errors import INVALID_PARAMETER, OPTION_INVALID, AfdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    # What an option given twice means: the first value, the last one, or an error.
    Twice = Literal["first", "last", "error"]


class Options:
    """The options of one verb as given; an absent value is None, an absent flag False."""

    def __init__(self, values: dict[str, str | None], flags: set[str], dangling: bool) -> None:
        self._values = values
        self._flags = flags
        self.dangling = dangling

    def __getitem__(self, option: str) -> str | None:
        return self._values.get(option)

    def flag(self, option: str) -> bool:
        return option in self._flags


def parse(
    tokens: Iterable[str],
    values: Iterable[str],
    flags: Iterable[str] = (),
    *,
    twice: Twice = "first",
    errors_twice: Iterable[str] = (),
    unknown: int = INVALID_PARAMETER,
) -> Options:
    """Read the tokens after the verb; `dangling` tells that the last option lacks its value.

    `errors_twice` are options for which `twice` is "error" whatever it is for the rest.
    Raises AfdError `unknown` for any other token, 100002 for an option given twice where that is an error.
    """
    values, flags, errors_twice = set(values), set(flags), set(errors_twice)
    found: dict[str, str | None] = {}
    given: set[str] = set()
    pending: str | None = None
    for token in tokens:
        if pending is not None:
            rule = "error" if pending in errors_twice else twice
            if pending in found and rule == "error":
                raise AfdError(OPTION_INVALID)
            if pending not in found or rule == "last":
                found[pending] = token
            pending = None
        elif token in flags:
            given.add(token)
        elif token in values:
            pending = token
        else:
            raise AfdError(unknown)
    return Options(found, given, pending is not None)
