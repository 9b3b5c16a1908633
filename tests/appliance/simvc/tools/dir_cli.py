# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dir-cli (vmware-cli.md §5). Authentication always comes before input files are read."""

from __future__ import annotations

import time

from .. import afd_errors, unchecked
from ..afd_args import Options, parse
from ..afd_client import AfdServer
from ..afd_errors import AfdError, error_text, os_error_code
from ..console import err, flush, out, read_char, read_line
from ..dir_client import DirectoryServer
from ..directory_states import NORMAL, READ_ONLY, STANDALONE, STATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LOGIN = ("--login", "--password")
_PASSWORD_BUFFER = 33
_DEFAULT_LOGIN = "administrator"

# Errors with one fixed sentence instead of the usual text.
_SENTENCES = {
    afd_errors.OPTION_UNKNOWN: "An unknown option was present on the command line.",
    afd_errors.OPTION_INVALID: "The options present on the command line are not valid.",
    afd_errors.CANNOT_CONNECT_VMAFD: (
        "Could not connect to the local service VMware AFD.\nVerify VMware AFD is running."
    ),
    afd_errors.VMDIR_CANNOT_CONNECT: (
        "Could not connect to the local service VMware Directory Service.\nVerify VMware Directory Service is running."
    ),
    1000: "Configuration is not correct.\nFirst boot scripts need to be executed.",
    afd_errors.VMDIR_SERVER_DOWN: (
        "Could not connect to VMware Directory Service via LDAP.\n"
        "Verify VMware Directory Service is running on the appropriate system and is reachable from this host."
    ),
    afd_errors.VMDIR_INVALID_CREDENTIAL: (
        "Authentication to VMware Directory Service failed.\nVerify the username and password."
    ),
    afd_errors.ACCESS_DENIED: "Authorization failed.\nVerify account has proper administrative privileges.",
}
_WITH_USAGE = (afd_errors.INVALID_PARAMETER, afd_errors.OPTION_UNKNOWN, afd_errors.OPTION_INVALID)

USAGE = """\
Usage: dir-cli { arguments }

Arguments:

\tservice create --name <service principal name> --cert <certificate file>
\t               [--ssogroups <group1,group2,...>] [--wstrustrole <ActAsUser>]
\t               [--ssoadminrole <Administrator|User>] [--multitenant <True|False>]
\t               [--login <admin user id>] [--password <password>]
\tservice list   [--login <admin user id>] [--password <password>]
\tservice delete --name <service principal name>
\t               [--login <admin user id>] [--password <password>]
\tservice update --name <service principal name> --cert <certificate file>
\t               [--login <admin user id>] [--password <password>]
\tnodes list     [--server-name <hostname>]
\t               [--login <admin user id>] [--password <password>]
\tcomputer password-reset [--live-dc-hostname <hostname>]
\t               --login <admin user id> --password <password>
\ttrustedcert publish --cert <certificate file> [--crl <CRL file>] [--chain]
\t               [--login <admin user id>] [--password <password>]
\ttrustedcert publish-crl --crl <CRL file>
\t               [--login <admin user id>] [--password <password>]
\ttrustedcert unpublish --cert <certificate file>
\t               [--login <admin user id>] [--password <password>]
\ttrustedcert list [--login <admin user id>] [--password <password>]
\ttrustedcert get --id <certificate id> [--outcert <certificate file>] [--outcrl <CRL file>]
\t               [--login <admin user id>] [--password <password>]
\tpassword reset --account <account> --new <new password>
\t               [--login <admin user id>] [--password <password>]
\tpassword change --account <account> [--current <password>] [--new <new password>]
\tstate get      [--server-name <hostname>] [--domain-name <domain>]
\t               [--login <admin user id>] [--password <password>]
\tstate set      --state <NORMAL|READONLY|STANDALONE>
\t               [--server-name <hostname>] [--domain-name <domain>]
\t               [--login <admin user id>] [--password <password>]
\tdomain-functional-level get [--server-name <hostname>] [--domain-name <domain>]
\t               [--login <admin user id>] [--password <password>]
\tdomain-functional-level set [--level <level>] [--server-name <hostname>] [--domain-name <domain>]
\t               [--login <admin user id>] [--password <password>]
\thelp
"""


