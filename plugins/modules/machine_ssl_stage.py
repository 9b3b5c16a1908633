# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: machine_ssl_stage
short_description: Make the pair that the next swap of the machine certificate puts to use
version_added: 0.1.0
description:
  - Makes a key pair in the staging folder of the node, and has VMCA issue a certificate for it, in one round trip. The
    services stay up, and the private key never leaves the node.
  - Then checks the certificate on the controller, as M(vcfleet.certs.machine_ssl_verify) does. It must have exactly the
    wanted names, chain to one of the node's trusted roots, be valid now and have a key and signature that vCenter
    Server accepts.
  - A pair that is staged already, and as wanted, is kept.
  - Notes C(staged) in the record that O(record) names.
author:
  - The vcfleet.certs authors (@vcfleet)
requirements:
  - cryptography 42 or newer on the controller
options:
  config:
    description: The whole content of the configuration file of C(certool). It is used from a private temporary file on
      the node.
    type: str
    required: true
  wanted:
    description: RV(vcfleet.certs.machine_ssl_assess#module:assessment.wanted). Required without O(record).
    type: dict
  roots:
    description: Certificates that the chain may end in. PEM. Required without O(record).
    type: list
    elements: str
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff shows the SHA-256 of the public key, never a key, and parsed facts of the certificate.
  idempotent:
    support: partial
    details: Only until the certificate is a day old.
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
  - vcfleet.certs.node.state
  - vcfleet.certs.node.record
seealso:
  - module: vcfleet.certs.machine_ssl_assess
  - module: vcfleet.certs.machine_ssl_swap
  - module: vcfleet.certs.certool_keypair
  - module: vcfleet.certs.certool_certificate
"""

EXAMPLES = r"""
- name: Make the new pair, with the services up
  vcfleet.certs.machine_ssl_stage:
    record: "{{ inventory_hostname }}"
    config: |
      Country = US
      Name = vc01.lab.example
      Hostname = vc01.lab.example
  register: staged

- name: Let the node swap the certificate, or put the old one back
  vcfleet.certs.machine_ssl_swap:
    state: swapped
    record: "{{ inventory_hostname }}"
"""

RETURN = r"""
reasons:
  description: Each reason why a new certificate was issued, or in check mode would be. Empty when the staged one was
    kept.
  type: list
  elements: str
  returned: success
  sample: [there is no certificate]
cert_path:
  description: The certificate's file on the node.
  type: str
  returned: success
  sample: /var/lib/vcfleet/staging/machine.crt
certificate:
  description: The certificate and, when the authority is not a root itself, its issuers. PEM, leaf first.
  type: str
  returned: when there is a certificate, so not in check mode when it would first be issued
  sample: "-----BEGIN CERTIFICATE-----\nMIID...\n-----END CERTIFICATE-----\n"
sha256:
  description: SHA-256 of the leaf's DER, lower hex without colons.
  type: str
  returned: when there is a certificate, so not in check mode when it would first be issued
  sample: 8d4b4b7a2b8f0b6b51d8d1f6c6d8d7a9e0b9f4f3c2a1908f7e6d5c4b3a291807

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
