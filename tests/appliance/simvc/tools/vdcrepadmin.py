# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vdcrepadmin (vmware-cli.md §6.1): replication seen from one directory node. Failures go to stdout."""

from __future__ import annotations

import os

from .. import afd_errors, paths
from ..afd_errors import AfdError
from ..console import err, out, read_line
from ..dir_client import DirectoryServer
from ..knobs import knob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LOG = paths.ROOT + "/var/log/vmware/vmdir/vdcrepadmin.log"
_MAX_PASSWORD = 127

_SELF = "/usr/lib/vmware-vmdir/bin/vdcrepadmin"
_FLAGS, _WITH_ARGUMENT = "2nov", "fhpuwHPeas"

_MESSAGES = {
    afd_errors.ACCESS_DENIED: "Access denied",
    afd_errors.VMDIR_CANNOT_CONNECT: "Cannot connect vmdir",
    afd_errors.VMDIR_SERVER_DOWN: "Server down",
    afd_errors.VMDIR_INVALID_CREDENTIAL: "User invalid credential",
    afd_errors.LDAP_INSUFFICIENT_ACCESS: "Insufficient access",
    afd_errors.LDAP_UNWILLING_TO_PERFORM: "Unwilling to perform",
}

_SOURCE = """\
                   -h <source_hostname> [-p <source_portnumber>]
                   -u <source_username> [-w <source_password>]
"""
_TARGET = "                   -H <target_hostname> [-P <target_portnumber>]\n"


def main(argv: list[str]) -> int:
    """Run one command line (without the program's name); the answer is the 32-bit error number."""
    try:
        _open_log()
        options = _parsed(argv)
    except AfdError as error:
        return _failed(error.code)
    if options is None:
        out(_usage())
        return afd_errors.INVALID_PARAMETER
    password = options.get("-w")
    if password is None:
        err("password: ")
        password = read_line(_MAX_PASSWORD)
        err("\n")
    try:
        _FEATURES[options["-f"]](options, password)
    except AfdError as error:
        return _failed(error.code)
    return 0


def _failed(code: int) -> int:
    """The failure line; a build of 2015 has no text in it, and no blank before the number (§0.2)."""
    message = _MESSAGES.get(code, f"Unknown error {code}")
    told = f"[{code}]" if knob("vmdir.old_failure_line", False) else f" [{message}] [{code}]"
    out(f"Vdcrepadmin failed. Error{told}\n")
    return code


def _open_log() -> None:
    """A caller who may not write the log gets nowhere."""
    try:
        os.makedirs(os.path.dirname(_LOG), exist_ok=True)
        open(_LOG, "a").close()
    except OSError:
        raise AfdError(afd_errors.ACCESS_DENIED) from None


def _parsed(argv: list[str]) -> dict[str, str] | None:
    """Options by their letter with the dash, the last one of each; None for anything wrong."""
    try:
        options = getopt(argv)
    except BadOption as error:
        err(f"{_SELF}: {error}\n")
        return None
    needed = ["-h", "-u", *_NEEDED.get(options.get("-f", ""), ())]
    if options.get("-f") not in _FEATURES or any(option not in options for option in needed):
        return None
    return options


class BadOption(Exception):
    """What the C library says of an option."""


def getopt(argv: list[str]) -> dict[str, str]:
    """As getopt(3) finds them: between other words, which are dropped, and several letters in one word.

    Python's own getopt takes longer to import than all of this tool to run (ipc.py). Raises BadOption.
    """
    found: dict[str, str] = {}
    words = iter(argv)
    for word in words:
        if word == "--":
            break
        if word.startswith("--"):
            raise BadOption(f"invalid option -- '{word[2:].partition('=')[0]}'")
        letters = word[1:] if word.startswith("-") else ""
        while letters:
            letter, letters = letters[0], letters[1:]
            value: str | None = ""
            if letter in _WITH_ARGUMENT:
                value, letters = letters or next(words, None), ""
            elif letter not in _FLAGS:
                raise BadOption(f"invalid option -- '{letter}'")
            if value is None:
                raise BadOption(f"option requires an argument -- '{letter}'")
            found["-" + letter] = value
    return found


def _bound(host: str, user: str, password: str) -> tuple[DirectoryServer, str]:
    """The node as `user`, whose domain the node itself tells, and that domain."""
    domain = DirectoryServer(host).ask("domain")["domain"]
    server = DirectoryServer(host, f"{user}@{domain}", password)
    server.bind()
    return server, domain


def _source(options: dict[str, str], password: str) -> DirectoryServer:
    return _bound(options["-h"], options["-u"], password)[0]


def _show_servers(options: dict[str, str], password: str) -> None:
    node, domain = _bound(options["-h"], options["-u"], password)
    suffix = ",".join(f"dc={label}" for label in domain.split("."))
    for server in node.ask("servers")["servers"]:
        out(f"cn={server['name']},cn=Servers,cn={server['site']},cn=Sites,cn=Configuration,{suffix}\n")


def _show_partners(options: dict[str, str], password: str) -> None:
    for name in _source(options, password).ask("partners")["names"]:
        out(f"ldap://{name}\n")


def _show_partner_status(options: dict[str, str], password: str) -> None:
    partners = _source(options, password).ask("partner_status")["partners"]
    out("\n".join(_status_block(partner) for partner in partners))