def main(argv: list[str]) -> int:
    """Run one command line (without the program's name); the answer is the 32-bit error number."""
    try:
        _run(argv)
    except AfdError as error:
        if error.code in _WITH_USAGE:
            out(USAGE)
        if error.code in _SENTENCES:
            err(f"dir-cli failed, error= {_SENTENCES[error.code]} {error.code}\n")
        else:
            err(f"dir-cli failed. Error {error.code}: {error_text(error.code)} \n")
        return error.code
    return 0


def _run(argv: list[str]) -> None:
    if not argv:
        raise AfdError(afd_errors.OPTION_INVALID)
    if argv[0] == "help":
        out(USAGE)
        return
    if argv[0] not in {thing for thing, _ in _VERBS}:
        raise AfdError(afd_errors.OPTION_UNKNOWN)
    verb = _VERBS.get((argv[0], argv[1] if len(argv) > 1 else ""))
    if verb is None:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    verb(argv[2:])


# Logging in


class _Principal:
    """Who logs in: `--login`, its domain asked from vmafd when it has none, and the password, prompted if need be."""

    def __init__(self, login: str | None, password: str | None, prompt_domain: str | None = None) -> None:
        login = _DEFAULT_LOGIN if login is None else login
        self.user, self.domain = _split_login(login)
        self.password = password
        if password is None:
            self.password = _read_password(f"Enter password for {self.user}@{prompt_domain or self.domain}: ")
        self.upn = f"{self.user}@{self.domain}"

    def ldap(self) -> DirectoryServer:
        """Bound to the affinitised directory node, as the LDAP verbs do it, with their error numbers."""
        server = DirectoryServer(_directory_node(), self.upn, self.password or "")
        for _ in range(2):
            try:
                server.bind()
                return server
            except AfdError as error:
                if error.code != afd_errors.VMDIR_SERVER_DOWN:
                    raise AfdError(afd_errors.LOGON_FAILURE) from None
            time.sleep(1)
        raise AfdError(afd_errors.NO_LOGON_SERVERS)

    def rpc(self, host: str | None, unreachable: int = afd_errors.VMDIR_SERVER_DOWN) -> DirectoryServer:
        """Bound to a host as the RPC verbs do it, with theirs; `unreachable` when nobody answers."""
        server = DirectoryServer(host, self.upn, self.password or "")
        try:
            server.bind()
        except AfdError as error:
            raise AfdError(unreachable if error.code == afd_errors.VMDIR_SERVER_DOWN else error.code) from None
        return server


def _split_login(login: str) -> tuple[str, str]:
    user, at, domain = login.partition("@")
    if not user:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    return user, domain if at else AfdServer().ask("config_get", name="domain-name")["value"]


def _directory_node() -> str:
    return str(AfdServer().ask("config_get", name="dc-name")["value"])


def _read_password(prompt: str) -> str:
    """A line of stdin into a buffer of 33 bytes; raises AfdError 1325 when it is empty."""
    out(prompt)
    flush()
    password = read_line(_PASSWORD_BUFFER)
    if len(password) < _PASSWORD_BUFFER:
        out("\n")
        flush()
    if not password:
        raise AfdError(afd_errors.PASSWORD_RESTRICTION)
    return password


def _principal(options: Options) -> _Principal:
    return _Principal(options["--login"], options["--password"])


# trustedcert


