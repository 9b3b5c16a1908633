# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verb is given besides its options."""

from __future__ import annotations

from typing import NamedTuple

from .tools.toolbox import Toolbox


class Context(NamedTuple):
    """`check_mode`: change nothing, walk the same code up to the write and say what it would have done."""

    check_mode: bool
    toolbox: Toolbox
