# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey: everything read from a node at once, changing nothing. What cannot be read is a problem, no failure."""

from __future__ import annotations

import os
import platform
import pwd
import re
import socket
import time
from contextlib import suppress
from datetime import datetime, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Callable

from . import paths
from .context import Context
from .errors import NodeError
from .files import read_text
from .journal import CLOSED, Journal, journals, last_restart, last_swap, unfinished
from .lock import Lock
from .parallel import Once, bounded, each_at_once
from .status import status, window_seconds
from .tools.servicecontrol import CORE
from .tools.vecs import Entry

SCHEMA = 1
_LOOKUP_TIMEOUT = 10.0
_CRL_TIMEOUT = 10.0
# Where a rotation writes, and what its services need to come up (field notes §5.2 P13).
_FILE_SYSTEMS = ("/", "/storage/log", "/storage/core", "/storage/db", "/storage/certmanager", "/var/log")
_VERSION = re.compile(r'\b(?:CLOUDVM_VERSION|version)"?\s*[:=]\s*"?([0-9][0-9.]*)', re.IGNORECASE)
_BUILD = re.compile(r'\b(?:BUILDNUMBER|build)"?\s*[:=]\s*"?(\d+)', re.IGNORECASE)

Part = Callable[[], Any]


class Survey:
    """One survey of this node. Each part is a function that returns its value or raises."""

    def __init__(self, context: Context, state_dir: str, ask_ca: bool) -> None:
        self._tools = context.toolbox
        self._state = paths.State(state_dir)
        self._ask_ca = ask_ca
        self._problems: list[dict[str, str]] = []
        self._pnid = Once(self._tools.vmafd.pnid)
        self._stores = Once(self._tools.vecs.stores)

    def record(self) -> dict[str, Any]:
        """The survey record; every part null that could not be read, with an item in `problems`."""
        taken = {
            "schema": SCHEMA,
            "surveyed_at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "python": platform.python_version(),
            "clock": {"epoch": time.time()},
        }
        taken.update(each_at_once({name: self._guarded(name, part) for name, part in self._parts().items()}))
        taken["problems"] = sorted(self._problems, key=lambda problem: problem["part"])
        return taken

    def _parts(self) -> dict[str, Part]:
        """The slow ones first: they wait at the same time."""
        tools = self._tools
        return {
            "census": lambda: tools.services.census().to_dict(),
            "vmca_root": self._vmca_root,
            "machine_certificate": self._machine_certificate,
            "trusted_roots": self._trusted_roots,
            "crl_count": lambda: tools.vecs.count(paths.CRL_STORE, _CRL_TIMEOUT),
            "stores": self._stores,
            "legacy_certificate": self._legacy_certificate,
            "backup_store": self._backup_store,
            "pnid": self._pnid,
            "dns": lambda: names_of(self._pnid()),
            "sso_domain": tools.vmafd.domain_name,
            "site": tools.vmafd.site_name,
            "machine_id": tools.vmafd.machine_id,
            "hostname": socket.gethostname,
            "fqdn": lambda: bounded(socket.getfqdn, _LOOKUP_TIMEOUT),
            "node_type": _node_type,
            "version": lambda: _from_build_files(_VERSION),
            "build": lambda: _from_build_files(_BUILD),
            "os": _os,
            "disk": self._disk,
            "vcha": _vcha,
            "journal": lambda: self._told(unfinished(self._state.journal)),
            "last_swap": lambda: self._told(last_swap(self._state.journal)),
            "last_window_seconds": self._last_window,
            "last_restart": lambda: self._told(last_restart(self._state.journal)),
            "login_shell": lambda: pwd.getpwuid(0).pw_shell,
            "login_shell_before": self._login_shell_before,
        }

    def _guarded(self, name: str, part: Part) -> Part:
        def read() -> Any:
            try:
                return part()
            except NodeError as error:
                self._problems.append({"part": name, "message": error.message, "remedy": error.remedy})
            except Exception as error:
                self._problems.append({"part": name, "message": f"{type(error).__name__}: {error}", "remedy": ""})
            return None

        return read

    def _last_window(self) -> float | None:
        """Of the newest swap that replaced a certificate: the next one will take about as long."""
        committed = (each for each in reversed(journals(self._state.journal)) if _is_committed(each))
        return next((window_seconds(each.records) for each in committed), None)

    def _login_shell_before(self) -> str | None:
        """What a run that gave root bash has yet to give back."""
        memory = self._state.login_shell
        return read_text(memory, "The remembered login shell").strip() if memory.exists() else None

    def _vmca_root(self) -> list[str] | None:
        """A management node of 6.x has no VMCA of its own."""
        if not self._ask_ca or _node_type_or_none() == "management":
            return None
        return self._tools.certool.getrootca()

    def _machine_certificate(self) -> dict[str, Any]:
        entry = self._tools.vecs.get(paths.MACHINE_STORE, paths.MACHINE_ALIAS)
        if entry is None:
            raise NodeError(
                f"{paths.MACHINE_STORE} has no entry {paths.MACHINE_ALIAS}.",
                "If a swap was interrupted, finish it: machine_ssl_swap with state: resumed.",
            )
        return self._with_key(paths.MACHINE_STORE, entry)

    def _legacy_certificate(self) -> dict[str, Any] | None:
        if paths.LEGACY_STORE not in self._stores():
            return None
        entry = self._tools.vecs.get(paths.LEGACY_STORE, paths.MACHINE_ALIAS)
        return None if entry is None else self._with_key(paths.LEGACY_STORE, entry)

    def _with_key(self, store: str, entry: Entry) -> dict[str, Any]:
        openssl = self._tools.openssl
        matches = (
            entry.type == "Private Key"
            and bool(entry.chain)
            and openssl.key_matches(entry.chain[0], self._tools.vecs.key(store, entry.alias))
        )
        return {
            "alias": entry.alias,
            "type": entry.type,
            "sha256": entry.sha256,
            "chain": entry.chain,
            "key_matches": matches,
        }

    def _trusted_roots(self) -> list[dict[str, Any]]:
        entries = self._tools.vecs.entries(paths.ROOTS_STORE)
        return [{"alias": entry.alias, "chain": entry.chain} for entry in entries]

    def _backup_store(self) -> list[dict[str, Any]]:
        if paths.BACKUP_STORE not in self._stores():
            return []
        return [self._dated(entry) for entry in self._tools.vecs.entries(paths.BACKUP_STORE)]

    def _dated(self, entry: Entry) -> dict[str, Any]:
        end = self._tools.openssl.not_after(entry.chain[0]).isoformat() if entry.chain else None
        return {"alias": entry.alias, "not_after": end}

    def _disk(self) -> list[dict[str, Any]]:
        """Each file system once, under the first of the folders that lies on it."""
        folders = [*filter(os.path.isdir, _FILE_SYSTEMS), str(_existing(self._state.root))]
        first = {os.stat(folder).st_dev: folder for folder in reversed(folders)}
        return [_file_system(folder) for folder in folders if folder in first.values()]

    def _told(self, journal: Journal | None) -> dict[str, Any] | None:
        return None if journal is None else status(journal, alive=Lock(self._state.lock).held())


