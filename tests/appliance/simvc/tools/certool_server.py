# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of certool that talk to VMCA, vmafd or the directory (vmware-cli.md §1.6)."""

from __future__ import annotations

import os
import time

from .. import console, ipc, pki
from ..vmca_errors import (
    ALREADY_EXISTS,
    ARGUMENT_ERROR,
    CRL_LOCAL_ERROR,
    KEY_IO_FAILURE,
    NOT_SUPPORTED,
    SERVER_DOWN,
    TIME_OUT,
    VmcaError,
)
from . import certool_files as files
from . import certool_local as local
from .certool_client import Server, directory_address, vmafd
from .program_options import Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..vmca_pki import Fields

SERVER_OPTIONS = ("multiplesan",)

# Seconds between two looks at a server that is waited for.
POLL = 10

# Of a certificate, in seconds.
_BACKDATED = 10 * 60
_VALIDITY = local.VALIDITY_DAYS * 24 * 60 * 60


def self_signed_root(values: Values, server: Server) -> None:
    """Make a root, install it in VMCA and put it into the local TRUSTED_ROOTS."""
    from .. import vmca_keys, vmca_pki

    key = vmca_keys.new_key()
    fields = _root_fields(values)
    with _glued("Error: {}, Failed to create CSR\n"):
        local.check_country(values)
    with _glued("Error: {}, Failed to create root certificate\n"):
        root = local.with_report(lambda: vmca_pki.self_signed(fields, key, *local.ca_lifetime(values)))
    with _glued("Error: {}, Failed to open connection to server\n"):
        server.open()
    with _glued("Error: {}, Failed to add root certificate\n"):
        _add_root(server, pki.pem(root), vmca_keys.private_pem(key))
    _trust(pki.pem(root))


def install_root(values: Values, server: Server) -> None:
    from .. import vmca_authority

    chain = files.read_chain(values.text("cert"))
    vmca_authority.check_chain(chain)
    key = files.read_key(values.text("privkey"))
    server.open()
    _add_root(server, "".join(pki.pem(certificate) for certificate in chain), pki.key_pem(key))


def signed_certificate(values: Values, server: Server) -> None:
    """A certificate for an existing key and the fields of the config file."""
    _sign(local.config_fields(values), values, server)


def solution_user_certificate(values: Values, server: Server) -> None:
    """A certificate named after this machine, and its entry in VECS; a failure of the latter is a warning."""
    from dataclasses import replace

    node = vmafd("identity")
    fields = replace(
        local.config_fields(values),
        unit=f"mID-{node['machine_id']}",
        domain=node["domain"],
        country=values.text("Country") or "US",
        hostname=values.text("FQDN") or values.text("Hostname"),
    )
    _sign(fields, values, server)
    certificate = pki.pem(files.read_certificate(values.text("cert")))
    key = pki.key_pem(files.read_key(values.text("privkey")))
    name = values.text("Name")
    _create_store(name)
    try:
        vmafd("entry_add", store=name, alias=name, cert=certificate, key=key)
    except VmcaError as error:
        console.out(f"Warning : {_signed(error.code)}, Adding cert to VECS Store Failed.")


def revoke(values: Values, server: Server) -> None:
    certificate = files.read_certificate(values.text("cert"))
    server.open()
    server.call("revoke", cert=pki.pem(certificate))


def print_status(values: Values, server: Server) -> None:
    certificate = files.read_certificate(values.text("cert"))
    server.open()
    console.out(f"Certificate : {server.call('status', cert=pki.pem(certificate))['status']}\n")


def print_root(values: Values, server: Server) -> None:
    """The text of the signing certificate; the whole chain goes to a file when one is named."""
    from ..x509text import certificate_text

    server.open()
    chain = server.call("root_get")["cert"]
    path = values.text("cert")
    if path:
        files.write_chain(path, chain)
    console.out(certificate_text(chain))
    if path:
        console.out(f"Certificate written to file : {path}\n")


def enumerate_certificates(values: Values, server: Server) -> None:
    """An unknown filter prints nothing and is no error."""
    status = values.text("filter")
    if status == "expired":
        console.out("This flag is not currently supported\n")
        raise VmcaError(NOT_SUPPORTED)
    if status not in ("active", "revoked", "all"):
        return
    server.open()
    for number, pem in enumerate(server.call("enumerate", filter=status)["certificates"], 1):
        console.out(f"Cert \n{pem}\n")
        console.err(f"{number}\n")
        console.out(local.certificate_text(pki.certificates(pem)[0]))


