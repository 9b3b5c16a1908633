# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmafdd: VECS, the node's configuration, and the synchronisation of trusted roots from the directory.

`python -m simvc.daemons.vmafdd` serves paths.VMAFD_SOCKET and TCP port 2020 until SIGTERM;
`--first-boot` makes the stores of a freshly deployed node instead and ends.

Requests are `{"op": ..., ...}`; every answer has `code`, 0 or a 32-bit error (vmware-cli.md §3.2). Local callers are
known by their uid; remote ones add `upn` and `password` to each request, and without them may read configuration only.

    identity                                    -> pnid, domain, dc_name, machine_id, site, ldu
    config_get name / config_set name, value    -> value; names as in CONFIG below; setting needs root
    dc_list                                     -> servers [{name, address}, ...] of the domain
    account                                     -> name, password of the machine account; needs root
    login                                       -> whether `upn` and `password` are right
    store_list                                  -> names
    store_create store                             owner is the caller
    store_delete store                             owner or root
    store_open store                            -> name; `write`: true also asks for the right to write
    store_permissions store                     -> owner, users [[name, mask], ...]; mask 1 read, 2 write
    store_grant | store_revoke store, user, mask
    entry_list store                            -> entries [{alias, type, cert}, ...]
    entry_get store, alias                      -> alias, type, cert (PEM chain or null), key (PEM in clear or null)
    entry_key store, alias, password            -> type, key
    entry_add store, alias, cert, key, password -> alias; `encrypted`: true beside code 11 when the key has a passphrase
    entry_delete store, alias                      an unknown alias is no error
    roots_add cert                              -> alias; a directory-kept entry of TRUSTED_ROOTS; root
    force_refresh                                  one synchronisation now; root
