# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node's copy of the directory: objects, change numbers and what partners' changes have been taken over.

An object is known by its path: `ca/<id>`, `service/<name>`, `user/<upn>`, `server/<fqdn>`, names in lower case where
LDAP ignores case. Each change of an object gets the node's next change number (USN), whoever made it first, so that
partners ask for everything after the last number they have seen. The copy is one JSON file, replaced atomically.
"""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from . import afd_errors, pki
from .afd_errors import AfdError
from .identity import administrator

Value = dict[str, Any]


class Directory:
    """All methods may be called from any thread; those that change something are on disk when they return."""

    def __init__(self, folder: str) -> None:
        self._file = Path(folder, "directory.json")
        self._lock = threading.RLock()
        self.changed = threading.Event()
        self._load()

    # The node in its group

    @property
    def empty(self) -> bool:
        return not self._state["name"]

    @property
    def name(self) -> str:
        return str(self._state["name"])

    @property
    def usn(self) -> int:
        return int(self._state["usn"])

    @property
    def cycles(self) -> int:
        return int(self._state["cycles"])

    def seed(self, node: dict[str, Any]) -> None:
        """The objects that promotion leaves behind; `node` is the identity of the node."""
        partners = [partner["name"] for partner in node.get("partners", [])]
        with self._lock:
            self._state["name"] = node["pnid"]
            for server in node.get("servers") or [{"name": node["pnid"], "site": node["site"]}]:
                own = server["name"] == node["pnid"]
                self._put(
                    "server/" + server["name"].lower(),
                    {"name": server["name"], "site": server["site"], "partners": partners if own else []},
                    # What each node knows about itself wins over what the others took for granted.
                    version=2 if own else 1,
                )
            self._put(_user(administrator(node)), {"password": node["administrator_password"], "admin": True})
            account = node["machine_account"]
            upn = account["name"] if "@" in account["name"] else f"{account['name']}@{node['domain']}"
            self._put(_user(upn), {"password": account["password"], "admin": True, "machine": True})
            self._save()

    def servers(self) -> list[Value]:
        """`name`, `site` and `partners` of every member, dead ones included."""
        return self._values("server/")

    def partners(self) -> list[str]:
        """The names of the nodes that this node replicates with."""
        own = self._get("server/" + self.name.lower())
        return list(own["partners"]) if own else []

    def set_partner(self, name: str, wanted: bool) -> None:
        with self._lock:
            path = "server/" + self.name.lower()
            own = self._get(path) or {"name": self.name, "site": "", "partners": []}
            others = [partner for partner in own["partners"] if partner.lower() != name.lower()]
            self._change(path, {**own, "partners": [*others, name] if wanted else others})

    # Accounts

    def accepts(self, upn: str, password: str) -> bool:
        account = self._get(_user(upn))
        return account is not None and account["password"] == password

    def is_admin(self, upn: str) -> bool:
        account = self._get(_user(upn))
        return account is not None and bool(account.get("admin"))

    def set_password(self, upn: str, password: str) -> None:
        """Raises AfdError 1317 for an unknown account."""
        account = self._get(_user(upn))
        if account is None:
            raise AfdError(afd_errors.NO_SUCH_USER)
        self._change(_user(upn), {**account, "password": password})

    # Certification authorities (§5.3)

    def authorities(self) -> list[Value]:
        """`id`, `cert` (PEM), `crl` (PEM or None) and `dn` of each, in the order of their arrival on this node."""
        return self._values("ca/")

    def authority(self, identifier: str) -> Value:
        """Raises AfdError 1168."""
        found = self._get("ca/" + identifier.upper())
        if found is None:
            raise AfdError(afd_errors.NOT_FOUND)
        return found

    def authority_named(self, dn: str) -> Value:
        """The authority with this subject; raises AfdError 1168 for none, 5023 for several."""
        found = [authority for authority in self.authorities() if authority["dn"] == dn]
        if len(found) > 1:
            raise AfdError(afd_errors.INVALID_STATE)
        if not found:
            raise AfdError(afd_errors.NOT_FOUND)
        return found[0]

    def add_authority(self, certificate: Any) -> None:
        """An id that is there already is left as it is, whatever its certificate."""
        identifier = pki.directory_id(certificate)
        if self._get("ca/" + identifier) is None:
            self._change("ca/" + identifier, _authority(identifier, certificate, None))

    def publish_ca(self, cert: str, crl: str | None) -> None:
        """As VMCA's publisher: every certificate of the chain is created or updated, the CRL is the first one's."""
        for position, certificate in enumerate(pki.certificates(cert)):
            identifier = pki.directory_id(certificate)
            held = self._get("ca/" + identifier)
            kept = held["crl"] if held else None
            wanted = _authority(identifier, certificate, (crl or kept) if position == 0 else kept)
            if held != wanted:
                self._change("ca/" + identifier, wanted)

    def remove_authority(self, identifier: str) -> None:
        self.authority(identifier)
        self._change("ca/" + identifier.upper(), None)

    def set_crl(self, identifier: str, crl: str) -> None:
        authority = self.authority(identifier)
        if authority["crl"] != crl:
            self._change("ca/" + authority["id"], {**authority, "crl": crl})

    # Services (solution users)

    def services(self) -> list[str]:
        return [service["name"] for service in self._values("service/")]

    def holder_of(self, cert: str) -> str | None:
        """The service that a certificate is bound to."""
        wanted = pki.sha1(pki.certificates(cert)[0])
        return next((item["name"] for item in self._values("service/") if item["sha1"] == wanted), None)

    def create_service(self, name: str, cert: str) -> None:
        """Raises AfdError 68 for a name that exists."""
        if self._get(_service(name)) is not None:
            raise AfdError(afd_errors.LDAP_ALREADY_EXISTS)
        self._change(_service(name), _bound(name, cert))

    def update_service(self, name: str, cert: str) -> None:
        """Raises AfdError 1317 for an unknown name."""
        held = self._get(_service(name))
        if held is None:
            raise AfdError(afd_errors.NO_SUCH_USER)
        self._change(_service(name), _bound(held["name"], cert))

    def delete_service(self, name: str) -> None:
        """Raises AfdError 32 for an unknown name."""
        if self._get(_service(name)) is None:
            raise AfdError(afd_errors.LDAP_NO_SUCH_OBJECT)
        self._change(_service(name), None)

    # Replication

    def seen(self, partner: str) -> int:
        """The partner's highest change number that this node has taken over."""
        return int(self._state["seen"].get(partner.lower(), 0))

    def vector(self) -> dict[str, int]:
        """For each node that ever changed something: its highest change number that has arrived here."""
        highest: dict[str, int] = {}
        with self._lock:
            for record in self._state["objects"].values():
                highest[record["origin"]] = max(highest.get(record["origin"], 0), record["origin_usn"])
        return highest

    def changes(self, since: int, delay: float) -> dict[str, Any]:
        """The `records` after a change number and the `usn` they reach; the last `delay` seconds are held back."""
        with self._lock:
            objects = self._state["objects"]
            young = [record["usn"] for record in objects.values() if record["at"] + delay > time.time()]
            usn = min(young) - 1 if young else self.usn
            records = {path: r for path, r in objects.items() if since < r["usn"] <= usn}
            return {"usn": usn, "records": dict(sorted(records.items(), key=lambda item: item[1]["usn"]))}

    def take_over(self, partner: str, usn: int, records: dict[str, dict[str, Any]]) -> None:
        """Apply a partner's changes; of two changes of one object the higher version wins, then the later one."""
        with self._lock:
            for path, record in records.items():
                held = self._state["objects"].get(path)
                if held is None or _age(held) < _age(record):
                    self._record(path, record["value"], record)
            self._state["seen"][partner.lower()] = usn
            self._state["cycles"] += 1
            self._save()

    # Below: objects as they are kept

    def _values(self, prefix: str) -> list[Value]:
        with self._lock:
            objects = self._state["objects"].items()
            return [r["value"] for path, r in objects if path.startswith(prefix) and r["value"] is not None]

    def _get(self, path: str) -> Value | None:
        with self._lock:
            record = self._state["objects"].get(path)
            return record["value"] if record else None

    def _change(self, path: str, value: Value | None) -> None:
        with self._lock:
            self._put(path, value)
            try:
                self._save()
            except OSError:  # a full disk: what is not on disk has not happened
                self._load()
                raise AfdError(afd_errors.LDAP_OPERATIONS_ERROR) from None

    def _put(self, path: str, value: Value | None, version: int | None = None) -> None:
        held = self._state["objects"].get(path)
        version = version or (held["version"] + 1 if held else 1)
        stamp = {"version": version, "stamp": time.time(), "origin": self.name, "origin_usn": self.usn + 1}
        self._record(path, value, stamp)

    def _record(self, path: str, value: Value | None, stamp: dict[str, Any]) -> None:
        self._state["usn"] += 1
        objects = self._state["objects"]
        if path in objects and objects[path]["value"] is None:
            del objects[path]  # created anew, it comes last
        kept = {key: stamp[key] for key in ("version", "stamp", "origin", "origin_usn")}
        objects[path] = {"usn": self.usn, "at": time.time(), **kept, "value": value}

    def _load(self) -> None:
        self._state: dict[str, Any] = {"name": "", "usn": 0, "cycles": 0, "objects": {}, "seen": {}}
        if self._file.exists():
            self._state = json.loads(self._file.read_text())

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        with new.open("w") as file:
            os.fchmod(file.fileno(), 0o600)
            json.dump(self._state, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)
        self.changed.set()


def _authority(identifier: str, certificate: Any, crl: str | None) -> Value:
    return {"id": identifier, "cert": pki.pem(certificate), "crl": crl, "dn": pki.compat_name(certificate.subject)}


def _bound(name: str, cert: str) -> Value:
    certificate = pki.certificates(cert)[0]
    return {"name": name, "cert": pki.pem(certificate), "sha1": pki.sha1(certificate)}


def _service(name: str) -> str:
    return "service/" + name.lower()


def _user(upn: str) -> str:
    return "user/" + upn.lower()


def _age(record: dict[str, Any]) -> tuple[int, float, str]:
    return record["version"], record["stamp"], record["origin"]