def _status_block(partner: dict[str, Any]) -> str:
    lines = [f"Partner: {partner['name']}", f"Host available:   {_yes(partner['available'])}"]
    if partner["available"]:
        lines.append(f"Status available: {_yes(partner['status'])}")
    if partner["status"]:
        lines += [
            f"My last change number:             {partner['usn']}",
            f"Partner has seen my change number: {partner['seen']}",
            f"Partner is {partner['usn'] - partner['seen']} changes behind.",
        ]
    return "".join(f"{line}\n" for line in lines)


def _yes(value: bool) -> str:
    return "Yes" if value else "No"


def _show_federation_status(options: dict[str, str], password: str) -> None:
    states = []
    for server in _source(options, password).ask("servers")["servers"]:
        try:
            node = _bound(server["name"], options["-u"], password)[0]
        except AfdError as error:
            if error.code != afd_errors.VMDIR_SERVER_DOWN:
                raise
            out(f"Domain Controller: {server['name']} is NOT available\n\n")
            continue
        states.append(node.ask("replication_state"))
    for state in states:
        out(_federation_block(state, states))


def _federation_block(state: dict[str, Any], states: list[dict[str, Any]]) -> str:
    lines = [
        "",
        f"Domain Controller: {state['host']}",
        f"  Invocation ID: ......... {state['host']}",
        f"  Replication Cycles: .... {state['cycles']}",
        f"  Highest Replicable  USN: {state['usn']}",
        f"  Highest Originating USN: {state['origin_usn']}",
    ]
    if state["vector"]:
        lines += [
            "",
            "  Replication Status:                             Highest      Highest",
            "                                               Replicated  Originating   Trailing",
            "  Domain Controller Name/ID                           USN          USN     Behind",
            "  ------------------------------------------   ----------   ----------   --------",
        ]
    known = {other["host"]: other for other in states}
    for name, origin in state["vector"].items():
        replicated, lag = _progress(state, known.get(name), name, origin)
        lines.append(f"  {name:<42}   {replicated:>10}   {origin:>10}   {lag:>8}")
    return "".join(f"{line}\n" for line in (*lines, "", ""))


def _progress(state: dict[str, Any], other: dict[str, Any] | None, name: str, origin: int) -> tuple[str, str]:
    """What this node has taken over of another one, and how far behind that is."""
    if other is None:
        return "-", "-"
    if name not in state["agreements"]:
        return "-", str(other["origin_usn"] - origin) if other["origin_usn"] else "N/A"
    seen = state["agreements"][name]
    return str(seen), str(other["usn"] - seen)


def _is_first_cycle_done(options: dict[str, str], password: str) -> None:
    try:
        done = _source(options, password).ask("first_cycle")["done"]
    except AfdError as error:
        out(f"First replication cycle done: UNKNOWN, error code ({error.code})\n")
        raise
    out(f"First replication cycle done: {'TRUE' if done else 'FALSE'}\n")


def _create_agreement(options: dict[str, str], password: str) -> None:
    _agree(options, password, wanted=True)


def _remove_agreement(options: dict[str, str], password: str) -> None:
    _agree(options, password, wanted=False)


def _agree(options: dict[str, str], password: str, *, wanted: bool) -> None:
    """One way the target replicates from the source; `-2` makes it both ways."""
    source, target = options["-h"], options["-H"]
    _bound(target, options["-u"], password)[0].ask("agreement", partner=source, wanted=wanted)
    if "-2" in options:
        _source(options, password).ask("agreement", partner=target, wanted=wanted)


def _dummy_domain_write(options: dict[str, str], password: str) -> None:
    """Here `-u` is the whole UPN."""
    server = DirectoryServer(options["-h"], options["-u"], password)
    server.bind()
    server.ask("replicate_now")


def _show_attribute_metadata(options: dict[str, str], password: str) -> None:
    for server in _source(options, password).ask("servers")["servers"]:
        out(f"Domain Controller: {server['name']}\n\tEntry NOT found\n\n")


def _enable_redundant_topology(options: dict[str, str], password: str) -> None:
    _source(options, password).ask("replicate_now")


_FEATURES: dict[str, Callable[[dict[str, str], str], None]] = {
    "showpartners": _show_partners,
    "showpartnerstatus": _show_partner_status,
    "showfederationstatus": _show_federation_status,
    "showservers": _show_servers,
    "createagreement": _create_agreement,
    "removeagreement": _remove_agreement,
    "isfirstcycledone": _is_first_cycle_done,
    "dummydomainwrite": _dummy_domain_write,
    "showattributemetadata": _show_attribute_metadata,
    "enableredundanttopology": _enable_redundant_topology,
}
_NEEDED = {"createagreement": ("-H",), "removeagreement": ("-H",), "showattributemetadata": ("-e",)}


def _usage() -> str:
    blocks = []
    for position, feature in enumerate(_FEATURES):
        lead = "Usage: " if position == 0 else "       "
        target = _TARGET if "-H" in _NEEDED.get(feature, ()) else ""
        blocks.append(f"{lead}vdcrepadmin -f {feature}\n{_SOURCE}{target}")
    return "".join(blocks)