def _publish(tokens: list[str]) -> None:
    options = parse(tokens, ("--cert", "--crl", *_LOGIN), ("--chain",), twice="last")
    path = _required(options, "--cert")
    server = _principal(options).ldap()
    chain = _certificates(path)
    if len(chain) > 1 and not options.flag("--chain"):
        err(
            f"The file [{path}] contains more than 1 certificate\n"
            "If you want to publish a chain of certificates, use the command "
            '"trustedcert publish" with the --chain flag.\n'
        )
        raise AfdError(afd_errors.INVALID_DATA)
    for certificate in chain:
        server.ask("ca_add", cert=_pem(certificate))
    if options["--crl"] is not None:
        _send_crl(server, options["--crl"])
    out("Certificate pubished successfully\n")


def _publish_crl(tokens: list[str]) -> None:
    options = parse(tokens, ("--crl", *_LOGIN), twice="last")
    path = _required(options, "--crl")
    _send_crl(_principal(options).ldap(), path)
    out("CRL pubished successfully\n")


def _send_crl(server: DirectoryServer, path: str) -> None:
    from .. import pki

    revocations = pki.crl(_file_text(path))
    if revocations is None:
        raise AfdError(afd_errors.CERT_IO_FAILURE)
    # Kept without its last newline, as everywhere in this product.
    text = pki.pem(revocations)[:-1]
    server.ask("crl_publish", crl=text, id=pki.authority_id(revocations), dn=pki.compat_name(revocations.issuer))


def _unpublish(tokens: list[str]) -> None:
    from .. import pki

    options = parse(tokens, ("--cert", *_LOGIN), twice="last")
    path = _required(options, "--cert")
    server = _principal(options).ldap()
    chain = _certificates(path)
    if len(chain) != 1:
        err(f"The file [{path}] contains more than 1 certificate\n")
        raise AfdError(afd_errors.INVALID_DATA)
    server.ask("ca_remove", id=pki.directory_id(chain[0]))
    out("Certificate unpubished successfully\n")


def _list_certificates(tokens: list[str]) -> None:
    objects = _principal(parse(tokens, _LOGIN, twice="last")).ldap().ask("ca_list")["objects"]
    if not objects:
        return
    out(f"Number of certificates:\t{len(objects)}\n")
    for position, item in enumerate(objects, start=1):
        present = "yes" if item["crl"] else "no"
        out(f"#{position}:\nCN(id):\t\t{item['id']}\nSubject DN:\t{item['dn']}\nCRL present:\t{present}\n")


def _get_certificate(tokens: list[str]) -> None:
    options = parse(tokens, ("--id", "--outcert", "--outcrl", *_LOGIN), twice="last")
    identifier = _required(options, "--id")
    if options["--outcert"] is None and options["--outcrl"] is None:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    authority = _principal(options).ldap().ask("ca_get", id=identifier)["object"]
    for option, part in (("--outcert", "cert"), ("--outcrl", "crl")):
        path = options[option]
        if path is not None:
            _save(path, authority[part])
    out("Certificate retrieved successfully\n")


# service

_SERVICE_OPTIONS = ("--name", "--cert", "--multitenant", "--ssogroups", "--wstrustrole", "--ssoadminrole", *_LOGIN)
_SERVICE_CHOICES = {"--wstrustrole": ("ActAsUser",), "--ssoadminrole": ("Administrator", "User")}


def _service_options(tokens: list[str]) -> tuple[Options, str, str]:
    options = parse(tokens, _SERVICE_OPTIONS, twice="last")
    for option, choices in _SERVICE_CHOICES.items():
        if options[option] not in (None, *choices):
            raise AfdError(afd_errors.INVALID_PARAMETER)
    tenant = options["--multitenant"]
    if tenant is not None and tenant.lower() not in ("true", "false"):
        out(f"Invalid value [{tenant}]. The input value should be True or False. \n")
        raise AfdError(afd_errors.INVALID_STATE)
    return options, _required(options, "--name"), _required(options, "--cert")


