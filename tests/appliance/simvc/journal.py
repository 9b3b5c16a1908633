# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log that a node's tools and service manager write for the tests, seen by the lab outside as log/tools.jsonl.

One JSON object a line: `event` (start, end, service), `time` in seconds since the epoch, and what belongs to the event.
"""

from __future__ import annotations

import os
import time

from . import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOG = os.path.dirname(paths.KNOBS) + "/log/tools.jsonl"


def write(event: str, **details: Any) -> None:
    """Append one event; several processes may do so at once. A node without a log loses nothing by it."""
    line = _line({"event": event, "time": time.time(), **details}) + "\n"
    try:
        log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    except OSError:
        return
    try:
        os.write(log, line.encode())
    finally:
        os.close(log)


def _line(event: dict[str, Any]) -> str:
    """JSON. What is plain needs no json module (ipc.py)."""
    flat = [item for value in event.values() for item in (value if isinstance(value, list) else [value])]
    if all(type(item) in (int, float) or (isinstance(item, str) and _is_plain(item)) for item in flat):
        return repr(event).replace("'", '"')
    import json

    return json.dumps(event)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and not {"'", '"', "\\"} & set(text)
