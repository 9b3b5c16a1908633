# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Standard streams as a C program has them: stdout held back unless it is a terminal, stderr at once."""

import os
import sys


def out(text: str) -> None:
    """Write to stdout exactly; a pipe or file gets it when the buffer is full or the tool ends, as from stdio."""
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    if sys.stdout.isatty():
        sys.stdout.buffer.flush()


def flush() -> None:
    sys.stdout.buffer.flush()


def err(text: str) -> None:
    """Write to stderr at once."""
    sys.stderr.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stderr.buffer.flush()


def read_char() -> str:
    """One character of stdin; empty at its end and when stdin is closed."""
    return _read_byte().decode("latin-1")


def read_line(limit: int) -> str:
    """At most `limit` bytes of stdin up to and without the newline; echo is off meanwhile on a terminal."""
    with Echoless():
        line = bytearray()
        while len(line) < limit:
            byte = _read_byte()
            if byte in (b"", b"\n"):
                break
            line += byte
    return line.decode("utf-8", "surrogateescape")


def _read_byte() -> bytes:
    try:
        return os.read(0, 1)
    except OSError:
        return b""


class Echoless:
    """Turns the echo of a terminal on stdin off; does nothing where stdin is none."""

    def __enter__(self) -> None:
        self.saved = None
        if not os.isatty(0):
            return
        import termios

        self.saved = termios.tcgetattr(0)
        quiet = termios.tcgetattr(0)
        quiet[3] &= ~termios.ECHO
        termios.tcsetattr(0, termios.TCSANOW, quiet)

    def __exit__(self, *_: object) -> None:
        if self.saved is not None:
            import termios

            termios.tcsetattr(0, termios.TCSANOW, self.saved)