def download_crl(values: Values, server: Server) -> None:
    """The file is opened, and emptied, before VMCA is asked."""
    server.open()
    try:
        files.write_text(values.text("crl"), "")
    except VmcaError:
        raise VmcaError(CRL_LOCAL_ERROR) from None
    files.write_text(values.text("crl"), server.call("crl_get")["crl"])


def regenerate_crl(_: Values, server: Server) -> None:
    server.open()
    server.call("crl_generate")


def publish_roots(_: Values, server: Server) -> None:
    server.open()
    server.call("publish")


def print_version(_: Values, server: Server) -> None:
    server.open()
    console.out(f"{server.call('version')['text']}\n")


def change_option(operation: str, values: Values, server: Server) -> None:
    option = values.text("option")
    if option not in SERVER_OPTIONS:
        console.err(f"Unrecognizable server option: {option}\n")
        raise VmcaError(ARGUMENT_ERROR)
    server.open()
    server.call(operation, option=option)


def print_options(_: Values, server: Server) -> None:
    server.open()
    console.out("".join(f"{option}\n" for option in server.call("option_get")["options"]))


def print_domain(values: Values, server: Server) -> None:
    address = directory_address(server.name, values.number("port"))
    try:
        domain = ipc.call(address, {"op": "domain"})["domain"]
    except OSError:
        raise VmcaError(SERVER_DOWN) from None
    console.out("Default Domain Name : " + ",".join(f"dc={part}" for part in domain.split(".")) + "\n")


def wait_for_vmca(values: Values, server: Server) -> None:
    """Until VMCA has a root: running alone is not enough."""

    def ready() -> bool:
        try:
            server.open()
            server.call("root_get")
        except VmcaError:
            return False
        return True

    _wait(values, ready)


def wait_for_vmdir(values: Values, server: Server) -> None:
    def ready() -> bool:
        try:
            ipc.call(directory_address(server.name, values.number("port")), {"op": "domain"})
        except (OSError, VmcaError):
            return False
        return True

    _wait(values, ready)


def _wait(values: Values, ready: Callable[[], bool]) -> None:
    minutes = values.number("wait")
    if minutes <= 0:
        raise VmcaError(ARGUMENT_ERROR)
    end = time.time() + 60 * minutes
    while time.time() < end:
        if ready():
            return
        time.sleep(POLL)
        console.out(".")
        console.flush()
    raise VmcaError(TIME_OUT)


def _sign(fields: Fields, values: Values, server: Server) -> None:
    from .. import vmca_pki

    key = files.read_key(values.text("privkey"))
    if not pki.is_rsa(key):
        raise VmcaError(KEY_IO_FAILURE)
    usage = vmca_pki.key_usage("digital_signature", "content_commitment", "key_encipherment")
    request = local.with_report(lambda: vmca_pki.signing_request(fields, key, usage))
    start = int(time.time()) - _BACKDATED
    server.open()
    with _glued("Error: {}, VMCAGetSignedCertificatePrivate() failed"):
        certificate = server.call("sign", request=request, start=start, end=start + _VALIDITY)["cert"]
    files.write_chain(values.text("cert"), certificate)


def _root_fields(values: Values) -> Fields:
    """Organization is this host's name; Locality and Hostname have no place in a root."""
    fields = local.config_fields(values)
    from dataclasses import replace

    return replace(
        fields,
        name=values.text("Name"),
        domain=_domain(),
        organization=os.uname().nodename,
        locality="",
        hostname="",
    )


def _domain() -> str:
    try:
        return vmafd("identity")["domain"]
    except VmcaError as error:
        console.out(f"Warning: {_signed(error.code)}, Failed to get domain name\n")
        return ""


def _add_root(server: Server, chain: str, key: str) -> None:
    with _glued("Error: {}, VMCAAddRootCertificatePrivate() failed"):
        server.call("root_add", cert=chain, key=key)


def _trust(root: str) -> None:
    try:
        vmafd("roots_add", cert=root)
    except VmcaError as error:
        console.out(f"Warning : {_signed(error.code)}, Adding Trusted Root to VECS Store Failed.\n")


def _create_store(name: str) -> None:
    try:
        vmafd("store_create", store=name)
    except VmcaError as error:
        if error.code != ALREADY_EXISTS:
            raise


class _glued:  # noqa: N801 (used as a function is)
    """Print what a library function says of its failure, before the error goes on."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, VmcaError):
            console.out(self.text.format(_signed(error.code)))


def _signed(code: int) -> int:
    """A 32-bit number as %d prints it."""
    return code - 2**32 if code >= 2**31 else code
