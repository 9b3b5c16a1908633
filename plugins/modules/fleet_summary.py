# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_summary
short_description: Sum up how a planned rotation ended on every node
version_added: 0.1.0
description:
  - Turns the plan and the nodes' records into a summary with old and new thumbprints, ends of validity and window of
    each node, and shows it.
  - Works on the controller alone and needs no connection. Does not fail because of how a node ended, but for one that
    has no host which could.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  plan:
    description: RV(vcfleet.certs.fleet_plan#module:plan).
    type: dict
    required: true
  inventory:
    description: Names of all hosts of the inventory. The task fails for planned nodes that could not be surveyed and
      are none of them, after it has summed up. None means that nobody asks.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
seealso:
  - module: vcfleet.certs.fleet_plan
"""

EXAMPLES = r"""
- name: Sum up the rotation
  vcfleet.certs.fleet_summary:
    plan: "{{ rotation.plan }}"
  run_once: true
"""

RETURN = r"""
nodes:
  description: >-
    How each node ended. C(ending) is one of C(rotated), C(kept), C(would rotate), C(would finish or undo) (in check
    mode, what an earlier run left), C(refused), C(not surveyed), C(not selected), C(not begun), C(failed),
    C(rolled back) (this run's swap, or an earlier one that this run has undone), C(running), C(contact lost),
    C(interrupted), C(stuck). C(old) and C(new) have the thumbprints and the end of validity, C(window_seconds) the
    length of the window, C(failed) whether that is a failed host, C(sentence) the reason, and C(todo) what is left for
    a person.
  type: dict
  returned: success
  sample:
    vc01:
      ending: rotated
      window_seconds: 184.2
      old: {"not_after": "2026-12-22T15:45:02Z", "sha1": "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"}
      new: {"not_after": "2028-11-21T15:56:43Z", "sha1": "de9f2c7fd25e1b3afad3e85a0bd17d9b100db4b3"}
"""
