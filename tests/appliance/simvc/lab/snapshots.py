# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's lasting state as a dictionary that can be compared."""

import hashlib
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

_FOLDERS = ("etc", "home", "opt", "root", "storage", "tmp", "var", "run/simvc/usr")

# Logs, and the traces that any SSH login of Ansible's leaves.
_LEFT_OUT = ("var/log", "storage/log", "root/.ansible", "home/operator/.ansible", "root/.cache", "run/simvc/usr/work")


def take(root: Path) -> dict[str, tuple[str, str]]:
    """(mode and owner, SHA-256 of content or link target) by absolute path; rows of databases as `path#number`."""
    state: dict[str, tuple[str, str]] = {}
    for folder in _FOLDERS:
        for path in _walk(root, root / folder):
            name = "/" + str(path.relative_to(root))
            if path.suffix == ".db":
                state.update(_database(path, name))
            elif not name.endswith((".db-wal", ".db-shm", ".db-journal")):
                state[name] = _entry(path)
    return state


def _walk(root: Path, folder: Path) -> Iterator[Path]:
    device = folder.lstat().st_dev if folder.exists() else None
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        # Not into the interpreters that the lab shows in the node.
        folders[:] = [name for name in folders if _is_part(root, here / name, device)]
        yield here
        yield from (here / name for name in [*files, *(n for n in folders if (here / n).is_symlink())])


def _is_part(root: Path, path: Path, device: int | None) -> bool:
    return path.lstat().st_dev == device and str(path.relative_to(root)) not in _LEFT_OUT


def _entry(path: Path) -> tuple[str, str]:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path).encode()
    elif stat.S_ISREG(status.st_mode):
        content = path.read_bytes()
    else:
        content = b""
    return f"{status.st_mode:o} {status.st_uid}:{status.st_gid}", hashlib.sha256(content).hexdigest()


def _database(path: Path, name: str) -> dict[str, tuple[str, str]]:
    """Rows rather than bytes, which differ when the same content is written twice."""
    mode = f"{path.lstat().st_mode:o}"
    with tempfile.TemporaryDirectory(prefix="simvc-") as scratch:
        for part in path.parent.glob(path.name + "*"):
            shutil.copyfile(part, Path(scratch) / part.name)
        database = sqlite3.connect(Path(scratch) / path.name)
        try:
            # A counter of row numbers also grows by an insertion that found its row there already.
            lines = sorted(line for line in database.iterdump() if "sqlite_sequence" not in line)
        finally:
            database.close()
    return {f"{name}#{index}": (mode, hashlib.sha256(line.encode()).hexdigest()) for index, line in enumerate(lines)}
