# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_plan
short_description: Plan which nodes are rotated, in which order and why
version_added: 0.1.0
description:
  - Turns the nodes' records and their linked groups into a plan, and shows it; or takes a reviewed plan, as far as it
    still fits what the nodes say now.
  - A wave holds the linked groups that are walked at the same time, one node of each at a time, in its turn.
  - Works on the controller alone and needs no connection.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  nodes:
    description: Inventory names of the nodes, whose records this run keeps. Those with C(survey) are planned.
    type: list
    elements: str
    required: true
  groups:
    description: RV(vcfleet.certs.linked_groups#module:groups).
    type: list
    elements: dict
    required: true
  inventory:
    description:
      - The names of all hosts, also of those that this run is not about, and no addresses. They may be named in
        O(only), O(except) and O(canary), and tell a node that is gone from one that a run leaves out.
    type: list
    elements: str
    default: []
  only:
    description:
      - Plan only for these nodes and linked groups. All others are "not selected".
      - A blank text is as good as none, and an empty list selects nobody. Commas or a list without any name are an
        error.
    type: list
    elements: str
  except:
    description: Plan for all but these nodes and linked groups. Goes before O(only).
    type: list
    elements: str
    default: []
  slice:
    description:
      - C(K/N), such as C(2/5). Plan only for the linked groups of the K-th of N slices of the fleet.
      - Linked groups are kept whole, and each is in exactly one slice, by a hash of its nodes' sorted PNIDs.
    type: str
    default: ''
  canary:
    description:
      - Nodes and linked groups that go first. All their linked groups together are the first wave.
      - Behind one that is refused all others are refused. Behind one of which a node is due and has to wait they wait,
        but for nodes that are forced and those for which waiting would be too late.
    type: list
    elements: str
    default: []
  wave_sizes:
    description:
      - How many linked groups each wave after the canaries has. A number, a percentage of them such as C(25%), or
        V(all). The last one repeats.
    type: list
    elements: str
    default: [all]
  hosts:
    description: The hosts of the run that can be reached. Those with something to do are on RV(rosters).
    type: list
    elements: str
    default: []
  valid_hours:
    description:
      - For how long the plan may be applied, in hours, up to a year. V(0) is for ever.
      - A plan that was made for a maintenance window that is still to come is valid until that is over.
    type: float
    default: 72.0
  reviewed:
    description:
      - The file of a plan that was made before. It is taken as it is, with its waves and turns; O(only), O(except) and
        O(slice) can leave out more of it.
      - A linked group that has drifted is refused whole. That is another certificate than planned or another wanted
        one, another member, a finding of severity C(refuse), and an end of validity that has passed.
      - A node whose newest swap has replaced the planned certificate is done, and is kept. So is one that became due
        since the plan was made, and one that has to wait for a maintenance window, say, whether it is due yet or not.
      - Takes the Python library C(jsonschema) on the controller.
    type: path
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
seealso:
  - name: The plan file
    description: Its schema, how to review and to apply it.
    link: https://github.com/vcfleet/certs/blob/main/docs/fleet.md
  - module: vcfleet.certs.linked_groups
  - module: vcfleet.certs.fleet_summary
"""

EXAMPLES = r"""
- name: Plan the rotation
  vcfleet.certs.fleet_plan:
    nodes: "{{ ansible_play_hosts_all }}"
    groups: "{{ fleet.groups }}"
  run_once: true
  register: rotation

- name: Plan a canary, then ten linked groups at a time, and leave one node out
  vcfleet.certs.fleet_plan:
    nodes: "{{ ansible_play_hosts_all }}"
    groups: "{{ fleet.groups }}"
    canary: [lab01]
    wave_sizes: [10]
    except: [vc17]
  run_once: true
  register: rotation

- name: Take the plan that was reviewed
  vcfleet.certs.fleet_plan:
    nodes: "{{ ansible_play_hosts_all }}"
    groups: "{{ fleet.groups }}"
    inventory: "{{ groups['all'] }}"
    reviewed: vcfleet-plan.json
  run_once: true
  register: rotation
"""

RETURN = r"""
plan:
  description: The plan, as C(docs/schema/plan-1.schema.json) of this collection describes it.
  type: dict
  returned: success
  contains:
    schema:
      description: Version of the plan's form.
      type: int
      sample: 1
    id:
      description: Stands for what the plan decides, and not for the measures and times that stand in it, too.
      type: str
      sample: 652485705cfc
    seal:
      description: SHA-256 of all that the plan says but for C(valid_until). A plan that was edited is refused by it.
      type: str
      sample: 4b0d1c6f0b5f8e4a7b5d3c2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a
    made_at:
      description: When it was made, in UTC.
      type: str
      sample: "2026-11-22T19:27:15Z"
    valid_until:
      description: Until when it may be applied, in UTC. None when for ever.
      type: str
      sample: "2026-11-25T19:27:15Z"
    waves:
      description: The linked groups with a node to rotate, wave by wave.
      type: list
      elements: list
      sample: [["vsphere.local@vc01", "dr.local@vc04"]]
    groups:
      description: >-
        What is planned for each linked group. C(nodes), C(verdict), C(reasons), C(findings), C(sso_domain), C(leader),
        C(wave), C(canary) and C(turns) (the nodes to rotate, in order).
      type: dict
      sample:
        vsphere.local@vc01:
          nodes: [vc01, vc02, vc03]
          verdict: rotate
          wave: 1
          turns: [vc01, vc02, vc03]
    nodes:
      description: >-
        What is planned for each node. C(group), C(pnid), C(verdict) (C(rotate), C(keep), C(refuse), C(not surveyed) or
        C(not selected)), C(wave), C(turn) in its linked group, C(after) (the nodes of its group that must be handed
        over before it), C(together) (all nodes of its group that are rotated, and so must be staged), C(reasons),
        C(warnings), C(findings), C(current), C(wanted), C(san_changes), C(stops) (the services that stop and start
        again), C(expected_window_seconds) (the window of the newest swap that replaced its certificate), C(consumers),
        C(force_reason), C(due_at) and C(when).
      type: dict
      sample:
        vc02:
          group: vsphere.local@vc01
          verdict: rotate
          wave: 1
          turn: 2
          after: [vc01]
          together: [vc01, vc02, vc03]
          reasons: ["29.8 of 730 days are left (4% of the lifetime), and 33% or less is due."]
rosters:
  description: Which nodes later plays are about, by what there is to do. P(vcfleet.certs.roster#lookup) has them, too.
  type: dict
  returned: success
  contains:
    concerned:
      description: Those that there is anything to do for, or to be told of.
      type: list
      elements: str
      sample: [vc01.lab.example]
    due:
      description: Those that are rotated.
      type: list
      elements: str
      sample: [vc01.lab.example]
    shells:
      description: Those whose login shell is to be put back.
      type: list
      elements: str
      sample: []
    untold:
      description: Those where an earlier run's swap has come to its end, and nobody was told what it leaves to do.
      type: list
      elements: str
      sample: []
    waves:
      description: The walkers of each wave. A walker is the host in whose name a linked group is walked.
      type: list
      elements: list
      sample: [[vc01.lab.example]]
    without_bash:
      description: Those of RV(rosters.due) that need another login shell for it.
      type: list
      elements: str
      sample: []
"""
