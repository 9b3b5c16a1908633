# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VECS: stores, their permissions and entries in SQLite (vmware-cli.md §3, §7.1).

Nothing here asks who is calling; `vmafdd` does, with `allows` and `is_owner`.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from . import afd_errors, ca_directory, pki
from .afd_errors import AfdError

READ, WRITE = 1, 2
EVERYONE = "EVERYONE"

MACHINE_SSL_CERT = "MACHINE_SSL_CERT"
TRUSTED_ROOTS = "TRUSTED_ROOTS"
TRUSTED_ROOT_CRLS = "TRUSTED_ROOT_CRLS"
SYSTEM_STORES = (MACHINE_SSL_CERT, TRUSTED_ROOTS, TRUSTED_ROOT_CRLS)
MACHINE_CERT_ALIAS = "__MACHINE_CERT"

PRIVATE_KEY = "Private Key"
SECRET_KEY = "Secret Key"
TRUSTED_CERT = "Trusted Cert"
CRL = "Certification Revocation List"
ENCRYPTED_PRIVATE_KEY = "Encrypted Private Key"

MAX_STORES = 1024
MAX_LABEL = 128

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stores (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, owner TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS permissions (
    id INTEGER PRIMARY KEY, store INTEGER NOT NULL REFERENCES stores ON DELETE CASCADE, user TEXT NOT NULL,
    mask INTEGER NOT NULL, UNIQUE (store, user));
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, store INTEGER NOT NULL REFERENCES stores ON DELETE CASCADE,
    alias TEXT NOT NULL COLLATE NOCASE, type TEXT NOT NULL, cert TEXT, key TEXT,
    autorefresh INTEGER NOT NULL DEFAULT 0, UNIQUE (store, alias));
