# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vecs-cli: the VMware Endpoint Certificate Store (vmware-cli.md §3)."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .. import paths, pem
from ..errors import NodeError, ToolError, ToolTimeoutError
from ..files import sync
from ..paths import StrPath
from ..process import Completed, Runner
from . import codes

NOT_FOUND = 4312
EXISTS = 183

_ERROR = re.compile(r"\bError (\d+):")
_COUNT = re.compile(r"^\s*Number of entries in store :\s*(\d+)\s*$", re.MULTILINE)
_ALIAS = re.compile(r"^\s*Alias :\t?(.*?)\r?$", re.MULTILINE)
_TYPE = re.compile(r"^Entry type :\s*(.*?)\s*$", re.MULTILINE)
_STORE_NAME = re.compile(r"[^\x00-\x1f\x7f\ufffd]{1,255}")


class Entry(NamedTuple):
    """One entry: `type` as the tool names it (§3.5), `chain` its certificates as normalised PEM in stored order."""

    alias: str
    type: str
    chain: list[str]

    @property
    def sha256(self) -> str | None:
        """The fingerprint of the first certificate; None for an entry without one (a secret key, a CRL)."""
        return pem.sha256(self.chain[0]) if self.chain else None


class Vecs:
    """Proof of a write is reading back, which is the caller's: `create` and `delete` raise only what the tool says."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def stores(self) -> list[str]:
        """The names of all stores in the tool's order. Raises ToolError."""
        completed = self._run("store", "list")
        names = [line.strip() for line in completed.stdout.splitlines() if line.strip()]
        # The system stores always exist (§3.3): an answer without this one is no list of stores. Any user may add one,
        # by whatever name (§3.4). Nothing tells how many there are: of a tool that was killed some may be missing.
        readable = paths.MACHINE_STORE in names and all(_STORE_NAME.fullmatch(name) for name in names)
        if completed.rc < 0 or not readable:
            raise _unreadable(completed, "a list of stores")
        return names

    def entries(self, store: str, timeout: float | None = None) -> list[Entry]:
        """The entries of one store, in insertion order. Raises ToolError, with code 4312 for a store that is not there.

        Never ask for TRUSTED_ROOT_CRLS without a `timeout` (seconds): an hour has been seen (field notes §1.7).
        """
        completed = self._run("entry", "list", "--store", store, timeout=timeout)
        try:
            return parse_entries(completed.stdout)
        except ValueError as error:
            raise _unreadable(completed, "a list of entries", str(error)) from error

    def count(self, store: str, timeout: float | None = None) -> int:
        """How many entries a store holds. The number is printed first: a list cut off by `timeout` still tells it."""
        argv = ("entry", "list", "--store", store, "--aliases")
        try:
            completed = self._run(*argv, timeout=timeout)
        except ToolTimeoutError as error:
            found = _COUNT.search(error.stdout)
            if found is None:
                raise
            return int(found.group(1))
        found = _COUNT.search(completed.stdout)
        if found is None:
            raise _unreadable(completed, "a number of entries")
        return int(found.group(1))

    def get(self, store: str, alias: str) -> Entry | None:
        """One entry, None when the store has no such alias. Aliases do not heed case (§3.8). Raises ToolError."""
        for entry in self.entries(store):
            if entry.alias.lower() == alias.lower():
                return entry
        return None

    def key(self, store: str, alias: str) -> str:
        """The private key of an entry, unencrypted PKCS#8 PEM: a secret. Raises ToolError."""
        completed = self._run("entry", "getkey", "--store", store, "--alias", alias, secret=True)
        try:
            keys = pem.private_keys(completed.stdout)
        except pem.PemError as error:
            raise _unreadable(completed, "a private key") from error
        if len(keys) != 1:
            raise _unreadable(completed, "one private key")
        return keys[0]

    def create(self, store: str, alias: str, cert_path: StrPath, key_path: StrPath | None = None) -> None:
        """Create an entry; never overwrites (code 183). Raises ToolError, and NodeError for an empty file.

        vecs-cli takes an empty key file for none and stores the certificate without its key (§3.8).
        """
        _refuse_empty(Path(cert_path))
        if key_path is not None:
            _refuse_empty(Path(key_path))
        self._run(*self.create_argv(store, alias, cert_path, key_path)[1:])

    @staticmethod
    def create_argv(store: str, alias: str, cert_path: StrPath, key_path: StrPath | None = None) -> list[str]:
        """The command of `create`, also for a person to type."""
        argv = [paths.VECS_CLI, "entry", "create", "--store", store, "--alias", alias, "--cert", str(cert_path)]
        return argv + (["--key", str(key_path)] if key_path is not None else [])

    def delete(self, store: str, alias: str) -> None:
        """Delete an entry; one that is not there counts as deleted (§3.9). Raises ToolError.

        Without -y nothing is deleted and the exit status is 0; it stands last because one operator found that its
        place matters (field notes §11).
        """
        self._run(*self.delete_argv(store, alias)[1:])

    @staticmethod
    def delete_argv(store: str, alias: str) -> list[str]:
        """The command of `delete`, also for a person to type."""
        return [paths.VECS_CLI, "entry", "delete", "--store", store, "--alias", alias, "-y"]

    @staticmethod
    def settle() -> None:
        """Make what the tool has confirmed outlast a power loss; does nothing where the database is elsewhere.

        SQLite ends a transaction by deleting its journal and does not sync that: until the file system gets round to
        it, a power loss brings the entry from before back. The database: vmware-cli.md §7.1. Raises OSError.
        """
        with suppress(FileNotFoundError):
            sync(Path(paths.VECS_DATABASE).parent)

    def _run(self, *arguments: str, timeout: float | None = None, secret: bool = False) -> Completed:
        completed = self._runner.run([paths.VECS_CLI, *arguments], timeout=timeout, secret=secret)
        code = error_code(completed)
        if code is None:
            return completed
        known = codes.lookup(code)
        raise completed.error(known.meaning, code, known.remedy)


