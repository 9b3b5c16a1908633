# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: machine_ssl_verify
short_description: Verify a machine certificate against what was wanted, and that a node serves it
version_added: 0.1.0
description:
  - Checks a certificate on the controller. It must have exactly the wanted names, chain to one of the given roots, be
    valid now and have a key and signature that vCenter Server accepts.
  - With O(probe) it also opens TLS connections from the controller and checks that the node presents this certificate.
  - Fails when a check fails, and names all that did.
  - Notes C(verification) in the record that O(record) names, also when it fails.
author:
  - The vcfleet.certs authors (@vcfleet)
requirements:
  - cryptography 42 or newer on the controller
options:
  certificate:
    description: The certificate and, if it has any, its intermediate issuers. PEM, leaf first. Required without
      O(record).
    type: str
  wanted:
    description: RV(vcfleet.certs.machine_ssl_assess#module:assessment.wanted). Names are not checked when left out.
    type: dict
  roots:
    description: Certificates that a chain may end in. PEM. Required without O(record).
    type: list
    elements: str
  probe:
    description: TLS ports to look at.
    type: dict
    suboptions:
      host:
        description: Name or address to connect to.
        type: str
        required: true
      ports:
        description: The ports.
        type: list
        elements: int
        default: [443]
      server_name:
        description: Server name to ask for (SNI). O(probe.host) when left out.
        type: str
      required:
        description:
          - Whether it is a failure when a port cannot be reached from the controller.
          - A port that answers with another certificate is one in any case.
        type: bool
        default: true
      timeout:
        description: How long one connection may take, in seconds.
        type: float
        default: 10
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
  - vcfleet.certs.node.record
seealso:
  - module: vcfleet.certs.machine_ssl_assess
"""

EXAMPLES = r"""
- name: Verify that the node serves what it was given
  vcfleet.certs.machine_ssl_verify:
    certificate: "{{ staged.certificate }}"
    wanted: "{{ judged.assessment.wanted }}"
    roots: "{{ node.appliance.vmca_root }}"
    probe:
      host: vc01.lab.example
      ports: [443, 5480]
"""

RETURN = r"""
verification:
  description: What was checked.
  type: dict
  returned: always
  contains:
    ok:
      description: Whether every check that counts was passed.
      type: bool
      sample: true
    certificate:
      description: Facts of the certificate, as in RV(vcfleet.certs.machine_ssl_assess#module:assessment.current).
      type: dict
      sample: {"cn": "vc01.lab.example", "sha256": "11f0c8a7d6e5b4938271605f4e3d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2b1"}
    chain:
      description: The subjects from the leaf to the root that it chains to. Empty when it chains to none.
      type: list
      elements: str
      sample: ["CN=vc01.lab.example,C=US", "CN=CA,DC=vsphere,DC=local,C=US"]
    served:
      description: SHA-256 of the certificate that each port presents, by port. V(null) for one that cannot be reached.
      type: dict
      sample: {"443": "11f0c8a7d6e5b4938271605f4e3d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2b1"}
    checks:
      description: The checks.
      type: list
      elements: dict
      contains:
        id:
          description: Stable identifier of the check.
          type: str
          sample: served-443
        ok:
          description: Whether it was passed.
          type: bool
          sample: true
        counts:
          description: Whether a failure of it is a failure of the whole.
          type: bool
          sample: true
        message:
          description: What was found.
          type: str
          sample: Port 443 of vc01.lab.example presents the certificate.

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
