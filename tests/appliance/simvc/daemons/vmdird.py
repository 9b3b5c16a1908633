# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmdird: the directory of a linked group, and its replication with the partners of this node.

`python -m simvc.daemons.vmdird` serves paths.VMDIR_SOCKET and TCP port 389 until SIGTERM.

Requests are `{"op": ..., ...}`, answers have `code`. Root on the node is the machine account, a CAAdmins member; all
others send `user` (UPN) and `password` with each request, and get 9234 when they are wrong, 50 when the account is no
administrator, 53 for changes while the directory is read-only.

    authenticate user, password     -> code 0 or 1326
    is_caadmin who                  -> member
    ca_list                         -> objects [{id, cert, crl, dn}, ...]
    ca_publish cert, crl            as VMCA's publisher: every certificate of the chain, updated when it is there
    ca_add cert                     as dir-cli: one certificate, skipped when its id is there
    ca_get id                       -> object; 1168
    ca_remove id                    1168
    crl_publish crl, id | dn        the CRL of one authority; 1168
    service_list                    -> names
    service_create | service_update name, cert
                                    -> 13 with `holder` when a service has this certificate; 68, 1317
    service_delete name             32
    servers                         -> servers [{name, site, partners}, ...], domain
    partners                        -> names
    partner_status                  -> partners [{name, available, status, usn, seen}, ...]
    replication_state               -> host, cycles, usn, origin_usn, vector, agreements
    agreement partner, wanted       this node replicates with the partner, or no longer
    state_get / state_set state     -> state; numbers as in directory_states.STATES
    password_set account, password; password_reset account -> password; machine_reset -> account, password
    replicate_now

Between nodes, unauthenticated: `changes` since, by; `poke` name; `seen` by.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from .. import afd_errors, ipc, paths, pki
from ..afd_errors import AfdError
from ..directory import Directory
from ..directory_states import NORMAL, READ_ONLY, STANDALONE
from ..identity import identity
from ..knobs import knob

Request = dict[str, Any]
Answer = dict[str, Any]

# Seconds: between two full rounds of an idle node, between two tries at a partner that is behind or does not answer,
# and for a partner's answer.
_ROUND = 30.0
_RETRY = 2.0
_TIMEOUT = 5.0

_BETWEEN_NODES = ("changes", "poke", "seen")
_CHANGING = ("ca_publish", "ca_add", "ca_remove", "crl_publish", "service_create", "service_update", "service_delete")
_FOR_ANYBODY = ("authenticate", "domain", *_BETWEEN_NODES)


