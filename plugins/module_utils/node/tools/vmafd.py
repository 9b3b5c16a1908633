# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmafd-cli: the node's identity (vmware-cli.md §4). Every getter prints one bare line."""

from __future__ import annotations

import re

from .. import paths
from ..process import Completed, Runner
from . import codes

_ERROR = re.compile(r"^Error (\d+):", re.MULTILINE)
_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,255}")
_DOMAIN = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LABEL = re.compile(r"[^\x00-\x1f\x7f\ufffd]{1,255}")
_WORD = re.compile(r"[A-Za-z]{1,40}")


class Vmafd:
    """Reads only. Every method raises ToolError: vmafdd down is code 1021, a value never set is code 2."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def pnid(self) -> str:
        """The primary network identifier, byte for byte."""
        return self._get("get-pnid", _HOST)

    def domain_name(self) -> str:
        """The SSO domain, e.g. `vsphere.local`."""
        return self._get("get-domain-name", _DOMAIN)

    def domain_state(self) -> str:
        """`None`, `Controller` (an embedded vCenter), `Client` or `Unknown`."""
        return self._get("get-domain-state", _WORD)

    def machine_id(self) -> str:
        return self._get("get-machine-id", _GUID)

    def site_name(self) -> str:
        return self._get("get-site-name", _LABEL)

    def dc_name(self) -> str:
        """The directory node that this node uses: itself on an embedded vCenter."""
        return self._get("get-dc-name", _HOST)

    def status(self) -> str:
        """`Unknown`, `Initializing`, `Paused`, `Running`, `Stopping` or `Stopped`."""
        return self._get("get-status", _WORD)

    def _get(self, verb: str, shape: re.Pattern[str]) -> str:
        completed = self._runner.run([paths.VMAFD_CLI, verb, "--server-name", "localhost"])
        _refuse(completed)
        lines = [line.strip() for line in completed.stdout.splitlines() if line.strip()]
        if completed.rc or len(lines) != 1 or not shape.fullmatch(lines[0]):
            raise completed.error(
                f"printed {completed.said} instead of one line",
                remedy="Run the command by hand on the node and see what it prints.",
            )
        return lines[0]


def _refuse(completed: Completed) -> None:
    found = _ERROR.search(completed.stderr) or _ERROR.search(completed.stdout)
    if found is not None:
        code = int(found.group(1))
        known = codes.lookup(code)
        raise completed.error(known.meaning, code, known.remedy)
