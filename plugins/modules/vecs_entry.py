# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vecs_entry
short_description: Have an entry in, or not in, a certificate store of a vCenter Server appliance
version_added: 0.1.0
description:
  - Brings a certificate and its private key, both files on the node, into a store, or removes an entry from one.
  - An entry is replaced when its certificate differs by SHA-256. Before the old one is deleted, the new pair is proven
    to belong together and the old entry is backed up and read back. When the new one cannot be created, the old one is
    put back.
  - Services that use the entry go on with the old certificate until they are restarted. For the machine certificate use
    M(vcfleet.certs.machine_ssl_swap), which does that, too.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  store:
    description: The store. It must exist. This module makes no stores.
    type: str
    required: true
  alias:
    description:
      - The alias. The vendor's tool does not tell upper case from lower case in it.
      - In stores whose users look for one alias only, such as C(__MACHINE_CERT) in C(MACHINE_SSL_CERT), no other is
        created. It would be a slip of the pen.
    type: str
    required: true
  state:
    description: Whether the entry must be there.
    type: str
    choices: [present, absent]
    default: present
  cert_path:
    description: The certificate's file on the node. PEM, leaf first. Required with O(state=present).
    type: path
  key_path:
    description: The private key's file on the node. Required with O(state=present).
    type: path
  backup_dir:
    description: Folder on the node for the backup of an entry that is replaced or removed. C(backup) in O(state_dir)
      when left out.
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff shows parsed facts of the certificates, never a key.
  idempotent:
    support: full
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
  - vcfleet.certs.node.state
seealso:
  - module: vcfleet.certs.vecs_info
  - module: vcfleet.certs.machine_ssl_swap
"""

EXAMPLES = r"""
- name: Have a certificate of our own in a store
  vcfleet.certs.vecs_entry:
    store: BACKUP_STORE
    alias: backup_proxy
    cert_path: /root/proxy.crt
    key_path: /root/proxy.key

- name: Remove what an old tool left behind
  vcfleet.certs.vecs_entry:
    store: BACKUP_STORE
    alias: bkp___MACHINE_CERT
    state: absent
"""

RETURN = r"""
before:
  description: The entry as it was. V(null) when there was none.
  type: dict
  returned: success
  contains:
    sha256:
      description: SHA-256 of the leaf's DER, lower hex without colons.
      type: str
      sample: 8d4b4b7a2b8f0b6b51d8d1f6c6d8d7a9e0b9f4f3c2a1908f7e6d5c4b3a291807
    type:
      description: The entry's type.
      type: str
      sample: Private Key
after:
  description: The entry as it is, or in check mode as it would be. V(null) when there is none.
  type: dict
  returned: success
  contains:
    sha256:
      description: SHA-256 of the leaf's DER, lower hex without colons.
      type: str
      sample: 11f0c8a7d6e5b4938271605f4e3d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2b1
    type:
      description: The entry's type.
      type: str
      sample: Private Key
backup:
  description: Folder on the node with the backup of the entry that was replaced or removed. V(null) without one.
  type: str
  returned: success
  sample: /var/lib/vcfleet/backup/entry-20261122T155502123456Z-8d4b4b7a2b8f

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