def names_of(name: str) -> dict[str, Any]:
    """What this node's resolver says: {"addresses": [str], "reverse": {address: [name]}}. Raises NodeError."""
    addresses = addresses_of(name)
    return {"addresses": addresses, "reverse": {address: _reverse(address) for address in addresses}}


def addresses_of(name: str) -> list[str]:
    """What a name resolves to on this node, in the resolver's order; an address is its own. Raises NodeError."""
    if _is_address(name):
        return [name]
    try:
        found = bounded(lambda: socket.getaddrinfo(name, None, type=socket.SOCK_STREAM), _LOOKUP_TIMEOUT)
    except OSError as error:
        raise NodeError(
            f"The name {name} cannot be resolved on the node: {error or 'no answer in time'}.",
            "The PNID must resolve: mend DNS, or the node's /etc/hosts.",
        ) from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _reverse(address: str) -> list[str]:
    """The names of an address, none when there are none: the assessment judges that, not the survey."""
    try:
        name, aliases, _addresses_again = bounded(lambda: socket.gethostbyaddr(address), _LOOKUP_TIMEOUT)
    except OSError:
        return []
    return list(dict.fromkeys([name, *aliases]))


def _is_address(name: str) -> bool:
    try:
        return bool(ip_address(name))
    except ValueError:
        return False


def _node_type() -> str:
    found = read_text(Path(paths.NODE_TYPE), "The node type").strip()
    if found not in CORE:
        raise NodeError(
            f"{paths.NODE_TYPE} says {found[:40]!r}, which is no node type.", f"Known are {', '.join(CORE)}."
        )
    return found


def _node_type_or_none() -> str | None:
    """For parts that depend on it; that it cannot be read is the problem of its own part."""
    try:
        return _node_type()
    except NodeError:
        return None


def _from_build_files(pattern: re.Pattern[str]) -> str:
    """The first match in the files that name version and build (field notes §2.5): JSON, or lines of KEY:VALUE."""
    for name in (paths.UPDATE_CONF, paths.BUILD_INFO):
        with suppress(OSError):
            found = pattern.search(Path(name).read_text(encoding="utf-8", errors="replace"))
            if found is not None:
                return found.group(1)
    raise NodeError(
        f"Neither {paths.UPDATE_CONF} nor {paths.BUILD_INFO} tells it.", "Check that this is a vCenter appliance."
    )


def _os() -> str:
    text = Path("/etc/os-release").read_text(encoding="utf-8", errors="replace")
    values = dict(re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', text, re.MULTILINE))
    name, version = values.get("PRETTY_NAME") or values.get("NAME", "Linux"), values.get("VERSION_ID", "")
    return name if version in name else f"{name} {version}"


def _is_committed(journal: Journal) -> bool:
    closed = journal.last(CLOSED)
    return closed is not None and closed["outcome"] == "committed" and not journal.is_restart


def _vcha() -> bool:
    """Configured vCenter HA leaves one of two marks (field notes §2.5)."""
    if Path(paths.VCHA_CONFIG).exists():
        return True
    profile = Path(paths.VMON_PROFILE)
    return profile.exists() and "HACore" in profile.read_text(encoding="utf-8", errors="replace")


def _existing(path: Path) -> Path:
    """The folder itself or the nearest one above it that exists."""
    return next(each for each in (path, *path.parents) if each.is_dir())


def _file_system(folder: str) -> dict[str, Any]:
    found = os.statvfs(folder)
    return {
        "path": folder,
        "total": found.f_blocks * found.f_frsize,
        "free": found.f_bavail * found.f_frsize,
        "inodes_free": found.f_favail,
    }
