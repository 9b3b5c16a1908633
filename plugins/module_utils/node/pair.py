# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate and its private key as two files, and the backups that are made of such pairs."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

from . import pem
from .errors import NodeError
from .files import create_private, next_stamp, private_folder, sync
from .tools.openssl import Openssl
from .tools.vecs import Entry


@dataclass(frozen=True)
class Pair:
    """Leaf first in `cert`, its private key in `key`."""

    cert: Path
    key: Path

    @property
    def chain(self) -> list[str]:
        """The certificates as PEM, leaf first. Raises NodeError when the file is missing or holds none."""
        try:
            chain = pem.certificates(self.cert.read_text())
        except (OSError, ValueError) as error:
            raise NodeError(f"Cannot read the certificate {self.cert}: {error}") from error
        if not chain:
            raise NodeError(f"There is no certificate in {self.cert}")
        return chain

    @property
    def sha256(self) -> str:
        return pem.sha256(self.chain[0])

    def prove(self, openssl: Openssl) -> None:
        """Raise NodeError unless the key is there and belongs to the certificate."""
        leaf = self.chain[0]
        try:
            key = self.key.read_text()
        except OSError as error:
            raise NodeError(f"Cannot read the private key {self.key}: {error.strerror}") from error
        if not openssl.key_matches(leaf, key):
            raise NodeError(
                f"The private key {self.key} does not belong to the certificate {self.cert}",
                remedy="Remove both files and let the next run stage a new pair.",
            )

    def is_held_by(self, entry: Entry | None) -> bool:
        """Does the VECS entry hold exactly this chain, with a key?"""
        if entry is None or entry.type != "Private Key":
            return False
        return [pem.sha256(each) for each in entry.chain] == [pem.sha256(each) for each in self.chain]


@dataclass(frozen=True)
class Backup:
    """One folder below `<state_dir>/backup`, named by time and thumbprint; complete once `about.json` is in it."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def complete(self) -> bool:
        return (self.folder / "about.json").is_file()

    @property
    def machine(self) -> Pair:
        return Pair(self.folder / "machine.crt", self.folder / "machine.key")

    @property
    def legacy(self) -> Pair:
        """The pair of the legacy store; its files are missing where the node has no such store."""
        return Pair(self.folder / "legacy.crt", self.folder / "legacy.key")


@contextmanager
def new_backup(parent: Path, sha256: str) -> Iterator[Backup]:
    """A folder to put a backup of that certificate in; unless all goes well it goes again, keys and all."""
    backup = Backup(parent / f"{next_stamp(parent)}-{sha256[:12]}")
    private_folder(backup.folder)
    try:
        yield backup
    except Exception:
        shutil.rmtree(str(backup.folder), ignore_errors=True)
        raise


def finish_backup(backup: Backup, **about: Any) -> None:
    """Say what the backup holds. Until then it does not count, and nothing is put back from it."""
    create_private(backup.folder / "about.json", json.dumps(about, indent=2).encode() + b"\n")
    sync(backup.folder)
    sync(backup.folder.parent)


def backups(parent: Path) -> list[Backup]:
    """All complete backups, oldest first."""
    return [backup for backup in map(Backup, _folders(parent)) if backup.complete]


def prune(parent: Path, kept: int) -> list[str]:
    """Remove all but the newest `kept` complete backups, and every incomplete one; returns the removed ids."""
    keep = {backup.id for backup in backups(parent)[-kept:]}
    surplus = [folder for folder in _folders(parent) if folder.name not in keep]
    for folder in surplus:
        shutil.rmtree(str(folder))
    return [folder.name for folder in surplus]


def _folders(parent: Path) -> list[Path]:
    """Backups of swaps are called by their time; what is called otherwise is another's, such as those of entries."""
    return sorted(parent.glob("[0-9]*"))


def write_pair(pair: Pair, chain: list[str], key: str) -> None:
    """Write both files, private before their first byte and on the disk when this returns. Raises NodeError."""
    create_private(pair.cert, "".join(pem.normal(each) for each in chain).encode())
    create_private(pair.key, key.strip().encode() + b"\n")
