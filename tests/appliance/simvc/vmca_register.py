# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certs.db: what VMCA has issued and revoked, its CRL number and its server options."""

import sqlite3
import time
from pathlib import Path

from .vmca_errors import ALREADY_EXISTS, VmcaError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS CertTable (
    ID INTEGER PRIMARY KEY, Serial TEXT NOT NULL, IssuerName TEXT NOT NULL, CertBlob TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS RevokedCertsTable (
    Serial TEXT NOT NULL, IssuerName TEXT NOT NULL, RevokedDate INTEGER NOT NULL, UNIQUE (Serial, IssuerName)
);
CREATE TABLE IF NOT EXISTS PropertiesTable (Property TEXT PRIMARY KEY, Value INTEGER NOT NULL);
"""

_LISTED = """
SELECT CertBlob FROM CertTable LEFT JOIN RevokedCertsTable USING (Serial, IssuerName) WHERE {} ORDER BY ID
"""
_FILTERS = {"all": "1", "active": "RevokedDate IS NULL", "revoked": "RevokedDate IS NOT NULL"}


class Register:
    """The database; each call is one durable transaction on a connection of its own, so any thread may call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.executescript(_SCHEMA)

    def add(self, serial: str, issuer: str, pem: str) -> None:
        with self._open() as database:
            database.execute(
                "INSERT INTO CertTable (Serial, IssuerName, CertBlob) VALUES (?, ?, ?)", (serial, issuer, pem)
            )

    def certificates(self, status: str) -> list[str]:
        """What was issued, oldest first; `status` is all, active or revoked."""
        with self._open() as database:
            return [row[0] for row in database.execute(_LISTED.format(_FILTERS[status]))]

    def status(self, serial: str, issuer: str) -> str:
        """ACTIVE or REVOKED; INVALID_STATE for what VMCA does not know."""
        with self._open() as database:
            if _has(database, "RevokedCertsTable", serial, issuer):
                return "REVOKED"
            return "ACTIVE" if _has(database, "CertTable", serial, issuer) else "INVALID_STATE"

    def revoke(self, serial: str, issuer: str) -> None:
        """Raises VmcaError 183 for a certificate that is revoked already: the constraint answers (§1.6)."""
        row = (serial, issuer, int(time.time()))
        with self._open() as database:
            try:
                database.execute("INSERT INTO RevokedCertsTable VALUES (?, ?, ?)", row)
            except sqlite3.IntegrityError:
                raise VmcaError(ALREADY_EXISTS) from None

    def revoked(self, issuer: str) -> list[tuple[int, int]]:
        """Serial number and time of each revocation under one issuer."""
        query = "SELECT Serial, RevokedDate FROM RevokedCertsTable WHERE IssuerName = ? ORDER BY Serial"
        with self._open() as database:
            return [(int(serial, 16), date) for serial, date in database.execute(query, (issuer,))]

    def value(self, name: str, default: int) -> int:
        with self._open() as database:
            row = database.execute("SELECT Value FROM PropertiesTable WHERE Property = ?", (name,)).fetchone()
        return row[0] if row else default

    def set_value(self, name: str, value: int) -> None:
        with self._open() as database:
            database.execute("REPLACE INTO PropertiesTable VALUES (?, ?)", (name, value))

    def _open(self) -> "_Transaction":
        return _Transaction(self._path)


class _Transaction:
    """A connection that commits at the end of its block, or rolls back, and is closed then."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=30)
        self._connection.execute("PRAGMA synchronous = FULL")

    def __enter__(self) -> sqlite3.Connection:
        return self._connection.__enter__()

    def __exit__(self, *failure: object) -> None:
        self._connection.__exit__(*failure)  # type: ignore[arg-type]
        self._connection.close()


def _has(database: sqlite3.Connection, table: str, serial: str, issuer: str) -> bool:
    query = f"SELECT 1 FROM {table} WHERE Serial = ? AND IssuerName = ?"
    return database.execute(query, (serial, issuer)).fetchone() is not None
