# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switchable behaviours of a node, read anew on each call so that a fault can be switched on while it runs."""

from __future__ import annotations

from . import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_JSON_WORDS = {"__builtins__": {}, "true": True, "false": False, "null": None}


def knobs() -> dict[str, Any]:
    """All knobs of this node; an absent file means all defaults."""
    try:
        with open(paths.KNOBS, encoding="utf-8") as file:
            # The lab wrote it, and JSON is Python but for three words: no json module (ipc.py).
            return eval(file.read(), _JSON_WORDS)
    except FileNotFoundError:
        return {}


def knob(name: str, default: Any) -> Any:
    """One knob by its dotted name (`vmca.multiplesan`), a flat key of the file."""
    return knobs().get(name, default)
