# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which road a journal goes. A roll back goes that of the swap."""

from __future__ import annotations

from . import restart, swap
from .swap import World


def run(world: World) -> None:
    """Walk a freshly opened journal to its end. Never raises: the journal says how it ended."""
    if world.journal.is_restart:
        restart.run(world)
    else:
        swap.run(world)


def resume(world: World) -> None:
    """Recover what an interrupted journal left. Never raises: the journal says how it ended."""
    if world.journal.is_restart:
        restart.resume(world)
    else:
        swap.resume(world)
