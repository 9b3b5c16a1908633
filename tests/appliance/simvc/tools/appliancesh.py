# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The appliance shell, root's login shell on an appliance until somebody changes it (field notes §2.2).

Knob `appliancesh.banner`: text that it prints first even when it is not interactive.
"""

import os
import sys

from ..knobs import knob

_BANNER = """Connected to service

    * List APIs: "help api list"
    * List Plugins: "help pi list"
    * Launch BASH: "shell"

"""
_PROMPT = "Command> "
_GRANTED = "Shell access is granted to root"
_SETTING = "/etc/applmgmt/appliance/shell.enabled"


def main(argv: list[str]) -> int:
    """As a login shell: `-c COMMAND`, or commands from standard input."""
    sys.stdout.write(knob("appliancesh.banner", "") if argv or not sys.stdin.isatty() else _BANNER)
    if argv[:1] == ["-c"]:
        return _command(" ".join(argv[1:]))
    return _converse()


def _converse() -> int:
    while True:
        sys.stdout.write(_PROMPT if sys.stdin.isatty() else "")
        sys.stdout.flush()
        line = _read_line()
        if not line or line.strip() in ("exit", "quit", "logout"):
            return 0
        if line.strip():
            _command(line, wait=True)


def _read_line() -> str:
    """One byte at a time: what comes after the line belongs to the program that the line may start."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line.decode(errors="replace")


def _command(line: str, wait: bool = False) -> int:
    # Blanks separate words, quotes vanish, and nothing else has a meaning: no pipes, no redirections.
    words = line.replace('"', " ").replace("'", " ").split()
    if not words:
        return 0
    if words[0] == "shell":
        return _shell(words[1:], wait)
    if words[:2] == ["shell.set", "--enabled"] and words[2:]:
        return _set_shell(words[2].lower() == "true")
    if words[0] == "shell.get":
        print(f"Config:\n   Enabled: {_is_enabled()}\n   Timeout: 3600")
        return 0
    if words[0] == "help":
        sys.stdout.write(_BANNER.partition("\n\n")[2])
        return 0
    print(f"Unknown command: `{words[0]}'")
    return 1


def _shell(words: list[str], wait: bool) -> int:
    if not _is_enabled():
        print("Shell is disabled.")
        return 1
    if not words:
        print(_GRANTED)
    sys.stdout.flush()
    program = words or ["/bin/bash", *(["-i"] if sys.stdin.isatty() else [])]
    if wait:
        return os.spawnvp(os.P_WAIT, program[0], program)
    try:
        os.execvp(program[0], program)
    except OSError as error:
        print(f"{program[0]}: {error.strerror}", file=sys.stderr)
        return 127


def _is_enabled() -> bool:
    try:
        with open(_SETTING, encoding="ascii") as file:
            return file.read().strip() != "False"
    except FileNotFoundError:
        return True


def _set_shell(enabled: bool) -> int:
    with open(_SETTING, "w", encoding="ascii") as file:
        file.write(f"{enabled}\n")
    return 0
