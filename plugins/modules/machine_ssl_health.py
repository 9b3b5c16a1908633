# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: machine_ssl_health
short_description: Look whether a node is still healthy after its certificate was replaced
version_added: 0.1.0
description:
  - Fails when a service that ran before does not run, and when a TLS port presents another certificate. Names all that
    is wrong, and notes it in the record that O(record) names, as C(failure).
  - Loop it with a pause to watch a node for a while.
author:
  - The vcfleet.certs authors (@vcfleet)
requirements:
  - cryptography 42 or newer on the controller
options:
  running:
    description: The services that must run, such as RV(vcfleet.certs.machine_ssl_swap#module:swap.running). Required
      without O(record).
    type: list
    elements: str
  sha256:
    description: SHA-256 of the DER of the certificate that the ports must present. Required with O(probe).
    type: str
  probe:
    description: TLS ports to look at from the controller.
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
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
  - vcfleet.certs.node.record
seealso:
  - module: vcfleet.certs.machine_ssl_verify
  - module: vcfleet.certs.service_control_info
"""

EXAMPLES = r"""
- name: Watch the node for ten minutes
  vcfleet.certs.machine_ssl_health:
    running: "{{ rotation.swap.running }}"
    sha256: "{{ rotation.swap.new.sha256 }}"
    probe:
      host: vc01.lab.example
  loop: "{{ range(5) | list }}"
  loop_control:
    pause: 150
"""

RETURN = r"""
census:
  description: RV(vcfleet.certs.service_control_info#module:census). When the task fails it is in RV(details).
  type: dict
  returned: success
  sample: {"running": ["vmafdd", "vmware-vpxd"], "stopped": ["vmware-vcha"], "start_pending": [], "stop_pending": []}

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
