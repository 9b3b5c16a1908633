# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate between two nodes of a linked group: its members have told each other everything."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Callable, NamedTuple, Sequence

from ..context import Context
from ..errors import NodeError, ToolError, ToolTimeoutError
from ..lease import renew
from ..parallel import each_at_once
from ..paths import State
from ..tools import codes
from ..tools.dircli import NORMAL, STANDALONE
from ..tools.sso import Login
from ..tools.toolbox import Toolbox
from ..tools.vdcrepadmin import PartnerStatus

_SAMPLES = 2
_TIMEOUT = 600.0
_PAUSE = 5.0
_HERE = "localhost"

# A daemon that is still coming up: vmafdd, the directory by LDAP and by RPC (vmware-cli.md §5.2).
_COMING_UP = frozenset({1021, 1311, 9126, 9127, codes.LARGEST})


class Seen(NamedTuple):
    """One look at one member, which sees its own side of the replication. `problems` in words, none when it is well."""

    replication: list[PartnerStatus]
    state: str | None
    problems: list[str]


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: sso_user, sso_password, members, min_partners, timeout and pause (seconds), lease and its state_dir.

    `members` are the PNIDs of those to look at, from here; none means this node alone. Open are `samples` looks in a
    row, `pause` apart, without a problem at any of them; `members` in the answer is what the last one saw.
    Raises NodeError when it does not open within `timeout`, and ToolError at once for what does not pass by itself.
    Whoever waits is alive: the owner's lease is renewed meanwhile.
    """
    login = Login(options["sso_user"], options["sso_password"])
    timeout, pause = _seconds(options, "timeout", _TIMEOUT), _seconds(options, "pause", _PAUSE)
    names = options.get("members") or [_HERE]
    questions = {name: partial(_look, context.toolbox, login, name, options.get("min_partners") or 0) for name in names}
    begun = time.monotonic()
    opened = 0
    first = names[:1]
    while True:
        if options.get("lease"):
            renew(State(options["state_dir"]), options["lease"])
        seen = _look_at_all(questions, first)
        first = []
        problems = _problems(seen)
        opened = 0 if problems else opened + 1
        if opened == _SAMPLES:
            return {"changed": False, "samples": _SAMPLES, "seconds": round(time.monotonic() - begun, 3), **_facts(seen)}
        if problems and time.monotonic() + pause > begun + timeout:
            raise _shut(seen, timeout)
        time.sleep(pause)


def _seconds(options: dict[str, Any], name: str, default: float) -> float:
    value = options.get(name)
    return default if value is None else float(value)


def _look_at_all(questions: dict[str, Callable[[], Seen]], first: Sequence[str]) -> dict[str, Seen]:
    """All members at once; before that `first` alone: with a wrong password one call ends it."""
    seen = {name: questions[name]() for name in first}
    seen.update(each_at_once({name: ask for name, ask in questions.items() if name not in first}))
    return seen


def _look(tools: Toolbox, login: Login, member: str, min_partners: int) -> Seen:
    try:
        replication = tools.vdcrepadmin.partner_status(login, member)
        state = tools.dircli.state(login, member)
    except ToolError as error:
        if error.code in _COMING_UP or isinstance(error, ToolTimeoutError):
            return Seen([], None, [error.message])
        raise
    problems = [status.problem for status in replication if status.problem]
    if len(replication) < min_partners:
        problems.append(f"the node has {len(replication)} partners, and {min_partners} or more are expected")
    healthy = (NORMAL,) if replication else (NORMAL, STANDALONE)
    if state not in healthy:
        problems.append(f"the directory's state is {state}, not {NORMAL}")
    return Seen(replication, state, problems)


def _problems(seen: dict[str, Seen]) -> list[str]:
    """Each with the member at which it was seen, where members were named."""
    return [
        problem if name == _HERE else f"{name}: {problem}" for name, look in seen.items() for problem in look.problems
    ]


def _facts(seen: dict[str, Seen]) -> dict[str, Any]:
    return {
        "members": [
            {"name": name, "state": look.state, "replication": [status.to_dict() for status in look.replication]}
            for name, look in seen.items()
        ]
    }


def _shut(seen: dict[str, Seen], timeout: float) -> NodeError:
    problems = _problems(seen)
    return NodeError(
        f"The replication gate did not open within {timeout:g} seconds: {'; '.join(problems)}.",
        "See `vdcrepadmin -f showpartnerstatus` and `dir-cli state get` on the node. Whoever is not available must come"
        " up first; a directory that is behind catches up by itself once its partners are.",
        problems=problems,
        **_facts(seen),
    )
