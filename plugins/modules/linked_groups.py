# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: linked_groups
short_description: Find out from surveys which nodes are linked
version_added: 0.1.0
description:
  - Sorts nodes into linked groups (Enhanced Linked Mode). Two nodes are linked when they have the same SSO domain and
    the VMCA root of one is among the trusted roots of the other, or the directory of one lists the other as a member.
  - A group is refused as a whole when one of its nodes is, and when a node that could not be surveyed, or is left out,
    may belong to it.
  - Where a node of the group was asked by M(vcfleet.certs.linked_mode_info), the group is refused as well when a member
    is not among the surveyed nodes, is not reached or is not healthy.
  - Where none was asked, a group with a node that is due is refused when it trusts a VMCA root that none of O(nodes)
    has and that does not name one of them (finding C(member-unknown)), unless O(overrides) places all its nodes.
  - Works on the controller alone and needs no connection.
author:
  - The vcfleet.certs authors (@vcfleet)
requirements:
  - cryptography 42 or newer on the controller
options:
  nodes:
    description: Inventory names of the nodes, whose records this run keeps. Those without C(survey) could not be
      surveyed. A group with a node that has no C(assessment) is refused.
    type: list
    elements: str
    required: true
  overrides:
    description:
      - Groups by hand. Inventory name to name of the group. They go before what the surveys say.
      - A group that is found and has the name of one by hand gets the nodes that are placed there.
    type: dict
    default: {}
  inventory:
    description:
      - Names of all hosts of the inventory, those outside this run too. A member of a group that is none of them, by
        name or by its first label, nor any of O(addresses), and was not surveyed is unknown.
      - Where it is given, O(overrides) may place nobody else.
    type: list
    elements: str
    default: []
    version_added: 0.1.0
  addresses:
    description: Names and addresses by which hosts of the inventory are reached, their C(ansible_host).
    type: list
    elements: str
    default: []
    version_added: 0.1.0
  left_out:
    description: Inventory names of hosts that may be nodes and are none of O(nodes), since the run is limited. A group
      is refused when one of them may belong to it; it may when O(overrides) says so, or when the group trusts a VMCA
      root that none of O(nodes) has and no directory has told who the members are.
    type: list
    elements: str
    default: []
    version_added: 0.1.0
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
seealso:
  - module: vcfleet.certs.machine_ssl_assess
"""

EXAMPLES = r"""
- name: Find out which nodes are linked
  vcfleet.certs.linked_groups:
    nodes: "{{ ansible_play_hosts_all }}"
    overrides:
      vc09: dr-site
  run_once: true
  register: fleet
"""

RETURN = r"""
groups:
  description: The linked groups, in the order of their first nodes.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: SSO domain and first node, or the name by hand.
      type: str
      sample: vsphere.local@vc01
    nodes:
      description: The nodes, in the order of O(nodes).
      type: list
      elements: str
      sample: [vc01, vc02, vc03]
    leader:
      description: The node to ask for the members, the first one that was surveyed and has a directory.
      type: str
      sample: vc01
    sso_domain:
      description: The SSO domain. V(null) when no node of the group was surveyed.
      type: str
      sample: vsphere.local
    left_out:
      description: Those of O(left_out) that may belong to it.
      type: list
      elements: str
      sample: []
    verdict:
      description: V(refuse) when anything stands in the way of one node, else V(rotate) when one is due, else V(keep).
      type: str
      sample: rotate
    reasons:
      description: Why, naming the nodes.
      type: list
      elements: str
      sample: ["vc02: 29.8 of 730 days are left (4% of the lifetime), and 33% or less is due."]
    findings:
      description: What was found out about the members. Each finding has C(id), C(severity), C(message), C(evidence)
        and C(remedy).
      type: list
      elements: dict
      sample: [{"id": "member-not-in-inventory", "severity": "refuse"}]

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
