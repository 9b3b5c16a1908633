# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_control_info
short_description: Read which services of a vCenter Server appliance run
version_added: 0.1.0
description:
  - Returns the census of the node's services, as C(service-control --status --all) gives it on 6.5 to 9.0.
  - Some services are stopped on every healthy node. Compare with an earlier census, not with perfection.
author:
  - The vcfleet.certs authors (@vcfleet)
options: {}
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
seealso:
  - module: vcfleet.certs.service_control
"""

EXAMPLES = r"""
- name: Read the census
  vcfleet.certs.service_control_info:
  register: services

- name: Insist on a running vpxd
  ansible.builtin.assert:
    that: "'vmware-vpxd' in services.census.running"
"""

RETURN = r"""
census:
  description: The services by state, each list sorted.
  type: dict
  returned: success
  contains:
    running:
      description: Services that run.
      type: list
      elements: str
      sample: [applmgmt, vmafdd, vmcad, vmdird, vmware-vpxd]
    stopped:
      description: Services that do not run.
      type: list
      elements: str
      sample: [vmcam, vmware-vcha]
    start_pending:
      description: Services on their way up.
      type: list
      elements: str
      sample: []
    stop_pending:
      description: Services on their way down.
      type: list
      elements: str
      sample: []

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
