# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vecs_info
short_description: Read the certificate stores of a vCenter Server appliance
version_added: 0.1.0
description:
  - Lists the stores of the VMware Endpoint Certificate Store with their entries and certificates. Private keys are
    not read.
  - The store of revocation lists can hold so much that listing it takes an hour. It is read for O(crl_timeout) at most
    and skipped when that does not do.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  stores:
    description: The stores to read. All of them when left out.
    type: list
    elements: str
  crl_timeout:
    description: How long reading C(TRUSTED_ROOT_CRLS) may take, in seconds. V(0) skips it.
    type: float
    default: 10
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
seealso:
  - module: vcfleet.certs.vecs_entry
"""

EXAMPLES = r"""
- name: Read the machine certificate and the trusted roots
  vcfleet.certs.vecs_info:
    stores: [MACHINE_SSL_CERT, TRUSTED_ROOTS]
  register: vecs

- name: Show the thumbprint of the machine certificate
  ansible.builtin.debug:
    msg: "{{ vecs.stores.MACHINE_SSL_CERT.entries[0].sha256 }}"
"""

RETURN = r"""
stores:
  description: The stores by name.
  type: dict
  returned: success
  contains:
    entries:
      description: The entries of the store.
      type: list
      elements: dict
      contains:
        alias:
          description: The alias.
          type: str
          sample: __MACHINE_CERT
        type:
          description: V(Private Key), V(Trusted Cert) or V(Secret Key). The last kind has no certificate.
          type: str
          sample: Private Key
        chain:
          description: PEM, leaf first.
          type: list
          elements: str
          sample: ["-----BEGIN CERTIFICATE-----\nMIID...\n-----END CERTIFICATE-----\n"]
        sha256:
          description: SHA-256 of the leaf's DER, lower hex without colons.
          type: str
          sample: 8d4b4b7a2b8f0b6b51d8d1f6c6d8d7a9e0b9f4f3c2a1908f7e6d5c4b3a291807
    skipped:
      description: Why the store was not read. V(null) when it was.
      type: str
      sample: null

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