def _service_create(tokens: list[str]) -> None:
    options, name, path = _service_options(tokens)
    server = _principal(options).ldap()
    refusal = "Error: Attempt to reuse certificate currently used by service [{}].\n"
    _bind_service(server, "service_create", name, path, refusal)
    out(f"Service [{name}] created successfully\n")


def _service_update(tokens: list[str]) -> None:
    options, name, path = _service_options(tokens)
    server = _principal(options).ldap()
    refusal = "Error: The same certificate cannot be used by multiple services [{}].\n"
    _bind_service(server, "service_update", name, path, refusal)
    out(f"Service [{name}] updated successfully\n")


def _bind_service(server: DirectoryServer, operation: str, name: str, path: str, refusal: str) -> None:
    from .. import pki

    chain = pki.certificates(_file_text(path))
    if not chain:
        raise AfdError(afd_errors.OPEN_FAILED)
    answer = server.reply(operation, name=name, cert=pki.pem(chain[0]))
    if "holder" in answer:
        out(refusal.format(answer["holder"]))
    afd_errors.raise_for(answer)


def _service_list(tokens: list[str]) -> None:
    names = _principal(parse(tokens, _LOGIN, twice="last")).ldap().ask("service_list")["names"]
    out("".join(f"{position}. {name}\n" for position, name in enumerate(names, start=1)))


def _service_delete(tokens: list[str]) -> None:
    options = parse(tokens, ("--name", *_LOGIN), twice="last")
    name = options["--name"]
    shown = "(null)" if name is None else name
    out(f"Confirm deleting service [{shown}] - [Y/N] : ")
    if read_char() not in ("y", "Y"):
        out(f"Service [{shown}] was not deleted\n")
        return
    name = _required(options, "--name")
    _principal(options).ldap().ask("service_delete", name=name)
    out(f"Service [{name}] deleted successfully\n")


# nodes, state, domain-functional-level

_HOST = ("--server-name", "--domain-name")


def _nodes_list(tokens: list[str]) -> None:
    options = parse(tokens, ("--server-name", *_LOGIN), twice="last", errors_twice=("--server-name",))
    principal = _principal(options)
    server = principal.rpc(options["--server-name"] or _directory_node())
    for node in server.ask("servers")["servers"]:
        out(f"Node: {node['name']}\nType: PSC\nSite: {node['site']}\n")
        for position, partner in enumerate(node["partners"], start=1):
            out(f"Partner #{position}: ldap://{partner}\n")
        out("\n")


def _state_get(tokens: list[str]) -> None:
    state = _state_server(_strict(tokens, (*_HOST, *_LOGIN))).ask("state_get")["state"]
    out(f"Directory Server State: {STATES.get(state, 'Unknown')} ({state})\n")


def _state_set(tokens: list[str]) -> None:
    options = _strict(tokens, ("--state", *_HOST, *_LOGIN))
    asked = options["--state"]
    state = {"NORMAL": NORMAL, "READONLY": READ_ONLY, "STANDALONE": STANDALONE}.get((asked or "").upper())
    if state is None:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    _state_server(options).ask("state_set", state=state)
    out(f"Directory Server State set to: {asked} ({state})\n")


def _state_server(options: Options) -> DirectoryServer:
    principal = _Principal(options["--login"], options["--password"], options["--domain-name"])
    return principal.rpc(options["--server-name"], unreachable=afd_errors.VMDIR_CANNOT_CONNECT)


def _level_get(tokens: list[str]) -> None:
    out(f"Domain Functional Level: {_level(_strict(tokens, (*_HOST, *_LOGIN)))}\n")


def _level_set(tokens: list[str]) -> None:
    out(f"Domain Functional Level set to {_level(_strict(tokens, ('--level', *_HOST, *_LOGIN)))}\n")


def _level(options: Options) -> int:
    principal = _Principal(options["--login"], options["--password"], options["--domain-name"])
    principal.rpc(options["--server-name"] or _directory_node()).ask("servers")
    return 4


# Accounts