class Vmdird:
    """The operations; `handle` is what the sockets call."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.state = NORMAL
        self.replicator = Replicator(directory, lambda: self.state)

    def handle(self, request: Request, peer: ipc.Peer) -> Answer:
        operation: Callable[[Request], Answer] | None = getattr(self, "do_" + str(request.get("op")), None)
        if operation is None:
            return {"code": afd_errors.INVALID_PARAMETER}
        try:
            self._authorize(request, peer)
            return {"code": 0, **operation(request)}
        except AfdError as error:
            return {"code": error.code}

    def _authorize(self, request: Request, peer: ipc.Peer) -> None:
        if request["op"] in _FOR_ANYBODY:
            return
        trusted = peer.uid in (0, os.geteuid()) and "user" not in request
        if not trusted:
            user = request.get("user") or ""
            if not self.directory.accepts(user, request.get("password") or ""):
                raise AfdError(afd_errors.VMDIR_INVALID_CREDENTIAL)
            if not self.directory.is_admin(user):
                raise AfdError(afd_errors.LDAP_INSUFFICIENT_ACCESS)
        if request["op"] in _CHANGING and self.state not in (NORMAL, STANDALONE):
            raise AfdError(afd_errors.LDAP_UNWILLING_TO_PERFORM)

    # Accounts

    def do_authenticate(self, request: Request) -> Answer:
        accepted = self.directory.accepts(request["user"], request["password"])
        return {"code": 0 if accepted else afd_errors.LOGON_FAILURE}

    def do_domain(self, request: Request) -> Answer:
        return {"domain": identity()["domain"]}

    def do_is_caadmin(self, request: Request) -> Answer:
        who = request["who"]
        return {"member": self.directory.is_admin(who if "@" in who else f"{who}@{identity()['domain']}")}

    def do_password_set(self, request: Request) -> Answer:
        self.directory.set_password(request["account"], request["new"])
        return {}

    def do_password_reset(self, request: Request) -> Answer:
        import secrets

        password = secrets.token_urlsafe(15)
        self.directory.set_password(request["account"], password)
        return {"password": password}

    def do_machine_reset(self, request: Request) -> Answer:
        node = identity()
        name = node["machine_account"]["name"]
        account = name if "@" in name else f"{name}@{node['domain']}"
        return {"account": account, **self.do_password_reset({"account": account})}

    # Certification authorities

    def do_ca_list(self, request: Request) -> Answer:
        return {"objects": self.directory.authorities()}

    def do_ca_publish(self, request: Request) -> Answer:
        self.directory.publish_ca(request["cert"], request.get("crl"))
        return {}

    def do_ca_add(self, request: Request) -> Answer:
        self.directory.add_authority(pki.certificates(request["cert"])[0])
        return {}

    def do_ca_get(self, request: Request) -> Answer:
        return {"object": self.directory.authority(request["id"])}

    def do_ca_remove(self, request: Request) -> Answer:
        self.directory.remove_authority(request["id"])
        return {}

    def do_crl_publish(self, request: Request) -> Answer:
        identifier = request.get("id") or self.directory.authority_named(request["dn"])["id"]
        self.directory.set_crl(identifier, request["crl"])
        return {}

    # Services

    def do_service_list(self, request: Request) -> Answer:
        return {"names": self.directory.services()}

    def do_service_create(self, request: Request) -> Answer:
        return self._bind(request, self.directory.create_service)

    def do_service_update(self, request: Request) -> Answer:
        return self._bind(request, self.directory.update_service)

    def _bind(self, request: Request, bind: Callable[[str, str], None]) -> Answer:
        # By fingerprint and before the name is looked at, the service itself included (§5.4).
        holder = self.directory.holder_of(request["cert"])
        if holder:
            return {"code": afd_errors.INVALID_DATA, "holder": holder}
        bind(request["name"], request["cert"])
        return {}

    def do_service_delete(self, request: Request) -> Answer:
        self.directory.delete_service(request["name"])
        return {}

    # Topology and replication

    def do_servers(self, request: Request) -> Answer:
        return {"servers": self.directory.servers(), "domain": identity()["domain"]}

    def do_partners(self, request: Request) -> Answer:
        return {"names": self.directory.partners()}

    def do_agreement(self, request: Request) -> Answer:
        self.directory.set_partner(request["partner"], request["wanted"])
        return {}

    def do_partner_status(self, request: Request) -> Answer:
        return {"partners": [self._status_of(name) for name in self.directory.partners()]}

    def _status_of(self, partner: str) -> Answer:
        status = {"name": partner, "available": False, "status": False, "usn": self.directory.usn, "seen": 0}
        try:
            answer = self.replicator.ask(partner, {"op": "seen", "by": self.directory.name})
        except OSError:
            return status
        return {**status, "available": True, "status": answer["code"] == 0, "seen": answer.get("usn", 0)}

    def do_replication_state(self, request: Request) -> Answer:
        vector = self.directory.vector()
        return {
            "host": self.directory.name,
            "cycles": self.directory.cycles,
            "usn": self.directory.usn,
            "origin_usn": vector.get(self.directory.name, 0),
            "vector": {name: usn for name, usn in vector.items() if name != self.directory.name},
            "agreements": {name: self.directory.seen(name) for name in self.directory.partners()},
        }

    def do_first_cycle(self, request: Request) -> Answer:
        return {"done": self.directory.cycles > 0 or not self.directory.partners()}

    def do_replicate_now(self, request: Request) -> Answer:
        self.replicator.pull_all()
        return {}

    def do_changes(self, request: Request) -> Answer:
        if self.state == READ_ONLY:
            raise AfdError(afd_errors.LDAP_UNWILLING_TO_PERFORM)
        return self.directory.changes(request["since"], knob("vmdir.replication_delay", 1))

    def do_poke(self, request: Request) -> Answer:
        self.replicator.pull(request["name"])
        return {"seen": self.directory.seen(request["name"])}

    def do_seen(self, request: Request) -> Answer:
        if knob("vmdir.status_unavailable", False):
            raise AfdError(afd_errors.LDAP_OPERATIONS_ERROR)
        return {"usn": self.directory.seen(request["by"])}

    # State

    def do_state_get(self, request: Request) -> Answer:
        return {"state": self.state}

    def do_state_set(self, request: Request) -> Answer:
        self.state = request["state"]
        return {}


class Replicator(threading.Thread):
    """Pulls from partners at start, when they say that they changed, and now and then; tells them of own changes."""

    def __init__(self, directory: Directory, state: Callable[[], int]) -> None:
        super().__init__(daemon=True)
        self._directory = directory
        self._state = state
        self._acknowledged: dict[str, int] = {}
        self._pulling = threading.Lock()

    def run(self) -> None:
        self.pull_all()
        while True:
            self._directory.changed.clear()
            behind = [name for name in self._directory.partners() if not self._up_to_date(name)]
            for partner in behind:
                self._poke(partner)
            if behind:
                self._directory.changed.wait(_pause())
            elif not self._directory.changed.wait(_ROUND):
                self.pull_all()

    def pull_all(self) -> None:
        for partner in self._directory.partners():
            self.pull(partner)

    def pull(self, partner: str) -> None:
        """Take over what a partner has changed; one that is down or unwilling is tried again later."""
        if self._state() == READ_ONLY:
            return
        with self._pulling, contextlib.suppress(OSError):
            since = self._directory.seen(partner)
            answer = self.ask(partner, {"op": "changes", "since": since, "by": self._directory.name})
            if answer["code"] == 0 and answer["usn"] > since:
                self._directory.take_over(partner, answer["usn"], answer["records"])

    def ask(self, partner: str, request: Request) -> Answer:
        """Raises OSError when the partner does not answer."""
        return ipc.call((_address(partner), paths.VMDIR_PORT), request, _TIMEOUT)

    def _up_to_date(self, partner: str) -> bool:
        return self._acknowledged.get(partner, 0) >= self._directory.usn

    def _poke(self, partner: str) -> None:
        with contextlib.suppress(OSError):
            answer = self.ask(partner, {"op": "poke", "name": self._directory.name})
            self._acknowledged[partner] = answer.get("seen", 0)


def _pause() -> float:
    """Seconds until partners that are behind are told again: as soon as the youngest change may travel."""
    return min(max(knob("vmdir.replication_delay", 1), 0.1), _RETRY)


def _address(partner: str) -> str:
    known = {item["name"].lower(): item["address"] for item in identity().get("partners", [])}
    return known.get(partner.lower(), partner)


def serve() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    directory = Directory(paths.VMDIR_DATA)
    node = identity()
    if directory.empty:
        directory.seed(node)
    daemon = Vmdird(directory)
    servers = [
        ipc.serve(paths.VMDIR_SOCKET, daemon.handle),
        ipc.serve((node.get("listen", ""), paths.VMDIR_PORT), daemon.handle),
    ]
    daemon.replicator.start()
    stop.wait()
    for server in servers:
        server.server_close()


if __name__ == "__main__":
    serve()
    sys.exit(0)
