# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The swap: the transaction that replaces the machine certificate and leaves the node with its services back.

The road is a list of steps. Each knows from the world, not from memory, whether it is done already, so the same list
serves a first run and a resumed one. To roll back is to walk the window's steps again towards the old pair: there is
no second, less travelled road.
"""

from __future__ import annotations

import time
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Callable, Sequence, TypeVar

from . import pem
from .config import canonical
from .errors import NodeError
from .files import discard, sync
from .heal import arm, can_arm, disarm
from .journal import CLOSED, Journal
from .pair import Backup, Pair, finish_backup, new_backup, prune, write_pair
from .paths import LEGACY_STORE, State
from .paths import MACHINE_ALIAS as ALIAS
from .paths import MACHINE_STORE as STORE
from .served import served
from .tools.servicecontrol import CORE, MANAGERS, Census
from .tools.toolbox import Toolbox
from .tools.vecs import Entry

Answer = TypeVar("Answer")

NEW, OLD = "new", "old"

STOP_ATTEMPTS = 2
START_ATTEMPTS = 3
QUESTION_ATTEMPTS = 3
_BREATH = 0.5


@dataclass(frozen=True)
class Settings:
    """What a swap was told. Stands in the journal's first record, so that a resumed swap goes by the same."""

    pnid: str
    node_type: str
    ports: tuple[int, ...] = (443, 5480, 7444)
    stop_timeout: float = 900.0
    start_timeout: float = 1800.0
    settle_timeout: float = 1800.0
    served_timeout: float = 120.0
    pause: float = 0.25
    quiet: float = 10.0
    backups_kept: int = 5
    force: bool = False

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Settings:
        return cls(**dict(record, ports=tuple(record["ports"])))

    def to_record(self) -> dict[str, Any]:
        return dict(asdict(self), ports=list(self.ports))


@dataclass
class World:
    """The node as the steps see it, and the journal that they write."""

    toolbox: Toolbox
    state: State
    journal: Journal
    settings: Settings = field(init=False)
    seen: Census = field(init=False)

    def __post_init__(self) -> None:
        self.settings = Settings.from_record(self.journal.fact("settings"))
        self.seen = Census([], [], [], [])

    @property
    def goal(self) -> str:
        return str(self.journal.fact("goal"))

    @property
    def source(self) -> Pair:
        """The pair that the swap was asked to bring in."""
        return Pair(*map(Path, self.journal.fact("source")))

    @property
    def source_legacy(self) -> Pair | None:
        """What the legacy store gets when it is not the machine pair itself: only a backup knows."""
        files = self.journal.fact("source_legacy")
        return Pair(*map(Path, files)) if files else None

    @property
    def backup(self) -> Backup:
        return Backup(self.state.backup / str(self.journal.fact("backup")))

    @property
    def target(self) -> Pair:
        return self.source if self.goal == NEW else self.backup.machine

    @property
    def target_sha256(self) -> str:
        return str(self.journal.fact("new_sha256" if self.goal == NEW else "old_sha256"))

    @property
    def census(self) -> frozenset[str]:
        """Services that ran before the window: what healthy means."""
        return frozenset(self.journal.fact("running") or ())

    @property
    def core(self) -> tuple[str, ...]:
        return tuple(CORE[self.settings.node_type])

    def entry(self, store: str = STORE) -> Entry | None:
        return self.toolbox.vecs.get(store, ALIAS)

    def holds_target(self) -> bool:
        """VECS holds the target certificate. Compared by thumbprint: the pair's files may be gone after a commit."""
        entry = self.entry()
        return entry is not None and entry.type == "Private Key" and entry.sha256 == self.target_sha256

    def look(self) -> frozenset[str]:
        """The services that run now. Each look costs seconds of the window on an appliance: `seen` keeps the last."""
        self.seen = self.toolbox.services.census()
        return frozenset(self.seen.running)

    def served(self) -> dict[int, str | None]:
        return served(self.settings.ports, self.settings.pnid)

    def ports_to_turn(self) -> list[int]:
        """The ports that presented the old machine certificate before the window."""
        before = self.journal.fact("served") or {}
        return [int(port) for port, sha256 in before.items() if sha256 == self.journal.fact("old_sha256")]

    def stale_ports(self) -> list[int]:
        """Ports that present something else than the target right now; a silent port is not stale."""
        now = served(self.ports_to_turn(), self.settings.pnid)
        return [port for port, sha256 in now.items() if sha256 not in (None, self.target_sha256)]

    def still_up(self, running: frozenset[str]) -> frozenset[str]:
        """What of the census runs besides the certificate storage's services and the service managers."""
        return (running & self.census) - set(self.core) - MANAGERS

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Poll until the condition holds; an answer that cannot be read counts as not yet."""
        deadline = time.monotonic() + seconds
        while True:
            if _holds(condition):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(self.settings.pause)


class AtRest:
    """Has nothing moved for a while? To be asked after each look; waiting longer would only lengthen the outage."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last = world.seen
        self._since = time.monotonic()

    def __call__(self) -> bool:
        seen = self._world.seen
        if seen != self._last or seen.pending:
            self._last, self._since = seen, time.monotonic()
        return time.monotonic() - self._since >= self._world.settings.quiet


