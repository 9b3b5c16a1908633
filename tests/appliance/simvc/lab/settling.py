# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a newly deployed linked group to where a real one has been for years: every node knows every member's root."""

import time
from typing import Any

from .. import ipc
from .node import Node


def settle(group: list[Node], timeout: float = 30.0) -> None:
    """Until all directories agree and every TRUSTED_ROOTS holds one root per member.

    Raises TimeoutError.
    """
    deadline = time.monotonic() + timeout
    inits = {node.name: node.init for node in group}
    while sum(_is_settled(init, len(group)) for init in inits.values()) < len(group):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the linked group {group[0].plan.sso_domain} does not replicate")
        time.sleep(0.1)


def _is_settled(init: int, members: int) -> bool:
    _ask(init, "vmdir/vmdir_socket", op="replicate_now")
    _ask(init, "vmafd/vmafd_socket", op="force_refresh")
    partners = _ask(init, "vmdir/vmdir_socket", op="partner_status")["partners"]
    roots = _ask(init, "vmafd/vmafd_socket", op="entry_list", store="TRUSTED_ROOTS")["entries"]
    return len(roots) >= members and all(partner["seen"] == partner["usn"] for partner in partners)


def _ask(init: int, socket: str, **request: str) -> dict[str, Any]:
    return ipc.call(f"/proc/{init}/root/run/{socket}", request)
