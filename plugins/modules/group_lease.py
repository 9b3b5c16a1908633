# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: group_lease
short_description: Take, give back or tell the lease of a linked group on one of its nodes
version_added: 0.1.0
description:
  - A lease is the right of one run to begin windows in a linked group. Each node of the group keeps it on its own disk.
    Two controllers that know nothing of each other, such as two pipelines or the slices of one job, then never have two
    nodes of a group in their windows at once.
  - A run holds the group when it holds the lease on B(every) node of it. Take it on the group's leader first, then on
    all other nodes and only where the leader granted it, and have it V(renewed) on the leader in the end. The leader is
    the same node for every run, such as the first by its PNID. A run that is refused on one of them begins nothing in
    the group and has what it took V(returned). Give back on the leader last. So one of two runs that come at the same
    time wins, and none waits for the other for ever. Who means to wait does so with V(awaited), and holds nothing
    meanwhile.
  - A lease that its owner does not renew for O(ttl) seconds has expired. Another owner may take it over then, but never
    while a swap runs on the node. The time counts by the node's monotonic clock, so that a clock which is set neither
    frees a lease nor prolongs it. Only across a boot of the node does its wall clock count, and what has passed since
    the boot.
  - M(vcfleet.certs.machine_ssl_swap) with its option O(vcfleet.certs.machine_ssl_swap#module:lease) begins a swap only
    where the lease names the same owner, and renews it while it follows the swap.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  state:
    description:
      - V(held) takes the lease for O(owner), or renews it. The task fails while another owner has it, and while a swap
        runs on the node that no run with this lease has begun.
      - V(awaited) takes nothing. The task fails where V(held) would.
      - V(renewed) renews it. The task fails where it is not the owner's any more.
      - V(released) gives it back. The lease of another owner is left alone, and RV(lease.event) says so.
      - V(returned) gives it back when nothing was begun under it. If it had been taken over from an owner whose lease
        had expired, it is that owner's again, and as expired as it was.
      - V(status) tells who has it.
    type: str
    choices: [held, awaited, renewed, released, returned, status]
    required: true
  group:
    description: Name of the linked group, for messages. Required with O(state=held) and O(state=awaited).
    type: str
  owner:
    description:
      - Who the lease is for, in words that tell a person where to look, and that no other run has. It is all that tells
        one run from another. Required with all states but O(state=status).
    type: str
  ttl:
    description:
      - How long the lease is in the way of others once its owner does not renew it any more, in seconds. At most a day.
      - Choose it longer than what lies between two signs of life of a run. A swap that runs longer is in no danger.
        Nobody takes the lease over meanwhile.
    type: float
    default: 900
  wait:
    description:
      - How long to wait for another owner's lease to end with O(state=held), O(state=awaited) and O(state=renewed), in
        seconds. The controller asks every three seconds, and says who is waited for. It does not wait in check mode.
    type: float
    default: 0
attributes:
  check_mode:
    support: full
    details: Returns or fails as it would otherwise, and writes nothing.
  diff_mode:
    support: none
    details: Nothing about the node changes.
  idempotent:
    support: full
    details: It never reports a change. A lease is bookkeeping of runs. RV(lease.event) tells what was done.
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
  - vcfleet.certs.node.state
  - vcfleet.certs.node.record
seealso:
  - module: vcfleet.certs.linked_groups
  - module: vcfleet.certs.machine_ssl_swap
"""

EXAMPLES = r"""
- name: Wait up to ten minutes for whoever has the other nodes of the group
  vcfleet.certs.group_lease:
    state: awaited
    group: vsphere.local
    owner: nightly@runner7 4711
    wait: 600
  delegate_to: "{{ item }}"
  loop: [vc02.lab.example, vc03.lab.example]

- name: Take the lease on the leader, and wait up to ten minutes for whoever has it
  vcfleet.certs.group_lease:
    state: held
    group: vsphere.local
    owner: nightly@runner7 4711
    wait: 600
  delegate_to: vc01.lab.example

- name: Take the lease on the other nodes of the group
  vcfleet.certs.group_lease:
    state: held
    group: vsphere.local
    owner: nightly@runner7 4711
  delegate_to: "{{ item }}"
  loop: [vc02.lab.example, vc03.lab.example]

- name: Make sure that the leader's is ours still, however long that took
  vcfleet.certs.group_lease:
    state: renewed
    owner: nightly@runner7 4711
  delegate_to: vc01.lab.example

- name: Rotate under the lease
  vcfleet.certs.machine_ssl_swap:
    state: swapped
    sha256: "{{ staged.sha256 }}"
    pnid: vc01.lab.example
    node_type: embedded
    lease: nightly@runner7 4711

- name: Give the lease back
  vcfleet.certs.group_lease:
    state: released
    owner: nightly@runner7 4711

- name: Tell who has it
  vcfleet.certs.group_lease:
    state: status
"""

RETURN = r"""
lease:
  description: The lease as it is now, or in check mode as it would be. RV(details) has the key RV(lease) when the task
    fails because of another's lease. It is then what RV(lease.holder) is here.
  type: dict
  returned: success
  contains:
    event:
      description:
        - With O(state=held) V(granted) where there was none, V(renewed) where it was ours, V(taken over) where
          another's had expired.
        - With O(state=awaited) V(free).
        - With O(state=renewed) V(renewed).
        - With O(state=released) V(released), V(not ours) where another's was left alone, V(none) where there was none.
          With O(state=returned) also V(returned) where it is its former owner's again.
        - With O(state=status) V(told).
      type: str
      sample: granted
    holder:
      description: Who has the lease. V(null) when nobody does.
      type: dict
      contains:
        group:
          description: Name of the linked group, as the owner calls it.
          type: str
          sample: vsphere.local
        owner:
          description: The owner.
          type: str
          sample: nightly@runner7 4711
        since:
          description: When the owner took it, by the node's clock.
          type: str
          sample: "2026-11-22T19:40:12+00:00"
        renewed:
          description: The owner's last sign of life, by the node's clock.
          type: str
          sample: "2026-11-22T19:52:40+00:00"
        ttl:
          description: How long it lasts after that, in seconds.
          type: float
          sample: 900.0
        until:
          description: When it expires, or expired, by the node's clock as that is set now.
          type: str
          sample: "2026-11-22T20:07:40+00:00"
        seconds_left:
          description: How long it still lasts.
          type: float
          sample: 871.25
        live:
          description: Whether it lasts still.
          type: bool
          sample: true
    previous:
      description: What RV(lease.holder) was before, where the lease was taken over from another. V(null) otherwise.
      type: dict
      sample: null
    swap_runs:
      description: Whether a swap runs on the node now.
      type: bool
      sample: false
    newest_journal:
      description: Name of the journal of the swap or restart that was begun last on the node. V(null) without any.
      type: str
      sample: 20261122T190311204001Z-b9f2110a

outdated:
  description: Whether what was surveyed before is old, since another's lease was waited for, or a swap was begun on the
    node since it was surveyed for O(record).
  type: bool
  returned: success
  sample: false
waited:
  description: For how long another's lease was waited for, in seconds.
  type: float
  returned: success
  sample: 0.0

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
