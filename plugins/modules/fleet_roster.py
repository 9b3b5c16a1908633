# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_roster
short_description: Say which nodes later plays of this run are about
version_added: 0.1.0
description:
  - Keeps lists of nodes by their names, for P(vcfleet.certs.roster#lookup) to read, and for no longer than the run.
    M(vcfleet.certs.fleet_plan) keeps those that follow from the plan by itself.
  - Works on the controller alone and needs no connection. Run it once, not for every host.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  rosters:
    description: Inventory names of nodes, a list for each roster. It takes the place of what the run had by that name.
    type: dict
    required: true
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
seealso:
  - plugin: vcfleet.certs.roster
    plugin_type: lookup
  - module: vcfleet.certs.fleet_plan
"""

EXAMPLES = r"""
- name: Say which nodes are looked after by hand
  vcfleet.certs.fleet_roster:
    rosters:
      by_hand: [vc07.lab.example]
  run_once: true
"""

RETURN = r"""
rosters:
  description: As they were given.
  type: dict
  returned: success
  sample: {"by_hand": ["vc07.lab.example"]}
"""
