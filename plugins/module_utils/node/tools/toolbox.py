# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All adapters over one runner."""

from __future__ import annotations

from ..process import Runner
from .certool import Certool
from .dircli import DirCli
from .openssl import Openssl
from .servicecontrol import ServiceControl
from .vdcrepadmin import Vdcrepadmin
from .vecs import Vecs
from .vmafd import Vmafd


class Toolbox:
    """The vendor's tools of this node, sharing one timeout and one history."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.certool = Certool(runner)
        self.vecs = Vecs(runner)
        self.vmafd = Vmafd(runner)
        self.services = ServiceControl(runner)
        self.vdcrepadmin = Vdcrepadmin(runner)
        self.dircli = DirCli(runner)
        self.openssl = Openssl(runner)
