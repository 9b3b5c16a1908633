# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmon: the node's service manager. Serves paths.VMON_SOCKET; root may change states, anybody may look.

states                      -> states {service: Running | Stopped | StartPending | StopPending}
services                    -> services [{name, description, start_type}, ...], core, leaves (names in start order)
start names, ha             -> results {service: ok | failed | busy | skipped}
stop names                  -> results
start_profile, stop_profile -> results
"""

import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

from .. import ipc, paths
from ..identity import identity
from ..profiles import profile
from ..services import RUN, Services

# What first boot makes; made anew when a first boot did not come to its end.
_STATE = (paths.VMCA_DATA, paths.VMAFD_DATA, paths.VMDIR_DATA)
_DEPLOYED = "/var/lib/vmware/.deployed"

_ACCESS_DENIED = 5


class Vmon:
    """The operations; `handle` is what the socket calls."""

    def __init__(self, services: Services) -> None:
        self._all = services
        # One change at a time, as the vendor's manager: who comes meanwhile waits.
        self._changing = threading.Lock()

    def handle(self, request: dict[str, Any], peer: ipc.Peer) -> dict[str, Any]:
        operation = str(request.get("op"))
        if operation in ("states", "services"):
            return {"code": 0, **getattr(self, "_" + operation)()}
        if peer.uid != 0:
            return {"code": _ACCESS_DENIED}
        with self._changing:
            return {"code": 0, "results": self._change(operation, request)}

    def _states(self) -> dict[str, Any]:
        return {"states": self._all.states()}

    def _services(self) -> dict[str, Any]:
        units = self._all.units.values()
        described = [
            {"name": unit.name, "description": unit.service.description, "start_type": unit.start_type}
            for unit in units
        ]
        return {"services": described, "core": self._all.core(), "leaves": self._all.leaves()}

    def _change(self, operation: str, request: dict[str, Any]) -> dict[str, str]:
        if operation == "start":
            return self._all.start(request["names"], request.get("ha", False))
        if operation == "stop":
            return self._all.stop(request["names"])
        if operation == "start_profile":
            return self._all.start_profile()
        if operation == "stop_profile":
            return self._all.stop_profile()
        raise ValueError(operation)


def _deploy() -> None:
    """First boot: the certificate authority first, since it issues what the certificate store then holds."""
    if os.path.exists(_DEPLOYED):
        return
    for folder in _STATE:
        shutil.rmtree(folder, ignore_errors=True)
    for daemon in ("vmcad", "vmafdd"):
        subprocess.run([*RUN, f"simvc.daemons.{daemon}", "--first-boot"], check=True)
    Path(_DEPLOYED).touch()
    os.sync()


def main() -> None:
    """Deploy if need be, start what starts by itself, tell the lab, and serve."""
    _deploy()
    node = identity()
    services = Services(profile(node["profile"]), node.get("legacy_store", False))
    ipc.serve(paths.VMON_SOCKET, Vmon(services).handle)
    services.boot()
    shutil.copyfile("/run/simvc/boot_id", "/run/simvc/ready")
    signal.pause()


if __name__ == "__main__":
    main()
