# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool's config file: read and judged before the tool sees it (vmware-cli.md §2)."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any, Callable, Iterable, Mapping, NamedTuple

from .errors import NodeError

SUBJECT = {
    "Name": ("CN", 64),
    "DomainComponent": ("DC", 128),
    "Country": ("C", 2),
    "State": ("ST", 128),
    "Locality": ("L", 128),
    "Organization": ("O", 64),
    "OrgUnit": ("OU", 64),
}
NAMES = {"Email": "email", "IPAddress": "ip", "Hostname": "dns"}
# The shipped template's own values: whoever asks for them has not edited it (§2.2).
_TEMPLATE = {"Name": "CA", "IPAddress": "127.0.0.1", "Email": "email@acme.com", "Hostname": "server.acme.com"}
_SAN_BUFFER = 2048
_PREFIX = {"email": "email:", "ip": "IP:", "dns": "DNS:"}

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")


class Request(NamedTuple):
    """What a config asks for. `subject` holds the non-empty fields by certool's keys, `names` the SAN by kind."""

    subject: dict[str, str]
    names: dict[str, list[str]]

    @property
    def common_name(self) -> str:
        return self.subject["Name"]

    def rdns(self) -> list[tuple[str, str]]:
        """The subject as (attribute type, value), without the domain component: certool splits that its own way."""
        return [(SUBJECT[key][0], value) for key, value in self.subject.items() if key != "DomainComponent"]


def parse(text: str) -> Request:
    """Read and judge a config. Raises NodeError naming every fault at once, each with its line or key."""
    values, faults = _values(text)
    faults += _subject_faults(values)
    names = {kind: _split(values.get(key, "")) for key, kind in NAMES.items()}
    faults += _name_faults(values, names)
    faults += [
        f"{key} = {left} is left over from the vendor's template"
        for key, left in _TEMPLATE.items()
        if left in _split(values.get(key, ""))
    ]
    if faults:
        raise NodeError(
            "The certool config is refused: " + "; ".join(faults) + ".",
            "Correct it: one `Key = value` a line, values without quotes, commas only between the entries of "
            "Hostname, IPAddress and Email.",
            faults=faults,
        )
    return Request({key: values[key] for key in SUBJECT if values.get(key)}, names)


def lacking(wanted: Mapping[str, Any] | None, common_name: str | None, names: Mapping[str, Iterable[str]]) -> list[str]:
    """What of `wanted` ({"cn", "dns", "ip", "email"}, all optional) is missing, in words; the CN byte for byte."""
    if not wanted:
        return []
    missing = []
    if wanted.get("cn") and wanted["cn"] != common_name:
        missing.append(f"the common name is {common_name!r}, not {wanted['cn']!r}")
    for kind in ("dns", "ip", "email"):
        there = {canonical(kind, name) for name in names.get(kind, ())}
        missing += [
            f"{name} is not among the {kind} names"
            for name in wanted.get(kind) or ()
            if canonical(kind, name) not in there
        ]
    return missing


def canonical(kind: str, name: str) -> str:
    """One spelling of an address; other names count byte for byte."""
    if kind != "ip":
        return name
    try:
        return str(ip_address(name))
    except ValueError:
        return name


def _values(text: str) -> tuple[dict[str, str], list[str]]:
    values: dict[str, str] = {}
    faults = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            faults.append(f"line {number} ({line!r}) is no assignment")
        elif key not in SUBJECT and key not in NAMES:
            faults.append(f"line {number}: unknown key {key!r}, known are {', '.join([*SUBJECT, *NAMES])}")
        elif key in values:
            faults.append(f"line {number}: {key} is given twice")
        else:
            values[key] = value
    return values, faults


def _subject_faults(values: Mapping[str, str]) -> list[str]:
    faults = []
    if not values.get("Name"):
        faults.append("Name (the common name) is missing")
    if "Country" in values and not re.fullmatch("[A-Za-z]{2}", values["Country"]):
        faults.append(f"Country must be two letters, not {values['Country']!r}")
    for key, (_type, longest) in SUBJECT.items():
        value = values.get(key, "")
        faults += [f"{key} must not contain {what}, as in {value!r}" for what in _forbidden(value, ("a comma", ","))]
        if len(value) > longest and key != "Country":
            faults.append(f"{key} has {len(value)} characters, at most {longest} are allowed")
    if "*" in values.get("Name", ""):
        faults.append(f"Name must not be a wildcard, as {values['Name']!r} is")
    return faults


def _name_faults(values: Mapping[str, str], names: Mapping[str, list[str]]) -> list[str]:
    faults = []
    if not values.get("Hostname") and not _is_address_of_its_own(values.get("Name", ""), names["ip"]):
        faults.append("Hostname (the DNS names) is missing")
    for key, kind in NAMES.items():
        value = values.get(key, "")
        faults += [f"{key} must not contain {what}, as in {value!r}" for what in _forbidden(value)]
        faults += [f"{key}: {fault}" for fault in (_fault(kind, name) for name in names[kind]) if fault]
    size = sum(len(_PREFIX[kind]) + len(name.encode()) + 2 for kind in names for name in names[kind])
    if size >= _SAN_BUFFER:
        faults.append(
            f"Hostname, IPAddress and Email take {size} bytes; certool silently drops what is beyond {_SAN_BUFFER}"
        )
    return faults


def _is_address_of_its_own(common_name: str, addresses: list[str]) -> bool:
    """Is this for a node without a name, whose PNID is one of its addresses?"""
    return _is_address(common_name) and canonical("ip", common_name) in {canonical("ip", each) for each in addresses}


def _forbidden(value: str, *more: tuple[str, str]) -> list[str]:
    """What certool would take in another sense than was meant: no quoting exists, `#` begins a comment (§2.1)."""
    found = [what for what, character in (("a #", "#"), ("a quote", '"'), *more) if character in value]
    if value[:1] == "'" or value[-1:] == "'":
        found.append("a quote")
    if _CONTROL.search(value):
        found.append("a control character")
    return found


def _fault(kind: str, name: str) -> str | None:
    if not name:
        return "an entry of the list is empty"
    if "*" in name:
        return f"wildcards are not allowed, as in {name!r}"
    return None if _VALID[kind](name) else f"{name!r} is no valid {_CALLED[kind]}"


def _split(value: str) -> list[str]:
    """The entries of a list; certool strips the blanks around each (§2.4)."""
    return [entry.strip() for entry in value.split(",")] if value else []


def _is_host(name: str) -> bool:
    # An address is allowed: nodes without a name have had theirs among the DNS names.
    return _is_address(name) or (bool(_HOST.fullmatch(name)) and len(name) <= 253)


def _is_address(name: str) -> bool:
    try:
        return bool(ip_address(name))
    except ValueError:
        return False


_VALID: dict[str, Callable[[str], bool]] = {
    "dns": _is_host,
    "ip": _is_address,
    "email": lambda name: bool(_EMAIL.fullmatch(name)),
}
_CALLED = {"dns": "DNS name", "ip": "IP address", "email": "e-mail address"}