"""

import contextlib
import os
import signal
import sqlite3
import sys
import threading
import uuid
from collections.abc import Callable
from typing import Any

from .. import afd_errors, ipc, paths, pki
from ..afd_errors import AfdError
from ..identity import administrator, identity
from ..knobs import knob
from ..vecs_store import (
    READ,
    TRUSTED_CERT,
    TRUSTED_ROOTS,
    WRITE,
    Entry,
    Store,
    VecsStore,
    checked_entry,
    clear_key,
    synchronize,
)

Request = dict[str, Any]
Answer = dict[str, Any]

# How often a changed `vecs.sync_interval` is noticed, in seconds.
_LOOK = 2.0

# Configuration as the tools name it, and where a node that never changed it has it from.
CONFIG: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "pnid": lambda node: node["pnid"],
    "domain-name": lambda node: node["domain"],
    "domain-state": lambda node: node.get("domain_state", "Controller"),
    "dc-name": lambda node: node.get("dc_name", node["pnid"]),
    "site-name": lambda node: node.get("site"),
    "site-guid": lambda node: str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{node['site']}.{node['domain']}")),
    "machine-id": lambda node: node.get("machine_id"),
    "ldu": lambda node: node.get("ldu"),
    "rhttpproxy-port": lambda node: "443",
    "dc-port": lambda node: "443",
}


class Caller:
    """The principal behind a request: a local user, or a remote one once vmdird has vouched for it."""

    def __init__(self, peer: ipc.Peer, request: Request) -> None:
        # The daemon runs as root; in a test it runs as somebody else, who then is root.
        self.root = peer.uid in (0, os.geteuid())
        self.name = "root" if self.root else peer.user or ""
        if peer.uid is None and request.get("upn"):
            login(request["upn"], request.get("password") or "")
            self.name = request["upn"]
            self.root = self.name.lower() == administrator(identity()).lower()

    def must_be_root(self) -> None:
        if not self.root:
            raise AfdError(afd_errors.ACCESS_DENIED)


class Vmafdd:
    """The operations; `handle` is what the sockets call."""

    def __init__(self, vecs: VecsStore) -> None:
        self.vecs = vecs

    def handle(self, request: Request, peer: ipc.Peer) -> Answer:
        operation = getattr(self, "do_" + str(request.get("op")), None)
        if operation is None:
            return {"code": afd_errors.INVALID_PARAMETER}
        try:
            caller = Caller(peer, request)
            if not caller.name and request["op"] not in ("identity", "config_get"):
                raise AfdError(afd_errors.RPC_AUTH_METHOD)
            return {"code": 0, **operation(request, caller)}
        except pki.EncryptedKeyError:
            return {"code": afd_errors.BAD_FORMAT, "encrypted": True}
        except AfdError as error:
            return {"code": error.code}
        except sqlite3.Error as error:
            # A full disk, most of all: SQLite's own number goes through.
            return {"code": error.sqlite_errorcode & 0xFF}

    # Configuration

    def do_identity(self, request: Request, caller: Caller) -> Answer:
        names = {"pnid": "pnid", "domain": "domain-name", "dc_name": "dc-name", "site": "site-name", "ldu": "ldu"}
        names["machine_id"] = "machine-id"
        return {key: self._config(name) for key, name in names.items()}

    def do_config_get(self, request: Request, caller: Caller) -> Answer:
        value = self._config(request["name"])
        if not value:
            raise AfdError(afd_errors.FILE_NOT_FOUND)
        return {"value": value}

    def do_config_set(self, request: Request, caller: Caller) -> Answer:
        caller.must_be_root()
        self.vecs.set_config(request["name"], request["value"])
        return {}

    def do_dc_list(self, request: Request, caller: Caller) -> Answer:
        node = identity()
        addresses = {peer["name"]: peer["address"] for peer in node.get("partners", [])}
        addresses[node["pnid"]] = node.get("address", "")
        names = [server["name"] for server in node.get("servers", [{"name": node["pnid"]}])]
        return {"servers": [{"name": name, "address": addresses.get(name, "")} for name in names]}

    def do_account(self, request: Request, caller: Caller) -> Answer:
        caller.must_be_root()
        account = identity()["machine_account"]
        password = self.vecs.config("machine-password") or account["password"]
        return {"name": account["name"], "password": password}

    def do_login(self, request: Request, caller: Caller) -> Answer:
        return {}

    def _config(self, name: str) -> str | None:
        return self.vecs.config(name) or CONFIG[name](identity())

    # Stores

    def do_store_list(self, request: Request, caller: Caller) -> Answer:
        # Everybody sees every name: the filtering call is commented out in the product (§3.3).
        return {"names": self.vecs.names()}

    def do_store_create(self, request: Request, caller: Caller) -> Answer:
        if not request["store"]:
            raise AfdError(afd_errors.INVALID_PARAMETER)
        self.vecs.create(request["store"], caller.name)
        return {}

    def do_store_delete(self, request: Request, caller: Caller) -> Answer:
        self.vecs.delete(self._owned(request, caller))
        return {}

    def do_store_open(self, request: Request, caller: Caller) -> Answer:
        store = self._allowed(request, caller, WRITE) if request.get("write") else self.vecs.open(request["store"])
        return {"name": store.name}

    def do_store_permissions(self, request: Request, caller: Caller) -> Answer:
        store = self._owned(request, caller)
        return {"owner": store.owner, "users": self.vecs.permissions(store)}

    def do_store_grant(self, request: Request, caller: Caller) -> Answer:
        self.vecs.grant(self._owned(request, caller), known_user(request["user"]), request["mask"])
        return {}

    def do_store_revoke(self, request: Request, caller: Caller) -> Answer:
        self.vecs.revoke(self._owned(request, caller), known_user(request["user"]), request["mask"])
        return {}

    # Entries

    def do_entry_list(self, request: Request, caller: Caller) -> Answer:
        store = self._allowed(request, caller, READ)
        return {"entries": [{"alias": e.alias, "type": e.type, "cert": e.cert} for e in self.vecs.entries(store)]}

    def do_entry_get(self, request: Request, caller: Caller) -> Answer:
        entry = self.vecs.entry(self._allowed(request, caller, READ), request["alias"])
        key = entry.key if entry.type != "Encrypted Private Key" else None
        return {"alias": entry.alias, "type": entry.type, "cert": entry.cert, "key": key}

    def do_entry_key(self, request: Request, caller: Caller) -> Answer:
        entry = self.vecs.entry(self._allowed(request, caller, READ), request["alias"])
        return {"type": entry.type, "key": clear_key(entry, request.get("password"))}

    def do_entry_add(self, request: Request, caller: Caller) -> Answer:
        store = self._allowed(request, caller, WRITE)
        parts = (request.get(name) for name in ("alias", "cert", "key", "password"))
        entry = checked_entry(*parts)
        self.vecs.add(store, entry)
        return {"alias": entry.alias}

    def do_entry_delete(self, request: Request, caller: Caller) -> Answer:
        self.vecs.remove(self._allowed(request, caller, WRITE), request["alias"])
        return {}

    def do_roots_add(self, request: Request, caller: Caller) -> Answer:
        caller.must_be_root()
        root = checked_entry(None, request["cert"], None)
        self.vecs.add(self.vecs.open(TRUSTED_ROOTS), Entry(root.alias, TRUSTED_CERT, root.cert, None, 1))
        return {"alias": root.alias}

    def do_force_refresh(self, request: Request, caller: Caller) -> Answer:
        caller.must_be_root()
        if self._config("domain-state") not in ("Controller", "Client"):
            raise AfdError(afd_errors.NOT_JOINED)
        self.refresh()
        return {}

    def refresh(self) -> None:
        """One fetch of roots and CRLs from the directory node; raises AfdError 9127 when that is down."""
        synchronize(self.vecs, ask_vmdird({"op": "ca_list"})["objects"])

    def _allowed(self, request: Request, caller: Caller, mask: int) -> Store:
        store = self.vecs.open(request["store"])
        if not caller.root and not self.vecs.allows(store, caller.name, mask):
            raise AfdError(afd_errors.ACCESS_DENIED)
        return store

    def _owned(self, request: Request, caller: Caller) -> Store:
        store = self.vecs.open(request["store"])
        if not caller.root and caller.name != store.owner:
            raise AfdError(afd_errors.ACCESS_DENIED)
        return store


def known_user(name: str) -> str:
    """The name if the node or the directory's EVERYONE knows it; raises AfdError 1317."""
    import pwd

    if name.upper() == "EVERYONE":
        return "EVERYONE"
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        raise AfdError(afd_errors.NO_SUCH_USER) from None


