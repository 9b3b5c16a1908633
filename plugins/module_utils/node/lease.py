# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease: one run's right to begin windows in a linked group, kept on every node of the group.

A run takes it on one node of the group, the leader, then on all others, and then finds it its own still on the leader:
so of any two runs one held the leader throughout, with all others, after the other had. It begins a swap only where the
lease names it, and a lease changes hands only where no swap runs: so the two never have two windows of a group open at
once, whatever the clocks say. The clocks only decide how long the lease of a run that died is in the way.

A run that is refused on one node has begun nothing and returns what it took on others. What it had taken over there is
its former owner's again, as expired as it was: that run may be alive, and in a window that outlasts its leases.
"""

from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, Iterator, NamedTuple

from .errors import NodeError
from .files import discard, private_folder, sync, write_private
from .lock import Lock, boot_id
from .paths import State

SCHEMA = 1
TTL = 900.0
LONGEST_TTL = 86400.0

GRANTED, RENEWED, TAKEN_OVER = "granted", "renewed", "taken over"
RELEASED, RETURNED, NOT_OURS, NONE = "released", "returned", "not ours", "none"
FREE, TOLD = "free", "told"

UNREADABLE = "somebody unknown, whose lease could not be read"

# Who holds the lease's own lock writes one small file; only a disk that hangs takes longer.
_PATIENCE = 10.0


class Moment(NamedTuple):
    """The node's clocks: seconds since 1970, which may step, and seconds since this boot, which may not."""

    wall: float
    mono: float
    boot_id: str


def now() -> Moment:
    return Moment(time.time(), time.monotonic(), boot_id())


class Lease(NamedTuple):
    """What the file holds; `since`, `renewed` and `until` in seconds since 1970 (the file has them in ISO 8601).

    `displaced` is the expired lease that it was taken over from, until something is begun under it.
    """

    group: str
    owner: str
    since: float
    renewed: float
    ttl: float
    until: float
    mono_until: float
    boot_id: str
    displaced: Lease | None = None

    def left(self, at: Moment) -> float:
        """Seconds until it expires; 0 or less when it has.

        Within one boot no step of the wall clock counts. After another boot it does; what has passed since that boot
        has passed in any case, so that a clock which fell back years does not keep the lease for years.
        """
        if self.boot_id == at.boot_id:
            return min(self.mono_until - at.mono, self.ttl)
        return min(self.until - at.wall, self.ttl - at.mono)

    def live(self, at: Moment) -> bool:
        return self.left(at) > 0

    def renew(self, at: Moment, **changes: Any) -> Lease:
        """The same lease for another `ttl` from now on."""
        lease = self._replace(**changes)
        return lease._replace(
            renewed=at.wall, until=at.wall + lease.ttl, mono_until=at.mono + lease.ttl, boot_id=at.boot_id
        )

    def told(self, at: Moment) -> dict[str, Any]:
        """For results and messages; `until` as this node's wall clock will have it."""
        left = self.left(at)
        return {
            "group": self.group,
            "owner": self.owner,
            "since": _iso(self.since),
            "renewed": _iso(self.renewed),
            "ttl": self.ttl,
            "until": _iso(at.wall + left),
            "seconds_left": round(max(left, 0.0), 3),
            "live": left > 0,
        }


class Outcome(NamedTuple):
    """What was done (`event`), the lease that is there now, and the one that was there before, if it was another's."""

    event: str
    lease: Lease | None
    previous: Lease | None = None


def take(state: State, group: str, owner: str, ttl: float = TTL, check_mode: bool = False) -> Outcome:
    """Take the lease, or renew it when it is ours. Raises NodeError while it is another's, or a swap runs here."""
    if check_mode:
        return Outcome(*_taken(state, _found(state, now()), group, owner, ttl))
    with _alone(state):
        event, lease, previous = _taken(state, _kept(state), group, owner, ttl)
        _write(state, lease)
    return Outcome(event, lease, previous)


