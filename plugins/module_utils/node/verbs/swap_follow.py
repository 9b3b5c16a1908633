# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait on the node for news of the running swap, so that following it costs few round trips.

Internal to machine_ssl_swap: no module of its own.
"""

from __future__ import annotations

import time
from typing import Any

from ..context import Context
from ..journal import Journal, Record, journals
from ..lease import renew
from ..lock import Lock
from ..paths import State
from ..status import status

PAUSE = 0.2
# News come in bursts: who waits a moment for the rest of one is asked half as often.
GATHER = 3.0


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """The records after the cursor {"journal": id or "", "n": int}, soon after the first, at the latest after `wait` s.

    `alive` says whether a swap still runs; `swap` is the status of the newest. Who asks is alive, too: the lease of the
    owner `lease` is renewed.
    """
    state = State(options["state_dir"])
    renew(state, options.get("lease"))
    deadline = time.monotonic() + options["wait"]
    lock = Lock(state.lock)
    gathering = False
    while True:
        alive = lock.held()  # asked before the records are read: a swap that ends in between has written them all
        found = journals(state.journal, since=options["cursor"]["journal"])
        news = _after(found, options["cursor"])
        if news and not gathering:
            gathering = True
            deadline = min(deadline, time.monotonic() + GATHER)
        if not alive or time.monotonic() >= deadline:
            return {
                "changed": False,
                "records": news,
                "alive": alive,
                "swap": status(found[-1] if found else None, alive),
            }
        time.sleep(PAUSE)


def _after(found: list[Journal], cursor: dict[str, Any]) -> list[Record]:
    place = (cursor["journal"], cursor["n"])
    return [
        dict(record, journal=journal.id)
        for journal in found
        for record in journal.records
        if (journal.id, record["n"]) > place
    ]
