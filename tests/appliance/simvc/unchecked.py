# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files written as the vendor's tools write them: nobody looks whether fprintf succeeded (vmware-cli.md §1.7)."""

import os


def write(path: str, text: str) -> None:
    """Truncate or create a file and write to it; raises OSError only when it cannot be opened.

    A full disk leaves a short file behind and is no error.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for step in (lambda: os.write(descriptor, text.encode("utf-8", "surrogateescape")), lambda: os.close(descriptor)):
        try:  # noqa: SIM105 (ipc.py)
            step()
        except OSError:
            pass
