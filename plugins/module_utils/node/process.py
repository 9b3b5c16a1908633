# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running of the vendor tools: fixed environment and locale, closed stdin, a timeout on every call."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from .errors import ToolError, ToolTimeoutError

VMWARE_ENVIRONMENT = "/etc/sysconfig/vmware-environment"
_POLL = 0.05
_READ = 65536
_umask_lock = threading.Lock()


class Completed(NamedTuple):
    """What a tool did. `rc` is only a reason to look (vmware-cli.md §0.3, §9); `seconds` is wall time."""

    argv: list[str]
    rc: int
    stdout: str
    stderr: str
    seconds: float
    secret: bool = False

    @property
    def said(self) -> str:
        """The beginning of what the tool printed, as a message quotes it."""
        output = (self.stderr if self.secret else self.stdout + self.stderr).strip()
        return repr(output[:200]) if output else "nothing"

    def error(self, meaning: str, code: int | None = None, remedy: str = "") -> ToolError:
        """The error that this outcome is; a secret stdout stays out of it."""
        stdout = "(secret)" if self.secret else self.stdout
        return ToolError(meaning, self.argv, self.rc, stdout, self.stderr, code, remedy)


class Runner:
    """Runs tools, from several threads too; `history` tells which: {"argv", "rc", "seconds", "times"}."""

    def __init__(self, timeout: float = 120.0, environment_file: str = VMWARE_ENVIRONMENT) -> None:
        self.timeout = timeout
        self.history: list[dict[str, Any]] = []
        self._environment = environment(environment_file)

    def run(
        self,
        argv: list[str],
        timeout: float | None = None,
        stdin: bytes = b"",
        secret: bool = False,
        umask: int = 0o077,
    ) -> Completed:
        """Run one tool to its end and return what it did, whatever its exit status.

        `timeout` in seconds; `secret` keeps stdout out of every error. Raises ToolError when the tool is missing or
        does not end in time; its whole process group is killed then.
        """
        limit = self.timeout if timeout is None else timeout
        begun = time.monotonic()
        process = self._spawn(argv, stdin, umask)
        output = _Output(process)
        ended = output.collect(begun + limit)
        if not ended:
            _kill(process)
        output.close()
        seconds = time.monotonic() - begun
        self._remember(argv, process.returncode if ended else None, seconds)
        if not ended:
            raise _hung(argv, limit, output, secret)
        return Completed(list(argv), process.returncode, output.stdout, output.stderr, seconds, secret)

    def _spawn(self, argv: list[str], stdin: bytes, umask: int) -> subprocess.Popen[bytes]:
        if not argv[0].startswith("/"):
            raise ValueError(f"{argv[0]} is not an absolute path")
        try:
            process = self._popen(argv, stdin, umask)
        except OSError as error:
            raise ToolError(
                f"{argv[0]} is missing or cannot be run ({os.strerror(error.errno or 0)})",
                argv,
                remedy=f"Check that this node is a vCenter Server appliance and that {argv[0]} is intact.",
            ) from error
        if stdin:
            threading.Thread(target=_feed, args=(process.stdin, stdin), daemon=True).start()
        return process

    def _popen(self, argv: list[str], stdin: bytes, umask: int) -> subprocess.Popen[bytes]:
        # The umask belongs to the whole process and Popen's own parameter needs Python 3.9.
        with _umask_lock:
            before = os.umask(umask)
            try:
                # There is no AnsibleModule, and so no run_command, where this runs.
                return subprocess.Popen(  # pylint: disable=ansible-bad-function
                    argv,
                    stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=self._environment,
                    cwd="/",
                    start_new_session=True,
                )
            finally:
                os.umask(before)

    def _remember(self, argv: list[str], rc: int | None, seconds: float) -> None:
        """Polling repeats one command many times; it stays one entry."""
        last = self.history[-1] if self.history else None
        if last is not None and last["argv"] == list(argv) and last["rc"] == rc:
            last["times"] += 1
            last["seconds"] = round(last["seconds"] + seconds, 3)
            return
        self.history.append({"argv": list(argv), "rc": rc, "seconds": round(seconds, 3), "times": 1})


class _Output:
    """Both outputs of a process, read until it ends.

    The end of the process counts, not the end of its pipes: a daemon that a tool has started may hold them for ever.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._chunks: dict[Any, list[bytes]] = {process.stdout: [], process.stderr: []}

    def collect(self, deadline: float) -> bool:
        """Read until the process has ended; False when it has not by `deadline` (monotonic clock)."""
        with selectors.DefaultSelector() as selector:
            for stream in self._chunks:
                selector.register(stream, selectors.EVENT_READ)
            while True:
                ended = self._process.poll() is not None
                heard = self._listen(selector, 0 if ended else _POLL)
                if ended and not heard:
                    return True
                if time.monotonic() >= deadline:
                    return ended

    def close(self) -> None:
        for stream in self._chunks:
            stream.close()

    def _listen(self, selector: selectors.BaseSelector, wait: float) -> bool:
        """Take what the pipes hold, waiting up to `wait` seconds for it; False when there was nothing."""
        if not selector.get_map():
            time.sleep(wait / 10)  # Both pipes are closed: the end of the process is a moment away.
            return False
        events = selector.select(wait)
        for key, _mask in events:
            self._read(selector, key.fileobj)
        return bool(events)

    def _read(self, selector: selectors.BaseSelector, stream: Any) -> None:
        chunk = os.read(stream.fileno(), _READ)
        if chunk:
            self._chunks[stream].append(chunk)
        else:
            selector.unregister(stream)

    @property
    def stdout(self) -> str:
        return self._text(self._process.stdout)

    @property
    def stderr(self) -> str:
        return self._text(self._process.stderr)

    def _text(self, stream: Any) -> str:
        return b"".join(self._chunks[stream]).decode("utf-8", "replace")


def environment(path: str = VMWARE_ENVIRONMENT) -> dict[str, str]:
    """The environment of every tool.

    Non-login shells lack the variables that the vendor's Python tools index directly; each line's first word is one
    (field notes §2.4). Nothing is inherited: a virtual environment's LD_LIBRARY_PATH must not leak (vmware-cli.md §9).
    """
    result = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "USER": "root", "LOGNAME": "root"}
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    words = [line.split()[0] for line in text.splitlines() if line.strip()]
    for word in words:
        name, separator, value = word.partition("=")
        if separator and name.isidentifier():
            result[name] = value.strip("\"'")
    result["LC_ALL"] = "C"
    return result


def _hung(argv: list[str], limit: float, output: _Output, secret: bool) -> ToolTimeoutError:
    return ToolTimeoutError(
        f"did not end within {limit:g} seconds and was killed",
        argv,
        stdout="(secret)" if secret else output.stdout,
        stderr=output.stderr,
        remedy="Run the command by hand on the node to see where it hangs, or raise the timeout.",
    )


def _feed(stream: Any, data: bytes) -> None:
    try:
        with stream:
            stream.write(data)
    except (BrokenPipeError, ValueError):
        pass  # The tool did not want it; its answer will tell.


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
