# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things live on an appliance (vmware-cli.md §0.4); SIMVC_ROOT moves daemon state and sockets for tests."""

import os

ROOT = os.environ.get("SIMVC_ROOT", "")

VMCA_DATA = ROOT + "/var/lib/vmware/vmca"
VMAFD_DATA = ROOT + "/var/lib/vmware/vmafd"
VMDIR_DATA = ROOT + "/var/lib/vmware/vmdir"

VMAFD_SOCKET = ROOT + "/var/run/vmafd/vmafd_socket"
VMCA_SOCKET = ROOT + "/var/run/vmca/vmca_socket"
VMDIR_SOCKET = ROOT + "/var/run/vmdir/vmdir_socket"
VMON_SOCKET = ROOT + "/var/run/vmon/vmon_socket"

# Where remote clients reach the same daemons: the ports that the product's daemons listen on; moved for tests.
_OFFSET = int(os.environ.get("SIMVC_PORT_OFFSET", "0"))
VMCA_PORT = 2014 + _OFFSET
VMAFD_PORT = 2020 + _OFFSET
VMDIR_PORT = 389 + _OFFSET

# Who the node is, written by the lab before first boot.
IDENTITY = ROOT + "/etc/simvc/identity.json"

# Written from outside the node only (profile, identity, faults); read on every call.
KNOBS = os.environ.get("SIMVC_KNOBS", ROOT + "/run/simvc/knobs.json")
