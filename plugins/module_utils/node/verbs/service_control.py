# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services started or stopped, and polled until they are."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from ..context import Context
from ..errors import NodeError
from ..process import Completed
from ..tools.servicecontrol import CORE, MANAGERS, Census, NotReachedError, ServiceControl, complaints

_TIMEOUT = 1800.0
_PAUSE = 0.5


class Goal(NamedTuple):
    """`names` are the services meant, None all of them; with all, `census` names those that must run in the end."""

    state: str
    names: list[str] | None
    census: list[str]

    def reached(self, census: Census) -> bool:
        if self.state == "stopped":
            return not set(self._to_stop(census)) & set(census.running + census.pending)
        return not census.missing(self.to_start(census)) and not (self.names is None and census.start_pending)

    @property
    def open_ended(self) -> bool:
        """Without a census nothing tells whether a stopped service should run: the tool must be asked to start all."""
        return self.state == "started" and self.names is None and not self.census

    def to_start(self, census: Census) -> list[str]:
        """Those that must run in the end."""
        return self.census if self.names is None else self.names

    def predicted(self, before: Census) -> Census:
        """The census when the goal is reached."""
        if self.state == "started":
            up = set(before.running) | set(self.to_start(before)) | set(before.start_pending)
            return Census(sorted(up), sorted(set(before.stopped) - up), [], before.stop_pending)
        down = set(self._to_stop(before))
        running = sorted(set(before.running) - down)
        return Census(running, sorted(set(before.stopped) | down), sorted(set(before.start_pending) - down), [])

    def _to_stop(self, census: Census) -> list[str]:
        if self.names is not None:
            return self.names
        return sorted(set(census.running + census.pending) - MANAGERS)


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: state, one of services, all and core (with node_type), census, timeout, poll_interval (seconds).

    `census` is the one in the end; `started` and `stopped` name what changed its state on the way.
    """
    services = context.toolbox.services
    before = services.census()
    goal = _goal(options, before)
    if goal.reached(before) and (context.check_mode or not goal.open_ended):
        return _answer(before, before)
    if context.check_mode:
        return _answer(before, goal.predicted(before))
    return _answer(before, _reach(goal, before, services, options))


def _goal(options: dict[str, Any], census: Census) -> Goal:
    chosen = [name for name in ("services", "all", "core") if options.get(name)]
    if len(chosen) != 1:
        raise NodeError("Exactly one of services, all and core must be given.", "Say which services are meant.")
    wanted = list(options.get("census") or [])
    if wanted and (options["state"] != "started" or chosen != ["all"]):
        raise NodeError("census goes with state: started and all: true only.", "Leave it out, or set all: true.")
    if chosen == ["all"]:
        _refuse_unknown(wanted, census)
        return Goal(options["state"], None, wanted)
    names = list(options["services"]) if chosen == ["services"] else list(_core(options.get("node_type")))
    _refuse_unknown(names, census)
    # What was started first is stopped last: the directory and VMCA stand on vmafdd.
    backwards = options["state"] == "stopped" and chosen == ["core"]
    return Goal(options["state"], names[::-1] if backwards else names, [])


def _core(node_type: str | None) -> tuple[str, ...]:
    if node_type not in CORE:
        raise NodeError(
            f"core needs node_type, one of {', '.join(CORE)}, not {node_type!r}.",
            "appliance_info tells a node's type.",
        )
    return CORE[node_type]


def _refuse_unknown(names: list[str], census: Census) -> None:
    known = {name for names in census for name in names}
    unknown = sorted(set(names) - known)
    if unknown:
        raise NodeError(
            f"There is no service {', '.join(unknown)} on this node; there are {', '.join(sorted(known))}.",
            "Take the names as the census has them.",
            unknown=unknown,
        )


def _reach(goal: Goal, before: Census, services: ServiceControl, options: dict[str, Any]) -> Census:
    timeout = float(options.get("timeout") or _TIMEOUT)
    deadline = time.monotonic() + timeout
    if goal.state == "started":
        names = None if goal.names is None else [name for name in goal.names if name not in before.running]
        completed = services.start(names, timeout)
    else:
        names = None if goal.names is None else [name for name in goal.names if name not in before.stopped]
        completed = services.stop(names, timeout)
    try:
        return services.wait_until(goal.reached, deadline, float(options.get("poll_interval") or _PAUSE))
    except NotReachedError as error:
        raise _explained(error, goal, completed) from error


def _explained(error: NotReachedError, goal: Goal, completed: Completed) -> NodeError:
    census = error.census
    missing = census.missing(goal.to_start(census)) if census and goal.state == "started" else []
    said = complaints(completed)
    parts = [error.message]
    parts += ["Not running: " + ", ".join(missing) + "."] if missing else []
    parts += ["service-control said: " + " / ".join(said)] if said else []
    return NodeError(" ".join(parts), error.remedy, missing=missing, stdout=completed.stdout[-2000:], **error.details)


def _answer(before: Census, after: Census) -> dict[str, Any]:
    started = sorted(set(after.running) - set(before.running))
    stopped = sorted(set(before.running) - set(after.running))
    return {
        "changed": before != after,
        "census": after.to_dict(),
        "started": started,
        "stopped": stopped,
        "diff": {"before": before.to_dict(), "after": after.to_dict()},
    }
