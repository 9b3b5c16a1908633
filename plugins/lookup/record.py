# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: record
short_description: Read the record that this run keeps of a node
version_added: 0.1.0
description:
  - The stages of a rotation note in a node's record what they have found and done, such as C(survey), C(assessment),
    C(staged), C(swap), C(verification), C(handover) and C(failure). This reads it.
  - The run keeps its records on the controller, until it ends.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  _terms:
    description: The names under which the records are kept, which are those of the hosts in the inventory.
    required: true
  parts:
    description:
      - Which parts of the records are wanted, such as C(survey.pnid). Whole records without it.
      - Ansible goes through every word of what a lookup returns, so ask for what you need of a large fleet.
    type: list
    elements: str
    default: []
seealso:
  - module: vcfleet.certs.machine_ssl_assess
  - module: vcfleet.certs.machine_ssl_note
"""

EXAMPLES = r"""
- name: Tell whoever watches vc01 when its window was
  ansible.builtin.debug:
    msg: "{{ lookup('vcfleet.certs.record', 'vc01').swap.started_at }}"

- name: Name the nodes that are due
  ansible.builtin.debug:
    msg: >-
      {{ query('vcfleet.certs.record', *groups.vcenters, parts=['assessment.due'])
         | selectattr('assessment', 'defined') | selectattr('assessment.due') | map(attribute='node') }}
"""

RETURN = r"""
_raw:
  description: The records, or of each C(node) and those of O(parts) that it has. Of a node that nothing is known of
    that is C(node) alone, its name.
  type: list
  elements: dict
  sample: [{"node": "vc01", "survey": {"pnid": "vc01.lab.example"}, "assessment": {"verdict": "keep", "due": false}}]
"""

from collections.abc import Sequence
from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.vcfleet.certs.plugins.plugin_utils import records


class LookupModule(LookupBase):  # type: ignore[misc] # ansible-core has no types
    """The lookup of its name."""

    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[records.Record]:
        """One record for each name."""
        self.set_options(var_options=variables, direct=kwargs)
        found = [records.load(str(term)) for term in terms]
        parts = self.get_option("parts")
        return [records.excerpt(record, parts) for record in found] if parts else found
