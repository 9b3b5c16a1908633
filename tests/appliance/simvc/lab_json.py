# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON files that the lab wrote, read without the json module (ipc.py)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WORDS = {"__builtins__": {}, "true": True, "false": False, "null": None}


def load(path: str) -> Any:
    """What a file of the lab's says: JSON is Python but for three words. Raises OSError."""
    with open(path, encoding="utf-8") as file:
        return eval(file.read(), _WORDS)
