# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmcad: the certificate authority of a node.

`python -m simvc.daemons.vmcad` serves paths.VMCA_SOCKET and TCP port 2014 until SIGTERM;
`--first-boot` makes the root of a freshly deployed node instead, and ends.

Requests are `{"op": ..., ...}`; every answer has `code`, 0 or a 32-bit error. Who calls: `upn` and `password`, or
`machine`: true from root on the node; all others get 70042 (vmware-cli.md §1.9.1, rows 0a and 0b).

    version                          -> text
    root_get                         -> cert (PEM chain)
    root_add cert, key                  admin
    sign request, start, end         -> cert; start and end in seconds since 1970
    revoke cert                         admin
    status cert                      -> status; admin
    enumerate filter                 -> certificates; admin; filter is all, active or revoked
    crl_get                          -> crl
    crl_generate                        admin
    publish                             admin
    option_set | option_unset option    admin
    option_get                       -> options; admin
"""

import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from .. import ipc, paths, pki, vmca_errors, vmca_keys, vmca_pki
from ..identity import identity
from ..knobs import knob
from ..vmca_authority import Authority, Policy, issuers_url
from ..vmca_errors import VmcaError
from ..vmca_register import Register

Request = dict[str, Any]
Answer = dict[str, Any]

VERSION = "VMware Certificate Server  - Version  2.0.0 \nCopyright VMware Inc. All rights reserved."
MULTIPLE_NAMES = "multiplesan"

# Seconds between two publications, and after one that failed.
_PUBLISH_EVERY = 18000
_PUBLISH_AGAIN = 60

_ADMIN_ONLY = {
    "root_add",
    "revoke",
    "status",
    "enumerate",
    "crl_generate",
    "publish",
    "option_set",
    "option_unset",
    "option_get",
}

_NEEDS_CA = {"root_get", "sign", "revoke", "status", "enumerate", "crl_get", "crl_generate"}

_ROOT_DAYS = 3650
_MACHINE_AGE_DAYS = 700
_ROOT_LEAD_DAYS = 3
_FIRST_BOOT_AIA = "/afd/vecs/ca"

_ATTRIBUTES = {
    "CN": NameOID.COMMON_NAME,
    "DC": NameOID.DOMAIN_COMPONENT,
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
}


class Vmcad:
    """The operations; `handle` is what the sockets call."""

    def __init__(self, authority: Authority, register: Register, notify: Callable[[], None]) -> None:
        self._authority = authority
        self._register = register
        self._notify = notify
        self._lock = threading.Lock()

    def handle(self, request: Request, peer: ipc.Peer) -> Answer:
        operation: Callable[[Request], Answer] | None = getattr(self, "do_" + str(request.get("op")), None)
        if operation is None:
            return {"code": vmca_errors.INVALID_PARAMETER}
        try:
            administrator = _authenticated(request, peer)
            if _is_for_administrators(request["op"]) and not administrator:
                raise VmcaError(vmca_errors.ACCESS_DENIED)
            if request["op"] in _NEEDS_CA:
                self._authority.require()
            with self._lock:
                return {"code": 0, **operation({**request, "administrator": administrator})}
        except VmcaError as error:
            return {"code": error.code}

    def do_version(self, _: Request) -> Answer:
        return {"text": VERSION}

    def do_root_get(self, _: Request) -> Answer:
        return {"cert": self._authority.chain_pem()}

    def do_root_add(self, request: Request) -> Answer:
        self._authority.install(request["cert"], request["key"])
        self._notify()
        return {}

    def do_sign(self, request: Request) -> Answer:
        start, end = (datetime.fromtimestamp(request[name], UTC) for name in ("start", "end"))
        try:
            policy = self._policy(request["administrator"])
            return {"cert": self._authority.sign(request["request"], start, end, policy)}
        except VmcaError as error:
            if knob("vmca.mask_signing_errors", True):
                raise VmcaError(vmca_errors.POLICY_VALIDATION) from error
            raise

    def do_revoke(self, request: Request) -> Answer:
        self._authority.revoke(request["cert"])
        return {}

    def do_status(self, request: Request) -> Answer:
        return {"status": self._authority.status(request["cert"])}

    def do_enumerate(self, request: Request) -> Answer:
        return {"certificates": self._register.certificates(request["filter"])}

    def do_crl_get(self, _: Request) -> Answer:
        return {"crl": self._authority.crl_pem()}

    def do_crl_generate(self, _: Request) -> Answer:
        self._authority.write_crl()
        return {}

    def do_publish(self, _: Request) -> Answer:
        self._notify()
        return {}

    def do_option_set(self, request: Request) -> Answer:
        self._register.set_value(request["option"], 1)
        return {}

    def do_option_unset(self, request: Request) -> Answer:
        self._register.set_value(request["option"], 0)
        return {}

    def do_option_get(self, _: Request) -> Answer:
        return {"options": [MULTIPLE_NAMES] if self._allows_multiple_names() else []}

    def _allows_multiple_names(self) -> bool:
        return bool(self._register.value(MULTIPLE_NAMES, knob("vmca.multiplesan", False)))

    def _policy(self, administrator: bool) -> Policy:
        return Policy(
            pnid=_pnid(),
            aia_path=knob("vmca.aia_path", "/afd/vecs/ssl"),
            leaf=timedelta(days=knob("vmca.leaf_validity_days", 730)),
            multiple_names=self._allows_multiple_names(),
            administrator=administrator,
        )


class Publisher:
    """Puts the CA chain and the CRL into the local directory: at start, when notified, and every five hours."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._wanted = threading.Event()
        self._wanted.set()

    def notify(self) -> None:
        self._wanted.set()

    def run(self) -> None:
        pause = _PUBLISH_EVERY
        while True:
            self._wanted.wait(pause)
            self._wanted.clear()
            pause = _PUBLISH_EVERY if self._publish() else _PUBLISH_AGAIN

    def _publish(self) -> bool:
        if not self._authority.chain:
            return True
        request = {
            "op": "ca_publish",
            "cert": self._authority.chain_pem(),
            "crl": self._authority.crl_pem(),
            "update": True,
        }
        try:
            return ipc.call(paths.VMDIR_SOCKET, request)["code"] == 0
        except OSError:
            return False


