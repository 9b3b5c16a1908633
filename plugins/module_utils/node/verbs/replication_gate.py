# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate between two nodes of a linked group: its members have told each other everything."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Mapping, NamedTuple

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
# Between a look that found nothing amiss and the next one, which makes sure of it.
_SOON = 2.0
_HERE = "localhost"

# The two numbers of a lag are not read at the same moment, so that one look may find the partner ahead; it stays ahead
# of a node that was put back from a snapshot (vmware-cli.md §6.1, field notes §5.1).
_AHEAD = 6

# A daemon that is still coming up: vmafdd, the directory by LDAP and by RPC, and LDAP's own busy and unavailable, which
# pass through (vmware-cli.md §5.2). 1360 is a login that failed for neither user nor password.
_COMING_UP = frozenset({51, 52, 1021, 1311, 1360, 9126, 9127, codes.LARGEST})


class Seen(NamedTuple):
    """One look at one member, which sees its own side of the replication. `problems` in words, none when it is well."""

    replication: list[PartnerStatus]
    state: str | None
    problems: list[str]


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: sso_user, sso_password, members, min_partners, timeout and pause (seconds), lease and its state_dir.

    `members` are the PNIDs of those to look at, from here; none means this node alone. `pause` comes after a look that
    found a problem. Open is `samples` looks in a row without one; `members` in the answer is what the last one saw.
    Raises NodeError when it does not open within `timeout` or a partner stays ahead of a member, and ToolError at once
    for what does not pass by itself. Whoever waits is alive: the owner's lease is renewed meanwhile.
    """
    login = Login(options["sso_user"], options["sso_password"])
    timeout, pause = _seconds(options, "timeout", _TIMEOUT), _seconds(options, "pause", _PAUSE)
    names = options.get("members") or [_HERE]
    questions = {name: partial(_look, context.toolbox, login, name, options.get("min_partners") or 0) for name in names}
    begun = time.monotonic()
    # The first call goes alone: were all of them to take a wrong password along, the account would be locked.
    seen = {names[0]: questions[names[0]]()}
    seen.update(each_at_once({name: questions[name] for name in names[1:]}))
    opened = ahead = 0
    while True:
        _keep(options)
        problems = _problems(seen)
        opened = 0 if problems else opened + 1
        if opened == _SAMPLES:
            return {
                "changed": False,
                "samples": _SAMPLES,
                "seconds": round(time.monotonic() - begun, 3),
                **_facts(seen),
            }
        ahead = ahead + 1 if _is_ahead(seen) else 0
        if ahead == _AHEAD:
            raise _diverged(seen)
        if problems and time.monotonic() + pause > begun + timeout:
            raise _shut(seen, timeout)
        time.sleep(pause if problems else min(pause, _SOON))
        seen = each_at_once(questions)


def _keep(options: dict[str, Any]) -> None:
    if options.get("lease"):
        renew(State(options["state_dir"]), options["lease"])


def _seconds(options: dict[str, Any], name: str, default: float) -> float:
    value = options.get(name)
    return default if value is None else float(value)


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


def _problems(seen: Mapping[str, Seen]) -> list[str]:
    """Each with the member at which it was seen, where members were named."""
    return [
        problem if name == _HERE else f"{name}: {problem}" for name, look in seen.items() for problem in look.problems
    ]


def _is_ahead(seen: Mapping[str, Seen]) -> bool:
    return any((status.behind or 0) < 0 for look in seen.values() for status in look.replication)


def _facts(seen: Mapping[str, Seen]) -> dict[str, Any]:
    return {
        "members": [
            {"name": name, "state": look.state, "replication": [status.to_dict() for status in look.replication]}
            for name, look in seen.items()
        ]
    }


def _diverged(seen: Mapping[str, Seen]) -> NodeError:
    return NodeError(
        f"The replication gate stays shut: at {_AHEAD} looks in a row, {'; '.join(_problems(seen))}.",
        "It is so after one node alone was put back from a snapshot: its partners then miss what it changes. Rotate"
        " nothing in this linked group before that is put right; see the vendor's KB 313886.",
        problems=_problems(seen),
        **_facts(seen),
    )


def _shut(seen: Mapping[str, Seen], timeout: float) -> NodeError:
    return NodeError(
        f"The replication gate did not open within {timeout:g} seconds: {'; '.join(_problems(seen))}.",
        "See `vdcrepadmin -f showpartnerstatus` and `dir-cli state get` on the node. Whoever is not available must come"
        " up first; a directory that is behind catches up by itself once its partners are.",
        problems=_problems(seen),
        **_facts(seen),
    )
