# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All adapters over one runner."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..process import Runner

if TYPE_CHECKING:
    from .certool import Certool
    from .dircli import DirCli
    from .openssl import Openssl
    from .servicecontrol import ServiceControl
    from .vdcrepadmin import Vdcrepadmin
    from .vecs import Vecs
    from .vmafd import Vmafd

_ADAPTERS = {
    "certool": (".certool", "Certool"),
    "vecs": (".vecs", "Vecs"),
    "vmafd": (".vmafd", "Vmafd"),
    "services": (".servicecontrol", "ServiceControl"),
    "vdcrepadmin": (".vdcrepadmin", "Vdcrepadmin"),
    "dircli": (".dircli", "DirCli"),
    "openssl": (".openssl", "Openssl"),
}


class Toolbox:
    """The vendor's tools of this node, sharing one timeout and one history.

    Each is imported when it is first used: every question to a node is a process of its own, and most need few tools.
    """

    certool: Certool
    vecs: Vecs
    vmafd: Vmafd
    services: ServiceControl
    vdcrepadmin: Vdcrepadmin
    dircli: DirCli
    openssl: Openssl

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    def __getattr__(self, name: str) -> Any:
        if name not in _ADAPTERS:
            raise AttributeError(name)
        module, adapter = _ADAPTERS[name]
        tool = getattr(import_module(module, __package__), adapter)(self.runner)
        setattr(self, name, tool)
        return tool
