# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. What the new machine certificate will look like, and what of the current one it loses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import names
from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import INFO, REFUSE, WARN, Finding
from ansible_collections.vcfleet.certs.plugins.plugin_utils.names import KINDS, Names
from ansible_collections.vcfleet.certs.plugins.plugin_utils.policy import SUBJECT_FIELDS, Policy

Facts = Mapping[str, Any]

_DEFAULT_COUNTRY = "US"
_CN_LENGTH = 64


@dataclass(frozen=True)
class Wanted:
    """The new certificate: its names, its subject fields (None: left out), what becomes of the current one's names."""

    cn: str
    names: Names
    subject: dict[str, str | None]
    kept: tuple[str, ...]
    added: tuple[str, ...]
    dropped: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As it travels: {"cn", "dns", "ip", "email", "subject"}."""
        return {"cn": self.cn, **self.names, "subject": self.subject}

    def changes(self) -> dict[str, list[str]]:
        """{"kept", "added", "dropped"}: subject alternative names."""
        return {"kept": list(self.kept), "added": list(self.added), "dropped": list(self.dropped)}


def plan_certificate(pnid: str, current: Facts, policy: Policy) -> tuple[Wanted, list[Finding]]:
    """The wanted certificate of a node with this PNID and current certificate, and the findings about it.

    The PNID, byte for byte, is the common name and the first name of its kind. Every usable name of the current
    certificate is kept, but for leftovers of the vendor's template and those that the policy lets go.
    """
    old: Names = {kind: list(current["sans"][kind]) for kind in KINDS}
    new = {kind: names.unique(kind, _names(kind, pnid, old[kind], policy)) for kind in KINDS}
    wanted = Wanted(
        cn=pnid,
        names=new,
        subject={field: _subject_field(field, current, policy) for field in SUBJECT_FIELDS},
        kept=_each(old, lambda kind, name: names.contains(kind, new[kind], name)),
        added=_each(new, lambda kind, name: not names.contains(kind, old[kind], name)),
        dropped=_each(old, lambda kind, name: not names.contains(kind, new[kind], name))
        + tuple(current["sans"]["other"]),
    )
    return wanted, list(_findings(wanted, current, policy))


def missing_names(pnid: str, current: Facts, policy: Policy) -> list[str]:
    """The names that the current certificate should have and lacks: the PNID, and those the policy adds."""
    asked: Names = {kind: list(policy.san[kind]) for kind in KINDS}
    asked[_kind_of(pnid)].insert(0, pnid)
    return list(_each(asked, lambda kind, name: not names.contains(kind, current["sans"][kind], name)))


def _names(kind: str, pnid: str, old: list[str], policy: Policy) -> Iterator[str]:
    if kind == _kind_of(pnid):
        yield pnid
    yield from (name for name in old if _is_kept(kind, name, policy))
    yield from policy.san[kind]


def _kind_of(pnid: str) -> str:
    return "ip" if names.is_ip(pnid) else "dns"


def _is_kept(kind: str, name: str, policy: Policy) -> bool:
    return not (
        names.is_template_name(kind, name) or _may_go(kind, name, policy) or names.name_problem(kind, name) is not None
    )


def _may_go(kind: str, name: str, policy: Policy) -> bool:
    return names.contains(kind, policy.drop_sans, name) if kind in KINDS else name in policy.drop_sans


def _subject_field(field: str, current: Facts, policy: Policy) -> str | None:
    value = policy.subject.get(field, _inherited(field, current))
    if not value and field == "country":
        return _DEFAULT_COUNTRY
    return value or None


def _inherited(field: str, current: Facts) -> str | None:
    value: str | None = current["subject_fields"][field]
    return None if names.is_template_field(value) else value


def _each(found: Names, is_one: Callable[[str, str], bool]) -> tuple[str, ...]:
    return tuple(name for kind in KINDS for name in found[kind] if is_one(kind, name))


def _findings(wanted: Wanted, current: Facts, policy: Policy) -> Iterator[Finding]:
    yield from _pnid_length(wanted)
    yield from _template_leftovers(current)
    yield from _wildcards(current, policy)
    yield from _lost_names(wanted, current, policy)
    yield from _let_go(wanted, policy)
    yield from _several_dns(wanted)
    yield from _too_many_names(wanted)
    yield from _unusable_subject(current, policy)
    yield from _other_cn(wanted, current)


def _pnid_length(wanted: Wanted) -> Iterator[Finding]:
    if len(wanted.cn) > _CN_LENGTH:
        yield Finding(
            "pnid-too-long",
            REFUSE,
            f"The PNID has {len(wanted.cn)} characters, and a common name {_CN_LENGTH} at most.",
            {"pnid": wanted.cn},
            "VMCA cannot issue a certificate for it. Change the PNID, or use a certificate of another authority.",
        )


def _template_leftovers(current: Facts) -> Iterator[Finding]:
    left = [name for kind in KINDS for name in current["sans"][kind] if names.is_template_name(kind, name)]
    left += [value for value in current["subject_fields"].values() if names.is_template_field(value)]
    if current["cn"] == "CA" or names.is_template_field(current["cn"]):
        left.append(f"CN={current['cn']}")
    if left:
        yield Finding(
            "template-leftovers",
            INFO,
            f"The current certificate has leftovers of the vendor's template: {', '.join(left)}. The new one will not.",
            {"leftovers": left},
        )


def _wildcards(current: Facts, policy: Policy) -> Iterator[Finding]:
    found = [name for name in current["sans"]["dns"] if names.is_wildcard(name) and not _may_go("dns", name, policy)]
    if found:
        yield Finding(
            "wildcard-san",
            REFUSE,
            f"The current certificate has a wildcard name that VMCA refuses to issue: {', '.join(found)}.",
            {"names": found},
            f"Let it go with machine_ssl_drop_sans: [{_quoted(found)}] (policy.drop_sans), and name the hosts it stood"
            " for in machine_ssl_extra_sans.dns (policy.san.dns).",
        )


def _lost_names(wanted: Wanted, current: Facts, policy: Policy) -> Iterator[Finding]:
    """Names that no certool.cfg can state, and that nobody has let go."""
    lost = [
        name
        for kind in (*KINDS, "other")
        for name in current["sans"][kind]
        if not _may_go(kind, name, policy) and _is_unusable(kind, name) and not _becomes_ip(kind, name, wanted)
    ]
    if lost:
        yield Finding(
            "san-dropped",
            REFUSE,
            f"The new certificate cannot have what the current one has: {', '.join(lost)}.",
            {"names": lost},
            f"Let it go with machine_ssl_drop_sans: [{_quoted(lost)}] (policy.drop_sans) if nothing relies on it.",
        )


def _is_unusable(kind: str, name: str) -> bool:
    if kind == "other":
        return True
    return names.name_problem(kind, name) is not None and not names.is_wildcard(name)


def _becomes_ip(kind: str, name: str, wanted: Wanted) -> bool:
    """An address that stands among the DNS names, as of a node without a name, and is an IP address in the new one."""
    return kind == "dns" and names.is_ip(name) and names.contains("ip", wanted.names["ip"], name)


def _let_go(wanted: Wanted, policy: Policy) -> Iterator[Finding]:
    gone = [name for name in wanted.dropped if any(_may_go(kind, name, policy) for kind in (*KINDS, "other"))]
    if gone:
        yield Finding(
            "san-dropped",
            INFO,
            f"The new certificate will not have {', '.join(gone)}, as machine_ssl_drop_sans (policy.drop_sans) says.",
            {"names": gone},
        )


def _several_dns(wanted: Wanted) -> Iterator[Finding]:
    if len(wanted.names["dns"]) > 1:
        yield Finding(
            "several-dns-sans",
            WARN,
            f"The new certificate will have {len(wanted.names['dns'])} DNS names, which not every VMCA issues.",
            {"dns": wanted.names["dns"]},
            "If VMCA refuses (70061 or 70095), nothing was touched. Allow it there (server option multiplesan), or let"
            " the others go with machine_ssl_drop_sans (policy.drop_sans).",
        )


def _too_many_names(wanted: Wanted) -> Iterator[Finding]:
    problem = names.buffer_problem(wanted.names)
    if problem:
        yield Finding(
            "sans-too-long",
            REFUSE,
            f"The subject alternative names {problem}.",
            {"names": {kind: len(found) for kind, found in wanted.names.items()}},
            "Let some go with machine_ssl_drop_sans (policy.drop_sans), or ask for fewer in machine_ssl_extra_sans"
            " (policy.san).",
        )


def _unusable_subject(current: Facts, policy: Policy) -> Iterator[Finding]:
    for field in SUBJECT_FIELDS:
        value = None if field in policy.subject else _inherited(field, current)
        problem = names.field_problem(field, value) if value else None
        if problem:
            yield Finding(
                "subject-unusable",
                REFUSE,
                f"The {field.replace('_', ' ')} of the current certificate cannot be taken over: it {problem}.",
                {"field": field, "value": value},
                f"Set machine_ssl_subject.{field} (policy.subject.{field})"
                + ("." if field == "country" else "; an empty string leaves it out."),
            )


def _other_cn(wanted: Wanted, current: Facts) -> Iterator[Finding]:
    if current["cn"] and names.normal("dns", current["cn"]) != names.normal("dns", wanted.cn):
        yield Finding(
            "cn-changes",
            INFO,
            f"The common name changes from {current['cn']} to the PNID {wanted.cn}.",
            {"from": current["cn"], "to": wanted.cn},
        )


def _quoted(values: list[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)
