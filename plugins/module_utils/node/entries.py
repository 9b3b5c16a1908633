# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of the certificate store as files: what is to come in, and the backup of what was there."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, NamedTuple

from . import pem
from .errors import NodeError
from .files import create_private, private_folder, sync
from .keys import public_key, read_chain
from .tools.toolbox import Toolbox
from .tools.vecs import Entry

WITH_KEY, WITHOUT_KEY = "Private Key", "Trusted Cert"


class EntryFiles(NamedTuple):
    """The files that make an entry: a chain, leaf first, and its private key unless it is a trusted certificate."""

    cert: Path
    key: Path | None

    def fingerprints(self) -> list[str]:
        """SHA-256 of every certificate, in order. Raises NodeError."""
        return [pem.sha256(each) for each in read_chain(self.cert)]

    def is_held_by(self, entry: Entry | None) -> bool:
        """Whether an entry read from the store is exactly this, its type too: a lost key makes another type (§3.8)."""
        if entry is None or entry.type != (WITH_KEY if self.key else WITHOUT_KEY):
            return False
        return [pem.sha256(each) for each in entry.chain] == self.fingerprints()

    def prove(self, toolbox: Toolbox) -> None:
        """Raise NodeError unless the files can be read and the key belongs to the first certificate."""
        leaf = read_chain(self.cert)[0]
        if self.key is None:
            return
        if toolbox.openssl.public_key_of_cert(leaf) != public_key(toolbox.openssl, self.key):
            raise NodeError(
                f"The private key {self.key} does not belong to the first certificate of {self.cert}.",
                "Give the pair that belongs together; in a chain the leaf comes first.",
                cert_path=str(self.cert),
                key_path=str(self.key),
            )


def refuse_unsavable(store: str, entry: Entry) -> None:
    """Raise NodeError for an entry that could not be put back once it is gone."""
    if entry.type not in (WITH_KEY, WITHOUT_KEY):
        raise NodeError(
            f"{entry.alias} in {store} is of type {entry.type}, which cannot be saved and put back.",
            "Only entries with a certificate can be replaced or removed.",
            type=entry.type,
        )


def back_up(toolbox: Toolbox, store: str, entry: Entry, parent: Path) -> EntryFiles:
    """Save an entry below `parent` and prove from the files alone that it could be put back. Raises NodeError."""
    folder = _new_folder(parent, entry)
    files = EntryFiles(folder / "entry.crt", folder / "entry.key" if entry.type == WITH_KEY else None)
    try:
        _save(toolbox, store, entry, files)
    except BaseException:
        forget(files)
        raise
    return files


def forget(files: EntryFiles) -> None:
    """Remove a backup: half of one, or one whose entry is in the store."""
    shutil.rmtree(files.cert.parent)


def _save(toolbox: Toolbox, store: str, entry: Entry, files: EntryFiles) -> None:
    create_private(files.cert, "".join(entry.chain).encode())
    if files.key is not None:
        create_private(files.key, toolbox.vecs.key(store, entry.alias).encode())
    sync(files.cert.parent)
    files.prove(toolbox)
    if not files.is_held_by(entry):
        raise NodeError(
            f"The backup {files.cert} does not read back as what {store} holds.", "Nothing was changed; run again."
        )


def _new_folder(parent: Path, entry: Entry) -> Path:
    """Named apart from the backups of a swap, which are pruned to a number."""
    private_folder(parent)
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%fZ")
    folder = parent / f"entry-{stamp}-{(entry.sha256 or '')[:12]}"
    private_folder(folder)
    return folder


def write(toolbox: Toolbox, store: str, alias: str, files: EntryFiles) -> None:
    """Make the store hold these files under `alias`, whatever is there now. Raises NodeError when it then does not.

    The tool's own word does not count, for or against: the entry is read back.
    """
    remove(toolbox, store, alias)
    complaint = _complaint_of(lambda: toolbox.vecs.create(store, alias, files.cert, files.key))
    if files.is_held_by(toolbox.vecs.get(store, alias)):
        return
    raise _unproven(f"{alias} in {store} does not hold what was written", complaint)


def remove(toolbox: Toolbox, store: str, alias: str) -> None:
    """See that there is no such entry, proven by listing. Raises NodeError when it is still there."""
    if toolbox.vecs.get(store, alias) is None:
        return
    complaint = _complaint_of(lambda: toolbox.vecs.delete(store, alias))
    if toolbox.vecs.get(store, alias) is not None:
        raise _unproven(f"{alias} is still in {store} after it was deleted", complaint)


def _complaint_of(write_to_store: Callable[[], None]) -> NodeError | None:
    try:
        write_to_store()
    except NodeError as error:
        return error
    return None


def _unproven(what: str, complaint: NodeError | None) -> NodeError:
    if complaint is None:
        return NodeError(f"{what}, although no error was reported.", "Look at vmafdd's log on the node.")
    return NodeError(f"{what}: {complaint.message}.", complaint.remedy, **complaint.details)
