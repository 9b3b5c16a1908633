# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certool_keypair
short_description: Make a key pair on a vCenter Server appliance
version_added: 0.1.0
description:
  - Makes an RSA key pair with C(certool --genkey). Its size is 2048 bits, which the tool does not let anyone choose.
  - The private key never leaves the node. Its folder is made with mode C(0700), and the file has mode C(0600) before
    its
    first byte is written.
  - A pair that is there, readable and whose halves belong together is kept.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  key_path:
    description: The private key's file on the node.
    type: path
    required: true
  public_key_path:
    description: The public key's file on the node.
    type: path
    required: true
  regenerate:
    description: Make a new pair even if there is one.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff shows the SHA-256 of the public key, never a key.
  idempotent:
    support: partial
    details: Not with O(regenerate=true).
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
seealso:
  - module: vcfleet.certs.certool_certificate
"""

EXAMPLES = r"""
- name: Have a key pair for the next machine certificate
  vcfleet.certs.certool_keypair:
    key_path: /var/lib/vcfleet/staging/machine.key
    public_key_path: /var/lib/vcfleet/staging/machine.pub
"""

RETURN = r"""
key_path:
  description: The private key's file on the node.
  type: str
  returned: success
  sample: /var/lib/vcfleet/staging/machine.key
public_key_path:
  description: The public key's file on the node.
  type: str
  returned: success
  sample: /var/lib/vcfleet/staging/machine.pub
public_key_sha256:
  description: SHA-256 of the public key's DER (SubjectPublicKeyInfo), by which key and certificate are compared.
  type: str
  returned: when there is a key pair, so not in check mode when it would first be made
  sample: 3a0c5e9f2a3c9d5a0a4b9a0e2c68f9d0a6a0b8e5c6b0d1ef6b6c4f1f5f0a9d11

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
