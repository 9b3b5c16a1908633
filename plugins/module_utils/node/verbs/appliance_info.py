# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey."""

from __future__ import annotations

from typing import Any

from .. import paths
from ..context import Context
from ..survey import Survey


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: ca (ask VMCA for its root), state_dir. `appliance` is the survey record."""
    ask_ca = options.get("ca") is not False
    survey = Survey(context, options.get("state_dir") or paths.STATE_DIR, ask_ca)
    return {"changed": False, "appliance": survey.record()}
