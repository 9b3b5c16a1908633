# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, resume, roll back or explain a swap or restart. What is started runs on; `swap_follow` tells how it goes."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict

from ..context import Context
from ..detach import detach
from ..errors import NodeError
from ..files import next_stamp, private_folder
from ..heal import leave_no_trace
from ..journal import RESTART, Journal, journals, last_swap, newest, unfinished
from ..lease import admit
from ..lock import Lock
from ..pair import Backup, Pair, backups
from ..paths import MACHINE_ALIAS, MACHINE_STORE, State
from ..roads import resume
from ..roads import run as walk_road
from ..status import status
from ..swap import NEW, Settings, World
from ..tools.servicecontrol import CORE

Answer = Dict[str, Any]

ROLL_BACK = "roll back"


def run(options: dict[str, Any], context: Context) -> Answer:
    """`swap` is the status of the newest swap; when `started`, one runs on its own and is told from `cursor` on.

    A restart counts as one where it is asked for, or where anything is that was begun last (status, resumed).
    `call`, where given, names the question: asked again because its answer was lost, it finds what it has begun.
    """
    state = State(options["state_dir"])
    return _begun_by(options.get("call"), state) or _ACTS[options["state"]](options, context, state)


def _begun_by(call: str | None, state: State) -> Answer | None:
    """The swap may have come to its end since the question was first asked."""
    for journal in journals(state.journal) if call else []:
        for record in journal.records:
            if record.get("call") == call:
                cursor = {"journal": journal.id, "n": record["n"] - 1}
                return dict(_answer(state, changed=True), started=True, cursor=cursor)
    return None


def _status(options: dict[str, Any], context: Context, state: State) -> Answer:
    return _answer(state, changed=False, ended=newest)


def _swapped(options: dict[str, Any], context: Context, state: State) -> Answer:
    _settings(options)  # what is wrong with them is told before anything else
    if context.check_mode and not options["sha256"]:  # the certificate is yet to be issued
        return dict(_answer(state, changed=True), **_diff(_stored(context), "one that is yet to be issued"))
    wanted = _sha256(options)
    lock = Lock(state.lock)
    if lock.held():  # asked first: in its window VECS may not answer
        return _attach(lock, state, wanted)
    if unfinished(state.journal) is None:
        stored = _stored(context)
        if stored == wanted:
            return _answer(state, changed=False)
        _refuse_another_than_assessed(stored, options.get("replaces"))
    if context.check_mode:
        return dict(_answer(state, changed=True), **_diff(_stored(context), wanted))
    source = Pair(state.staged_cert, state.staged_key)

    def begin() -> Journal | None:
        return None if _stored(context) == wanted else _open_swap(state, options, source, None, wanted, "swap")

    return _start(context, state, begin, wanted, options)


def _rolled_back(options: dict[str, Any], context: Context, state: State) -> Answer:
    settings = _settings(options)
    _refuse_unfinished(options, state)
    stored = _stored(context)
    if _is_put_back(options, state, stored):
        return _answer(state, changed=False)
    backup = _backup(options, state, stored)
    wanted = backup.machine.sha256
    if stored == wanted and unfinished(state.journal) is None:
        return _answer(state, changed=False)
    backup.machine.prove(context.toolbox.openssl)
    _refuse_expired(context, backup, settings.force)
    if context.check_mode:
        return dict(_answer(state, changed=True), **_diff(stored, wanted))
    legacy = backup.legacy if backup.legacy.cert.exists() else None

    def begin() -> Journal | None:
        stored = _stored(context)
        if stored == wanted or _is_put_back(options, state, stored):
            return None
        return _open_swap(state, options, backup.machine, legacy, wanted, ROLL_BACK)

    return _start(context, state, begin, wanted, options)


def _resumed(options: dict[str, Any], context: Context, state: State) -> Answer:
    if unfinished(state.journal) is None:
        leave_no_trace(context, state)
        return _answer(state, changed=False, ended=newest)
    if context.check_mode:
        return _answer(state, changed=True)
    return _start(context, state, lambda: None, None, options)


