# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restart: the transaction that stops all services of a node and starts them again, and touches no certificate.

It shares the swap's lock, lease, journal, self-heal and steps. To recover is to start the services, and nothing else:
what was interrupted is not stopped a second time.
"""

from __future__ import annotations

from typing import Any, Callable

from .errors import NodeError
from .swap import (
    NEW,
    OLD,
    STOP_ATTEMPTS,
    Arm,
    AtRest,
    Start,
    Step,
    TakeCensus,
    World,
    close,
    entered,
    evidence_only,
    explain,
    prepared,
    refuse_unsaved,
    walk,
)
from .tools.servicecontrol import MANAGERS


class StopAll(Step):
    """Of every service: a swap bears with one that goes on running, and starts the storage's again at once."""

    name = "stop"

    def do(self, world: World) -> dict[str, Any]:
        refuse_unsaved(world)
        for _attempt in range(STOP_ATTEMPTS):
            command = evidence_only(lambda: world.toolbox.services.stop(None, world.settings.stop_timeout))
            _wait(world, until=lambda: not _still_up(world), seconds=world.settings.stop_timeout / STOP_ATTEMPTS)
            if not _still_up(world):
                return command
        raise NodeError("These went on running: {}".format(", ".join(sorted(_still_up(world)))), command=command)


def run(world: World) -> None:
    """Walk a freshly opened journal to its end. Never raises: the journal says how it ended."""
    if not prepared(world, (TakeCensus(), Arm())):
        return
    try:
        walk(world, (StopAll(),))
    except Exception as error:  # whatever it was, what has stopped is started again
        _give_up(world, **explain(error))
    _start(world)


def resume(world: World) -> None:
    """Start what an interrupted restart has stopped. Never raises: the journal says how it ended."""
    if not entered(world):
        return
    if world.goal == NEW and not world.journal.did("stop"):
        _give_up(world, message="Interrupted before all services were known to have stopped.")
    # A node that has just booted is given the time to come up; what the dead process had asked for, to end.
    _wait(world, until=lambda: False, seconds=world.settings.stop_timeout)
    _start(world)


def _give_up(world: World, **reason: Any) -> None:
    """From here on the services are only to run again, as they did before."""
    world.journal.write("failed", step="stop", goal=OLD, **reason)


def _start(world: World) -> None:
    try:
        walk(world, (Start(),))
    except Exception as error:  # the last resort is a person
        command = " ".join(world.toolbox.services.start_argv(None))
        world.journal.write("stuck", instructions=[command], **explain(error))
    else:
        close(world, "committed" if world.goal == NEW else "rolled_back")


def _wait(world: World, until: Callable[[], bool], seconds: float) -> None:
    """Until it is so, or nothing moves any more."""
    at_rest = AtRest(world)

    def ended() -> bool:
        world.look()
        return until() or at_rest()

    world.wait_until(ended, seconds)


def _still_up(world: World) -> frozenset[str]:
    """What of the census has not stopped, by the last look; the service managers may stay."""
    return world.census.intersection(world.seen.running + world.seen.pending) - MANAGERS
