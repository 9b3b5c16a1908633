# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate between two nodes of a linked group: this node and its partners have told each other everything."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from ..context import Context
from ..errors import NodeError, ToolError, ToolTimeoutError
from ..lease import renew
from ..paths import State
from ..tools import codes
from ..tools.dircli import NORMAL, STANDALONE
from ..tools.sso import Login
from ..tools.toolbox import Toolbox
from ..tools.vdcrepadmin import PartnerStatus

_SAMPLES = 2
_TIMEOUT = 600.0
_PAUSE = 5.0

# The two numbers of a lag are not read at the same moment, so that one look may find the partner ahead; it stays ahead
# of a node that was put back from a snapshot (vmware-cli.md §6.1, field notes §5.1).
_AHEAD = 6

# A daemon that is still coming up: vmafdd, the directory by LDAP and by RPC, and LDAP's own busy and unavailable, which
# pass through (vmware-cli.md §5.2). 1360 is a login that failed for neither user nor password.
_COMING_UP = frozenset({51, 52, 1021, 1311, 1360, 9126, 9127, codes.LARGEST})


class Sample(NamedTuple):
    """One look. `problems` in words, none of them when the gate is open."""

    replication: list[PartnerStatus]
    state: str | None
    problems: list[str]


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: sso_user, sso_password, min_partners, timeout and pause (seconds), lease (an owner) and state_dir.

    Open are `samples` looks in a row, `pause` apart, without a problem; `replication` and `state` are the last one's.
    Raises NodeError when it does not open within `timeout` or a partner stays ahead of this node, and ToolError at once
    for what does not pass by itself.
    Whoever waits is alive: the owner's lease is renewed meanwhile.
    """
    login = Login(options["sso_user"], options["sso_password"])
    timeout, pause = _seconds(options, "timeout", _TIMEOUT), _seconds(options, "pause", _PAUSE)
    begun = time.monotonic()
    opened = ahead = 0
    while True:
        if options.get("lease"):
            renew(State(options["state_dir"]), options["lease"])
        sample = _look(context.toolbox, login, options.get("min_partners") or 0)
        opened = 0 if sample.problems else opened + 1
        if opened == _SAMPLES:
            return _open(sample, time.monotonic() - begun)
        ahead = ahead + 1 if any((status.behind or 0) < 0 for status in sample.replication) else 0
        if ahead == _AHEAD:
            raise _diverged(sample)
        if sample.problems and time.monotonic() + pause > begun + timeout:
            raise _shut(sample, timeout)
        time.sleep(pause)


def _seconds(options: dict[str, Any], name: str, default: float) -> float:
    value = options.get(name)
    return default if value is None else float(value)


def _look(tools: Toolbox, login: Login, min_partners: int) -> Sample:
    """One call after the other: with a wrong password the first one ends it."""
    try:
        replication = tools.vdcrepadmin.partner_status(login)
        state = tools.dircli.state(login)
    except ToolError as error:
        if error.code in _COMING_UP or isinstance(error, ToolTimeoutError):
            return Sample([], None, [error.message])
        raise
    problems = [status.problem for status in replication if status.problem]
    if len(replication) < min_partners:
        problems.append(f"the node has {len(replication)} partners, and {min_partners} or more are expected")
    healthy = (NORMAL,) if replication else (NORMAL, STANDALONE)
    if state not in healthy:
        problems.append(f"the directory's state is {state}, not {NORMAL}")
    return Sample(replication, state, problems)


def _open(sample: Sample, seconds: float) -> dict[str, Any]:
    return {"changed": False, "samples": _SAMPLES, "seconds": round(seconds, 3), **_facts(sample)}


def _facts(sample: Sample) -> dict[str, Any]:
    return {"replication": [status.to_dict() for status in sample.replication], "state": sample.state}


def _diverged(sample: Sample) -> NodeError:
    return NodeError(
        f"The replication gate stays shut: at {_AHEAD} looks in a row, {'; '.join(sample.problems)}.",
        "It is so after this node alone was put back from a snapshot: its partners then miss what it changes. Rotate"
        " nothing in this linked group before that is put right; see the vendor's KB 313886.",
        problems=sample.problems,
        **_facts(sample),
    )


def _shut(sample: Sample, timeout: float) -> NodeError:
    return NodeError(
        f"The replication gate did not open within {timeout:g} seconds: {'; '.join(sample.problems)}.",
        "See `vdcrepadmin -f showpartnerstatus` and `dir-cli state get` on the node. Whoever is not available must come"
        " up first; a directory that is behind catches up by itself once its partners are.",
        problems=sample.problems,
        **_facts(sample),
    )
