# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vdcrepadmin: members and replication of the directory, seen from this node (vmware-cli.md §6.1)."""

from __future__ import annotations

import re
from typing import Any, Callable, NamedTuple, TypeVar

from .. import paths
from ..errors import ToolTimeoutError
from ..process import Completed, Runner
from . import codes
from .sso import Login

T = TypeVar("T")

_HERE = "localhost"

# Failures are on stdout, and the exit status is 0 while a partner is down: the text decides. Old builds print only the
# number (§0.2).
_FAILURE = re.compile(r"Vdcrepadmin failed\.?\s*Error\s*(?:\[.*?\]\s*)?\[(-?\d+)\]", re.IGNORECASE | re.DOTALL)
_SERVER = re.compile(r"cn=(.+?),\s*cn=Servers,\s*cn=(.+?),\s*cn=Sites,.*?((?:,\s*dc=[^,]+)+)", re.IGNORECASE)
_PARTNER_URI = re.compile(
    r"(?:ldaps?://)?(?:\[(?P<bracketed>[0-9A-F:.]+)\]|(?P<name>[A-Z0-9_-][A-Z0-9_.-]*?)\.?)(?::\d+)?/?"
    r"|(?:ldaps?://)?(?P<bare>[0-9A-F]*(?::[0-9A-F.]*){2,})/?",
    re.IGNORECASE,
)
_PARTNER = re.compile(r"^[ \t]*Partner[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE)
_FACT = r"^[ \t]*{}[ \t]*:[ \t]*{}[ \t.]*\r?$"
_BEHIND = re.compile(r"^[ \t]*Partner is[ \t]+(-?\d+)[ \t]+changes?[ \t]+behind", re.IGNORECASE | re.MULTILINE)


class Server(NamedTuple):
    """One directory node as showservers lists it; a node that died long ago is still in the list."""

    name: str
    site: str
    domain: str


class PartnerStatus(NamedTuple):
    """One partner from this node's point of view. `behind` counts changes of this node that the partner has not seen.

    It is None when the partner or its status cannot be had, and negative when the partner claims to have seen more
    than there is, as after a node was put back from a snapshot.
    """

    partner: str
    host_available: bool
    status_available: bool
    behind: int | None

    @property
    def problem(self) -> str | None:
        """What is wrong with it in words; None when it is available and 0 changes behind."""
        if not self.host_available:
            return f"the partner {self.partner} is not available"
        if not self.status_available or self.behind is None:
            return f"the replication status of the partner {self.partner} is not available"
        if self.behind < 0:
            return f"the partner {self.partner} has seen {-self.behind} changes more than this node has made"
        return f"the partner {self.partner} is {self.behind} changes behind" if self.behind else None

    def to_dict(self) -> dict[str, Any]:
        return dict(self._asdict())


class Vdcrepadmin:
    """Reads only. Every method raises ToolError; wrong credentials are code 9234, the directory down is 9127."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def servers(self, login: Login) -> list[Server]:
        """All directory nodes of the SSO domain, this one and dead ones too."""
        return self._ask("showservers", login, parse_servers)

    def partners(self, login: Login) -> list[str]:
        """The names of those that this node replicates with; empty for a lone node."""
        return self._ask("showpartners", login, parse_partners)

    def partner_status(self, login: Login, server: str = _HERE) -> list[PartnerStatus]:
        """How far each partner of a node is, this one or another member; empty for a lone node."""
        try:
            return self._ask("showpartnerstatus", login, parse_partner_status, server)
        except ToolTimeoutError as error:
            raise _waiting_for_partners(error) from error

    def _ask(self, feature: str, login: Login, parse: Callable[[str], T], server: str = _HERE) -> T:
        argv = [paths.VDCREPADMIN, "-f", feature, "-h", server, "-u", login.name]
        completed = self._runner.run(argv, stdin=login.line)
        code = error_code(completed)
        if code is not None:
            raise login.judge(completed, code)
        try:
            return parse(_said(completed))
        except ValueError as error:
            raise completed.error(
                f"{feature} printed {completed.said} ({error})",
                remedy=f"Run `vdcrepadmin -f {feature} -h {server} -u {login.name}` by hand on the node.",
            ) from error


def _waiting_for_partners(error: ToolTimeoutError) -> ToolTimeoutError:
    return ToolTimeoutError(
        f"asked how far each partner is, it {error.meaning}",
        error.argv,
        stdout=error.stdout,
        stderr=error.stderr,
        remedy="It waits for every partner that is down and answers nothing. Bring them up, remove those that were lost"
        " for good with `cmsso-util unregister`, or raise tool_timeout (machine_ssl_tool_timeout).",
    )


def error_code(completed: Completed) -> int | None:
    """The number of the failure line, unsigned as the other tools print it; the exit status has only its low byte."""
    found = _FAILURE.search(completed.stdout + "\n" + completed.stderr)
    return int(found.group(1)) & codes.LARGEST if found else None


def _said(completed: Completed) -> str:
    """Nothing at all is what a lone node says. A tool that failed may say that as well, or a part of what there is."""
    if completed.rc or "vdcrepadmin failed" in (completed.stdout + completed.stderr).lower():
        raise ValueError(f"exit status {completed.rc}")
    return completed.stdout


def parse_servers(text: str) -> list[Server]:
    """One DN a line. Raises ValueError when a line is none, or when there is no line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("no directory node, not even this one")
    return [_server(line) for line in lines]


def _server(line: str) -> Server:
    found = _SERVER.fullmatch(line)
    if found is None:
        raise ValueError(f"{line[:100]!r} is no DN of a directory node")
    labels = [part.partition("=")[2].strip() for part in found.group(3).split(",") if part.strip()]
    return Server(_unescaped(found.group(1)), _unescaped(found.group(2)), ".".join(labels))


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value.strip())


