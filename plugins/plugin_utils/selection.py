# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. Which nodes a run is about: by name, by linked group, or by a slice of the fleet."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Group = Mapping[str, Any]
Records = Mapping[str, Mapping[str, Any]]

# How many names an error or a reason lists before it says how many more there are.
_SHOWN = 12


class SelectionError(ValueError):
    """Names or a slice that cannot be used. `problems` tells all of them, each with its value."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Slice:
    """One of `count` parts of the fleet, each with whole linked groups; `number` counts from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Slice:
        """From `K/N`. Raises SelectionError."""
        found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text)
        number, count = map(int, found.groups()) if found else (0, 0)
        if not 1 <= number <= count:
            raise SelectionError([f"{called('slice')} is '{text}', not K/N with K from 1 to N, such as 2/5"])
        return cls(number, count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True)
class Selection:
    """What a person selected. `only` is None where nothing was said; names are of nodes or of linked groups."""

    only: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    part: Slice | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Selection:
        """From the module's options `only`, `except` and `slice`. Raises SelectionError.

        An empty list of `only` selects nobody. One of blanks alone is an error: they were to become names.
        """
        only = options.get("only")
        if only and not names(only):
            raise SelectionError(
                [f"{called('only')} has no name among its {len(only)} items; [] selects nobody, a blank text everybody"]
            )
        return cls(
            only=None if only is None else names(only),
            without=names(options.get("except") or ()),
            part=Slice.parse(options["slice"]) if (options.get("slice") or "").strip() else None,
        )

    def why_not(self, node: str, group: Group, records: Records) -> str | None:
        """Why a node of a linked group is not selected; None when it is."""
        own = {node, group["name"]}
        if self.part and (number := slice_of(group, records, self.part.count)) != self.part.number:
            return f"Its linked group is in slice {number}/{self.part.count}, and this run is about slice {self.part}."
        excepted = [name for name in self.without if name in own]
        if excepted:
            return f"Excepted by name: {excepted[0]}."
        if self.only is None or own & set(self.only):
            return None
        return f"Selected are only {listed(self.only)}." if self.only else "Nobody is selected: the list is empty."


def called(option: str) -> str:
    """An option by its own name and by that of the playbooks' variable."""
    return f"{option} (vcfleet_{option})"


def names(items: Sequence[Any]) -> tuple[str, ...]:
    """The names in a list, or in what is left of a text that was split at its commas."""
    return tuple(name for name in (str(item).strip() for item in items) if name)


def unknown_names(
    option: str, given: Collection[str], groups: Sequence[Group], inventory: Collection[str]
) -> list[str]:
    """One problem that names all that is neither a node nor a linked group of this run, nor a host of the inventory."""
    known = {*inventory, *(group["name"] for group in groups), *(node for group in groups for node in group["nodes"])}
    strangers = [name for name in given if name not in known]
    if not strangers:
        return []
    are = "is neither a node nor a linked group" if len(strangers) == 1 else "are neither nodes nor linked groups"
    return [f"{called(option)} names {listed(strangers)}, which {are}. There are {_existing(groups)}"]


def _existing(groups: Sequence[Group]) -> str:
    nodes = [node for group in groups for node in group["nodes"]]
    return f"the nodes {listed(nodes)} and the linked groups {listed([group['name'] for group in groups])}"


def slice_of(group: Group, records: Records, count: int) -> int:
    """The slice, from 1 to `count`, that a linked group is in.

    It is a hash of the sorted PNIDs: the same whatever the inventory calls the nodes, and whoever else is in the run.
    """
    pnids = sorted(_pnid(node, records) for node in group["nodes"])
    digest = hashlib.sha256("\n".join(pnids).encode()).digest()
    return int.from_bytes(digest[:8], "big") % count + 1


def _pnid(node: str, records: Records) -> str:
    pnid = records.get(node, {}).get("survey", {}).get("pnid")
    return str(pnid or node).lower()


def listed(items: Collection[str]) -> str:
    """Names as a person writes them; a long list is cut short."""
    shown = ", ".join(list(items)[:_SHOWN])
    return f"{shown} and {len(items) - _SHOWN} more" if len(items) > _SHOWN else shown


# ---- Waves -----------------------------------------------------------------------------------------------------------

ALL = "all"


@dataclass(frozen=True)
class Waves:
    """How linked groups become waves: those of `canary` (names of nodes or groups) first and together, then `sizes`.

    A size is a number of groups, a percentage of those that are not canaries, or `all`. The last one repeats.
    """

    canary: tuple[str, ...] = ()
    sizes: tuple[str, ...] = (ALL,)

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Waves:
        """From the module's options `canary` and `wave_sizes`. Raises SelectionError."""
        sizes = names(options.get("wave_sizes") or ()) or (ALL,)
        wrong = [size for size in sizes if not _is_size(size)]
        if wrong:
            allowed = "a number from 1, a percentage such as 25%, or all"
            raise SelectionError([f"{called('wave_sizes')} has {listed(wrong)}; each is {allowed}"])
        return cls(names(options.get("canary") or ()), sizes)

    def is_canary(self, group: Group) -> bool:
        """Was the group, or one of its nodes, named as a canary?"""
        return bool({group["name"], *group["nodes"]} & set(self.canary))

    def arrange(self, canaries: Sequence[str], others: Sequence[str]) -> list[list[str]]:
        """Names of groups, in waves; every name in exactly one, in the order given."""
        waves = [list(canaries)] if canaries else []
        begun = 0
        for size in self._numbers(len(others)):
            if begun >= len(others):
                break
            waves.append(list(others[begun : begun + size]))
            begun += size
        return waves

    def _numbers(self, total: int) -> Iterator[int]:
        """Sizes of one wave after the other, for ever."""
        for size in self.sizes:
            yield _number(size, total)
        while True:
            yield _number(self.sizes[-1], total)


def _is_size(text: str) -> bool:
    return text.lower() == ALL or re.fullmatch(r"[1-9]\d{0,5}|(?:[1-9]\d?|100)%", text) is not None


def _number(size: str, total: int) -> int:
    if size.lower() == ALL:
        return max(total, 1)
    return max(int(size[:-1]) * total // 100, 1) if size.endswith("%") else int(size)
