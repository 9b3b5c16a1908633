# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certool_certificate
short_description: Let VMCA sign a certificate for a key on a vCenter Server appliance
version_added: 0.1.0
description:
  - Has a certificate issued by the node's own certificate authority with C(certool --gencert), from a given private key
    and configuration, and proves what came back. A success that the tool merely reports is not one.
  - A certificate that is there is kept when it belongs to the key, is valid, is not older than O(max_age) and has what
    O(expect) asks for.
  - The validity is the authority's decision. It is two years at most, and never past the end of its root.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  key_path:
    description: The private key's file on the node.
    type: path
    required: true
  cert_path:
    description: The certificate's file on the node. PEM, leaf first.
    type: path
    required: true
  config:
    description:
      - The whole content of the tool's configuration file. It is used from a private temporary file on the node.
      - Exactly one of O(config) and O(config_path) must be given.
    type: str
  config_path:
    description: A configuration file that is on the node already.
    type: path
  expect:
    description:
      - What the certificate must have. One that lacks it is not kept, and a new one that lacks it is a failure.
    type: dict
    suboptions:
      cn:
        description: The common name, compared byte for byte.
        type: str
      dns:
        description: The DNS names among the subject alternative names.
        type: list
        elements: str
      ip:
        description: The IP addresses among them.
        type: list
        elements: str
      email:
        description: The e-mail addresses among them.
        type: list
        elements: str
  max_age:
    description: How old a certificate that is kept may be, in seconds.
    type: int
    default: 86400
  force:
    description: Have a new certificate issued in any case.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff shows parsed facts of the certificate.
  idempotent:
    support: partial
    details: Not with O(force=true), and only until the certificate is older than O(max_age).
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
seealso:
  - module: vcfleet.certs.certool_keypair
  - module: vcfleet.certs.vecs_entry
"""

EXAMPLES = r"""
- name: Have a certificate for the staged key
  vcfleet.certs.certool_certificate:
    key_path: /var/lib/vcfleet/staging/machine.key
    cert_path: /var/lib/vcfleet/staging/machine.crt
    config: |
      Country = US
      Name = vc01.lab.example
      Hostname = vc01.lab.example
      IPAddress = 198.18.0.11
    expect:
      cn: vc01.lab.example
      dns: [vc01.lab.example]
      ip: [198.18.0.11]
"""

RETURN = r"""
reasons:
  description: Each reason why a new certificate was issued, or in check mode would be. Empty when the old one was kept.
  type: list
  elements: str
  returned: success
  sample: [it belongs to another key]
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
