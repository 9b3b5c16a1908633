# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: machine_ssl_swap
short_description: Replace the machine certificate of a vCenter Server appliance as a journaled transaction
version_added: 0.1.0
description:
  - Puts the staged pair in the place of the machine certificate. Stops the services, replaces the entry, starts the
    services and waits until the census of before is back and the node serves the new certificate.
  - The node owns the transaction. It runs in a session of its own there and is recorded in a journal, so neither a lost
    connection nor a dead controller stops it, and after a loss of power it is finished or undone by O(state=resumed).
  - When the node is not healthy in time the old pair is put back, and the task fails. A node that was rolled back is a
    failed node.
  - With O(state=restarted) it is the services alone that are restarted, by the same transaction. No certificate is read
    or written.
  - Notes C(swap) in the record that O(record) names, also when it fails. Notes C(resumed) with O(state=resumed), for a
    swap, and C(restarted) with O(state=restarted), when it does not fail.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  state:
    description:
      - V(swapped) has the certificate with O(sha256) swapped in. An unfinished swap is finished or undone first.
      - V(resumed) finishes or undoes an unfinished swap, or starts what an unfinished restart has stopped, and does
        nothing without one.
      - V(rolled_back) puts the pair of a backup back, with a window of its own. Without O(backup) it does nothing where
        the last swap was undone, or was a roll back itself.
      - V(restarted) stops all services and starts them again, until the census of before is back. A service that does
        not stop fails the task, with all services started again. Always changes the node.
      - V(status) tells what the last swap or restart did or does.
    type: str
    choices: [swapped, resumed, rolled_back, restarted, status]
    required: true
  sha256:
    description:
      - SHA-256 of the DER of the staged certificate that was assessed. Nothing else is swapped in. Required with
        O(state=swapped), but not in check mode before a certificate has been issued.
    type: str
  replaces:
    description:
      - SHA-256 of the machine certificate that was assessed. With O(state=swapped) the task fails when the node has
        another one by now. Not checked when left out.
    type: str
  pnid:
    description:
      - The PNID of the node. The new certificate must have it among its subject alternative names. Required with
        O(state=swapped), O(state=rolled_back) and O(state=restarted).
    type: str
  node_type:
    description: The type of the node. Required with O(state=swapped), O(state=rolled_back) and O(state=restarted).
    type: str
    choices: [embedded, infrastructure, management]
  backup:
    description: Identifier of the backup to go back to with O(state=rolled_back). The newest of another certificate
      when left out.
    type: str
  force:
    description: Swap although the node serves another certificate than VECS holds, or roll back to an expired one.
    type: bool
    default: false
  stop_timeout:
    description: How long stopping the services may take, in seconds.
    type: float
    default: 900
  start_timeout:
    description: How long the command that starts the services may take, in seconds.
    type: float
    default: 1800
  settle_timeout:
    description: How long the services may take after that until the census is back, in seconds.
    type: float
    default: 1800
  ports:
    description: TLS ports of the node that must present the new certificate in the end, where they presented the old
      one before.
    type: list
    elements: int
    default: [443, 5480, 7444]
  backups_kept:
    description: How many backups are kept on the node.
    type: int
    default: 5
  lease:
    description:
      - Owner of the lease under which this swap or restart may begin, see M(vcfleet.certs.group_lease). The task fails
        where the node's lease names somebody else or nobody, and renews it while it follows.
      - When left out, the task fails only while there is a live lease on the node, whoever has it.
      - A swap that runs already is followed without asking for a lease.
    type: str
  follow_timeout:
    description:
      - How long the controller follows the swap, in seconds, lost connections included. After that the task fails. The
        node goes on, and O(state=status) tells how it ended.
    type: float
    default: 7200
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff shows the thumbprints, never a key.
  idempotent:
    support: full
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
  - vcfleet.certs.node.state
  - vcfleet.certs.node.record
