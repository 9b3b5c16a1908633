# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who the node was deployed as: the file that the lab writes before first boot."""

from __future__ import annotations

from . import lab_json, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def identity() -> dict[str, Any]:
    """`pnid`, `domain`, `site`, `machine_id`, `ldu`, `address`, `partners`, `servers`, `administrator_password`,
    `machine_account` {name, password}, `profile`, ... ; raises FileNotFoundError on a node that was never deployed."""
    return lab_json.load(paths.IDENTITY)


def administrator(node: dict[str, Any]) -> str:
    """The UPN of the domain's administrator."""
    return f"administrator@{node['domain']}"
