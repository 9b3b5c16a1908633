# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switchable behaviours of a node, read anew on each call so that a fault can be switched on while it runs."""

from __future__ import annotations

from . import lab_json, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def knobs() -> dict[str, Any]:
    """All knobs of this node; an absent file means all defaults."""
    try:
        return lab_json.load(paths.KNOBS)
    except FileNotFoundError:
        return {}


def knob(name: str, default: Any) -> Any:
    """One knob by its dotted name (`vmca.multiplesan`), a flat key of the file."""
    return knobs().get(name, default)