def _restarted(options: dict[str, Any], context: Context, state: State) -> Answer:
    _settings(options)  # what is wrong with them is told before anything else
    if context.check_mode:
        return _answer(state, changed=True)
    return _start(context, state, lambda: _open(state, options, RESTART, RESTART), RESTART, options)


_ACTS: dict[str, Callable[[dict[str, Any], Context, State], Answer]] = {
    "status": _status,
    "swapped": _swapped,
    "rolled_back": _rolled_back,
    "resumed": _resumed,
    "restarted": _restarted,
}


def _start(
    context: Context, state: State, begin: Callable[[], Journal | None], wanted: str | None, options: dict[str, Any]
) -> Answer:
    """Take the node's lock and go on in a process of its own: first what an earlier run left, then ours.

    Only where the lease lets this run begin one; under the node's lock, so that it changes hands no more meanwhile.

    `begin` opens our journal, or finds that there is nothing to do. What a disk refuses is told here: nobody
    would hear it from the process that goes on.
    """
    for folder in (state.root, state.staging, state.backup, state.journal):
        private_folder(folder)
    lock = Lock(state.lock)
    try:
        if not lock.acquire():
            return _attach(lock, state, wanted)
        admit(state, options.get("lease"))
        left = unfinished(state.journal)
        taken_over = lock.owner()
        lock.sign(wanted=wanted)
        news_after = _end_of_journals(state)
        journal = begin() if left is None else None
    except OSError as error:
        raise NodeError(
            f"Nothing was begun: {error.filename or state.root} cannot be written: {error.strerror}.",
            remedy="Free space on its disk, or mount it for writing, then run again.",
        ) from error

    def work() -> None:
        with suppress(OSError):  # a full disk
            lock.sign(wanted=wanted)  # again: now it is the process that goes on which is named
        try:
            if left is not None:
                left.write("taken over", owner=taken_over, call=options.get("call"))
                resume(World(context.toolbox, state, left))
            ours = begin() if left is not None and left.closed else journal
            if ours is not None:
                walk_road(World(context.toolbox, state, ours))
        finally:
            lock.release()

    detach(work, keep=lock.descriptor)
    return dict(_answer(state, changed=True, alive=True), started=True, cursor=news_after)


def _attach(lock: Lock, state: State, wanted: str | None) -> Answer:
    """A task that a lost connection made Ansible run twice finds its own first run, and follows it."""
    owner = lock.owner()
    if wanted is None or owner.get("wanted") == wanted:
        running = unfinished(state.journal)
        told_from = {"journal": running.id, "n": -1} if running else _end_of_journals(state)
        return dict(_answer(state, changed=True, alive=True), started=True, cursor=told_from)
    raise NodeError(
        "Another run owns this node's window: process {}, since {}".format(
            owner.get("pid"), _moment(owner.get("since"))
        ),
        remedy="Wait until it has ended (machine_ssl_swap with state=status tells), then start again.",
        owner=owner,
    )


def _open_swap(
    state: State, options: dict[str, Any], source: Pair, legacy: Pair | None, wanted: str, intent: str
) -> Journal:
    return _open(
        state,
        options,
        intent,
        wanted[:8],
        new_sha256=wanted,
        source=[str(source.cert), str(source.key)],
        source_legacy=[str(legacy.cert), str(legacy.key)] if legacy else None,
    )


def _open(state: State, options: dict[str, Any], intent: str, suffix: str, **facts: Any) -> Journal:
    return Journal.create(
        state.journal,
        f"{next_stamp(state.journal)}-{suffix}",
        intent=intent,
        call=options.get("call"),
        goal=NEW,
        settings=_settings(options).to_record(),
        **facts,
    )


def _end_of_journals(state: State) -> dict[str, Any]:
    last = newest(state.journal)
    return {"journal": last.id, "n": len(last.records) - 1} if last else {"journal": "", "n": -1}


def _answer(
    state: State, changed: bool, alive: bool | None = None, ended: Callable[[Path], Journal | None] = last_swap
) -> Answer:
    told = unfinished(state.journal) or ended(state.journal)
    living = Lock(state.lock).held() if alive is None else alive
    return {"changed": changed, "started": False, "swap": status(told, living)}


