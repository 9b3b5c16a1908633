# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_ending
short_description: End a node's part of a rotation as its record says
version_added: 0.1.0
description:
  - Fails when the node's record says that it failed, was rolled back or refused, or was not begun, and says why.
  - Is changed when this run gave the node a new certificate, or restarted its services because a linked node got one.
  - Tasks of a walk run in the name of one node of a linked group and are delegated to the others. This is how each node
    is charged with what happened to itself.
  - Works on the controller alone and needs no connection.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  node:
    description: Inventory name of the node, whose record this run keeps.
    type: str
    required: true
  planned:
    description: What RV(vcfleet.certs.fleet_plan#module:plan.nodes) has for the node.
    type: dict
    required: true
attributes:
  idempotent:
    details: The same record has the same ending.
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
seealso:
  - module: vcfleet.certs.fleet_plan
  - module: vcfleet.certs.fleet_summary
"""

EXAMPLES = r"""
- name: End as the node's record says
  vcfleet.certs.fleet_ending:
    node: "{{ inventory_hostname }}"
    planned: "{{ rotation.plan.nodes[inventory_hostname] }}"
"""

RETURN = r"""
ending:
  description: How the node ended, in the words of RV(vcfleet.certs.fleet_summary#module:nodes).
  type: str
  returned: always
  sample: rolled back
"""