seealso:
  - module: vcfleet.certs.certool_certificate
  - module: vcfleet.certs.machine_ssl_handover
  - module: vcfleet.certs.group_lease
  - module: vcfleet.certs.appliance_info
"""

EXAMPLES = r"""
- name: Swap in the certificate that was staged and assessed
  vcfleet.certs.machine_ssl_swap:
    state: swapped
    sha256: "{{ staged.sha256 }}"
    pnid: vc01.lab.example
    node_type: embedded

- name: Finish or undo what a loss of power interrupted
  vcfleet.certs.machine_ssl_swap:
    state: resumed

- name: Go back to the certificate of before
  vcfleet.certs.machine_ssl_swap:
    state: rolled_back
    pnid: vc01.lab.example
    node_type: embedded

- name: Restart the services of a linked node that holds on to a certificate that had expired
  vcfleet.certs.machine_ssl_swap:
    state: restarted
    pnid: vc02.lab.example
    node_type: embedded

- name: Tell what the last swap did
  vcfleet.certs.machine_ssl_swap:
    state: status
"""

RETURN = r"""
swap:
  description: The swap or restart as its journal tells it.
  type: dict
  returned: always, except when the node could not be reached
  contains:
    id:
      description: Identifier of the swap. V(null) when there was none.
      type: str
      sample: 20261122T160000123456Z-11f0c8a7
    state:
      description:
        - V(committed) when the new certificate is in and the node is healthy, V(rolled_back) when the old one is.
        - For a restart V(committed) when all services had stopped and the census is back, V(rolled_back) when it is
          back and some had not.
        - V(refused) when it stopped before its window and changed nothing.
        - V(running) or V(interrupted) while it is not at its end, V(stuck) when a person must finish it, V(none) when
          there was none.
      type: str
      sample: committed
    intent:
      description: V(swap), V(roll back) or V(restart).
      type: str
      sample: swap
    started_at:
      description: When it began, by the node's clock.
      type: str
      sample: "2026-11-22T16:00:00.123456+00:00"
    handed_over:
      description: Whether a run has verified and told how it ended, see M(vcfleet.certs.machine_ssl_handover).
      type: bool
      sample: true
    message:
      description: What went wrong. V(null) when nothing did.
      type: str
      sample: null
    sentence:
      description: The same in one sentence.
      type: str
      sample: Swap 20261122T160000123456Z-11f0c8a7 replaced 8d4b4b7a2b8f by 11f0c8a7d6e5 with a window of 184.2 s, at
        2026-11-22T16:03:11+00:00.
    steps:
      description: The steps so far, in order.
      type: list
      elements: dict
      contains:
        step:
          description: The step.
          type: str
          sample: replace
        state:
          description: V(begun), V(done) or V(skipped).
          type: str
          sample: done
        seconds:
          description: How long it took. V(null) while it is not done.
          type: float
          sample: 0.31
    window_seconds:
      description: From the first service stopped to the census restored. V(null) without a window.
      type: float
      sample: 184.2
    old:
      description: Thumbprints of the certificate of before, lower hex without colons, and its end where that is known.
      type: dict
      sample: {"sha1": "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "sha256":
        "8d4b4b7a2b8f0b6b51d8d1f6c6d8d7a9e0b9f4f3c2a1908f7e6d5c4b3a291807", "not_after": "2026-12-04T10:11:12+00:00"}
    new:
      description: Thumbprints of the new certificate, lower hex without colons.
      type: dict
      sample: {"sha1": "de9f2c7fd25e1b3afad3e85a0bd17d9b100db4b3", "sha256":
        "11f0c8a7d6e5b4938271605f4e3d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2b1"}
    running:
      description: The census. The services that ran just before the window.
      type: list
      elements: str
      sample: [vmafdd, vmware-vpxd]
    backup:
      description: Identifier of the backup of the old pair.
      type: str
      sample: 20261122T160001654321Z-8d4b4b7a2b8f
    instructions:
      description: The exact commands that finish by hand what is V(stuck). Empty otherwise.
      type: list
      elements: str
      sample: []

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
