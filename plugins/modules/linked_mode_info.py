# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: linked_mode_info
short_description: Read which vCenter Servers are linked with a node
version_added: 0.1.0
description:
  - Returns the members of the node's linked group (Enhanced Linked Mode) as its directory has them, its partners, how
    far replication to each of them is, and the state of the directory.
  - The members are those of C(vdcrepadmin -f showservers) and C(dir-cli nodes list). Both still list a node that was
    lost without having been removed, so every other member is asked for its state.
  - Takes one round trip. The tools run at the same time, but for the first call, which proves the password.
  - Notes C(linked_mode) in the record that O(record) names, which has C(problem) alone when the task fails.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  member_timeout:
    description: How long one other member may take to tell its state, in seconds. After that it counts as not reached.
    type: float
    default: 20
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
  - vcfleet.certs.node.sso
  - vcfleet.certs.node.record
seealso:
  - module: vcfleet.certs.replication_gate
  - plugin: vcfleet.certs.linked_mode
    plugin_type: inventory
  - module: vcfleet.certs.linked_groups
"""

EXAMPLES = r"""
- name: Read who is linked with this node
  vcfleet.certs.linked_mode_info:
    sso_password: "{{ vcfleet_sso_password }}"
  register: directory

- name: Insist on members that can all be reached
  ansible.builtin.assert:
    that: directory.linked_mode.members | selectattr('reachable', 'false') | length == 0
"""

RETURN = r"""
linked_mode:
  description: The linked group as this node knows it.
  type: dict
  returned: success
  contains:
    node:
      description: The PNID of the node that was asked.
      type: str
      sample: vc01.example.com
    sso_domain:
      description: The SSO domain, in lower case.
      type: str
      sample: vsphere.local
    site:
      description: The node's site. V(null) when the directory does not list the node under its PNID.
      type: str
      sample: default-site
    state:
      description: The state of the node's directory.
      type: str
      sample: Normal
    partners:
      description: The names of the nodes that this one replicates with. Empty for a lone node.
      type: list
      elements: str
      sample: [vc02.example.com]
    replication:
      description: How far each partner is.
      type: list
      elements: dict
      contains:
        partner:
          description: Name of the partner.
          type: str
          sample: vc02.example.com
        host_available:
          description: Whether the partner answers.
          type: bool
          sample: true
        status_available:
          description: Whether it tells how far it is.
          type: bool
          sample: true
        behind:
          description: >-
            How many changes of this node the partner has not seen yet. V(null) when that cannot be told. Less than 0
            when the partner has seen more than there is, as after this node was put back from a snapshot.
          type: int
          sample: 0
    members:
      description: All nodes of the group, this one included, sorted by name.
      type: list
      elements: dict
      contains:
        name:
          description: The name that the directory has for it, which is its PNID.
          type: str
          sample: vc01.example.com
        addresses:
          description: What its name resolves to on the node that was asked. Empty when it does not.
          type: list
          elements: str
          sample: [192.0.2.11]
        type:
          description: V(directory), or V(management) for a vCenter Server 6.x with an external Platform Services
            Controller.
          type: str
          sample: directory
        site:
          description: Its site.
          type: str
          sample: default-site
        partners:
          description: The names of the nodes that it replicates with.
          type: list
          elements: str
          sample: [vc02.example.com]
        reachable:
          description: Whether its directory answers the node that was asked. V(null) for a management node, which has
            none.
          type: bool
          sample: true
        state:
          description: The state of its directory. V(null) when it was not reached.
          type: str
          sample: Normal
        problem:
          description: Why it was not reached.
          type: str
          sample: "error 9127: vmdird does not answer"

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
      sample: [/usr/lib/vmware-vmdir/bin/vdcrepadmin, -f, showservers, -h, localhost, -u, administrator]
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
