# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: telling
short_description: Name the nodes that have something to tell when the run ends
version_added: 0.1.0
description:
  - Those whose record says anything but that nothing was to be done, or that the node was rotated and handed over.
    M(vcfleet.certs.fleet_ending) then makes hosts fail, or not, as their records say.
  - The first node that was surveyed is always among them, since somebody has to sum up.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  _terms:
    description: Inventory names of the nodes.
    required: true
seealso:
  - module: vcfleet.certs.fleet_ending
  - plugin: vcfleet.certs.record
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Account
  hosts: "{{ query('vcfleet.certs.telling', *query('vcfleet.certs.roster', 'everybody')) }}"
  gather_facts: false
  tasks:
    - name: End as the node's own record says
      vcfleet.certs.fleet_ending:
        node: "{{ inventory_hostname }}"
        planned: "{{ plan.nodes[inventory_hostname] }}"
"""

RETURN = r"""
_raw:
  description: Their names, in the order of those that were given.
  type: list
  elements: str
  sample: [vc01.lab.example]
"""

from collections.abc import Sequence
from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.fleet import telling


class LookupModule(LookupBase):  # type: ignore[misc] # ansible-core has no types
    """The lookup of its name."""

    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[str]:
        """The names among those given."""
        self.set_options(var_options=variables, direct=kwargs)
        return telling({str(term): records.load(str(term)) for term in terms}, records.roster("concerned"))