def confirm(state: State, owner: str, check_mode: bool = False, **changes: Any) -> Outcome:
    """Renew the lease that must be ours. Raises NodeError when it is another's by now, or nobody's."""
    if check_mode:
        return Outcome(RENEWED, _insist(_found(state, now()), owner).renew(now()))
    with _alone(state):
        lease = _insist(_kept(state), owner).renew(now(), **changes)
        _write(state, lease)
    return Outcome(RENEWED, lease)


def give_back(state: State, owner: str, unused: bool = False, check_mode: bool = False) -> Outcome:
    """Remove the lease when it is ours; another's stays. An unused one is its former owner's again."""
    if check_mode or not state.lease.exists():
        return _given_back(_found(state, now()), owner, unused)
    with _alone(state):
        outcome = _given_back(_found(state, now()), owner, unused)
        if outcome.event == RETURNED and outcome.lease:
            _write(state, outcome.lease)
        elif outcome.event == RELEASED:
            discard(state.lease)
            sync(state.root)
        return outcome


def look(state: State) -> Outcome:
    """The lease as it is."""
    return Outcome(TOLD, _found(state, now()))


def admit(state: State, owner: str | None) -> None:
    """May a swap begin here? Call it with the node's lock taken. Raises NodeError when not.

    With an owner the lease must be that owner's, and is renewed. It may have expired: as long as it names us, nobody
    else can have taken it on every node. Without an owner nobody else's lease may be live.
    """
    if not owner and not state.lease.exists():
        return
    if owner:
        confirm(state, owner, displaced=None)
        return
    with _alone(state):
        found, at = _kept(state), now()
        if found and found.live(at):
            raise _refusal(found, at)


def renew(state: State, owner: str | None) -> None:
    """The sign of life of a run that is at work: prolong its lease, once a third of the time is over.

    Nothing else happens, whatever the lease or the disk looks like: a swap that runs is in no danger from a lease
    that ends, since nobody takes it over until the swap is at its end, and the next swap needs `admit`.
    """
    if not owner:
        return
    try:
        found, at = _found(state, now()), now()
        if found is None or found.owner != owner or found.left(at) > found.ttl * 2 / 3:
            return
        with _alone(state):
            found = _found(state, at)
            if found and found.owner == owner:
                _write(state, found.renew(at))
    except NodeError:
        return


def _taken(state: State, found: Lease | None, group: str, owner: str, ttl: float) -> tuple[str, Lease, Lease | None]:
    """The event, the lease that is ours then, and whose it was."""
    at = now()
    if found and found.owner == owner:
        return RENEWED, found.renew(at, group=group, ttl=ttl, displaced=None), None
    if found and found.live(at):
        raise _refusal(found, at)
    if Lock(state.lock).held():
        raise _swap_runs(found, at)
    displaced = found._replace(displaced=None) if found and found.owner != UNREADABLE else None
    fresh = Lease(group, owner, at.wall, at.wall, ttl, until=0.0, mono_until=0.0, boot_id="", displaced=displaced)
    return TAKEN_OVER if found else GRANTED, fresh.renew(at), found


def _given_back(found: Lease | None, owner: str, unused: bool) -> Outcome:
    if found is None:
        return Outcome(NONE, None)
    if found.owner != owner:
        return Outcome(NOT_OURS, found)
    return Outcome(RETURNED, found.displaced) if unused and found.displaced else Outcome(RELEASED, None)


def _insist(found: Lease | None, owner: str) -> Lease:
    if found is None:
        raise NodeError(
            f"{owner} does not hold the lease of this node's linked group: nobody does.",
            "Run again: a run begins by taking it on every node of the group (group_lease with state=held).",
        )
    if found.owner != owner:
        raise _refusal(found, now())
    return found


# ---- The file --------------------------------------------------------------------------------------------------------


@contextmanager
def _alone(state: State) -> Iterator[None]:
    """One reader and writer at a time. What the disk refuses is told in words."""
    private_folder(state.root)
    lock = Lock(state.lease_lock)
    try:
        _acquire(lock)
        try:
            yield
        finally:
            lock.release()
    except OSError as error:
        raise NodeError(
            f"The lease cannot be kept: {error.filename or state.lease}: {error.strerror}.",
            "Free space on its disk, or mount it for writing, then run again.",
            path=str(state.lease),
        ) from error