class Step:
    """One named step of the road."""

    name = ""

    def check(self, world: World) -> bool:
        """Is it done already? Raises NodeError when the world does not say."""
        return False

    def do(self, world: World) -> dict[str, Any]:
        """Do it and prove it; returns facts for the journal. Raises NodeError."""
        raise NotImplementedError


class Prove(Step):
    name = "prove"

    def do(self, world: World) -> dict[str, Any]:
        expected = world.journal.fact("new_sha256")
        pair = world.source
        if pair.sha256 != expected:
            raise NodeError(
                f"{pair.cert} is not the certificate that was assessed: SHA-256 {pair.sha256}, expected {expected}",
                remedy="Run the stage again; somebody or something else wrote into the staging folder.",
            )
        pair.prove(world.toolbox.openssl)
        names = world.toolbox.openssl.subject_alternative_names(pair.chain[0])
        if canonical("ip", world.settings.pnid) not in names:
            raise NodeError(
                "The PNID {} is not among the SANs of {}: {}".format(world.settings.pnid, pair.cert, ", ".join(names)),
                remedy="Stage a certificate whose first DNS SAN is the PNID, byte for byte.",
            )
        return {"new_sha1": pem.sha1(pair.chain[0])}


class MakeBackup(Step):
    name = "backup"

    def do(self, world: World) -> dict[str, Any]:
        entry = world.entry()
        if entry is None or entry.type != "Private Key":
            raise NodeError(
                f"{STORE} holds no pair under {ALIAS} to back up",
                remedy="See what the store holds with vcfleet.certs.vecs_info, and run with state=resumed.",
            )
        old = pem.sha256(entry.chain[0])
        before = world.served()
        _refuse_other_certificate_served(world, old, before)
        with new_backup(world.state.backup, old) as backup:
            write_pair(backup.machine, entry.chain, world.toolbox.vecs.key(STORE, ALIAS))
            self._read_back(world, backup.machine, entry)
            legacy = self._legacy(world, backup)
            facts = {
                "old_sha256": old,
                "old_sha1": pem.sha1(entry.chain[0]),
                "old_not_after": _end_of(entry.chain[0], world),
                "legacy": legacy,
            }
            finish_backup(backup, pnid=world.settings.pnid, swap=world.journal.id, **facts)
        return dict(facts, backup=backup.id, served={str(port): sha256 for port, sha256 in before.items()})

    def _legacy(self, world: World, backup: Backup) -> bool:
        entry = world.entry(LEGACY_STORE) if LEGACY_STORE in world.toolbox.vecs.stores() else None
        if entry is None or entry.type != "Private Key":
            return False
        write_pair(backup.legacy, entry.chain, world.toolbox.vecs.key(LEGACY_STORE, ALIAS))
        self._read_back(world, backup.legacy, entry)
        return True

    @staticmethod
    def _read_back(world: World, pair: Pair, entry: Entry) -> None:
        if not pair.is_held_by(entry):
            raise NodeError(f"The backup {pair.cert} does not read back as what VECS holds")
        pair.prove(world.toolbox.openssl)


class TakeCensus(Step):
    name = "census"

    def do(self, world: World) -> dict[str, Any]:
        world.look()
        missing = world.seen.missing(world.core)
        if missing:
            raise NodeError(
                "Not running before the window: {}".format(", ".join(missing)),
                remedy="Start them (vcfleet.certs.service_control with core: true) and see why they were down.",
            )
        return {"running": world.seen.running, "stopped": world.seen.stopped}


class Arm(Step):
    """Without it a node that loses power in the window waits for the next controller; no reason to refuse."""

    name = "arm"

    def check(self, world: World) -> bool:
        return not can_arm()

    def do(self, world: World) -> dict[str, Any]:
        try:
            arm(world.state)
        except (OSError, NodeError) as error:
            return {"armed": False, "said": str(error)}
        return {"armed": True}


