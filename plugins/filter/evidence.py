# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.walk import evidence

DOCUMENTATION = r"""
name: evidence
short_description: Say how far a node has come, by its record
version_added: 0.1.0
description:
  - Takes from a node's record what decides whether it, and the nodes after it, may begin. The rest of a record is long.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  _input:
    description: The node's record.
    type: dict
    required: true
seealso:
  - module: vcfleet.certs.fleet_turn
"""

EXAMPLES = r"""
- name: Tell how far vc01 has come
  ansible.builtin.debug:
    msg: "{{ hostvars.vc01.machine_ssl_record | vcfleet.certs.evidence }}"
"""

RETURN = r"""
_value:
  description: The same record with fewer words in it.
  type: dict
  sample: {"staged": {"sha256": "11f0c8a7d6e5b4938271605f4e3d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2b1"}}
"""


class FilterModule:
    """The filters of the collection."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"evidence": evidence}
