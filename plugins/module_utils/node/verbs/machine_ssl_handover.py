# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Note that the end of the last swap was verified and told. Bookkeeping: nothing about the node changes."""

from __future__ import annotations

from typing import Any

from ..context import Context
from ..heal import leave_no_trace
from ..journal import CLOSED, HANDED_OVER, last_swap
from ..paths import State


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """`noted`: the journal of the last swap, which must have come to its end, says so now or said so before."""
    state = State(options["state_dir"])
    last = last_swap(state.journal)
    leave_no_trace(context, state)
    if last is None or last.last(CLOSED) is None:
        return {"changed": False, "noted": False}
    if last.last(HANDED_OVER) is None and not context.check_mode:
        last.write(HANDED_OVER)
    return {"changed": False, "noted": last.last(HANDED_OVER) is not None}
