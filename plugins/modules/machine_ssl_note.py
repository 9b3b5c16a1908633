# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: machine_ssl_note
short_description: Note something in the record that this run keeps of a node
version_added: 0.1.0
description:
  - Adds parts to a node's record, each in the place of what it had by that name. The stages note their own parts. This
    is for what only a playbook knows, such as why a node failed.
  - Works on the controller alone and needs no connection.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  record:
    description: The name under which this run keeps the node's record, in most cases C(inventory_hostname).
    type: str
    required: true
  parts:
    description: What to note, by its name. No secrets.
    type: dict
    default: {}
  failure:
    description: Why the node failed, in a sentence. What failed there before stays, and stands before it.
    type: str
attributes:
  check_mode:
    support: full
    details: This action never changes anything on a node.
  diff_mode:
    support: none
    details: Nothing changes.
  idempotent:
    support: full
extends_documentation_fragment:
  - vcfleet.certs.attributes
seealso:
  - plugin: vcfleet.certs.record
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Keep why vc02 failed
  vcfleet.certs.machine_ssl_note:
    record: vc02
    failure: "{{ ansible_failed_result.msg }}"
"""

RETURN = r"""
noted:
  description: The names of the parts.
  type: list
  elements: str
  returned: success
  sample: [failure]
"""