def _acquire(lock: Lock) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not lock.acquire():
        if time.monotonic() >= deadline:
            raise NodeError(
                f"{lock.path} has been locked by another process for {_PATIENCE:g} seconds.",
                f"See who that is (`fuser -v {lock.path}`) and why it hangs, then run again.",
                path=str(lock.path),
            )


def _kept(state: State) -> Lease | None:
    """The lease on the disk.

    One that cannot be read may be anybody's, so nobody is let in; and so that it does not bar the node for ever, a
    legible lease of nobody takes its place, which ends as every lease ends when nobody renews it.
    """
    at = now()
    found = _found(state, at)
    if found and found.owner == UNREADABLE:
        _write(state, found)
    return found


def _found(state: State, at: Moment) -> Lease | None:
    try:
        content = state.lease.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NodeError(
            f"The lease {state.lease} cannot be read: {error.strerror}.",
            "Check the disk (`dmesg`, `df`) and the file, then run again.",
            path=str(state.lease),
        ) from error
    try:
        return _parsed(json.loads(content.decode()))
    except (ValueError, KeyError, TypeError, OverflowError):
        return Lease("", UNREADABLE, at.wall, at.wall, TTL, 0.0, 0.0, "").renew(at)


def _parsed(record: dict[str, Any]) -> Lease:
    if record["schema"] != SCHEMA:
        raise ValueError
    ttl, mono_until = float(record["ttl"]), float(record["mono_until"])
    if not 0 < ttl <= LONGEST_TTL or not 0 <= mono_until < math.inf:
        raise ValueError
    since, renewed, until = (_seconds(record[name]) for name in ("since", "renewed", "until"))
    group, owner, boot = (str(record[name]) for name in ("group", "owner", "boot_id"))
    displaced = _parsed(record["displaced"]) if record.get("displaced") else None
    return Lease(group, owner, since, renewed, ttl, until, mono_until, boot, displaced)


def _write(state: State, lease: Lease) -> None:
    write_private(state.lease, json.dumps(_recorded(lease)).encode() + b"\n")


def _recorded(lease: Lease) -> dict[str, Any]:
    moments = {name: _iso(getattr(lease, name), "milliseconds") for name in ("since", "renewed", "until")}
    displaced = _recorded(lease.displaced) if lease.displaced else None
    return {"schema": SCHEMA, **lease._asdict(), **moments, "displaced": displaced}


# ---- Words -----------------------------------------------------------------------------------------------------------


def _refusal(found: Lease, at: Moment) -> NodeError:
    told = found.told(at)
    group = f"the linked group {found.group}" if found.group else "this node's linked group"
    if not found.live(at):
        return NodeError(
            f"The lease for {group} is no longer ours: {found.owner} took it at {told['since']}.",
            "Run again: the run begins by taking the lease, or names who has it.",
            lease=told,
        )
    return NodeError(
        f"The lease for {group} is held by {found.owner}, since {told['since']} and until {told['until']}.",
        f"Wait until that run has ended or, if it is dead, run again after {told['until']}; "
        f"-e vcfleet_lease_wait={math.ceil(found.left(at))} waits for it.",
        lease=told,
    )


def _swap_runs(found: Lease | None, at: Moment) -> NodeError:
    held = f"although the lease of {found.owner} has expired" if found else "that belongs to no lease"
    return NodeError(
        f"A swap runs on this node, {held}: no other run may begin a window in its linked group.",
        "Wait until it has ended (machine_ssl_swap with state=status tells), then run again; "
        "-e vcfleet_lease_wait=1800 waits for it.",
        lease=found.told(at) if found else None,
        swap_runs=True,
    )


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).astimezone(timezone.utc).timestamp()


def _iso(moment: float, precision: str = "seconds") -> str:
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec=precision)