def _password_reset(tokens: list[str]) -> None:
    options = parse(tokens, ("--account", "--new", *_LOGIN), twice="last")
    account = _required(options, "--account")
    principal = _principal(options)
    user, domain = _split_login(account)
    if domain.lower() != principal.domain.lower():
        raise AfdError(afd_errors.NO_SUCH_USER)
    new = options["--new"]
    if new is None:
        new = _read_password(f"Enter new password for [{user}@{principal.domain}]:")
    principal.ldap().ask("password_set", account=f"{user}@{principal.domain}", new=new)
    out(f"Password was reset successfully for [{account}]\n")


def _password_change(tokens: list[str]) -> None:
    options = parse(tokens, ("--account", "--current", "--new"), twice="last")
    account = _required(options, "--account")
    user, domain = _split_login(account)
    current, new = options["--current"], options["--new"]
    current = _read_password("Current password:") if current is None else current
    new = _read_password("New password:") if new is None else new
    principal = _Principal(f"{user}@{domain}", current)
    principal.ldap().ask("password_set", account=principal.upn, new=new)
    out(f"Password was changed successfully for [{account}]\n")


def _machine_reset(tokens: list[str]) -> None:
    options = parse(tokens, ("--live-dc-hostname", *_LOGIN), twice="last", errors_twice=("--live-dc-hostname",))
    local = AfdServer()
    local.ask("identity")
    login = _required(options, "--login")
    principal = _Principal(login, options["--password"] or "")
    answer = principal.rpc(options["--live-dc-hostname"] or _directory_node()).ask("machine_reset")
    local.ask("config_set", name="machine-password", value=answer["password"])
    out("Password for machine account reset.\n")


_VERBS: dict[tuple[str, str], Callable[[list[str]], None]] = {
    ("service", "create"): _service_create,
    ("service", "list"): _service_list,
    ("service", "update"): _service_update,
    ("service", "delete"): _service_delete,
    ("trustedcert", "publish"): _publish,
    ("trustedcert", "publish-crl"): _publish_crl,
    ("trustedcert", "unpublish"): _unpublish,
    ("trustedcert", "list"): _list_certificates,
    ("trustedcert", "get"): _get_certificate,
    ("nodes", "list"): _nodes_list,
    ("state", "get"): _state_get,
    ("state", "set"): _state_set,
    ("domain-functional-level", "get"): _level_get,
    ("domain-functional-level", "set"): _level_set,
    ("password", "reset"): _password_reset,
    ("password", "change"): _password_change,
    ("computer", "password-reset"): _machine_reset,
}


# Parts that several verbs share


def _strict(tokens: list[str], values: tuple[str, ...]) -> Options:
    """The grammar of the state verbs: an unknown option is 100001, one given twice 100002."""
    return parse(tokens, values, twice="error", unknown=afd_errors.OPTION_UNKNOWN)


def _required(options: Options, name: str) -> str:
    value = options[name]
    if not value:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    return value


def _file_text(path: str) -> str:
    """An input file; raises AfdError: it cannot be read, or is empty."""
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise AfdError(os_error_code(error)) from None
    if not raw:
        raise AfdError(afd_errors.FILE_INVALID)
    return raw.decode("utf-8", "surrogateescape")


def _certificates(path: str) -> list[Any]:
    from .. import pki

    chain = pki.certificates(_file_text(path))
    if not chain:
        raise AfdError(afd_errors.BAD_FORMAT)
    return chain


def _pem(certificate: Any) -> str:
    from .. import pki

    return pki.pem(certificate)


def _save(path: str, text: str | None) -> None:
    """Raises AfdError: there is nothing to save (a certificate without a CRL), the file cannot be opened."""
    if not text:
        raise AfdError(afd_errors.NOT_FOUND)
    try:
        unchecked.write(path, text + "\n")
    except OSError as error:
        raise AfdError(os_error_code(error)) from None
