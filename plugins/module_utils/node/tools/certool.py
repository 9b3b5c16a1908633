# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool: key pairs, certificates from VMCA, VMCA's own chain (vmware-cli.md §1)."""

from __future__ import annotations

import re
from pathlib import Path

from .. import paths, pem
from ..errors import ToolError
from ..files import private_scratch
from ..process import Completed, Runner
from . import codes

# "Status :" does not always begin its line, RPC noise is glued before it; "Error Code :" does (§1.4).
_STATUS = re.compile(r"Status : (Success|Failed)")
_ERROR_CODE = re.compile(r"^Error Code : (\d+)", re.MULTILINE)
_PARSER_ERROR = re.compile(r"^error: (.+)", re.MULTILINE)


class Certool:
    """A success is the text `Status : Success` and files that parse; no exit status is a proof of either."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def genkey(self, key_path: Path, public_key_path: Path) -> None:
        """Write a new RSA-2048 key pair over both files, which should exist, empty and 0600: certool keeps modes.

        Raises ToolError, also when an output is empty or truncated: certool does not notice a full disk (§1.7).
        """
        completed = self._run("--genkey", f"--privkey={key_path}", f"--pubkey={public_key_path}")
        if len(self._blocks(completed, key_path, "PRIVATE KEY")) != 1:
            raise self._unwritten(completed, key_path, "one private key")
        if len(self._blocks(completed, public_key_path, "PUBLIC KEY")) != 1:
            raise self._unwritten(completed, public_key_path, "one public key")

    def gencert(self, key_path: Path, cert_path: Path, config_path: Path) -> list[str]:
        """Have VMCA sign a certificate into `cert_path`; returns its chain, the leaf first.

        `cert_path` must not hold a certificate yet, an old one would pass for the new one.
        VMCA returns the leaf alone when its own certificate is self-signed (§1.9.3). Raises ToolError.
        """
        completed = self._run("--gencert", f"--privkey={key_path}", f"--cert={cert_path}", f"--config={config_path}")
        chain = self._blocks(completed, cert_path, "CERTIFICATE")
        if not chain:
            raise self._unwritten(completed, cert_path, "a certificate")
        return chain

    def getrootca(self) -> list[str]:
        """VMCA's certificate and its issuers, its own first. No file stays behind. Raises ToolError."""
        with private_scratch() as folder:
            path = folder / "root.pem"
            completed = self._run("--getrootca", f"--cert={path}")
            chain = self._blocks(completed, path, "CERTIFICATE")
        if not chain:
            raise self._unwritten(completed, path, "a certificate")
        return chain

    def _run(self, *arguments: str) -> Completed:
        completed = self._runner.run([paths.CERTOOL, *arguments])
        error = verdict(completed)
        if error is not None:
            raise error
        return completed

    def _blocks(self, completed: Completed, path: Path, label: str) -> list[str]:
        try:
            text = path.read_text(encoding="ascii")
            if label == "CERTIFICATE":
                return pem.certificates(text)
            return pem.private_keys(text) if label == "PRIVATE KEY" else pem.public_keys(text)
        except (OSError, ValueError) as error:
            raise self._unwritten(completed, path, "what it should") from error

    @staticmethod
    def _unwritten(completed: Completed, path: Path, what: str) -> ToolError:
        return completed.error(
            f"reported success, but {path} does not hold {what}: missing, empty, truncated or damaged",
            remedy="Look for a full disk (`df`): certool does not notice one. Nothing was put to use.",
        )


def verdict(completed: Completed) -> ToolError | None:
    """The error that an outcome is, None for `Status : Success`.

    A failure's code is in the status block; faults of options and config keys have a line on stderr instead (§1.1).
    """
    statuses = _STATUS.findall(completed.stdout)
    if statuses and statuses[-1] == "Success":
        return None
    code = _ERROR_CODE.search(completed.stdout)
    if code is not None:
        number = int(code.group(1))
        known = codes.lookup(number)
        return completed.error(known.meaning, number, known.remedy)
    parser = _PARSER_ERROR.search(completed.stderr)
    if parser is not None:
        return completed.error(parser.group(1), remedy="Correct the config file or the options named there.")
    return completed.error(
        f"answered without a status; it printed {completed.said}",
        remedy="Run the command by hand on the node; its whole output is in the details.",
    )
