# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the vendor's tools and this collection's own files are on a node."""

from __future__ import annotations

from pathlib import Path
from typing import Union

from .errors import NodeError

# vmware-cli.md §0.4; none of them is on the default PATH.
CERTOOL = "/usr/lib/vmware-vmca/bin/certool"
VECS_CLI = "/usr/lib/vmware-vmafd/bin/vecs-cli"
VMAFD_CLI = "/usr/lib/vmware-vmafd/bin/vmafd-cli"
DIR_CLI = "/usr/lib/vmware-vmafd/bin/dir-cli"
VDCREPADMIN = "/usr/lib/vmware-vmdir/bin/vdcrepadmin"
SERVICE_CONTROL = "/bin/service-control"
OPENSSL = ("/usr/bin/openssl", "/bin/openssl")

# Field notes §2.5.
NODE_TYPE = "/etc/vmware/deployment.node.type"
BUILD_INFO = "/etc/vmware/.buildInfo"
UPDATE_CONF = "/etc/applmgmt/appliance/update.conf"
VCHA_CONFIG = "/etc/vmware-vcha/vcha.cfg"
VMON_PROFILE = "/storage/vmware-vmon/defaultStartProfile"
VMCA_ROOT = "/var/lib/vmware/vmca/root.cer"

# vmware-cli.md §7.1.
VECS_DATABASE = "/var/lib/vmware/vmafd/afd.db"

MACHINE_STORE = "MACHINE_SSL_CERT"
MACHINE_ALIAS = "__MACHINE_CERT"
ROOTS_STORE = "TRUSTED_ROOTS"
CRL_STORE = "TRUSTED_ROOT_CRLS"
BACKUP_STORE = "BACKUP_STORE"
# The legacy lookup-service store of nodes upgraded from old releases (field notes §0.1 G3); its entry has the
# machine certificate's alias.
LEGACY_STORE = "STS_INTERNAL_SSL_CERT"

STATE_DIR = "/var/lib/vcfleet"

StrPath = Union[str, Path]


def openssl() -> str:
    """The first openssl that exists; the usual path when none does, so that the error names it."""
    return next((path for path in OPENSSL if Path(path).exists()), OPENSSL[0])


class State:
    """The folders and files of this collection on a node; the folders are private (0700), the files 0600.

    Raises NodeError for a relative folder: it would be another one for each user, and for a swap that runs on its own.
    """

    def __init__(self, state_dir: StrPath = STATE_DIR) -> None:
        self.root = Path(state_dir)
        if not self.root.is_absolute():
            raise NodeError(
                f"state_dir must be an absolute path, not {str(state_dir)!r}.",
                "Write it from / on.",
                option="state_dir",
            )
        self.staging = self.root / "staging"
        self.backup = self.root / "backup"
        self.journal = self.root / "journal"
        self.lock = self.root / "lock"
        self.lease = self.root / "lease"
        self.lease_lock = self.root / "lease.lock"
        self.login_shell = self.root / "login_shell"
        self.staged_key = self.staging / "machine.key"
        self.staged_pub = self.staging / "machine.pub"
        self.staged_cert = self.staging / "machine.crt"
        self.staged_config = self.staging / "certool.cfg"
