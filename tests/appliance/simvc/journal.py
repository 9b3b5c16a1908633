# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log that a node's tools and service manager write for the tests, seen by the lab outside as log/tools.jsonl.

One JSON object a line: `event` (start, end, service), `time` in seconds since the epoch, and what belongs to the event.
"""

import json
import os
import time
from typing import Any

from . import paths

LOG = os.path.dirname(paths.KNOBS) + "/log/tools.jsonl"


def write(event: str, **details: Any) -> None:
    """Append one event; several processes may do so at once. A node without a log loses nothing by it."""
    line = json.dumps({"event": event, "time": time.time(), **details}) + "\n"
    try:
        log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    except OSError:
        return
    try:
        os.write(log, line.encode())
    finally:
        os.close(log)
