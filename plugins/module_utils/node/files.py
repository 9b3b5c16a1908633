# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private files: a key is 0600 in a 0700 folder before any byte of it is written."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Iterator, Mapping

from .errors import NodeError
from .paths import StrPath

_STAMP = "%Y%m%dT%H%M%S%fZ"
_STAMP_LENGTH = len("20260107T220000000000Z")

_RAM_DISK = Path("/dev/shm")  # noqa: S108  (the folder made in it is private)


def private_folder(path: StrPath) -> None:
    """See that `path` is a folder of this user's that nobody else can enter; made (0700) when absent.

    An existing folder is never changed, it may be anybody's. Raises NodeError when it is open to others.
    """
    path = Path(path)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise _unusable(path, error) from error
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid() or mode & 0o077:
        raise NodeError(
            f"The folder {path} is open to others (mode {mode:04o}, owner {found.st_uid}).",
            f"Private keys need a folder of root's with mode 0700: run `chown root {path}; chmod 0700 {path}` "
            "or choose another folder.",
            path=str(path),
        )


def check_private_folder(path: Path) -> None:
    """Like `private_folder` for check mode: an absent folder is fine, nothing is made."""
    if os.path.lexists(path):
        private_folder(path)


@contextmanager
def taken_back_on_failure(folder: Path) -> Iterator[None]:
    """What is made of `folder` and the folders above it goes away again, as far as it is empty, when the work fails."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield
    except BaseException:
        for each in missing:
            with suppress(OSError):
                each.rmdir()
        raise


@contextmanager
def private_scratch() -> Iterator[Path]:
    """A 0700 folder, in memory where there is a RAM disk, removed afterwards with all that is in it."""
    parent = str(_RAM_DISK) if os.access(_RAM_DISK, os.W_OK) else None
    try:
        folder = tempfile.TemporaryDirectory(prefix="vcfleet-", dir=parent)
    except OSError as error:
        raise _unusable(Path(parent or tempfile.gettempdir()), error) from error
    with folder as path:
        yield Path(path)


def create_private(path: StrPath, data: bytes = b"") -> None:
    """Create `path` 0600 with `data`, on the disk when this returns. Raises NodeError, also on a full disk."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _unusable(path, error) from error


def write_private(path: Path, data: bytes) -> None:
    """Write `path` 0600 whole or not at all: a new file beside it, fsynced and renamed over it."""
    with fresh_beside(path) as fresh:
        create_private(fresh, data)
        publish(fresh, path)


@contextmanager
def fresh_beside(path: Path) -> Iterator[Path]:
    """A name beside `path` for what is to replace it; a file left there is removed before and afterwards.

    Always the same name: what a power loss leaves, a private key perhaps, is gone with the next run.
    """
    fresh = path.with_name(f"{path.name}.new")
    discard(fresh)
    try:
        yield fresh
    finally:
        discard(fresh)


def publish(fresh: Path, path: Path) -> None:
    """Rename a finished file over `path`, durably; owner root and mode 0600 whoever wrote it.

    certool's files may come out owned by vmcad-user (field notes §5.4).
    """
    try:
        os.chown(fresh, os.geteuid(), os.getegid())
        fresh.chmod(0o600)
        sync(fresh)
        fresh.replace(path)
        sync(path.parent)
    except OSError as error:
        raise _unusable(path, error) from error


def tighten(path: Path, check_mode: bool) -> bool:
    """Give a private file to this user alone (0600); True when it was not so, which check mode only tells."""
    found = path.stat()
    if found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o177:
        return False
    if not check_mode:
        os.chown(path, os.geteuid(), os.getegid())
        path.chmod(0o600)
    return True


def sync(path: StrPath) -> None:
    """fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def next_stamp(folder: Path) -> str:
    """The time in UTC, and in any case more than what the names in `folder` begin with.

    They sort in the order of their making then, which is what tells the newest, whatever steps the clock has made.
    """
    names = [path.name[:_STAMP_LENGTH] for path in folder.iterdir()] if folder.is_dir() else []
    taken = [stamp for stamp in map(_instant, names) if stamp]
    now = datetime.now(timezone.utc)
    return (max(now, max(taken) + timedelta(microseconds=1)) if taken else now).strftime(_STAMP)


def _instant(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def discard(path: StrPath) -> None:
    """Remove a file if it is there."""
    with suppress(FileNotFoundError):
        Path(path).unlink()


def read_text(path: Path, what: str) -> str:
    """The content of a file that an option names, without a BOM; `what` is how a message calls it.

    Raises NodeError when it cannot be read or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NodeError(
            f"{what} {path} cannot be read: {error.strerror}.",
            "Give the absolute path of a readable file on the node.",
            path=str(path),
        ) from error
    except UnicodeDecodeError as error:
        raise NodeError(f"{what} {path} is not text.", "Give a PEM or text file in UTF-8.", path=str(path)) from error


def absolute(options: Mapping[str, Any], name: str) -> Path:
    """The option `name` as a path. Raises NodeError for a relative one: the tools run in `/`."""
    path = Path(str(options[name]))
    if not path.is_absolute():
        raise NodeError(f"{name} must be an absolute path, not {str(path)!r}.", "Write it from / on.", option=name)
    return path


def _unusable(path: StrPath, error: OSError) -> NodeError:
    return NodeError(
        f"{path} cannot be used: {error.strerror}.",
        "Check the disk (`df`), the mount and the permissions, then run again.",
        path=str(path),
    )