CREATE TABLE IF NOT EXISTS config (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Store(NamedTuple):
    id: int
    name: str
    owner: str


class Entry(NamedTuple):
    """`cert` is PEM, leaf first, None for a secret key; `key` PEM or None, encrypted for `Encrypted Private Key`."""

    alias: str
    type: str
    cert: str | None
    key: str | None
    autorefresh: int = 0


class VecsStore:
    """The database of one node; every method is one transaction and may be called from any thread."""

    def __init__(self, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch(0o600)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(_SCHEMA)
        for name in SYSTEM_STORES:
            self._db.execute("INSERT OR IGNORE INTO stores (name, owner) VALUES (?, 'root')", (name,))
        for name in (TRUSTED_ROOTS, TRUSTED_ROOT_CRLS):
            self._db.execute(
                "INSERT OR IGNORE INTO permissions (store, user, mask) SELECT id, ?, ? FROM stores WHERE name = ?",
                (EVERYONE, READ, name),
            )

    def close(self) -> None:
        self._db.close()

    # Stores

    def names(self) -> list[str]:
        """All store names in the order of their ids."""
        with self._transaction() as db:
            return [row[0] for row in db.execute("SELECT name FROM stores ORDER BY id")]

    def open(self, name: str) -> Store:
        """Raises AfdError 4312 for an unknown store."""
        with self._transaction() as db:
            row = db.execute("SELECT id, name, owner FROM stores WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise AfdError(afd_errors.OBJECT_NOT_FOUND)
        return Store(*row)

    def create(self, name: str, owner: str) -> Store:
        """Raises AfdError 183 for an existing name, in any case of letters."""
        if len(name) > MAX_LABEL:
            raise AfdError(afd_errors.LABEL_TOO_LONG)
        with self._transaction() as db:
            if db.execute("SELECT count(*) FROM stores").fetchone()[0] > MAX_STORES:
                raise AfdError(afd_errors.IMPLEMENTATION_LIMIT)
            try:
                db.execute("INSERT INTO stores (name, owner) VALUES (?, ?)", (name, owner))
            except sqlite3.IntegrityError:
                raise AfdError(afd_errors.ALREADY_EXISTS) from None
        return self.open(name)

    def delete(self, store: Store) -> None:
        """The store, its permissions and entries; raises AfdError 5 for a system store."""
        if store.name in SYSTEM_STORES:
            raise AfdError(afd_errors.ACCESS_DENIED)
        with self._transaction() as db:
            db.execute("DELETE FROM stores WHERE id = ?", (store.id,))

    # Permissions (§3.11)

    def permissions(self, store: Store) -> list[tuple[str, int]]:
        """User and mask of each row, the newest grant first."""
        with self._transaction() as db:
            query = "SELECT user, mask FROM permissions WHERE store = ? ORDER BY id DESC"
            return list(db.execute(query, (store.id,)))

    def grant(self, store: Store, user: str, mask: int) -> None:
        """Replaces the user's mask; the owner needs no row and gets none."""
        if user == store.owner:
            return
        with self._transaction() as db:
            db.execute(
                "INSERT INTO permissions (store, user, mask) VALUES (?, ?, ?) "
                "ON CONFLICT (store, user) DO UPDATE SET mask = excluded.mask",
                (store.id, user, mask),
            )

    def revoke(self, store: Store, user: str, mask: int) -> None:
        """Takes rights away; a row with none left stays."""
        with self._transaction() as db:
            db.execute("UPDATE permissions SET mask = mask & ~? WHERE store = ? AND user = ?", (mask, store.id, user))

    def allows(self, store: Store, user: str, mask: int) -> bool:
        """Whether a user who is not root may read or write; WRITE implies READ."""
        if user == store.owner:
            return True
        granted = 0
        for name, rights in self.permissions(store):
            if name in (user, EVERYONE):
                granted |= rights
        return granted >= mask

    # Entries

    def entries(self, store: Store) -> list[Entry]:
        """In the order of their creation."""
        with self._transaction() as db:
            query = "SELECT alias, type, cert, key, autorefresh FROM entries WHERE store = ? ORDER BY id"
            return [Entry(*row) for row in db.execute(query, (store.id,))]

    def entry(self, store: Store, alias: str) -> Entry:
        """Raises AfdError 4312 for an unknown alias."""
        with self._transaction() as db:
            query = "SELECT alias, type, cert, key, autorefresh FROM entries WHERE store = ? AND alias = ?"
            row = db.execute(query, (store.id, alias)).fetchone()
        if row is None:
            raise AfdError(afd_errors.OBJECT_NOT_FOUND)
        return Entry(*row)

    def add(self, store: Store, entry: Entry) -> None:
        """Raises AfdError 183 for an existing alias; never overwrites. Roots and CRLs go to the CA directory too."""
        with self._transaction() as db:
            try:
                db.execute(
                    "INSERT INTO entries (store, alias, type, cert, key, autorefresh) VALUES (?, ?, ?, ?, ?, ?)",
                    (store.id, *entry),
                )
            except sqlite3.IntegrityError:
                raise AfdError(afd_errors.ALREADY_EXISTS) from None
        if _mirrored(store, entry):
            ca_directory.write(str(entry.cert), crl=entry.type == CRL)

    def remove(self, store: Store, alias: str) -> None:
        """An alias that does not exist is no error."""
        for entry in self.entries(store):
            if entry.alias.lower() == alias.lower() and _mirrored(store, entry):
                ca_directory.remove(str(entry.cert), crl=entry.type == CRL)
        with self._transaction() as db:
            db.execute("DELETE FROM entries WHERE store = ? AND alias = ?", (store.id, alias))

    def adopt(self, store: Store, alias: str) -> None:
        """Mark an entry as kept by the directory synchronisation from now on."""
        with self._transaction() as db:
            db.execute("UPDATE entries SET autorefresh = 1 WHERE store = ? AND alias = ?", (store.id, alias))

    # Node configuration (the registry of the product)

    def config(self, name: str) -> str | None:
        with self._transaction() as db:
            row = db.execute("SELECT value FROM config WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_config(self, name: str, value: str) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO config (name, value) VALUES (?, ?)", (name, value))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _mirrored(store: Store, entry: Entry) -> bool:
    return (store.name, entry.type) in ((TRUSTED_ROOTS, TRUSTED_CERT), (TRUSTED_ROOT_CRLS, CRL))


def checked_entry(alias: str | None, cert: str | None, key: str | None, password: str | None = None) -> Entry:
    """An entry as it will be stored, of the type that follows from which parts there are (§3.8).

    `cert` and `key` are the texts as given. Raises AfdError 87 without either (or a key without an alias),
    11 for what cannot be parsed or is no RSA key, 90018 for a key of another certificate;
    pki.EncryptedKeyError for a key that needs a passphrase.
    """
    if not cert:
        if not key or not alias:
            raise AfdError(afd_errors.INVALID_PARAMETER)
        return Entry(alias, SECRET_KEY, None, key)
    chain = pki.certificates(cert)
    if not chain:
        raise AfdError(afd_errors.BAD_FORMAT)
    alias = alias or pki.sha1(chain[0])
    canonical = "".join(pki.pem(certificate) for certificate in chain)
    if not key:
        return Entry(alias, TRUSTED_CERT, canonical, None)
    parsed = pki.private_key(key)
    if parsed is None:
        raise AfdError(afd_errors.BAD_FORMAT)
    if not pki.key_matches(chain[0], parsed):
        raise AfdError(afd_errors.PRIVATE_KEY_MISMATCH)
    if not pki.is_rsa(parsed):
        raise AfdError(afd_errors.BAD_FORMAT)
    kind = PRIVATE_KEY if password is None else ENCRYPTED_PRIVATE_KEY
    return Entry(alias, kind, canonical, pki.key_pem(parsed, password))


def clear_key(entry: Entry, password: str | None) -> str | None:
    """The key of an entry in clear; raises AfdError 1323 when it is encrypted and the password is not its."""
    if entry.type != ENCRYPTED_PRIVATE_KEY:
        return entry.key
    try:
        key = pki.private_key(entry.key or "", password)
    except pki.EncryptedKeyError:
        raise AfdError(afd_errors.WRONG_PASSWORD) from None
    if key is None or not password:
        raise AfdError(afd_errors.WRONG_PASSWORD)
    return pki.key_pem(key)


def synchronize(vecs: VecsStore, published: list[dict[str, str | None]]) -> None:
    """Bring TRUSTED_ROOTS and TRUSTED_ROOT_CRLS in line with the directory's CA objects (§7.2).

    `published` has `cert` (PEM) and `crl` (PEM or None) of each object. What was put in by hand stays, unless the
    directory has it too: then it is the directory's from there on.
    """
    roots = [certificate for item in published for certificate in pki.certificates(item["cert"] or "")[:1]]
    lists = [revocations for item in published if (revocations := pki.crl(item["crl"] or "")) is not None]
    _mirror(vecs, TRUSTED_ROOTS, [Entry(pki.sha1(root), TRUSTED_CERT, pki.pem(root), None, 1) for root in roots])
    # A CRL is kept without its last newline, unlike a certificate.
    _mirror(vecs, TRUSTED_ROOT_CRLS, [Entry(pki.sha1(item), CRL, pki.pem(item)[:-1], None, 1) for item in lists])


def _mirror(vecs: VecsStore, name: str, wanted: list[Entry]) -> None:
    store = vecs.open(name)
    present = {entry.alias.lower(): entry for entry in vecs.entries(store)}
    for entry in wanted:
        held = present.pop(entry.alias, None)
        if held is None:
            vecs.add(store, entry)
        elif not held.autorefresh:
            vecs.adopt(store, held.alias)
    for obsolete in present.values():
        if obsolete.autorefresh:
            vecs.remove(store, obsolete.alias)
