# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take, give back or tell the lease of this node's linked group."""

from __future__ import annotations

from typing import Any

from .. import lease
from ..context import Context
from ..errors import NodeError
from ..journal import newest
from ..lock import Lock
from ..paths import State


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: state_dir, and `state`, one of

    held: take or renew it for `owner` (and the linked group `group`) for `ttl` seconds; awaited: could it be taken?;
    renewed: renew it, which must be owner's; released: give it back, when it is owner's; returned: likewise, and
    nothing was begun under it; status: tell it.

    `changed` is never true: a lease is bookkeeping of runs, and nothing about the node changes. Raises NodeError while
    the lease is another's.
    """
    state = State(options["state_dir"])
    outcome = _outcome(options, state, context.check_mode)
    at, last = lease.now(), newest(state.journal)
    told = {
        "event": outcome.event,
        "holder": outcome.lease.told(at) if outcome.lease else None,
        "previous": outcome.previous.told(at) if outcome.previous else None,
        "swap_runs": Lock(state.lock).held(),
        "newest_journal": last.id if last else None,
    }
    return {"changed": False, "lease": told}


def _outcome(options: dict[str, Any], state: State, check_mode: bool) -> lease.Outcome:
    if options["state"] == "status":
        return lease.look(state)
    owner = _words(options, "owner")
    if options["state"] in ("released", "returned"):
        return lease.give_back(state, owner, options["state"] == "returned", check_mode)
    if options["state"] == "renewed":
        return lease.confirm(state, owner, check_mode)
    awaited = options["state"] == "awaited"
    outcome = lease.take(state, _words(options, "group"), owner, _ttl(options), check_mode or awaited)
    return lease.look(state)._replace(event=lease.FREE) if awaited else outcome


def _words(options: dict[str, Any], name: str) -> str:
    value = str(options.get(name) or "")
    if not value.strip() or value == lease.UNREADABLE:
        raise NodeError(
            f"{name} is {value!r}.", f"Name the {name} in words that tell it from every other.", option=name
        )
    return value


def _ttl(options: dict[str, Any]) -> float:
    value = options.get("ttl")
    ttl = lease.TTL if value is None else float(value)
    if not 0 < ttl <= lease.LONGEST_TTL:
        raise NodeError(
            f"ttl is {ttl:g} seconds.",
            f"Give more than 0 and at most {lease.LONGEST_TTL:g} seconds (a day): that long a dead run is in the way.",
            option="ttl",
        )
    return ttl