def ask_vmdird(request: Request) -> Answer:
    try:
        return afd_errors.raise_for(ipc.call(paths.VMDIR_SOCKET, request))
    except (ConnectionError, TimeoutError):
        raise AfdError(afd_errors.VMDIR_SERVER_DOWN) from None


def login(upn: str, password: str) -> None:
    """Raises AfdError for credentials that the directory does not accept."""
    try:
        ask_vmdird({"op": "authenticate", "user": upn, "password": password})
    except AfdError:
        raise AfdError(afd_errors.RPC_AUTH_METHOD) from None


def keep_roots(daemon: Vmafdd, stop: threading.Event) -> None:
    """Synchronise at once and then at every `vecs.sync_interval`; a directory that is down is tried next time."""
    waited = float("inf")
    while not stop.is_set():
        if waited >= knob("vecs.sync_interval", 60):
            waited = 0.0
            with contextlib.suppress(AfdError):
                daemon.do_force_refresh({}, Caller(ipc.Peer(0), {}))
        pause = min(_LOOK, max(knob("vecs.sync_interval", 60) - waited, 0.05))
        stop.wait(pause)
        waited += pause


def serve() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    vecs = VecsStore(paths.VMAFD_DATA + "/afd.db")
    daemon = Vmafdd(vecs)
    listen = identity().get("listen", "")
    servers = [ipc.serve(paths.VMAFD_SOCKET, daemon.handle), ipc.serve((listen, paths.VMAFD_PORT), daemon.handle)]
    synchronizer = threading.Thread(target=keep_roots, args=(daemon, stop), daemon=True)
    synchronizer.start()
    stop.wait()
    for server in servers:
        server.server_close()


def main(argv: list[str]) -> int:
    if argv == ["--first-boot"]:
        from ..vecs_first_boot import first_boot

        first_boot()
    else:
        serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
