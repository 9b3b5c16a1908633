# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root's login shell: bash for the time of a run, and what was there before put back.

What was there is remembered on the node before it is replaced, so any later run can put it back.
"""

from __future__ import annotations

import pwd
from pathlib import Path
from typing import Any, Callable

from ..context import Context
from ..errors import NodeError
from ..files import discard, private_folder, read_text, sync, write_private
from ..lease import look, now
from ..paths import State

BASH = "/bin/bash"
_CHSH = "/usr/bin/chsh"
_POSIX_SHELLS = frozenset({"bash", "sh", "dash", "zsh", "ksh"})


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: state_dir, and `state`, one of

    bash: have root log in to bash; restored: put back what that replaced, unless another owner than that of the option
    `lease` is at work here, whose name is `left_to` then; told: change nothing;
    remembered: keep the option `previous` in mind, for a switch that was made by other means.

    `previous` and `current` are the login shell before and after.
    """
    return _ACTS[options["state"]](options, context)


def _told(options: dict[str, Any], context: Context) -> dict[str, Any]:
    return _answer(login_shell(), login_shell())


def _bash(options: dict[str, Any], context: Context) -> dict[str, Any]:
    previous = login_shell()
    if Path(previous).name in _POSIX_SHELLS:
        return _answer(previous, previous)
    if not context.check_mode:
        _remember(_memory(options), previous)
        _switch(context, BASH)
    return _answer(previous, BASH)


def _restored(options: dict[str, Any], context: Context) -> dict[str, Any]:
    previous, memory = login_shell(), _memory(options)
    if not memory.exists():
        return _answer(previous, previous)
    other = _at_work(options)
    if other:
        return dict(_answer(previous, previous), left_to=other)
    wanted = read_text(memory, "The remembered login shell").strip()
    if not context.check_mode:
        if wanted != previous:
            _switch(context, wanted)
        discard(memory)
        sync(memory.parent)
    return _answer(previous, wanted)


def _at_work(options: dict[str, Any]) -> str | None:
    """Who holds a live lease here, other than us: that run may have given bash, and needs it until its end."""
    found = look(State(options["state_dir"])).lease
    return found.owner if found and found.owner != options.get("lease") and found.live(now()) else None


def _remembered(options: dict[str, Any], context: Context) -> dict[str, Any]:
    _remember(_memory(options), options["previous"])
    return _answer(options["previous"], login_shell())


_ACTS: dict[str, Callable[[dict[str, Any], Context], dict[str, Any]]] = {
    "told": _told,
    "bash": _bash,
    "restored": _restored,
    "remembered": _remembered,
}


def login_shell() -> str:
    """Root's, as the system looks it up."""
    return pwd.getpwuid(0).pw_shell


def _memory(options: dict[str, Any]) -> Path:
    return State(options["state_dir"]).login_shell


def _remember(memory: Path, shell: str) -> None:
    """The first one counts: a run that finds one remembered came after a run that died."""
    private_folder(memory.parent)
    if not memory.exists():
        write_private(memory, f"{shell}\n".encode())


def _switch(context: Context, shell: str) -> None:
    """chsh, and the proof. Raises NodeError."""
    completed = context.toolbox.runner.run([_CHSH, "-s", shell, "root"], umask=0o022)
    if login_shell() != shell:
        said = (completed.stderr or completed.stdout).strip()
        raise NodeError(
            f"The login shell of root is still {login_shell()}, not {shell}{said and f': {said}'}.",
            f"Run `chsh -s {shell} root` by hand on the node and see what it says.",
            rc=completed.rc,
        )


def _answer(previous: str, current: str) -> dict[str, Any]:
    return {
        "changed": previous != current,
        "previous": previous,
        "current": current,
        "diff": {"before": {"login_shell": previous}, "after": {"login_shell": current}},
    }
