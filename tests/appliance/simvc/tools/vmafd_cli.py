# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmafd-cli (vmware-cli.md §4). The exit status is a small mapped number, not the error's low byte."""

from __future__ import annotations

from .. import afd_errors
from ..afd_args import Options, parse
from ..afd_client import AfdServer, server_named
from ..afd_errors import AfdError, error_text
from ..console import err, out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Verb -> what vmafdd calls the value.
_GETTERS = {
    "get-pnid": "pnid",
    "get-domain-name": "domain-name",
    "get-domain-state": "domain-state",
    "get-dc-name": "dc-name",
    "get-site-name": "site-name",
    "get-site-guid": "site-guid",
    "get-machine-id": "machine-id",
    "get-ldu": "ldu",
    "get-rhttpproxy-port": "rhttpproxy-port",
}

# Verb -> option that carries the new value, what vmafdd calls it, what is said when it is set.
_SETTERS = {
    "set-machine-id": ("--id", "machine-id", "Machine Id [{}] was updated successfully\n"),
    "set-domain-name": ("--domain-name", "domain-name", ""),
    "set-dc-name": ("--dc-name", "dc-name", ""),
    "set-pnid": ("--network-identifier", "pnid", ""),
    "set-ldu": ("--ldu", "ldu", ""),
    "set-rhttpproxy-port": ("--port", "rhttpproxy-port", ""),
    "set-dc-port": ("--dc-port", "dc-port", ""),
}

# Accepted by the parser, refused when carried out.
_LEGACY = ("get-machine-ssl-certificate", "set-machine-ssl-certificate")

# Error number -> exit status and fixed sentence.
_FIXED = {
    afd_errors.OPTION_UNKNOWN: (2, "An unknown option was present on the command line."),
    afd_errors.OPTION_INVALID: (3, "The options present on the command line are not valid."),
    afd_errors.CANNOT_CONNECT_VMAFD: (
        20,
        "Could not connect to the local service VMware AFD.\nVerify VMware AFD is running.",
    ),
    afd_errors.VMDIR_CANNOT_CONNECT: (
        21,
        "Could not connect to the local service VMware Directory Service.\nVerify VMware Directory Service is running.",
    ),
    1000: (22, "Configuration is not correct.\nFirst boot scripts need to be executed."),
    afd_errors.VMDIR_SERVER_DOWN: (
        23,
        "Could not connect to VMware Directory Service via LDAP.\n"
        "Verify VMware Directory Service is running on the appropriate system and is reachable from this host.",
    ),
    afd_errors.VMDIR_INVALID_CREDENTIAL: (
        24,
        "Authentication to VMware Directory Service failed.\nVerify the username and password.",
    ),
    afd_errors.ACCESS_DENIED: (25, "Authorization failed.\nVerify account has proper administrative privileges."),
    afd_errors.FILE_NOT_FOUND: (
        26,
        "Object/Configuration not found.\nVerify configuration value has been set.",
    ),
}

_USAGE_HEAD = """\
Usage: vmafd-cli { arguments }

Arguments:

"""


def main(argv: list[str]) -> int:
    """Run one command line; the answer is the exit status, already mapped."""
    try:
        action = _parsed(argv)
    except AfdError as error:
        if error.code in (afd_errors.INVALID_PARAMETER, afd_errors.OPTION_UNKNOWN, afd_errors.OPTION_INVALID):
            out(_usage())
        return _failed(error.code)
    try:
        action()
    except AfdError as error:
        return _failed(error.code)
    return 0


def _failed(code: int) -> int:
    status, sentence = _FIXED.get(code, (1, None))
    err(f"Error {code}: {sentence or error_text(code)}\n")
    return status


def _parsed(argv: list[str]) -> Callable[[], None]:
    """What to do; raises AfdError 87 for a verb with nothing after it, 100001 and 100002 for other mistakes."""
    if not argv:
        raise AfdError(afd_errors.OPTION_INVALID)
    verb, tokens = argv[0], argv[1:]
    if verb not in _known_verbs():
        raise AfdError(afd_errors.OPTION_UNKNOWN)
    if not tokens:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    needed = _needed(verb)
    options = parse(tokens, needed, twice="error", unknown=afd_errors.OPTION_UNKNOWN)
    if any(options[name] is None for name in needed):
        raise AfdError(afd_errors.OPTION_INVALID)
    server = server_named(options["--server-name"] or "localhost")
    return lambda: _carry_out(verb, options, server)


def _known_verbs() -> tuple[str, ...]:
    return (*_GETTERS, *_SETTERS, *_OTHERS, *_LEGACY)


def _needed(verb: str) -> tuple[str, ...]:
    if verb in _SETTERS:
        return "--server-name", _SETTERS[verb][0]
    if verb == "get-dc-list":
        return "--server-name", "--domain-name"
    return ("--server-name",)


def _carry_out(verb: str, options: Options, server: AfdServer) -> None:
    if verb in _GETTERS:
        out(f"{_value(server, _GETTERS[verb])}\n")
    elif verb in _SETTERS:
        option, name, sentence = _SETTERS[verb]
        server.ask("config_set", name=name, value=options[option])
        out(sentence.format(options[option]))
    elif verb in _OTHERS:
        _OTHERS[verb](server)
    else:
        raise AfdError(afd_errors.INVALID_PARAMETER)


def _value(server: AfdServer, name: str) -> str:
    return str(server.ask("config_get", name=name)["value"])


def _pnid_url(server: AfdServer) -> None:
    pnid = _value(server, "pnid")
    out(f"[{pnid}]\n" if ":" in pnid else f"{pnid}\n")


def _status(server: AfdServer) -> None:
    server.ask("identity")
    out("Running\n")


def _location(path: str) -> Callable[[AfdServer], None]:
    def show(server: AfdServer) -> None:
        port = _value(server, "dc-port")
        out(f"https://{_value(server, 'dc-name')}{'' if port == '443' else ':' + port}{path}\n")

    return show


def _dc_list(server: AfdServer) -> None:
    servers = server.ask("dc_list")["servers"]
    out(f"Number of Server in the Domain = {len(servers)}\n")
    out("".join(f"Hostname = {item['name']}, Address = {item['address']}\n" for item in servers))


def _account(server: AfdServer) -> None:
    account = server.ask("account")
    name = account["name"].partition("@")[0]
    out(f"MachineAccount: {name}\nPassword: {account['password']}\n")


_OTHERS: dict[str, Callable[[AfdServer], None]] = {
    "get-pnid-url": _pnid_url,
    "get-status": _status,
    "get-ls-location": _location("/lookupservice/sdk"),
    "get-cm-location": _location("/cm/sdk"),
    "get-dc-list": _dc_list,
    "get-machine-account-info": _account,
}


def _usage() -> str:
    lines = [f"\t{verb} {' '.join(f'{name} <value>' for name in _needed(verb))}\n" for verb in _known_verbs()]
    return _USAGE_HEAD + "".join(lines) + "\ttrigger-rootcerts-refresh --server-name <value>\n\thelp\n"