class Stop(Step):
    name = "stop"

    def check(self, world: World) -> bool:
        stragglers = frozenset(world.journal.fact("stragglers") or ())
        return world.still_up(world.look()) <= stragglers or (world.holds_target() and not world.stale_ports())

    def do(self, world: World) -> dict[str, Any]:
        refuse_unsaved(world)
        before = world.still_up(frozenset(world.seen.running))
        for _attempt in range(STOP_ATTEMPTS):
            command = evidence_only(lambda: world.toolbox.services.stop(None, world.settings.stop_timeout))
            at_rest = AtRest(world)
            world.wait_until(lambda: not world.still_up(world.look()) or at_rest(), world.settings.stop_timeout)  # noqa: B023
            stragglers = world.still_up(frozenset(world.seen.running))
            if not stragglers or stragglers < before:
                return dict(command, stragglers=sorted(stragglers))
        raise NodeError("No service stopped: {}".format(", ".join(sorted(stragglers))), command=command)


class StartCore(Step):
    name = "core"

    def check(self, world: World) -> bool:
        return set(world.core) <= world.look() and _holds(lambda: bool(world.toolbox.vecs.stores()))

    def do(self, world: World) -> dict[str, Any]:
        commands: list[dict[str, Any]] = []
        for _attempt in range(START_ATTEMPTS):
            commands += [
                evidence_only(partial(world.toolbox.services.start, [name], world.settings.start_timeout))
                for name in world.core
                if name not in world.seen.running
            ]
            if world.wait_until(lambda: self.check(world), world.settings.settle_timeout / START_ATTEMPTS):
                return {"commands": commands}
        missing = ", ".join(world.seen.missing(world.core)) or "vmafdd runs but does not answer"
        raise NodeError(f"The certificate storage does not start: {missing}", commands=commands)


class Replace(Step):
    name = "replace"

    def check(self, world: World) -> bool:
        return world.holds_target()

    def do(self, world: World) -> dict[str, Any]:
        self._refuse_another(world)
        _asked(lambda: world.target.prove(world.toolbox.openssl))
        try:
            put(world.toolbox, STORE, world.target)
        except NodeError:
            if world.goal == NEW:
                evidence_only(lambda: put(world.toolbox, STORE, world.backup.machine))
            raise
        return {"holds": world.target_sha256}

    @staticmethod
    def _refuse_another(world: World) -> None:
        """Somebody may have staged anew since `prove`, even a whole pair: it is not the one that was assessed."""
        found = world.target.sha256
        if found != world.target_sha256:
            raise NodeError(f"{world.target.cert} was changed meanwhile: {found}, expected {world.target_sha256}")


class Mirror(Step):
    name = "mirror"

    def check(self, world: World) -> bool:
        if not world.journal.fact("legacy"):
            return True
        return self._target(world).is_held_by(world.entry(LEGACY_STORE))

    def do(self, world: World) -> dict[str, Any]:
        put(world.toolbox, LEGACY_STORE, self._target(world))
        return {}

    @staticmethod
    def _target(world: World) -> Pair:
        return world.backup.legacy if world.goal == OLD else world.source_legacy or world.source


class Start(Step):
    name = "start"

    def check(self, world: World) -> bool:
        return world.census <= world.look()

    def do(self, world: World) -> dict[str, Any]:
        for _attempt in range(START_ATTEMPTS):
            command = evidence_only(lambda: world.toolbox.services.start(None, world.settings.start_timeout))
            if world.wait_until(lambda: self.check(world), world.settings.settle_timeout / START_ATTEMPTS):
                return dict(command, stopped_again=self._stop_surplus(world))
        missing = ", ".join(world.seen.missing(world.census))
        raise NodeError(f"Not running again by the deadline: {missing}", command=command)

    @staticmethod
    def _stop_surplus(world: World) -> list[str]:
        """`--start --all` also starts what somebody had stopped before: the census is to be the same again."""
        surplus = sorted(set(world.seen.running) & set(world.journal.fact("stopped") or ()))
        if surplus:
            evidence_only(lambda: world.toolbox.services.stop(surplus, world.settings.stop_timeout))
        return surplus


class Served(Step):
    name = "served"

    def check(self, world: World) -> bool:
        now = served(world.ports_to_turn(), world.settings.pnid)
        return all(sha256 == world.target_sha256 for sha256 in now.values())

    def do(self, world: World) -> dict[str, Any]:
        if not world.wait_until(lambda: self.check(world), world.settings.served_timeout):
            now = served(world.ports_to_turn(), world.settings.pnid)
            wrong = [f"{port} presents {sha256 or 'nothing'}" for port, sha256 in sorted(now.items())]
            raise NodeError("Port {}, expected {}".format("; port ".join(wrong), world.target_sha256))
        return {"served_after": {str(port): sha256 for port, sha256 in world.served().items()}}


