# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: turn
short_description: Say why a node may not begin its rotation although its turn has come
version_added: 0.1.0
description:
  - A node may begin when each node before it in its linked group is handed over, every node of the group that is to be
    rotated is staged, nothing has failed or is unfinished on any other node of the group, and the run has not been
    stopped. A canary that has not come to a good end stops it, and so do more failed linked groups than are allowed.
    Then what has begun is finished, and nothing else is begun.
  - Nor may it begin when the maintenance window in which it was assessed is not open for long enough any more, or when
    it was assessed again since and has to wait.
  - Goes by the run's plan, which M(vcfleet.certs.fleet_plan) keeps, and by the evidence in the records, and not by
    whether a task has failed. In check mode there is none.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  _terms:
    description: Inventory name of the node whose turn it is.
    required: true
  lease_refusal:
    description: Why the lease of its linked group is not held, which is a reason not to begin. Empty when it is.
    type: str
    default: ''
  failures_allowed:
    description: How many linked groups may fail before nothing more is begun.
    type: int
    default: 1
seealso:
  - module: vcfleet.certs.fleet_plan
  - module: vcfleet.certs.machine_ssl_rotate
  - plugin: vcfleet.certs.record
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Rotate vc02 when its turn has come
  vcfleet.certs.machine_ssl_rotate:
    record: vc02
    not_begun: "{{ lookup('vcfleet.certs.turn', 'vc02', failures_allowed=3) }}"
  delegate_to: vc02
"""

RETURN = r"""
_raw:
  description: Why it may not, in sentences, and what to do. Empty when it may.
  type: list
  elements: str
  sample: ["vc01 of the same linked group was to be handed over before, and was not. Put that right and run again."]
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule import too_late
from ansible_collections.vcfleet.certs.plugins.plugin_utils.walk import reasons_to_wait
from ansible_collections.vcfleet.certs.plugins.plugin_utils.windows import UTC


class LookupModule(LookupBase):  # type: ignore[misc] # ansible-core has no types
    """The lookup of its name."""

    def run(self, terms: Sequence[Any], variables: Any = None, **kwargs: Any) -> list[str]:
        """One text for each node."""
        self.set_options(var_options=variables, direct=kwargs)
        return [self._not_begun(str(term)) for term in terms]

    def _not_begun(self, node: str) -> str:
        plan = records.plan()
        planned, groups = plan["nodes"][node], plan["groups"]
        options = {name: self.get_option(name) for name in ("lease_refusal", "failures_allowed")}
        members = groups[planned["group"]]["nodes"]
        canaries = {name: group for name, group in groups.items() if group["canary"]}
        known = records.load_all([*members, *(each for canary in canaries.values() for each in canary["nodes"])])
        reasons = reasons_to_wait(node, planned, members, known, _failed(groups), canaries, **options)
        return " ".join([*reasons, *_too_late(known.get(node, {}))])


def _failed(groups: Mapping[str, Any]) -> list[str]:
    """Read when the task begins: what Ansible knew when it put the task into its queue may be old by then."""
    return [name for name, group in groups.items() if group["wave"] is not None and records.failed(group["nodes"])]


def _too_late(record: Mapping[str, Any]) -> list[str]:
    """A turn may come long after the assessment, when the maintenance window has closed."""
    assessment = record.get("assessment") or {}
    return list(filter(None, [too_late(assessment.get("when"), datetime.now(UTC))]))
