# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_peers
short_description: Name the linked nodes whose services need a restart and may have it
version_added: 0.1.0
description:
  - Linked nodes hold on to the certificate of another one. After one that had B(expired) was replaced, their services
    have to be restarted. A node that had its own turn after that has been restarted by it. A swap of an earlier run,
    which this one has brought to its end or handed over, counts as well.
  - Names nobody as long as the rotation of the whole linked group has not come to a good end, nor a node that was not
    selected, or that has no open maintenance window or a freeze now. M(vcfleet.certs.fleet_summary) has those, too.
  - Works on the controller alone and needs no connection.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  group:
    description: What RV(vcfleet.certs.fleet_plan#module:plan.groups) has for the linked group.
    type: dict
    required: true
  planned:
    description: What RV(vcfleet.certs.fleet_plan#module:plan.nodes) has; at least the nodes of the linked group.
    type: dict
    required: true
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
seealso:
  - module: vcfleet.certs.fleet_plan
  - module: vcfleet.certs.fleet_summary
  - name: Linked vCenter Servers after an expired certificate
    description: The vendor's article.
    link: https://knowledge.broadcom.com/external/article/391354
"""

EXAMPLES = r"""
- name: Name the peers that hold on to an expired certificate
  vcfleet.certs.fleet_peers:
    group: "{{ rotation.plan.groups['vsphere.local@vc01'] }}"
    planned: "{{ rotation.plan.nodes }}"
  register: stale
"""

RETURN = r"""
peers:
  description: Inventory names of the nodes.
  type: list
  elements: str
  returned: success
  sample: [vc02]
"""
