# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. Subject alternative names and subject fields: when two are the same, and what certool.cfg can state.

Names are handled as `{"dns": [...], "ip": [...], "email": [...]}`, in order.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping

KINDS = ("dns", "ip", "email")
Names = dict[str, list[str]]

# What the vendor's template puts into a certificate when nobody edits it (vmware-cli.md §2.2).
_TEMPLATE_NAMES = {"dns": {"server.acme.com"}, "ip": {"127.0.0.1"}, "email": {"email@acme.com"}}
_TEMPLATE_FIELDS = {"acme", "acmeorg", "acmeorg engineering"}

# `#` begins a comment, a comma splits a value, quotes are taken literally (vmware-cli.md §2.1, §2.3).
_UNUSABLE = re.compile(r"""[#,"'\x00-\x1f\x7f]""")
_DNS_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z", re.IGNORECASE)
_FIELD_LENGTHS = {"organization": 64, "organizational_unit": 64, "state": 128, "locality": 128}
# certool silently drops what does not fit into its buffer of 2048 bytes (vmware-cli.md §2.4).
_SAN_BUFFER = 2048


def normal(kind: str, name: str) -> str:
    """A form by which two names of a kind are the same: DNS names know no case, addresses have many spellings."""
    if kind == "ip":
        try:
            return str(ipaddress.ip_address(name))
        except ValueError:
            return name
    if kind == "email":
        user, at, domain = name.rpartition("@")
        return f"{user}{at}{domain.lower()}"
    return name.lower().removesuffix(".")


def unique(kind: str, names: Iterable[str]) -> list[str]:
    """The names in order, each once, in the spelling that came first."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(normal(kind, name), name)
    return list(found.values())


def contains(kind: str, names: Iterable[str], name: str) -> bool:
    """Is the name among them, whatever the spelling?"""
    return normal(kind, name) in {normal(kind, each) for each in names}


def is_ip(text: str) -> bool:
    """Is this an IP address in a spelling that certool takes, so without brackets or a prefix length?"""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_wildcard(name: str) -> bool:
    """VMCA refuses these (vmware-cli.md §1.9.1 rows 10 and 11)."""
    return "*" in name


def is_template_name(kind: str, name: str) -> bool:
    """Is it a leftover of the vendor's template?"""
    return normal(kind, name) in _TEMPLATE_NAMES[kind]


def is_template_field(value: str | None) -> bool:
    """Is a subject field a leftover of the vendor's template?"""
    return (value or "").strip().lower() in _TEMPLATE_FIELDS


def name_problem(kind: str, name: str) -> str | None:
    """Why a name cannot be asked for; None when it can."""
    if not name.strip():
        return "is empty"
    if is_wildcard(name):
        return f"is a wildcard ({name}), which VMCA refuses"
    if _UNUSABLE.search(name) or name != name.strip() or " " in name:
        return f"has a character that certool.cfg cannot state ({name!r})"
    return {"dns": _dns_problem, "ip": _ip_problem, "email": _email_problem}[kind](name)


def field_problem(field: str, value: str) -> str | None:
    """Why a subject field cannot be asked for; None when it can. An empty one can: it is left out."""
    if not value:
        return None
    if _UNUSABLE.search(value):
        return f"has a comma, a #, a quote or a control character ({value!r}), which certool.cfg cannot state"
    if value != value.strip():
        return f"begins or ends with a blank ({value!r}), which certool.cfg cannot state"
    if field == "country":
        return None if re.fullmatch(r"[A-Za-z]{2}", value) else f"is not two letters ({value!r})"
    limit = _FIELD_LENGTHS[field]
    return f"is longer than {limit} characters" if len(value) > limit else None


def buffer_problem(names: Mapping[str, Iterable[str]]) -> str | None:
    """Why the names together are too much for certool; None when they are not."""
    prefixes = {"dns": "DNS:", "ip": "IP:", "email": "email:"}
    size = sum(len(prefixes[kind]) + len(name) + 2 for kind in KINDS for name in names[kind])
    return f"need {size} bytes, and certool drops what is over {_SAN_BUFFER}" if size > _SAN_BUFFER else None


def _dns_problem(name: str) -> str | None:
    if is_ip(name):
        return f"is an IP address ({name}); give it as one"
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or not all(_DNS_LABEL.match(label) for label in labels):
        return f"is no DNS name ({name!r})"
    return None


def _ip_problem(name: str) -> str | None:
    return None if is_ip(name) else f"is no IP address ({name!r}); no brackets, no prefix length, no zone"


def _email_problem(name: str) -> str | None:
    user, _at, domain = name.rpartition("@")
    if not user or "@" in user or _dns_problem(domain) or not name.isascii():
        return f"is no e-mail address ({name!r})"
    return None
