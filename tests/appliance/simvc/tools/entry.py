# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every vendor tool's path leads to: notes the call for the tests, commits a fault if one is due, runs the tool.

A fault is an entry of the knob `faults`:

    tool, match     whose calls: the tool's name, and a part of its arguments joined by blanks ("" matches all)
    skip, times     let the first `skip` matching calls pass, then commit it `times` times (null: always)
    action          answer      print `stdout` and `stderr`, end with `rc`, do nothing
                    hang        never end
                    slow        wait `seconds` first, then work as usual
                    kill        be killed
                    missing     what a shell says of a program that is not there
                    power_loss  the node loses power; with `lose_unsynced` also what no fsync covered
    run_first       do the real work first, unseen, and commit the fault then
"""

from __future__ import annotations

import os
import sys
import time

from .. import journal, paths
from ..knobs import knob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    Fault = dict[str, Any]

_SIGKILL = 9
_COUNTS = os.path.dirname(paths.KNOBS) + "/faults"


def run(tool: str, argv: list[str]) -> NoReturn:
    """Be the tool; the exit status is the low byte of what its main returned (vmware-cli.md §0.3)."""
    call = os.urandom(16).hex()
    journal.write("start", id=call, tool=tool, argv=argv, pid=os.getpid(), uid=os.getuid(), exec=_executed())
    rc = 1
    try:
        rc = _run(tool, argv) & 0xFF
        _flush()
    finally:
        journal.write("end", id=call, rc=rc)
    # Without the interpreter's own flush, which complains of a reader that went away.
    os._exit(rc)


def _executed() -> float:
    """When this process began, to 10 ms: what its interpreter takes to start is the tool's time, not its caller's."""
    with open("/proc/self/stat") as stat, open("/proc/uptime") as uptime:
        ticks = int(stat.read().rpartition(")")[2].split()[19])
        age = float(uptime.read().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age


def _run(tool: str, argv: list[str]) -> int:
    fault = due_fault(tool, argv)
    if fault is None:
        return _real(tool, argv)
    if fault.get("run_first"):
        _unseen(tool, argv)
    return _commit(fault, tool, argv)


def _real(tool: str, argv: list[str]) -> int:
    name = "simvc.tools." + tool.replace("-", "_")
    __import__(name)
    module: Any = sys.modules[name]
    try:
        return int(module.main(argv))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)


def _unseen(tool: str, argv: list[str]) -> None:
    """Run the tool with nothing of its output to be seen."""
    _flush()
    saved = [(stream, os.dup(stream)) for stream in (1, 2)]
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nothing, stream)
    _real(tool, argv)
    _flush()
    for stream, copy in saved:
        os.dup2(copy, stream)


def _commit(fault: Fault, tool: str, argv: list[str]) -> int:
    action = fault["action"]
    if action == "slow":
        time.sleep(fault["seconds"])
        return 0 if fault.get("run_first") else _real(tool, argv)
    if action == "hang":
        while True:
            time.sleep(3600)
    if action == "kill":
        os.kill(os.getpid(), _SIGKILL)
    if action == "power_loss":
        lose_power(fault.get("lose_unsynced", False))
    if action == "missing":
        print(f"bash: line 1: {os.path.abspath(sys.argv[0])}: No such file or directory", file=sys.stderr)
        return 127
    sys.stdout.write(fault.get("stdout", ""))
    sys.stderr.write(fault.get("stderr", ""))
    return int(fault.get("rc", 0))


def due_fault(tool: str, argv: list[str]) -> Fault | None:
    """The first fault that this call has to commit; counts the call for all faults that it matches until then."""
    line = " ".join(argv)
    for fault in knob("faults", []):
        if fault["tool"] == tool and fault.get("match", "") in line and _is_due(fault):
            return fault
    return None


def _is_due(fault: Fault) -> bool:
    skip, times = fault.get("skip", 0), fault.get("times")
    if not skip and times is None:
        return True
    number = _count(fault) - skip
    return number > 0 and (times is None or number <= times)


def _count(fault: Fault) -> int:
    """How many calls matched this fault, this one included."""
    # Not for every call of every tool: it takes longer to import than the rest.
    import contextlib
    import fcntl
    import hashlib
    import json

    name = fault.get("id") or hashlib.sha256(json.dumps(fault, sort_keys=True).encode()).hexdigest()
    file = os.open(f"{_COUNTS}/{name}", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        # Calls of other users count too, whatever this one's umask is.
        with contextlib.suppress(PermissionError):
            os.fchmod(file, 0o666)
        fcntl.flock(file, fcntl.LOCK_EX)
        number = int(os.read(file, 32) or b"0") + 1
        os.pwrite(file, str(number).encode(), 0)
        return number
    finally:
        os.close(file)


def lose_power(lose_unsynced: bool) -> None:
    """End the node here and now, as root on it: its file system first if that shall forget, then all processes."""
    import ctypes
    import fcntl
    import struct

    if lose_unsynced:
        # FS_IOC_SHUTDOWN without flushing the journal.
        fcntl.ioctl(os.open("/var", os.O_RDONLY), 0x8004587D, struct.pack("I", 2))
    # RB_POWER_OFF in a PID namespace kills the namespace's first process. It ends its caller with status 0, which sshd
    # could tell before it dies itself: so that is a child.
    if os.fork() == 0:
        ctypes.CDLL(None).reboot(0x4321FEDC)
    time.sleep(60)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 (ipc.py)
            stream.flush()
        except (OSError, ValueError):
            pass