def parse_partners(text: str) -> list[str]:
    """One `ldap://name` a line, with or without the scheme and a port. Raises ValueError for any other line."""
    return [partner_name(line) for line in text.splitlines() if line.strip()]


def partner_name(uri: str) -> str:
    """The name or address in a partner's labeledURI, which may end in a label, as showservers has it.

    Raises ValueError, also for words without a scheme: they may be anything.
    """
    words = uri.split() if "://" in uri else [uri.strip()]
    found = _PARTNER_URI.fullmatch(words[0])
    if found is None:
        raise ValueError(f"{uri.strip()[:100]!r} is no partner")
    return found["bracketed"] or found["name"] or found["bare"]


def parse_partner_status(text: str) -> list[PartnerStatus]:
    """Blocks that begin with `Partner:`, in the three shapes of §6.1. Raises ValueError for a block of another shape.

    Blank lines, spacing and case do not count, nor do lines of a kind that is not known.
    """
    heads = list(_PARTNER.finditer(text))
    if not heads and text.strip():
        raise ValueError("no partner in it")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [_partner_status(head.group(1), text[head.end() : end]) for head, end in zip(heads, ends)]


def _partner_status(uri: str, block: str) -> PartnerStatus:
    partner = partner_name(uri)
    host, status = _is_yes(block, "Host available"), _is_yes(block, "Status available")
    if host is None or (host and status is None):
        raise ValueError(f"nothing on whether {partner} is available")
    if not host or not status:
        return PartnerStatus(partner, host, False, None)
    return PartnerStatus(partner, True, True, _behind(partner, block))


def _is_yes(block: str, fact: str) -> bool | None:
    found = re.search(_FACT.format(fact, "(Yes|No)"), block, re.IGNORECASE | re.MULTILINE)
    return None if found is None else found.group(1).lower() == "yes"


def _behind(partner: str, block: str) -> int:
    """As it is told, or else the difference of the two change numbers."""
    told = _BEHIND.search(block)
    if told is not None:
        return int(told.group(1))
    mine, seen = _number(block, "My last change number"), _number(block, "Partner has seen my change number")
    if mine is None or seen is None:
        raise ValueError(f"nothing on how far {partner} is")
    return mine - seen


def _number(block: str, fact: str) -> int | None:
    found = re.search(_FACT.format(fact, r"(-?\d+)"), block, re.IGNORECASE | re.MULTILINE)
    return None if found is None else int(found.group(1))
