# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_plan
short_description: Plan which nodes are rotated, in which order and why
version_added: 0.1.0
description:
  - Turns the nodes' records and their linked groups into a plan, and shows it.
  - A wave holds the linked groups that are walked at the same time, one node of each at a time, in its turn.
  - Works on the controller alone and needs no connection.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  records:
    description: The records of the surveyed nodes by inventory name. Each has C(survey) and C(assessment).
    type: dict
    required: true
  groups:
    description: RV(vcfleet.certs.linked_groups#module:groups).
    type: list
    elements: dict
    required: true
attributes:
  check_mode:
    support: full
    details: This action never changes anything.
  diff_mode:
    support: none
    details: Nothing changes.
  idempotent:
    support: full
extends_documentation_fragment:
  - vcfleet.certs.attributes
seealso:
  - module: vcfleet.certs.linked_groups
  - module: vcfleet.certs.fleet_summary
"""

EXAMPLES = r"""
- name: Plan the rotation
  vcfleet.certs.fleet_plan:
    records:
      vc01:
        survey: "{{ hostvars.vc01.node.appliance }}"
        assessment: "{{ hostvars.vc01.judged.assessment }}"
    groups: "{{ fleet.groups }}"
  run_once: true
  register: rotation
"""

RETURN = r"""
plan:
  description: The plan.
  type: dict
  returned: success
  contains:
    schema:
      description: Version of this record's form.
      type: int
      sample: 1
    waves:
      description: The linked groups with a node to rotate, wave by wave.
      type: list
      elements: list
      sample: [["vsphere.local@vc01", "dr.local@vc04"]]
    groups:
      description: >-
        What is planned for each linked group. C(nodes), C(verdict), C(reasons), C(findings), C(sso_domain), C(leader),
        C(wave), C(canary) and C(turns) (the nodes to rotate, in order).
      type: dict
      sample:
        vsphere.local@vc01:
          nodes: [vc01, vc02, vc03]
          wave: 1
          turns: [vc01, vc02, vc03]
    nodes:
      description: >-
        What is planned for each node. C(group), C(verdict), C(wave), C(turn) in its linked group, C(after) (the nodes
        of its group that must be handed over before it), C(together) (all nodes of its group that are rotated, and so must
        be staged), C(reasons), C(current), C(wanted), C(san_changes), C(stops) (the services that stop and start again)
        and C(warnings).
      type: dict
      sample:
        vc02:
          group: vsphere.local@vc01
          verdict: rotate
          wave: 1
          turn: 2
          after: [vc01]
          together: [vc01, vc02, vc03]
          reasons: ["29.8 of 730 days are left (4% of the lifetime), and 33% or less is due."]
"""
