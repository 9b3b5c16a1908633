# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: machine_ssl_handover
short_description: List what still holds the old thumbprint of a machine certificate, and note that it was told
version_added: 0.1.0
description:
  - Lists, for a person, the anchors and consumers that this collection does not touch, and what to do about each.
  - Notes in the journal of the node's last swap that its end was verified and told. A later run then has nothing to
    tell about it. Nothing else on the node changes, and the task does not fail when the note cannot be made.
  - Notes C(handover) in the record that O(record) names.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  pnid:
    description: The PNID of the node. Required without O(record).
    type: str
  sso_domain:
    description: The SSO domain of the node. Required without O(record).
    type: str
  old:
    description: Thumbprints C(sha1) and C(sha256) of the certificate of before, in hex without colons. Required without
      O(record).
    type: dict
  new:
    description: The same of the new certificate. Required without O(record).
    type: dict
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing changes but a note in a journal.
  idempotent:
    support: full
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
  - vcfleet.certs.node.state
  - vcfleet.certs.node.record
seealso:
  - module: vcfleet.certs.machine_ssl_swap
"""

EXAMPLES = r"""
- name: List what still holds the old thumbprint
  vcfleet.certs.machine_ssl_handover:
    pnid: vc01.lab.example
    sso_domain: vsphere.local
    old: "{{ rotation.swap.old }}"
    new: "{{ rotation.swap.new }}"
"""

RETURN = r"""
handover:
  description: What is left for a person.
  type: dict
  returned: success
  contains:
    pnid:
      description: The PNID of the node.
      type: str
      sample: vc01.lab.example
    old:
      description: Thumbprints of the certificate of before, lower hex without colons.
      type: dict
      sample: {"sha1": "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "sha256":
        "8d4b4b7a2b8f0b6b51d8d1f6c6d8d7a9e0b9f4f3c2a1908f7e6d5c4b3a291807"}
    new:
      description: Thumbprints of the new certificate, lower hex without colons.
      type: dict
      sample: {"sha1": "de9f2c7fd25e1b3afad3e85a0bd17d9b100db4b3", "sha256":
        "11f0c8a7d6e5b4938271605f4e3d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2b1"}
    holders:
      description: What may hold the old thumbprint.
      type: list
      elements: dict
      contains:
        kind:
          description: V(anchor) inside vCenter, V(consumer) outside.
          type: str
          sample: anchor
        holder:
          description: Who holds it.
          type: str
          sample: vCenter extension com.vmware.vsan.health
        holds:
          description: Which form of it.
          type: str
          sample: SHA-1
        todo:
          description: What to do.
          type: str
          sample: Set its thumbprint to DE:9F:2C:7F:D2:5E:1B:3A:FA:D3:E8:5A:0B:D1:7D:9B:10:0D:B4:B3
noted:
  description: Whether the node's journal says now that this was told.
  type: bool
  returned: success
  sample: true

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
