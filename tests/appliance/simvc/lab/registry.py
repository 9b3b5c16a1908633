# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which labs run on this machine: one locked file each, which names the lab's folder and stands for its networks.

The keeper of a lab holds the lock for as long as it lives. A file whose lock is free belongs to a lab that died, and
whoever comes next removes what it left, so nothing outlives even a killed keeper for longer than that.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

RUN = Path("/run/simvc-labs")

# Marks a folder as a lab's, so that nothing else is ever removed.
MARKER = ".simvc-lab"


class LabBusy(Exception):
    """The folder's lab is running, or nothing that may be removed."""


@dataclass(frozen=True)
class Slot:
    """A lab's place on this machine: its networks, of the ranges for benchmarks, and the names that go with them.

    The nodes are in 198.18.<n>.0/24 and 2001:2:0:<n>::/64, what is beyond the jump host in 198.19.<n>.0/24.
    """

    number: int

    @property
    def interface(self) -> str:
        return f"simvc{self.number}"

    @property
    def host_address(self) -> str:
        return self._address(1)

    @property
    def controller_address(self) -> str:
        return self._address(2)

    @property
    def jump_address(self) -> str:
        """The jump host's, towards the nodes."""
        return self._address(3)

    @property
    def jump_address_outside(self) -> str:
        """The jump host's, towards those who have no other way to the nodes."""
        return f"198.19.{self.number}.1"

    @property
    def outside_address(self) -> str:
        return f"198.19.{self.number}.2"

    def node_address(self, node_number: int) -> str:
        return self._address(10 + node_number)

    def ipv6(self, address: str) -> str:
        """The IPv6 address that goes with one of the nodes' network: the same last number."""
        return str(ip_address(f"2001:2:0:{self.number:x}::{int(address.rpartition('.')[2]):x}"))

    @property
    def lock(self) -> Path:
        return RUN / f"{self.number}.lab"

    @property
    def socket(self) -> str:
        return str(RUN / f"{self.number}.socket")

    def _address(self, host: int) -> str:
        return f"198.18.{self.number}.{host}"


def claim(folder: Path) -> tuple[Slot, int]:
    """Take a free slot for the lab in `folder`; the lock is held for as long as the returned descriptor is open.

    Raises LabBusy when all are taken.
    """
    RUN.mkdir(mode=0o755, exist_ok=True)
    for number in range(256):
        slot = Slot(number)
        lock = _lock(slot.lock, create=True)
        if lock is None:
            continue
        if Path(f"/sys/class/net/{slot.interface}").exists() or os.pread(lock, 1, 0):
            os.close(lock)
            continue
        os.pwrite(lock, str(folder).encode(), 0)
        return slot, lock
    raise LabBusy("256 labs run on this machine already")


def release(slot: Slot, lock: int) -> None:
    """Give the slot back; the last lab removes the registry."""
    Path(slot.socket).unlink(missing_ok=True)
    slot.lock.unlink(missing_ok=True)
    os.close(lock)
    _remove_if_empty()


def find(folder: Path) -> Slot | None:
    """The slot of the lab that runs in `folder`."""
    for slot in _slots():
        if _folder(slot) == str(folder) and not _is_free(slot.lock):
            return slot
    return None


def sweep() -> list[str]:
    """Remove what dead labs left; returns their folders."""
    swept = []
    for slot in list(_slots()):
        lock = _lock(slot.lock)
        if lock is None:
            continue
        folder = _folder(slot)
        _wait_for_interface_to_go(slot)
        remove_folder(Path(folder))
        release(slot, lock)
        swept.append(folder)
    return swept


def remove_folder(folder: Path) -> None:
    """Remove a lab's folder and the inventory it wrote elsewhere; a folder that is not a lab's stays untouched."""
    marker = folder / MARKER
    if not marker.is_file():
        return
    inventory = marker.read_text().strip()
    if inventory:
        Path(inventory).unlink(missing_ok=True)
    for entry in folder.iterdir():
        if entry != marker:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    # Last, so that a removal that was killed can be taken up again.
    marker.unlink()
    folder.rmdir()


def _slots() -> Iterator[Slot]:
    for path in sorted(RUN.glob("*.lab")):
        yield Slot(int(path.stem))


def _folder(slot: Slot) -> str:
    try:
        return slot.lock.read_text()
    except FileNotFoundError:
        return ""


def _lock(path: Path, create: bool = False) -> int | None:
    """An open, locked descriptor; None when another process holds it, or the file went away meanwhile."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o644)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), os.stat(path)):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _is_free(path: Path) -> bool:
    lock = _lock(path)
    if lock is None:
        return not path.exists()
    os.close(lock)
    return True


def _wait_for_interface_to_go(slot: Slot, seconds: float = 10.0) -> None:
    """The kernel takes a dead network namespace, and our end of the cable to it, down in its own time."""
    deadline = time.monotonic() + seconds
    while Path(f"/sys/class/net/{slot.interface}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def _remove_if_empty() -> None:
    with contextlib.suppress(OSError):
        RUN.rmdir()
