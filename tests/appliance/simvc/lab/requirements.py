# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab needs of the machine: programs, by the Debian package that brings them."""

import os
import shutil

PACKAGES = {
    "e2fsprogs": "mkfs.ext4",
    "iproute2": "ip",
    "openssh-client": "ssh-keygen",
    "openssh-server": "sshd",
    "openssl": "openssl",
    "passwd": "chsh",
    "sudo": "sudo",
    "tini": "tini",
    "util-linux": "unshare",
}

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def search_path() -> str:
    """PATH with the folders of system programs, which an ordinary user's lacks."""
    return os.pathsep.join([os.environ.get("PATH", ""), _SYSTEM_PATH])


def missing_packages() -> list[str]:
    """The packages that have to be installed, in alphabetical order."""
    return [package for package, program in PACKAGES.items() if not shutil.which(program, path=search_path())]


if __name__ == "__main__":
    print(*PACKAGES)
