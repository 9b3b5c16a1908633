# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node puts itself right at boot when it lost power in the window: armed before the window, gone after it.

What is armed is a copy of this package and a systemd unit that runs it once at the next boot. Neither is started,
loaded or enabled now: systemd finds them when it boots, or never.
"""

from __future__ import annotations

import importlib
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

from .context import Context
from .files import create_private, discard, sync
from .journal import unfinished
from .lock import Lock
from .paths import State

SYSTEMD = Path("/etc/systemd/system")
UNIT = "vcfleet-heal.service"
TARGET = "multi-user.target.wants"
PROGRAM = "heal.pyz"

_UNIT = """\
[Unit]
Description=Finish or undo the swap or restart that a power loss interrupted (vcfleet.certs)
After=network.target vmafdd.service vmware-vmon.service

[Service]
Type=oneshot
ExecStart={python} -IB {program} {state_dir}

[Install]
WantedBy={target}
"""
_MAIN = "import sys\nfrom node.at_boot import main\nmain(sys.argv[1])\n"


def can_arm() -> bool:
    """Only where systemd boots the node."""
    return SYSTEMD.is_dir()


def is_armed() -> bool:
    return (SYSTEMD / TARGET / UNIT).is_symlink()


def arm(state: State) -> None:
    """Have the next boot put the node right. Raises OSError or NodeError; nothing half-made is left then."""
    disarm(state)
    try:
        _write_program(state.root / PROGRAM)
        unit = _UNIT.format(python=sys.executable, program=state.root / PROGRAM, state_dir=state.root, target=TARGET)
        create_private(SYSTEMD / UNIT, unit.encode())
        (SYSTEMD / TARGET).mkdir(mode=0o755, exist_ok=True)
        (SYSTEMD / TARGET / UNIT).symlink_to(SYSTEMD / UNIT)
        for folder in (state.root, SYSTEMD, SYSTEMD / TARGET):
            sync(folder)
    except Exception:
        disarm(state)
        raise


def disarm(state: State) -> None:
    """Leave no trace."""
    for path in (SYSTEMD / TARGET / UNIT, SYSTEMD / UNIT, state.root / PROGRAM):
        discard(path)


def leave_no_trace(context: Context, state: State) -> None:
    """A swap that was killed right after its journal ended is still armed for a boot that would find nothing to do."""
    lock = Lock(state.lock)
    if context.check_mode or not is_armed() or not lock.acquire():
        return
    try:
        if unfinished(state.journal) is None:
            disarm(state)
    finally:
        lock.release()


def _write_program(path: Path) -> None:
    create_private(path)
    with zipfile.ZipFile(str(path), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__main__.py", _MAIN)
        for name, source in _sources().items():
            archive.writestr(name, source)
    sync(path)


def _sources() -> dict[str, str]:
    """The modules of this package that are loaded, which is what a swap needs, wherever they were loaded from."""
    package = __name__.rpartition(".")[0]
    importlib.import_module(f"{package}.at_boot")
    loaded = {name: module for name, module in sys.modules.items() if f"{name}.".startswith(f"{package}.")}
    return {_file_name(name[len(package) :], module): _source(name, module) for name, module in loaded.items()}


def _file_name(name: str, module: ModuleType) -> str:
    inner = name.replace(".", "/")
    return f"node{inner}/__init__.py" if hasattr(module, "__path__") else f"node{inner}.py"


def _source(name: str, module: ModuleType) -> str:
    """Some loaders give bytes, which nothing may take for text."""
    loader: Any = module.__loader__
    source = loader.get_source(name)
    return source.decode() if isinstance(source, bytes) else str(source)
