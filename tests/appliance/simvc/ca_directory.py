# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trusted roots and CRLs as files for OpenSSL clients: `<hash>.N` and `<hash>.rN` (vmware-cli.md §7.1).

Each stands under the SHA-1 hash of its subject (a CRL: issuer) and under the older MD5 one.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

from . import paths

FOLDER = Path(paths.ROOT + "/etc/ssl/certs")


def write(pem: str, *, crl: bool = False) -> None:
    """Give it the next free number under each of its hashes, unless it is there already."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in _hashes(pem, crl):
        for file in _slots(name, crl):
            if not file.exists():
                file.write_text(pem)
                break
            if file.read_text() == pem:
                break


def remove(pem: str, *, crl: bool = False) -> None:
    """Take it away; the last of its hash moves into the gap, as OpenSSL stops looking at the first one."""
    for name in _hashes(pem, crl):
        files = list(itertools.takewhile(Path.exists, _slots(name, crl)))
        for file in files:
            if file.read_text() == pem:
                file.unlink()
                if file != files[-1]:
                    files[-1].replace(file)
                break


def _slots(name: str, crl: bool) -> Iterator[Path]:
    for number in itertools.count():
        yield FOLDER / f"{name}.{'r' if crl else ''}{number}"


def _hashes(pem: str, crl: bool) -> list[str]:
    import subprocess

    command = ["openssl", "crl", "-hash", "-hash_old"] if crl else ["openssl", "x509", "-hash", "-subject_hash_old"]
    done = subprocess.run([*command, "-noout"], input=pem.encode(), capture_output=True, check=False)
    # With both options, `openssl crl` puts "issuer name hash=" in front of the number.
    return [line.rpartition("=")[2] for line in done.stdout.decode().splitlines()]
