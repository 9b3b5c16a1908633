# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private files: a key is 0600 in a 0700 folder before any byte of it is written."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import contextmanager
from typing import Iterator

from .errors import NodeError

_RAM_DISK = "/dev/shm"


def private_folder(path: str) -> None:
    """See that `path` is a folder of this user's that nobody else can enter; made (0700) when absent.

    An existing folder is never changed, it may be anybody's. Raises NodeError when it is open to others.
    """
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        found = os.stat(path)
    except OSError as error:
        raise _unusable(path, error) from error
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise NodeError(
            "The folder {} is open to others (mode {:04o}, owner {}).".format(
                path, stat.S_IMODE(found.st_mode), found.st_uid
            ),
            "Private keys need a folder of root's with mode 0700: run `chown root {0}; chmod 0700 {0}` "
            "or choose another folder.".format(path),
            path=path,
        )


def check_private_folder(path: str) -> None:
    """Like `private_folder` for check mode: an absent folder is fine, nothing is made."""
    if os.path.lexists(path):
        private_folder(path)


@contextmanager
def private_scratch() -> Iterator[str]:
    """A 0700 folder in memory where there is a RAM disk, removed afterwards with all that is in it."""
    parent = _RAM_DISK if os.access(_RAM_DISK, os.W_OK) else None
    try:
        folder = tempfile.TemporaryDirectory(prefix="vcfleet-", dir=parent)
    except OSError as error:
        raise _unusable(parent or tempfile.gettempdir(), error) from error
    with folder as path:
        yield path


def create_private(path: str, data: bytes = b"") -> None:
    """Create `path` 0600 with `data`, on the disk when this returns. Raises NodeError, also on a full disk."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _unusable(path, error) from error


def write_private(path: str, data: bytes) -> None:
    """Write `path` 0600 whole or not at all: a new file beside it, fsynced and renamed over it."""
    fresh = fresh_name(path)
    try:
        create_private(fresh, data)
        publish(fresh, path)
    finally:
        discard(fresh)


def fresh_name(path: str) -> str:
    """A name beside `path` that only this process uses."""
    return "{}.{}.new".format(path, os.getpid())


def publish(fresh: str, path: str) -> None:
    """Rename a finished file over `path` and make the rename durable; owner root and mode 0600 whoever wrote it.

    certool's files may come out owned by vmcad-user (field notes §5.4).
    """
    try:
        os.chown(fresh, os.geteuid(), os.getegid())
        os.chmod(fresh, 0o600)
        sync(fresh)
        os.replace(fresh, path)
        sync(os.path.dirname(path))
    except OSError as error:
        raise _unusable(path, error) from error


def sync(path: str) -> None:
    """fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(path: str) -> None:
    """Remove a file if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def read_text(path: str, what: str) -> str:
    """The content of a file that an option names, without a BOM. Raises NodeError when it cannot be read."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except OSError as error:
        raise NodeError(
            "{} {} cannot be read: {}.".format(what, path, error.strerror),
            "Give the absolute path of a readable file on the node.",
            path=path,
        ) from error
    except UnicodeDecodeError as error:
        raise NodeError(
            "{} {} is not a text file.".format(what, path), "Give a PEM or text file in UTF-8.", path=path
        ) from error


def absolute(options: dict, name: str) -> str:  # type: ignore[type-arg]
    """The option `name` as an absolute path. Raises NodeError for a relative one: the tools run in `/`."""
    path = str(options[name])
    if not os.path.isabs(path):
        raise NodeError(
            "{} must be an absolute path, not {!r}.".format(name, path), "Write the path from / on.", option=name
        )
    return os.path.normpath(path)


def _unusable(path: str, error: OSError) -> NodeError:
    return NodeError(
        "{} cannot be used: {}.".format(path, error.strerror),
        "Check the disk (`df`), the mount and the permissions, then run again.",
        path=path,
    )
