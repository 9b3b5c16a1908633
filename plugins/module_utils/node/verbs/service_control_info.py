# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The census."""

from __future__ import annotations

from typing import Any

from ..context import Context


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """`census` is {"running", "stopped", "start_pending", "stop_pending"}, each a sorted list of names."""
    return {"changed": False, "census": context.toolbox.services.census().to_dict()}
