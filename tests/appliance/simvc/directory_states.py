# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a directory server (vmware-cli.md §5.4)."""

STATES = {
    0: "Undefined",
    1: "Startup",
    2: "Read only",
    3: "Normal",
    4: "Shutdown",
    5: "Failure",
    6: "Demote",
    7: "Restore",
    8: "Standalone",
}
READ_ONLY, NORMAL, STANDALONE = 2, 3, 8
