# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry present or absent. What is replaced or removed was saved and proven before, and comes back on failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import paths
from ..context import Context
from ..entries import WITH_KEY, EntryFiles, back_up, forget, refuse_unsavable, remove, write
from ..errors import NodeError
from ..files import absolute, check_private_folder, taken_back_on_failure
from ..keys import read_chain
from ..tools.toolbox import Toolbox
from ..tools.vecs import Entry, Vecs, known_store

# Stores whose users look for one alias only (vmware-cli.md §7.3): another one there is a slip of the pen.
_ONE_ALIAS = {
    **dict.fromkeys((paths.MACHINE_STORE, paths.LEGACY_STORE), paths.MACHINE_ALIAS),
    **{store: store for store in ("machine", "vpxd", "vpxd-extension", "vsphere-webclient", "hvc", "wcp")},
}


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: store, alias, state, cert_path and key_path (for present), backup_dir, state_dir.

    `before` and `after` are {"sha256", "type"} or null; `backup` is the folder of what was replaced or removed.
    """
    wanted = _wanted(options, context.toolbox)
    vecs = context.toolbox.vecs
    store = known_store(options["store"], vecs.stores())
    _refuse_revocation_lists(store)
    entry = _entry(vecs, store, options["alias"], wanted)
    settled = entry is None if wanted is None else wanted.is_held_by(entry)
    if settled:
        return _answer(context, entry, entry, None, changed=False)
    parent = _backup_dir(options)
    if entry is not None:
        refuse_unsavable(store, entry)
    if context.check_mode:
        check_private_folder(parent)
        return _answer(context, entry, _planned(wanted, options["alias"]), None, changed=True)
    alias = entry.alias if entry else options["alias"]
    with taken_back_on_failure(parent):
        saved = back_up(context.toolbox, store, entry, parent) if entry else None
        _change(context.toolbox, store, alias, wanted, saved)
    return _answer(context, entry, vecs.get(store, alias), saved, changed=True)


def _wanted(options: dict[str, Any], toolbox: Toolbox) -> EntryFiles | None:
    """The proven pair that is to be the entry, None when there is to be none."""
    if options.get("state") == "absent":
        return None
    for name in ("cert_path", "key_path"):
        if not options.get(name):
            raise NodeError(f"state: present needs {name}.", "Give the files of the pair on the node.", option=name)
    files = EntryFiles(absolute(options, "cert_path"), absolute(options, "key_path"))
    files.prove(toolbox)
    return files


def _refuse_revocation_lists(store: str) -> None:
    """Listing that store may take an hour (field notes §1.7), and what is in it comes back from the directory."""
    if store == paths.CRL_STORE:
        raise NodeError(f"{store} holds revocation lists, no certificates.", "Name another store.", store=store)


def _entry(vecs: Vecs, store: str, alias: str, wanted: EntryFiles | None) -> Entry | None:
    if not alias.strip():
        raise NodeError("alias is empty.", "Name the entry.", option="alias")
    entry = vecs.get(store, alias)
    expected = _ONE_ALIAS.get(store)
    if entry is None and wanted is not None and expected is not None and alias.lower() != expected.lower():
        there = ", ".join(each.alias for each in vecs.entries(store)) or "none"
        raise NodeError(
            f"There is no entry {alias} in {store}; there are {there}.",
            f"Nothing would ever read it: services look for {expected} in {store}. Correct the alias.",
            store=store,
            alias=alias,
        )
    return entry


def _backup_dir(options: dict[str, Any]) -> Path:
    if options.get("backup_dir"):
        return absolute(options, "backup_dir")
    return paths.State(options.get("state_dir") or paths.STATE_DIR).backup


def _change(toolbox: Toolbox, store: str, alias: str, wanted: EntryFiles | None, saved: EntryFiles | None) -> None:
    try:
        if wanted is None:
            remove(toolbox, store, alias)
        else:
            write(toolbox, store, alias, wanted)
    except NodeError as error:
        raise _undone(toolbox, store, alias, saved, error) from error


def _undone(toolbox: Toolbox, store: str, alias: str, saved: EntryFiles | None, error: NodeError) -> NodeError:
    """Put back what was there; returns the error to raise, which says how that went. A backup not needed goes away."""
    try:
        if saved is None:
            remove(toolbox, store, alias)
        elif not saved.is_held_by(toolbox.vecs.get(store, alias)):
            write(toolbox, store, alias, saved)
    except NodeError as second:
        commands = [toolbox.vecs.delete_argv(store, alias)]
        commands += [toolbox.vecs.create_argv(store, alias, saved.cert, saved.key)] if saved else []
        return NodeError(
            f"{error.message} The entry of before could NOT be put back: {second.message}",
            "Put it back by hand, as root on the node: " + "; ".join(" ".join(argv) for argv in commands),
            backup=str(saved.cert.parent) if saved else None,
            **error.details,
        )
    if saved is not None:
        forget(saved)
    return NodeError(f"{error.message} The entry is as it was before.", error.remedy, **error.details)


def _planned(wanted: EntryFiles | None, alias: str) -> Entry | None:
    return None if wanted is None else Entry(alias, WITH_KEY, read_chain(wanted.cert))


def _answer(
    context: Context, before: Entry | None, after: Entry | None, saved: EntryFiles | None, changed: bool
) -> dict[str, Any]:
    return {
        "changed": changed,
        "before": _short(before),
        "after": _short(after),
        "backup": str(saved.cert.parent) if saved else None,
        "diff": {"before": _facts(context.toolbox, before), "after": _facts(context.toolbox, after)},
    }


def _short(entry: Entry | None) -> dict[str, Any] | None:
    return None if entry is None else {"sha256": entry.sha256, "type": entry.type}


def _facts(toolbox: Toolbox, entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return {}
    said = toolbox.openssl.facts(entry.chain[0]).to_dict() if entry.chain else {}
    return dict(said, sha256=entry.sha256, type=entry.type)
