# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix: every step of the swap's own road, before and after it, and every kind of fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from collection import road
from misfortunes import Fault, Killed, PowerLoss, ToolFault
from moments import Moment, Record, newest
from simvc.lab.node import Node
from site_under_proof import Act, Site

BEFORE, AFTER = "before", "after"


class Forgotten(AssertionError):
    """A step of the road is missing from what an undisturbed swap was seen to do."""


@dataclass(frozen=True)
class Call:
    """A call of a vendor tool, by as much of it as tells it from others."""

    tool: str
    match: str


@dataclass(frozen=True)
class Anatomy:
    """An undisturbed swap as it was seen from outside: where to strike before and after each step, and its tools."""

    moments: dict[tuple[str, str], Moment]
    calls: dict[str, list[Call]]
    lines: int


@dataclass(frozen=True)
class Case:
    """One cell of the matrix."""

    step: str
    when: str
    kind: str
    act: Act


def dissect(site: Site) -> Anatomy:
    """Watch one undisturbed swap. Raises Forgotten when a step of the road left no line in its journal."""
    site.drive.rotate()
    found = newest(site.node)
    steps = road()
    missing = [step for step in steps if not any(record.get("step") == step for record in found)]
    if missing:
        raise Forgotten(f"no line of the journal tells of {', '.join(missing)}")
    moments: dict[tuple[str, str], Moment] = {}
    calls: dict[str, list[Call]] = {}
    for step in steps:
        own = [record for record in found if record.get("step") == step]
        before = own[0] if own[0]["event"] == "begin" else found[own[0]["n"] - 1]
        moments[step, BEFORE] = Moment(before["event"], before.get("step"))
        moments[step, AFTER] = Moment(own[-1]["event"], step)
        calls[step] = _calls(site.node, _instant(own[0]), _instant(own[-1]))
    return Anatomy(moments, calls, len(found))


def _calls(node: Node, begin: float, end: float) -> list[Call]:
    """The tools called between two instants (seconds since the epoch), each once."""
    seen = [
        Call(event["tool"], " ".join(event["argv"][:4]))
        for event in node.events()
        if event["event"] == "start" and begin <= event["time"] <= end
    ]
    return list(dict.fromkeys(seen))


def _instant(record: Record) -> float:
    return datetime.fromisoformat(record["at"]).timestamp()


def cases(anatomy: Anatomy) -> list[Case]:
    """All cells that one node plays without Ansible; the controller's are in controllers.py."""
    return [*_losses(anatomy), *_tools(anatomy)]


def _losses(anatomy: Anatomy) -> Iterator[Case]:
    faults: dict[str, Fault] = {
        "power loss": PowerLoss(heal=False),
        "power loss, self-heal": PowerLoss(heal=True),
        "process killed": Killed(),
    }
    for (step, when), moment in anatomy.moments.items():
        for kind, fault in faults.items():
            yield Case(step, when, kind, Act(moment, fault))


def _tools(anatomy: Anatomy) -> Iterator[Case]:
    for step, calls in anatomy.calls.items():
        for call in calls:
            faults = _of_a_question(call) if _is_a_question(call) else _of_an_act(call)
            for fault in faults:
                kind = f"tool {fault.mode}{' for ever' if fault.lasting else ''}"
                yield Case(step, AFTER if fault.after else BEFORE, kind, Act(anatomy.moments[step, BEFORE], fault))


def _is_a_question(call: Call) -> bool:
    return not any(word in call.match for word in ("create", "delete", "--start", "--stop"))


def _of_a_question(call: Call) -> list[ToolFault]:
    """What the answer looks like makes a difference. A power loss while one asks is one before or after the step."""
    asked = partial(ToolFault, call.tool, call.match)
    return [*(asked(mode) for mode in ("fails", "lies", "cuts its output short", "hangs")), asked("fails", after=True)]


def _of_an_act(call: Call) -> list[ToolFault]:
    """Misbehaving once, having done nothing or everything; and for ever, until a person mends it."""
    acts = partial(ToolFault, call.tool, call.match)
    once = [
        acts(mode, after=after) for mode in ("fails", "lies", "hangs", "node loses power") for after in (False, True)
    ]
    return once + [acts(mode, lasting=True) for mode in ("fails", "lies")]
