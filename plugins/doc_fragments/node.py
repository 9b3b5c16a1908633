# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. Options and notes that the modules share which work on a node."""

from __future__ import annotations


class ModuleDocFragment:
    """DOCUMENTATION for every module that talks to a node, STATE for those that keep something on it."""

    DOCUMENTATION = r"""
options:
  tool_timeout:
    description:
      - How long one call of one vendor tool may take, in seconds. A tool that takes longer is ended and the task fails.
    type: float
    default: 120
requirements:
  - Python 3.7 or newer on the node. Every vCenter Server from 7.0 brings it. Nothing is installed there.
  - root on the node, by connection or by C(become). The vendor's tools read the machine account that only root can.
notes:
  - Works over a login shell that is the appliance shell, with C(shell) enabled, as well as over bash.
  - Needs no pipelining and no temporary folder on the node. Options and secrets travel on standard input only.
  - The commands that were run on the node are in the result as RV(ignore:commands) when Ansible runs with C(-v).
"""

    STATE = r"""
options:
  state_dir:
    description:
      - Folder on the node for what this collection keeps there. The staged pair, the backups, the journal and the lock.
      - It is made with mode C(0700), owned by root.
    type: str
    default: /var/lib/vcfleet
"""

    # For a stage of the road, and for what goes by what the stages have found.
    RECORD = r"""
options:
  record:
    description:
      - The name under which this run keeps the node's record, in most cases C(inventory_hostname). Options that are not
        given are taken from it, as the stages of the road have left it. P(vcfleet.certs.record#lookup) reads it.
    type: str
"""

    # For what asks the directory, which the machine account cannot.
    SSO = r"""
options:
  sso_user:
    description: An administrator of the SSO domain, with or without the domain.
    type: str
    default: administrator
  sso_password:
    description:
      - The user's password, 32 bytes in UTF-8 at most, since that is what the vendor's prompts take. Quotes, blanks,
        C($) and letters beyond ASCII are taken as they are. A line break is refused.
      - Travels on standard input, to the node and to the tools there. It is in no result and on no command line.
      - It is tried once. When the directory refuses it, the task fails and nothing tries it again, since a few wrong
        passwords lock the account.
    type: str
    required: true
"""