def known_store(name: str, stores: list[str]) -> str:
    """The store's name as the node spells it; names do not heed case. Raises NodeError naming those that exist."""
    for store in stores:
        if store.lower() == name.lower():
            return store
    raise NodeError(
        f"There is no certificate store {name}; there are {', '.join(stores)}.",
        "Correct the name. Stores are never created here.",
        store=name,
        stores=stores,
    )


def error_code(completed: Completed) -> int | None:
    """The number of `vecs-cli failed. Error <n>:` on stderr, the last one; the exit status has only its low byte."""
    numbers = _ERROR.findall(completed.stderr)
    return int(numbers[-1]) if numbers else None


def parse_entries(text: str) -> list[Entry]:
    """The entries of `entry list` (§3.5). Raises ValueError when the text is none, or fewer than it announces."""
    announced = _COUNT.search(text)
    if announced is None:
        raise ValueError("no number of entries")
    heads = list(_ALIAS.finditer(text, announced.end()))
    if len(heads) != int(announced.group(1)):
        raise ValueError(f"{announced.group(1)} entries announced, {len(heads)} shown")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [_entry(head.group(1), text[head.end() : end]) for head, end in zip(heads, ends)]


def _entry(alias: str, body: str) -> Entry:
    kind = _TYPE.search(body)
    if kind is None:
        raise ValueError(f"entry {alias!r} has no type")
    return Entry(alias, kind.group(1), pem.certificates(body))


def _refuse_empty(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise NodeError(f"{path} cannot be read: {error.strerror}.", path=str(path)) from error
    if size == 0:
        raise NodeError(f"{path} is empty.", "Look for a full disk (`df`), then make it again.", path=str(path))


def _unreadable(completed: Completed, wanted: str, why: str = "") -> ToolError:
    return completed.error(
        f"printed {completed.said} instead of {wanted}" + (f" ({why})" if why else ""),
        remedy="Run the command by hand on the node; its output is in the details.",
    )
