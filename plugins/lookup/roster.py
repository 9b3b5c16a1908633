# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: roster
short_description: Name the nodes that a later play of this run is about
version_added: 0.1.0
description:
  - M(vcfleet.certs.fleet_plan) and M(vcfleet.certs.fleet_roster) say who has something to do in which stage. This reads
    it, also in C(hosts) and C(serial) of a play, where no variable of a host is known.
  - The run keeps its rosters on the controller, until it ends. Groups of hosts that C(ansible.builtin.add_host) makes
    would serve as well, but ansible-core takes up to C(internal_poll_interval) for each host in them.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  _terms:
    description: Names of rosters. Nobody is on one that this run has not.
    required: true
seealso:
  - module: vcfleet.certs.fleet_roster
  - module: vcfleet.certs.fleet_plan
"""

EXAMPLES = r"""
- name: Stage
  hosts: "{{ query('vcfleet.certs.roster', 'due') | difference(query('vcfleet.certs.roster', 'not_ours')) }}"
  gather_facts: false
  tasks:
    - name: Make the new pairs with the services up
      ansible.builtin.import_role:
        name: vcfleet.certs.machine_ssl
        tasks_from: stage
"""

RETURN = r"""
_raw:
  description: What is on the rosters, one after the other. C(waves) has a list of nodes for each wave.
  type: list
  elements: raw
  sample: [vc01.lab.example, vc02.lab.example]
"""

from collections.abc import Sequence
from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.vcfleet.certs.plugins.plugin_utils import records


class LookupModule(LookupBase):  # type: ignore[misc] # ansible-core has no types
    """The lookup of its name."""

    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[Any]:
        """All of the rosters, as one list."""
        self.set_options(var_options=variables, direct=kwargs)
        return [each for term in terms for each in records.roster(str(term))]
