# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: appliance_shell
short_description: Switch root's login shell on a vCenter Server appliance, and back
version_added: 0.1.0
description:
  - The login shell of root on a new appliance is the appliance shell, which runs no ordinary commands.
    O(state=bash) makes it C(/bin/bash), and O(state=restored) what it was before.
  - What it was is remembered on the node, so that any later run can put it back, even if this controller dies.
  - Modules of this collection that only read work without this switch, as long as the appliance shell's C(shell) is
    enabled.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  state:
    description:
      - V(bash) has root log in to bash. Nothing is done when a POSIX shell answers already.
      - V(restored) puts back what V(bash) replaced. Nothing is done when it replaced nothing.
    type: str
    choices: [bash, restored]
    required: true
  lease:
    description:
      - Owner of the lease under which the run works, see M(vcfleet.certs.group_lease). While another owner's lease in
        O(state_dir) on the node is live, that run may need the shell it gave, and puts it back itself, so
        O(state=restored) does nothing. It does nothing under any live lease when this is left out.
    type: str
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff shows the login shell.
  idempotent:
    support: full
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
  - vcfleet.certs.node.state
seealso:
  - module: vcfleet.certs.appliance_info
"""

EXAMPLES = r"""
- name: Work over bash and put back what was there in any case
  block:
    - name: Have root log in to bash
      vcfleet.certs.appliance_shell:
        state: bash

    - name: Read the census
      vcfleet.certs.service_control_info:

  always:
    - name: Put the login shell back
      vcfleet.certs.appliance_shell:
        state: restored
"""

RETURN = r"""
previous:
  description: The login shell of root before. V(null) in check mode when the appliance shell does not let it be read.
  type: str
  returned: success
  sample: /bin/appliancesh
current:
  description: The login shell of root now, or in check mode as it would be.
  type: str
  returned: success
  sample: /bin/bash

left_to:
  description: Owner of the lease whose run puts the shell back.
  type: str
  returned: when O(state=restored) has left it to that run
  sample: nightly@runner7 4711

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