class Commit(Step):
    name = "commit"

    def do(self, world: World) -> dict[str, Any]:
        world.toolbox.vecs.settle()
        clear_staging(world.state)
        return {"pruned": prune(world.state.backup, world.settings.backups_kept)}


PREPARE: tuple[Step, ...] = (Prove(), MakeBackup(), TakeCensus(), Arm())
WINDOW: tuple[Step, ...] = (Stop(), StartCore(), Replace(), Mirror(), Start(), Served())
FINISH: tuple[Step, ...] = (Commit(),)
ROAD: tuple[Step, ...] = PREPARE + WINDOW + FINISH


def run(world: World) -> None:
    """Walk a freshly opened journal to its end. Never raises: the journal says how it ended."""
    if prepared(world, PREPARE):
        carry_through(world)


def prepared(world: World, steps: Sequence[Step]) -> bool:
    """Walk the steps before the window. False where that does not go: the journal is closed then."""
    try:
        walk(world, steps)
        if not world.journal.saved:
            raise NodeError(f"The journal {world.journal.path} cannot be written", remedy="Free space on its disk.")
    except Exception as error:  # whatever it was, nothing has been stopped or replaced yet
        close(world, "refused", **explain(error))
        return False
    return True


def resume(world: World) -> None:
    """Finish, or undo, what an interrupted swap left. Never raises: the journal says how it ended."""
    if not entered(world):
        return
    if world.goal == NEW and _came_up_untouched(world):
        world.journal.write("turn", goal=OLD, message="Interrupted before the certificate was replaced.")
        _close_rolled_back(world)
        return
    _put_entry_back_in_place(world)
    carry_through(world)


def entered(world: World) -> bool:
    """Had the interrupted journal come to its window? Otherwise there is nothing to recover, and it is closed."""
    if world.journal.began("stop"):
        return True
    close(world, "refused", message="Interrupted before the window; nothing had changed.")
    return False


def carry_through(world: World) -> None:
    """Walk the window to the goal; when that fails, to the old pair; when that fails too, say how to do it by hand."""
    if world.goal == NEW:
        try:
            walk(world, WINDOW)
        except Exception as error:  # in the window nothing may escape: the way back begins here
            world.journal.write("turn", goal=OLD, **explain(error))
        else:
            _commit(world)
            return
    try:
        walk(world, WINDOW)
    except Exception as error:  # the last resort is a person
        world.journal.write("stuck", instructions=instructions(world), **explain(error))
    else:
        _close_rolled_back(world)


def _commit(world: World) -> None:
    """The node is as wanted already; a clean-up that fails is told, and does not undo that."""
    try:
        walk(world, FINISH)
    except Exception as error:  # a full or read-only disk
        world.journal.write("failed", step="commit", **explain(error))
    close(world, "committed")


def close(world: World, outcome: str, **facts: Any) -> None:
    """End the journal, and only then the self-heal: what is armed for an ended journal disarms itself at boot."""
    world.journal.write(CLOSED, outcome=outcome, **facts)
    with suppress(OSError):
        disarm(world.state)


def walk(world: World, steps: Sequence[Step]) -> None:
    """Do the steps that are not done yet, journaled before and after. Raises what a step raises."""
    for step in steps:
        if _holds(partial(step.check, world)):
            world.journal.write("skip", step=step.name)
            continue
        world.journal.write("begin", step=step.name)
        facts = step.do(world)
        world.journal.write("done", step=step.name, **facts)


def put(toolbox: Toolbox, store: str, pair: Pair) -> None:
    """Make the store hold this pair, judged by reading it back. Raises NodeError when it does not."""
    vecs = toolbox.vecs
    if pair.is_held_by(_asked(lambda: vecs.get(store, ALIAS))):
        return
    complaint: NodeError | None = None
    try:
        vecs.delete(store, ALIAS)
        vecs.create(store, ALIAS, str(pair.cert), str(pair.key))
    except NodeError as error:
        complaint = error
    entry = _asked(lambda: vecs.get(store, ALIAS))
    if not pair.is_held_by(entry):
        found = "nothing" if entry is None else "{} of type {}".format(entry.sha256 or "no certificate", entry.type)
        raise NodeError(
            "{} does not hold the wanted certificate after it was written: found {}, expected {}{}".format(
                store, found, pair.sha256, f". {complaint.message}" if complaint else ""
            ),
            **(complaint.details if complaint else {}),
        )


