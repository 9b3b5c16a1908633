# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node on which swaps are struck by faults, one after the other, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from drive import Drive, NoAnswer, Refusal
from invariant import Health, InvariantBroken, check, health
from misfortunes import DEAD, FROZEN, OFF, Fault, ToolFault, mend
from moments import Hold, Moment, NotReached, newest, swap_processes
from simvc.lab.node import Node, NodeNotReady

# Steps that say of every start how long it takes; the lab's own durations would only lengthen the proof.
QUICK = {"service_control.start_all_seconds": 0.05, "service_control.stop_all_seconds": 0.05}


@dataclass(frozen=True)
class Act:
    """A fault, and the moment at which it strikes."""

    moment: Moment
    fault: Fault

    def __str__(self) -> str:
        return f"{self.moment}: {self.fault}"


@dataclass
class Tally:
    """The figures of a proof."""

    cases: int = 0
    faults: int = 0
    rotations: int = 0
    survived: int = 0
    new: int = 0
    old: int = 0
    lost: int = 0
    people: int = 0
    people_in_vain: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def sound(self) -> bool:
        return not (self.failures or self.lost or self.people_in_vain)


class Site:
    """A node, what it is when it is well, and its swap."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.drive = Drive(node)
        self.before: Health = health(node)
        self.tally = Tally()
        self._booted = False

    def prove(self, acts: Sequence[Act]) -> str:
        """One rotation struck by these faults, recovered, judged and followed by another. Returns old or new.

        Raises InvariantBroken. A moment that the swap does not come to is passed over.
        """
        self.tally.cases += 1
        self.tally.rotations += 1
        self._booted = False
        new = self.drive.stage()
        persons = any(act.fault.lasting for act in acts)
        try:
            self._suffer(new, acts)
            ended = self._recover(persons)
        finally:
            mend(self.node)
        return self.judge(new, ended)

    def judge(self, new: str, ended: str = "") -> str:
        """The invariant, and that another rotate converges. Raises InvariantBroken."""
        try:
            which = check(self.node, self.before, new)
        except InvariantBroken as broken:
            self.tally.lost += "VECS" in str(broken)
            raise InvariantBroken(f"{broken} ({ended}; {story(self.node)})") from broken
        self.tally.survived += 1
        setattr(self.tally, which, getattr(self.tally, which) + 1)
        self._converge(new, which)
        return which

    def restore(self) -> None:
        """Whatever a failed case left: a node that is well, for the next one. Raises when even that fails."""
        mend(self.node)
        if not self.node.is_on:
            self.node.boot()
        self.drive.end()
        if self.drive.outcome() in ("open", "stuck"):
            self.drive.finish()
        self.node.power_off()
        self.node.boot()
        self.drive.rotate()
        self.before = replace(self.before, stored=health(self.node).stored)

    def _suffer(self, new: str, acts: Sequence[Act]) -> None:
        hold = Hold(self.node, acts[0].moment)
        self.drive.swap(sha256=new)
        for number, act in enumerate(acts):
            try:
                hold.wait(begun=True)
            except NotReached:
                return
            self.tally.faults += 1
            became = act.fault.strike(self.node)
            following = acts[number + 1].moment if number + 1 < len(acts) else None
            try:
                hold = self._go_on(hold, became, following)
            except (ProcessLookupError, FileNotFoundError, NoAnswer):
                return  # a tool's fault took the power away just now; whoever recovers the node sees that

    def _go_on(self, hold: Hold, became: str, following: Moment | None) -> Hold:
        """Let what is left of the swap continue, watching for the next moment; without one the old watch ends."""
        if became == OFF:
            hold.forget()
            self._boot()
            watch = Hold(self.node, following) if following else hold
            self._resume_if_nobody_does()
        elif became == DEAD:
            watch = Hold(self.node, following) if following else hold
            hold.kill()
            self.drive.swap("resumed")
        else:
            watch = Hold(self.node, following) if following else hold
            hold.release()
        return watch

    def _boot(self) -> None:
        self._switch_on()
        self._booted = True
        if self.drive.outcome() not in ("open", "stuck"):
            self._start_services()

    def _start_services(self) -> None:
        """A service that fails at a boot outside the window is not the swap's business: a person starts it."""
        mend(self.node)
        for _attempt in range(5):
            self.node.run(["service-control", "--start", "--all"])
            if health(self.node).census == self.before.census:
                return
            time.sleep(1)

    def _switch_on(self) -> None:
        """A tool's fault may take the power away again, while the node heals itself at boot; it strikes once."""
        try:
            self.node.boot()
        except NodeNotReady:
            if self.node.is_on:
                raise
            self.node.boot()

    def _resume_if_nobody_does(self) -> None:
        if self.drive.outcome() == "open" and not swap_processes(self.node):
            self.drive.swap("resumed")

    def _recover(self, persons: bool) -> str:
        """Until the journal has an end. Where a fault lasts a person may mend it and do what the journal says."""
        for _attempt in range(8):
            try:
                self._until_quiet()
                outcome = self.drive.outcome()
                if outcome == "stuck":
                    self._person(persons)
                elif outcome != "open":
                    if outcome == "refused" and self._booted:
                        self._start_services()
                    return outcome
                self.drive.finish()
            except (ProcessLookupError, FileNotFoundError, NoAnswer):
                time.sleep(1)  # a tool's fault took the power away just now
        raise InvariantBroken(f"{self.node.name}: the swap never ends: {story(self.node)}")

    def _until_quiet(self) -> None:
        """The swap has ended, or the node has lost power by a tool's fault and is on again."""
        while swap_processes(self.node):
            time.sleep(0.05)
        if not self.node.is_on:
            self._boot()
            self.drive.end()

    def _person(self, persons: bool) -> None:
        """Mends the cause and types what is printed, to the letter."""
        self.tally.people += 1
        if not persons:
            self.tally.people_in_vain += 1
        mend(self.node)
        instructions = newest(self.node)[-1]["instructions"]
        for line in instructions:
            self.node.ssh(line)

    def _converge(self, new: str, which: str) -> None:
        """Another rotate: changes nothing when the new certificate is in, and brings a new one in otherwise."""
        if which == "new":
            self._nothing_to_do(new)
        else:
            self._bring_in_another()
        self.before = replace(self.before, stored=health(self.node).stored)

    def _nothing_to_do(self, new: str) -> None:
        stops = len(self.node.tool_calls("service-control", "--stop"))
        if self.drive.swap(sha256=new)["changed"]:
            raise InvariantBroken(f"{self.node.name}: a second rotate says changed")
        if len(self.node.tool_calls("service-control", "--stop")) != stops:
            raise InvariantBroken(f"{self.node.name}: a second rotate stops services")

    def _bring_in_another(self) -> None:
        self.tally.rotations += 1
        another = self.drive.stage()
        answer = self.drive.swap(sha256=another)
        self.drive.end()
        if not answer["changed"] or check(self.node, self.before, another) != "new":
            raise InvariantBroken(f"{self.node.name}: the next rotate does not bring a new one in: {story(self.node)}")
        self.tally.survived += 1


def story(node: Node) -> str:
    """The newest journal in a line."""
    lines = [
        " ".join(str(record[name]) for name in ("event", "step", "outcome", "message", "said") if record.get(name))
        for record in newest(node)
    ]
    return " > ".join(lines)


__all__ = ["FROZEN", "Act", "NoAnswer", "Refusal", "Site", "Tally", "ToolFault", "story"]
