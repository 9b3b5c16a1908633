# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the armed unit runs once at the next boot (heal.py)."""

from __future__ import annotations

from .heal import disarm
from .journal import unfinished
from .lock import Lock
from .paths import State
from .process import Runner
from .roads import resume
from .swap import AtRest, StartCore, World
from .tools.toolbox import Toolbox


def main(state_dir: str) -> None:
    """Finish or undo what the journal left open, unless a controller is at it already."""
    state = State(state_dir)
    lock = Lock(state.lock)
    if not lock.acquire():
        return
    try:
        left = unfinished(state.journal)
        if left is None:
            disarm(state)
            return
        owner = lock.owner()
        lock.sign(wanted=left.fact("new_sha256"))
        left.write("taken over", owner=owner, by="the node itself, at boot")
        world = World(Toolbox(Runner()), state, left)
        _let_core_come_up(world)
        resume(world)
    finally:
        lock.release()


def _let_core_come_up(world: World) -> None:
    """Services are on their way at boot; to start or stop them now would only be in their way."""
    at_rest = AtRest(world)
    world.wait_until(lambda: StartCore().check(world) or at_rest(), world.settings.settle_timeout)