def instructions(world: World) -> list[str]:
    """The shell commands that put the old pair back by hand, in order."""
    services, vecs, backup = world.toolbox.services, world.toolbox.vecs, world.backup
    stores = [(STORE, backup.machine)] + ([(LEGACY_STORE, backup.legacy)] if world.journal.fact("legacy") else [])
    commands = [services.stop_argv(None)] + [services.start_argv(name) for name in world.core]
    for store, pair in stores:
        commands.append(vecs.delete_argv(store, ALIAS))
        commands.append(vecs.create_argv(store, ALIAS, str(pair.cert), str(pair.key)))
    commands.append(services.start_argv(None))
    return [" ".join(command) for command in commands]


def clear_staging(state: State) -> None:
    """Remove the staged pair and its config; the private key lives in VECS now, or nowhere."""
    if not state.staging.is_dir():
        return
    for path in (state.staged_key, state.staged_pub, state.staged_cert, state.staged_config):
        discard(path)
    sync(state.staging)


def _close_rolled_back(world: World) -> None:
    """The pair that did not hold is not tried again: the next run stages a new one."""
    try:
        world.toolbox.vecs.settle()
        clear_staging(world.state)
    except OSError as error:
        world.journal.write("failed", step="commit", **explain(error))
    close(world, "rolled_back")


def _put_entry_back_in_place(world: World) -> None:
    """No entry at all is the one moment of danger: it ends before anything else is tried."""
    if not _holds(lambda: StartCore().check(world)):
        evidence_only(lambda: StartCore().do(world))
    if _holds(lambda: world.entry() is None):
        evidence_only(lambda: Replace().do(world))


def _came_up_untouched(world: World) -> bool:
    """The old certificate is stored and served, and the census complete: a second window would be for nothing.

    A node that has just booted is given the time to come up.
    """
    if not _holds(partial(_holds_old, world)):
        return False
    at_rest = AtRest(world)
    world.wait_until(lambda: Start().check(world) or at_rest(), world.settings.settle_timeout)
    old = world.journal.fact("old_sha256")
    return world.census <= frozenset(world.seen.running) and world.wait_until(
        lambda: all(sha256 == old for sha256 in served(world.ports_to_turn(), world.settings.pnid).values()),
        world.settings.served_timeout,
    )


def _holds_old(world: World) -> bool:
    entry = world.entry()
    return entry is not None and entry.sha256 == world.journal.fact("old_sha256")


def refuse_unsaved(world: World) -> None:
    """No power loss could be recovered from in a window that no disk knows of."""
    if world.goal == NEW and not world.journal.saved:
        raise NodeError(
            f"The journal {world.journal.path} cannot be written, so no service was stopped",
            remedy="Free space on its disk, or mount it for writing.",
        )


def _end_of(certificate: str, world: World) -> str | None:
    """None where openssl cannot tell, which is no reason to keep the certificate."""
    try:
        return world.toolbox.openssl.not_after(certificate).isoformat()
    except NodeError:
        return None


def _refuse_other_certificate_served(world: World, stored: str, before: dict[int, str | None]) -> None:
    port = world.settings.ports[0]
    presented = before[port]
    if presented == stored or world.settings.force:
        return
    raise NodeError(
        f"Port {port} presents {presented or 'nothing'}, but VECS holds {stored}",
        remedy="Restart the services so that both agree, or set force if the node is to be rotated as it is.",
    )


def evidence_only(act: Callable[[], Any]) -> dict[str, Any]:
    """Do it and keep what it said for the journal: whether it worked is read from the world afterwards."""
    try:
        done = act()
    except NodeError as error:
        return {"said": error.message}
    return {"rc": done.rc, "seconds": round(done.seconds, 3)} if hasattr(done, "rc") else {}


def _asked(question: Callable[[], Answer]) -> Answer:
    """A tool that fails once at a mere question is no reason to turn back. Raises what the last try raises."""
    for _attempt in range(1, QUESTION_ATTEMPTS):
        with suppress(NodeError):
            return question()
        time.sleep(_BREATH)
    return question()


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except NodeError:
        return False


def explain(error: Exception) -> dict[str, Any]:
    if isinstance(error, NodeError):
        return {"message": error.message, "remedy": error.remedy, "details": error.details}
    return {
        "message": f"Unexpected {type(error).__name__}: {error}",
        "details": {"traceback": traceback.format_exc()},
    }
