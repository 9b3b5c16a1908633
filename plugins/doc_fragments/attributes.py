# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. What the attributes mean that every module of this collection states."""

from __future__ import annotations


class ModuleDocFragment:
    """The words for `attributes:`; modules add `support` and, where it is not full, why."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would do without changing the node.
  diff_mode:
    description: Returns what changed, or would change in check mode, when run in diff mode.
  idempotent:
    description: When run again with the same options on a node in the same state, it changes nothing.
"""

    # Modules that read or reckon.
    READ_ONLY = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: This action never changes anything.
  diff_mode:
    support: none
    details: Nothing changes.
  idempotent:
    support: full
"""

    # The group of all modules that work on a node and so take tool_timeout.
    NODE = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/vcfleet.certs.node) in C(module_defaults) to set options for all modules of the group.
    support: full
    membership:
      - vcfleet.certs.node
"""
