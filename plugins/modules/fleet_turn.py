# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_turn
short_description: Say whether the node whose turn it is may begin
version_added: 0.1.0
description:
  - A node may begin when each node before it in its linked group is handed over, every node of the group that is to be
    rotated is staged, and the run has not been stopped. A failed canary stops it, and so do more failed linked groups
    than are allowed. Then what has begun is finished, and nothing else is begun.
  - Nor may it begin when the maintenance window in which it was assessed is not open for long enough any more.
  - Goes by the evidence in the records, and not by whether a task has failed.
  - Works on the controller alone and needs no connection. In check mode every node may begin.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  node:
    description: Inventory name of the node whose turn it is.
    type: str
    required: true
  planned:
    description: The node's part of RV(vcfleet.certs.fleet_plan#module:plan), below C(nodes).
    type: dict
    required: true
  lease:
    description: The owner of the lease under which it begins, which is noted in its record for the swap.
    type: str
  lease_refusal:
    description: Why the lease of its linked group is not held, which is a reason not to begin. Empty when it is.
    type: str
    default: ''
  failed:
    description: Names of the linked groups in which something has failed so far, in the whole run.
    type: list
    elements: str
    default: []
  canaries:
    description: Names of the linked groups that go first.
    type: list
    elements: str
    default: []
  failures_allowed:
    description: How many linked groups may fail before nothing more is begun.
    type: int
    default: 1
attributes:
  check_mode:
    support: full
    details: This action never changes anything on a node.
  diff_mode:
    support: none
    details: Nothing changes.
  idempotent:
    support: full
extends_documentation_fragment:
  - vcfleet.certs.attributes
seealso:
  - plugin: vcfleet.certs.record
    plugin_type: lookup
  - module: vcfleet.certs.fleet_plan
  - module: vcfleet.certs.fleet_ending
"""

EXAMPLES = r"""
- name: Ask whether its turn has come
  vcfleet.certs.fleet_turn:
    node: vc02
    planned: "{{ rotation.plan.nodes.vc02 }}"
  register: turn
"""

RETURN = r"""
begin:
  description: Whether the node may begin.
  type: bool
  returned: success
  sample: false
sentence:
  description: Why it may not, and what to do. Empty when it may.
  type: str
  returned: success
  sample: vc01 of the same linked group was to be handed over before, and was not. Put that right and run again.
"""