def first_boot() -> None:
    """Make the root of a new node as its installer does (vmware-cli.md §1.6, selfca), unless it has one."""
    folder = Path(paths.VMCA_DATA)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "root.cer").exists():
        return
    node = identity()
    age = node.get("root_age_days", node.get("machine_certificate_age_days", _MACHINE_AGE_DAYS) + _ROOT_LEAD_DAYS)
    start = datetime.now(UTC) - timedelta(days=age)
    fields = vmca_pki.Fields(
        name="CA",
        domain=node["domain"],
        country="US",
        state="California",
        organization=node["pnid"],
        unit="VMware Engineering",
        email="email@acme.com",
        address="127.0.0.1",
    )
    key = vmca_keys.new_key()
    end = start + timedelta(days=node.get("root_days", _ROOT_DAYS))
    root = vmca_pki.self_signed(fields, key, start, end, path_length=0)
    authority = _authority(folder)
    authority.write([root], key)
    authority.write_crl()


def first_boot_leaf(
    subject: list[tuple[str, str]],
    dns: list[str],
    ip: list[str],
    email: list[str],
    not_before: datetime,
    days: int,
    key_pem: str | None = None,
) -> tuple[str, str]:
    """Private key and certificate as PEM, signed with the CA on disk, as 7.0's first boot issues them (§1.9.2).

    `subject` is attribute and value in order; a key is made when none is given. Works in the caller's process.
    """
    authority = _first_boot_authority()
    key: Any = pki.private_key(key_pem) if key_pem else vmca_keys.new_key()
    names = vmca_pki.Fields(email=",".join(email), address=",".join(ip), hostname=",".join(dns)).alternative_names()
    wanted = [
        vmca_pki.key_usage("digital_signature", "key_encipherment", "key_agreement"),
        *([names] if names else []),
        authority.authority_key(),
        issuers_url(identity()["pnid"], _FIRST_BOOT_AIA),
    ]
    name = x509.Name([x509.NameAttribute(_ATTRIBUTES[attribute], value) for attribute, value in subject])
    cert = authority.issue(name, key.public_key(), not_before, not_before + timedelta(days=days), wanted)
    return vmca_keys.private_pem(key) + "\n", cert + "\n"


def serve() -> None:
    """Answer requests until SIGTERM or SIGINT."""
    folder = Path(paths.VMCA_DATA)
    folder.mkdir(parents=True, exist_ok=True)
    register = Register(folder / "certs.db")
    authority = Authority(folder, register)
    authority.load()
    publisher = Publisher(authority)
    daemon = Vmcad(authority, register, publisher.notify)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ipc.serve(paths.VMCA_SOCKET, daemon.handle)
    ipc.serve((identity().get("listen", ""), paths.VMCA_PORT), daemon.handle)
    threading.Thread(target=publisher.run, daemon=True).start()
    stop.wait()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(paths.VMCA_SOCKET)


@functools.cache
def _first_boot_authority() -> Authority:
    """The CA that first boot made, read once: a new node gets many certificates."""
    return _authority(Path(paths.VMCA_DATA))


def _authority(folder: Path) -> Authority:
    authority = Authority(folder, Register(folder / "certs.db"))
    authority.load()
    return authority


def _is_for_administrators(operation: str) -> bool:
    return operation in _ADMIN_ONLY or (operation == "sign" and knob("vmca.require_caadmins", False))


def _authenticated(request: Request, peer: ipc.Peer) -> bool:
    """Whether the caller is a CAAdmins member; raises VmcaError for callers that nobody vouches for.

    The directory is asked for every caller, also where no administrator is needed.
    """
    if request.get("upn"):
        answer = _directory({"op": "authenticate", "user": request["upn"], "password": request.get("password", "")})
        if answer["code"]:
            raise VmcaError(vmca_errors.AUTH_METHOD)
        who = request["upn"]
    elif request.get("machine") and peer.uid == 0:
        who = identity()["machine_account"]["name"]
    else:
        raise VmcaError(vmca_errors.KRB_ACCESS_DENIED)
    return _directory({"op": "is_caadmin", "who": who}).get("member", False) is True


def _directory(request: Request) -> Answer:
    try:
        return ipc.call(paths.VMDIR_SOCKET, request)
    except OSError:
        raise VmcaError(vmca_errors.AUTH_METHOD) from None


def _pnid() -> str:
    """The host name for the AIA address, which vmafdd keeps; raises VmcaError 1021 when it is down."""
    try:
        return ipc.call(paths.VMAFD_SOCKET, {"op": "identity"})["pnid"]
    except OSError:
        raise VmcaError(vmca_errors.CANNOT_CONNECT_VMAFD) from None


def main(argv: list[str]) -> int:
    if argv == ["--first-boot"]:
        first_boot()
    else:
        serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
