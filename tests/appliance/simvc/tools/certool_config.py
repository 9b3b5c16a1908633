# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool.cfg as certool reads it (vmware-cli.md §2.1)."""

import os

from .. import console
from ..vmca_errors import ARGUMENT_ERROR, VmcaError
from .certool_options import CONFIG_OPTIONS
from .program_options import Values, parse_config

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

# The encoding is told from the first three bytes; a shorter file leaves the stream at its end, and reads as empty.
_SHORTEST = 3


def read_config(path: str, values: Values, on_failure: str = "") -> None:
    """Add a config file's keys to the options given on the command line, which win.

    `on_failure` follows what is printed for a file that cannot be used. Raises VmcaError 70003 for such a file and
    program_options.ParseError for its content.
    """
    try:
        content = _content(path)
    except OSError:
        console.out(f"Failed to open config file: {path}\nExiting ...{on_failure}")
        raise VmcaError(ARGUMENT_ERROR) from None
    if content.startswith(_UTF16_MARKS):
        only = "uses UTF16 encoding, certool supports only UTF8 or ASCII encoding for config files"
        console.out(f"Config file: {path}{only}\nExiting ...{on_failure}")
        raise VmcaError(ARGUMENT_ERROR)
    console.out(f"Using config file : {path}\n")
    text = content.removeprefix(_UTF8_MARK) if len(content) >= _SHORTEST else b""
    values.store(parse_config(text.decode("utf-8", "surrogateescape"), CONFIG_OPTIONS))


def _content(path: str) -> bytes:
    """Raises OSError; a folder can be opened and has nothing to read."""
    if os.path.isdir(path):
        return b""
    with open(path, "rb") as file:
        return file.read()
