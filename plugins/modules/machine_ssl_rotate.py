# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: machine_ssl_rotate
short_description: Swap the machine certificate of a staged node, look at it from the controller, and hand over
version_added: 0.1.0
description:
  - Does what M(vcfleet.certs.machine_ssl_swap), M(vcfleet.certs.machine_ssl_verify) and
    M(vcfleet.certs.machine_ssl_handover) do with the node's record, one after the other, and ends with the first that
    fails. Before that it waits at the gate of O(gate), as M(vcfleet.certs.replication_gate) does. As one task it costs
    the controller a third of what they do.
  - Notes why it failed as C(failure) in the record, behind what failed there before.
  - In check mode it only says what the swap would do.
author:
  - The vcfleet.certs authors (@vcfleet)
requirements:
  - cryptography 42 or newer on the controller
options:
  record:
    description: The name under which this run keeps the node's record. Everything is taken from it, as
      M(vcfleet.certs.machine_ssl_stage) has left it, and each of the three notes there how far it came.
    type: str
    required: true
  lease:
    description: Owner of the lease under which the swap may begin, as in
      O(vcfleet.certs.machine_ssl_swap#module:lease).
    type: str
  not_begun:
    description:
      - Why the node is not to begin, in sentences, such as P(vcfleet.certs.turn#lookup) finds. Where it is not empty,
        the task only notes it in the record, and is skipped. So it is when the gate has taken so long that the node's
        maintenance window has closed.
    type: str
    default: ''
  postponed:
    description: Whether the node comes later in this run. The task notes nothing then and is skipped.
    type: bool
    default: false
  gate:
    description: Where the node may begin only when its linked group is whole. The options of
      M(vcfleet.certs.replication_gate). Nobody waits in check mode.
    type: dict
    suboptions:
      members:
        description: As O(vcfleet.certs.replication_gate#module:members).
        type: list
        elements: str
        default: []
      min_partners:
        description: As O(vcfleet.certs.replication_gate#module:min_partners).
        type: int
        default: 0
      timeout:
        description: As O(vcfleet.certs.replication_gate#module:timeout).
        type: float
        default: 600
      pause:
        description: As O(vcfleet.certs.replication_gate#module:pause).
        type: float
        default: 5
  sso_user:
    description: As O(vcfleet.certs.replication_gate#module:sso_user).
    type: str
    default: administrator
  sso_password:
    description: As O(vcfleet.certs.replication_gate#module:sso_password). Required with O(gate).
    type: str
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff shows the thumbprints, never a key.
  idempotent:
    support: full
extends_documentation_fragment:
  - vcfleet.certs.attributes
seealso:
  - module: vcfleet.certs.machine_ssl_stage
  - module: vcfleet.certs.machine_ssl_swap
  - module: vcfleet.certs.machine_ssl_verify
  - module: vcfleet.certs.machine_ssl_handover
  - module: vcfleet.certs.replication_gate
  - plugin: vcfleet.certs.turn
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Swap, verify and hand over
  vcfleet.certs.machine_ssl_rotate:
    record: "{{ inventory_hostname }}"
  register: rotation

- name: The same, once the linked group is whole
  vcfleet.certs.machine_ssl_rotate:
    record: "{{ inventory_hostname }}"
    gate:
      members: [vc01.example.com, vc02.example.com]
      min_partners: 1
    sso_password: "{{ vcfleet_sso_password }}"
"""

RETURN = r"""
postponed:
  description: V(true), where O(postponed) says so.
  type: bool
  returned: when skipped because of it
  sample: true
swap:
  description: RV(vcfleet.certs.machine_ssl_swap#module:swap). Where the swap itself has failed, RV(details) has it.
  type: dict
  returned: success, and when a later stage failed
  sample: {"state": "committed", "window_seconds": 412.5}
verification:
  description: RV(vcfleet.certs.machine_ssl_verify#module:verification).
  type: dict
  returned: when the swap was committed, except in check mode
  sample: {"ok": true}
handover:
  description: RV(vcfleet.certs.machine_ssl_handover#module:handover).
  type: dict
  returned: success, except in check mode
  sample: {"pnid": "vc01.lab.example"}
skip_reason:
  description: What O(not_begun) says, or that the maintenance window has closed.
  type: str
  returned: when the node has not begun
  sample: vc01 of the same linked group was to be handed over before, and was not.

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
      sample: [/bin/service-control, --status, --all]
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