def _stored(context: Context) -> str | None:
    entry = context.toolbox.vecs.get(MACHINE_STORE, MACHINE_ALIAS)
    return entry.sha256 if entry else None


def _refuse_another_than_assessed(stored: str | None, assessed: str | None) -> None:
    """Another run may have been here since the node was surveyed: its certificate is not due."""
    if assessed and stored != assessed:
        raise NodeError(
            f"The node had the certificate {assessed} when it was assessed, and has {stored or 'none'} now",
            remedy="Somebody or something else has replaced it meanwhile. Run again: the node is assessed anew.",
        )


def _refuse_unfinished(options: dict[str, Any], state: State) -> None:
    """Which certificate is to go is not known before the end of a swap that nobody is at work on."""
    left = unfinished(state.journal)
    if left and not options["backup"] and not Lock(state.lock).held():
        raise NodeError(
            f"What {left.id} has begun is not at its end, so it is not known yet what a roll back would replace",
            remedy="Run with state=resumed first, which finishes or undoes it, or name a backup.",
        )


def _is_put_back(options: dict[str, Any], state: State, stored: str | None) -> bool:
    """Has the last window ended with the certificate of before? The newest backup is then of the one that was to go."""
    if options["backup"]:
        return False
    told = (status(each, alive=False) for each in reversed(journals(state.journal)) if not each.is_restart)
    last = next((each for each in told if each["state"] in ("committed", "rolled_back")), None)
    if last is None:
        return False
    goal, end = ("new", "committed") if last["intent"] == ROLL_BACK else ("old", "rolled_back")
    return bool(last["state"] == end and last[goal]["sha256"] == stored)


def _diff(stored: str | None, wanted: str) -> dict[str, Any]:
    return {"diff": {"before": {"machine_certificate": stored}, "after": {"machine_certificate": wanted}}}


def _settings(options: dict[str, Any]) -> Settings:
    node_type = options["node_type"]
    if node_type not in CORE:
        raise NodeError(
            "node_type is {!r}, not one of {}".format(node_type, ", ".join(sorted(CORE))),
            remedy="Pass the node_type of the survey (vcfleet.certs.appliance_info).",
        )
    if not options["pnid"]:
        raise NodeError("pnid is empty", remedy="Pass the pnid of the survey (vcfleet.certs.appliance_info).")
    if options["backups_kept"] < 1:
        raise NodeError(
            "backups_kept is {}".format(options["backups_kept"]),
            remedy="Keep at least 1: it is what the node goes back to when the new certificate does not hold.",
        )
    names = ("pnid", "node_type", "stop_timeout", "start_timeout", "settle_timeout", "backups_kept", "force")
    return Settings(ports=tuple(options["ports"]), **{name: options[name] for name in names})


def _sha256(options: dict[str, Any]) -> str:
    sha256 = str(options["sha256"] or "").lower().replace(":", "")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise NodeError(
            "sha256 is {!r}, not a SHA-256 thumbprint".format(options["sha256"]),
            remedy="Pass the thumbprint of the staged certificate that was assessed: 64 hexadecimal digits.",
        )
    return sha256


def _backup(options: dict[str, Any], state: State, stored: str | None) -> Backup:
    """The backup that was named, or the newest one that holds something else than what is stored now."""
    available = backups(state.backup)
    if options["backup"]:
        found = next((each for each in available if each.id == options["backup"]), None)
    else:
        found = next((each for each in reversed(available) if each.machine.sha256 != stored), None)
    if found is None:
        raise NodeError(
            "There is no backup %s on this node" % (options["backup"] or "of another certificate"),
            remedy="Backups here: %s" % (", ".join(each.id for each in available) or "none"),
        )
    return found


def _refuse_expired(context: Context, backup: Backup, force: bool) -> None:
    not_after = context.toolbox.openssl.not_after(backup.machine.chain[0])
    if force or not_after > datetime.now(timezone.utc):
        return
    raise NodeError(
        f"The certificate of backup {backup.id} expired at {not_after.isoformat()}",
        remedy="Choose another backup, rotate instead, or set force to put an expired certificate back.",
    )


def _moment(since: Any) -> str:
    return datetime.fromtimestamp(since, timezone.utc).isoformat(timespec="seconds") if since else "an unknown time"
