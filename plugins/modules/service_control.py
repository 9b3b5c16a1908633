# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_control
short_description: Start or stop services of a vCenter Server appliance
version_added: 0.1.0
description:
  - Starts or stops services and polls until they are started or stopped. What C(service-control) exits with is not
    believed. It reports failure for services that come up by themselves a minute later.
  - One of O(services), O(all) and O(core) says which services.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  state:
    description: What the services must be.
    type: str
    choices: [started, stopped]
    required: true
  services:
    description: Names of services, as the census has them.
    type: list
    elements: str
  all:
    description: All services. With O(state=started), those of O(census) must run in the end.
    type: bool
  core:
    description: The services that certificate storage and issuing take on a node of this O(node_type).
    type: bool
  node_type:
    description: The type of the node. Required with O(core).
    type: str
    choices: [embedded, infrastructure, management]
  census:
    description:
      - The services that must run in the end, such as RV(vcfleet.certs.service_control_info#module:census.running) of
        before.
      - Only with O(state=started) and O(all). Left out, all services that the tool starts by itself are waited for.
    type: list
    elements: str
  timeout:
    description: How long it may take, in seconds, the polling included.
    type: float
    default: 1800
  poll_interval:
    description: Pause between two polls, in seconds.
    type: float
    default: 0.5
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff shows the census.
  idempotent:
    support: full
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
seealso:
  - module: vcfleet.certs.service_control_info
"""

EXAMPLES = r"""
- name: Read the census before the window
  vcfleet.certs.service_control_info:
  register: services

- name: Stop everything
  vcfleet.certs.service_control:
    state: stopped
    all: true
    timeout: 900

- name: Start what the certificate store needs
  vcfleet.certs.service_control:
    state: started
    core: true
    node_type: embedded

- name: Start everything that ran before
  vcfleet.certs.service_control:
    state: started
    all: true
    census: "{{ services.census.running }}"
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

started:
  description: The services that were started, or in check mode would be.
  type: list
  elements: str
  returned: success
  sample: [vmafdd, vmcad, vmdird]
stopped:
  description: The services that were stopped, or in check mode would be.
  type: list
  elements: str
  returned: success
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
