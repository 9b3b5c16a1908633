# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as certool reads and writes them: in place, by the caller's umask, results unchecked (vmware-cli.md §1.7)."""

from __future__ import annotations

import os

from .. import console, pki, unchecked
from ..afd_errors import os_error_code
from ..vmca_errors import BAD_FORMAT, CERT_IO_FAILURE, INVALID_PARAMETER, KEY_IO_FAILURE, VmcaError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PROMPT = "Enter PEM pass phrase:"


def read_text(path: str) -> str:
    """A file's text, empty for a folder; raises VmcaError when it cannot be opened."""
    if not path:
        raise VmcaError(INVALID_PARAMETER)
    if os.path.isdir(path):
        return ""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise VmcaError(os_error_code(error)) from None


def write_text(path: str, text: str) -> None:
    """Truncate or create a file and write to it; raises VmcaError only when it cannot be opened."""
    if not path:
        raise VmcaError(INVALID_PARAMETER)
    try:
        unchecked.write(path, text)
    except OSError as error:
        raise VmcaError(os_error_code(error)) from None


def write_text_silently(path: str, text: str) -> None:
    """As write_text, but a file that cannot be opened is no error either."""
    try:  # noqa: SIM105 (ipc.py)
        write_text(path, text)
    except VmcaError:
        pass


def read_certificate(path: str, unreadable: int = CERT_IO_FAILURE) -> Any:
    """The first certificate of a PEM file; raises VmcaError, `unreadable` when there is none."""
    found = pki.certificates(read_text(path))
    if not found:
        raise VmcaError(unreadable)
    return found[0]


def read_chain(path: str) -> list[Any]:
    """All certificates of a PEM file, at least one; raises VmcaError."""
    text = read_text(path)
    if not text:
        raise VmcaError(INVALID_PARAMETER)
    found = pki.certificates(text)
    if not found:
        raise VmcaError(BAD_FORMAT)
    return found


def read_key(path: str, unreadable: int = KEY_IO_FAILURE) -> Any:
    """The private key of a PEM file, of any kind; asks for the passphrase of an encrypted one.

    Raises VmcaError, `unreadable` when there is no key or the passphrase is wrong.
    """
    text = read_text(path)
    try:
        key = pki.private_key(text)
    except pki.EncryptedKeyError:
        key = _unlocked(text)
    if key is None:
        raise VmcaError(unreadable)
    return key


def write_chain(path: str, pem: str) -> None:
    """All certificates of a PEM text that VMCA has sent, encoded anew, and one more newline."""
    write_text(path, "".join(pki.certificate_pems(pem)) + "\n")


def _unlocked(text: str) -> Any | None:
    # OpenSSL 3 tries two decoders; the second one asks again when the first got no answer at all.
    passphrase = _passphrase() or _passphrase()
    try:
        return pki.private_key(text, passphrase.rstrip("\n"))
    except pki.EncryptedKeyError:
        return None


def _passphrase() -> str:
    """OpenSSL's question: on the terminal, or on stderr and stdin where there is none. Empty at the end of the file."""
    try:
        terminal = open("/dev/tty", "w", encoding="utf-8")  # noqa: SIM115  closed below
    except OSError:
        return _passphrase_without_terminal()
    import getpass

    with terminal:
        try:
            return getpass.getpass(_PROMPT, terminal) + "\n"
        except EOFError:
            return ""


def _passphrase_without_terminal() -> str:
    console.err(_PROMPT)
    line = ""
    while not line.endswith("\n") and (character := console.read_char()):
        line += character
    console.err("\n")
    return line
