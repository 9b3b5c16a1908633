# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replication_gate
short_description: Wait until the members of a linked group have told each other everything
version_added: 0.1.0
description:
  - The gate between two nodes of a linked group. It is open when at every member every partner is available and 0
    changes behind, and the state of its directory is V(Normal) (or V(Standalone) on a node without partners), twice in
    a row.
  - Polls until the gate is open, and fails when it does not open in time, naming each partner and how far behind it is.
    What the tool exits with is not believed. It exits with 0 while a partner is down.
  - Fails early when a partner claims, at look after look, to have seen more changes than a member has made, as after
    that one alone was put back from a snapshot.
  - Each node sees its own side of the replication only, so name every member of the group. All of them are asked from
    the node that the task is for, at the same time.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  members:
    description: The PNIDs of the members to look at. The node that the task is for alone when there are none.
    type: list
    elements: str
    default: []
  min_partners:
    description: How many partners each must have. A node that has lost its replication agreements has none, and looks
      like a lone one.
    type: int
    default: 0
  timeout:
    description: How long to wait for the gate to open, in seconds.
    type: float
    default: 600
  pause:
    description:
      - How long to wait, in seconds, after a look that found something amiss.
      - After one that found nothing the second look comes two seconds later, or after this pause if that is shorter.
    type: float
    default: 5
  lease:
    description: Owner of a lease to renew while the task waits, see M(vcfleet.certs.group_lease).
    type: str
attributes:
  check_mode:
    support: full
    details: This action never changes anything. It waits in check mode, too.
  diff_mode:
    support: none
    details: Nothing changes.
  idempotent:
    support: full
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
  - vcfleet.certs.node.sso
  - vcfleet.certs.node.state
seealso:
  - module: vcfleet.certs.group_lease
  - module: vcfleet.certs.linked_mode_info
"""

EXAMPLES = r"""
- name: Go on only when the linked group is whole
  vcfleet.certs.replication_gate:
    sso_password: "{{ vcfleet_sso_password }}"
    members: [vc01.example.com, vc02.example.com, vc03.example.com]
    min_partners: 1
"""

RETURN = r"""
samples:
  description: How many looks in a row found the gate open.
  type: int
  returned: success
  sample: 2
seconds:
  description: How long it took.
  type: float
  returned: success
  sample: 5.341
members:
  description: What the last look saw at each of them. A failed gate has it in RV(details).
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The member as O(members) has it. V(localhost) where none was named.
      type: str
      sample: vc01.example.com
    state:
      description: The state of its directory. V(null) where it could not be asked.
      type: str
      sample: Normal
    replication:
      description: How far each of its partners is.
      type: list
      elements: dict
      contains:
        partner:
          description: Name of the partner.
          type: str
          sample: vc02.example.com
        host_available:
          description: Whether the partner answers.
          type: bool
          sample: true
        status_available:
          description: Whether it tells how far it is.
          type: bool
          sample: true
        behind:
          description: How many changes of the member the partner has not seen yet.
          type: int
          sample: 0

commands:
  description: The commands that were run on the node. Secrets are never among their arguments.
  type: list
  elements: dict
  returned: when Ansible runs with C(-v) or more
  contains:
    argv:
      description: The command and its arguments.
      type: list
      elements: str
      sample: [/usr/lib/vmware-vmdir/bin/vdcrepadmin, -f, showservers, -h, localhost, -u, administrator]
    rc:
      description: Its exit status, which says little. Many of the vendor's tools exit with 0 when they fail.
      type: int
      sample: 0
    times:
      description: How often it was run in this way, one after the other.
      type: int
      sample: 1
    seconds:
      description: How long it took.
      type: float
      sample: 0.412

remedy:
  description: What to do about the failure. It is the last part of RV(ignore:msg), too.
  type: str
  returned: failure
  sample: Start it with `service-control --start vmafdd`.
details:
  description: The evidence for the failure, such as the command that failed, its exit status and its output without
    secrets.
  type: dict
  returned: failure
  sample: {"argv": ["/usr/lib/vmware-vmafd/bin/vecs-cli", "store", "list"], "rc": 253, "code": 1021, "stdout": "",
    "stderr": "vecs-cli failed. Error 1021: Cannot connect to vmafd service. "}
"""
