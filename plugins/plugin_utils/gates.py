# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The conditions of a rotation that a survey can show: one small function each, findings out.

The numbers P2 to P17 are those of the gate table, field notes §5.2.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import names, x509
from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import INFO, REFUSE, WARN, Finding
from ansible_collections.vcfleet.certs.plugins.plugin_utils.policy import Policy

Survey = Mapping[str, Any]
Gate = Callable[[Survey, Policy, datetime], Iterator[Finding]]

NODE_TYPES = ("embedded", "infrastructure", "management")

# A part that is missing and has a finding of its own is not named again as unread.
_PARTS_WITH_A_GATE = frozenset({"pnid", "dns", "node_type", "machine_certificate", "crl_count"})
_PARTS_THAT_MUST_BE_READ = frozenset(
    {"sso_domain", "vmca_root", "trusted_roots", "legacy_certificate", "census", "disk", "vcha", "journal"}
)
_CORE = ("vmdird", "vmcad")
_PROXIES = frozenset({"vmware-rhttpproxy", "vmware-envoy"})
_CRLS_WARN, _CRLS_REFUSE = 30, 100  # vCert's yellow and red
_INODES_MIN = 100
_DISK_WARN_BEFORE = 0.1
_CLOCK_WARN = 5.0
_BACKDATED = timedelta(minutes=10)  # vmware-cli.md §1.6: a leaf starts so long before its request
_LEAF_DAYS = 730  # what VMCA issues, unless its own end comes first (field notes §5.3)
# Field notes §8.2: from these on, vCenter renews by itself. 8.0 U3h is the eighth patch after U3.
_AUTO_RENEW_9 = (9, 0, 2)
# The update letter is not in the version, and no public table leads from one to the other: any 8.0.3 may be U3h.
_MAY_AUTO_RENEW = (8, 0, 3)
_NUMBER = re.compile(r"[0-9]{1,9}")


def judge(survey: Survey, policy: Policy, now: datetime) -> list[Finding]:
    """All findings of all gates about a survey, in the gates' order."""
    return [finding for gate in GATES for finding in gate(survey, policy, now)]


def problem_of(survey: Survey, part: str) -> dict[str, str]:
    """Why a part of the survey could not be read: {"message", "remedy"}; empty when that is not the reason."""
    for problem in survey.get("problems") or []:
        if problem["part"] == part:
            return {"message": problem["message"], "remedy": problem.get("remedy") or ""}
    return {}


def unread(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """What the survey could not read, and no other gate tells."""
    problems = [each for each in survey.get("problems") or [] if each["part"] not in _PARTS_WITH_A_GATE]
    for severity, counts in ((REFUSE, True), (WARN, False)):
        chosen = [each for each in problems if (each["part"] in _PARTS_THAT_MUST_BE_READ) is counts]
        if chosen:
            yield Finding(
                "survey-incomplete",
                severity,
                f"Could not be read: {'; '.join(_part_and_reason(each) for each in chosen)}.",
                {"problems": [dict(each) for each in chosen]},
                " ".join(dict.fromkeys(each["remedy"] for each in chosen if each.get("remedy"))),
            )


def pnid(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """Without a PNID nothing can be said about the new certificate."""
    if not survey.get("pnid"):
        yield _missing("pnid-missing", "The node has no PNID", survey, "pnid", "See `vmafd-cli get-pnid` on the node.")


def name_service(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P5: the PNID, the node's own name and DNS, forward and reverse, say the same."""
    node_pnid, dns = survey.get("pnid"), survey.get("dns")
    if not node_pnid or names.is_ip(node_pnid):
        return
    yield from _own_name(node_pnid, survey.get("fqdn") or "")
    if dns and dns["addresses"]:
        yield from _reverse(node_pnid, dns)
        return
    yield _missing(
        "pnid-dns-mismatch",
        f"The PNID {node_pnid} does not resolve on the node",
        survey,
        "dns",
        "Put the name into DNS. vCenter services and everybody who talks to this node look for it there.",
    )


def spelling(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P5: names that differ from the PNID in upper and lower case only; 8.0 tells them apart (KB 438705)."""
    node_pnid = survey.get("pnid") or ""
    reverse = (survey.get("dns") or {}).get("reverse", {})
    others = [survey.get("fqdn") or "", *(name for found in reverse.values() for name in found)]
    variants = sorted({name for name in others if name != node_pnid and name.lower() == node_pnid.lower()})
    if variants:
        yield Finding(
            "pnid-case",
            WARN,
            f"The PNID is {node_pnid}, and elsewhere the node is called {', '.join(variants)}.",
            {"pnid": node_pnid, "variants": variants},
            "The certificate will have the PNID byte for byte, which is what vCenter compares with.",
        )


def node_type(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """Which services are core, and where the certificate authority is, depends on it."""
    found = survey.get("node_type")
    if found not in NODE_TYPES:
        yield _missing(
            "node-type-unknown",
            f"The type of the node is {found or 'not known'}, none of {', '.join(NODE_TYPES)}",
            survey,
            "node_type",
            "Is this a vCenter Server appliance? See /etc/vmware/deployment.node.type.",
        )
    elif found == "management":
        yield Finding(
            "node-type-management",
            REFUSE,
            "This is a management node. A Platform Services Controller issues its certificate: not supported.",
            {"node_type": found},
            "Converge to an embedded node (vCenter 6.7 and later can), or replace its certificate by hand.",
        )


def core_services(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P9: what a certificate is stored and issued by must run now."""
    census = survey.get("census")
    if census is None:
        return
    if "vmafdd" not in census["running"]:
        yield Finding(
            "vmafdd-down",
            REFUSE,
            "vmafdd, which holds the certificate stores, does not run.",
            {"census": census},
            "Start it with `service-control --start vmafdd`, and see /var/log/vmware/vmafdd when it does not stay.",
        )
    missing = [name for name in _CORE if name not in census["running"]]
    if missing and survey.get("node_type") != "management":
        yield Finding(
            "services-missing",
            REFUSE,
            f"{' and '.join(missing)}, without which VMCA issues no certificate, {_do(missing)} not run.",
            {"missing": missing},
            f"Start with `service-control --start {' '.join(missing)}`.",
        )


def whole_vcenter(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P9: the census of before the window is what the node is brought back to, so it should be a good one."""
    census = survey.get("census")
    if census is None:
        return
    pending = sorted([*census["start_pending"], *census["stop_pending"]])
    if pending:
        yield Finding(
            "services-pending",
            WARN,
            f"Services are on their way up or down: {', '.join(pending)}.",
            {"pending": pending},
            "Wait until they have settled: what runs just before the window is what the node is brought back to.",
        )
    absent = [] if _PROXIES & set(census["running"]) else ["vmware-rhttpproxy"]
    if survey.get("node_type") == "embedded" and "vmware-vpxd" not in census["running"]:
        absent.append("vmware-vpxd")
    if absent:
        yield Finding(
            "services-missing",
            WARN,
            f"vCenter is not all there: {' and '.join(absent)} {_do(absent)} not run.",
            {"missing": absent},
            "A rotation brings the node back to this state and to no better one. Start the services first if they can.",
        )


def high_availability(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P10: vCenter HA keeps vmafdd from starting inside the window (field notes §1.6)."""
    if survey.get("vcha"):
        yield Finding(
            "vcha-configured",
            REFUSE,
            "vCenter HA is configured, and then vmafdd may refuse to start inside the window.",
            {"vcha": True},
            "Destroy the vCenter HA cluster, rotate, and build it again.",
        )


def auto_renewal(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P12: two owners of one certificate."""
    version = _version(survey.get("version"))
    if version >= _AUTO_RENEW_9 or _MAY_AUTO_RENEW <= version < (9,):
        yield Finding(
            "auto-renew-version",
            WARN if version >= _AUTO_RENEW_9 else INFO,
            "vCenter renews its machine certificate by itself before it ends, from 8.0 U3h and from 9.0.2 on;"
            f" this node reports {survey['version']}.",
            {"version": survey["version"]},
            "Decide who owns the certificate: this rotation, early, or vCenter itself.",
        )


def disk_space(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P13: a full disk lets the vendor's tools write empty files and report success."""
    for disk in survey.get("disk") or []:
        used = 1 - disk["free"] / disk["total"] if disk["total"] else 0.0
        no_inodes = disk.get("inodes_free") is not None and disk["inodes_free"] < _INODES_MIN
        if used >= policy.disk_used_max or no_inodes:
            yield _disk_finding(REFUSE, disk, used)
        elif used >= policy.disk_used_max - _DISK_WARN_BEFORE:
            yield _disk_finding(WARN, disk, used)


def clock(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P14: peers that are behind the node see a certificate that is not valid yet."""
    offset = clock_offset(survey.get("clock"))
    if offset is None or abs(offset) < _CLOCK_WARN:
        return
    yield Finding(
        "clock-offset",
        REFUSE if abs(offset) > policy.clock_offset_max else WARN,
        f"The node's clock is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the controller's.",
        {"offset_seconds": round(offset, 3)},
        "Put time synchronisation in order, on the node or on the controller: certificates are valid by the clock.",
    )


def revocation_lists(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P15: the database reads every one of them when it starts, which has taken an hour (field notes §1.7)."""
    count = survey.get("crl_count")
    problem = problem_of(survey, "crl_count")
    remedy = "Clean TRUSTED_ROOT_CRLS up first, else the services may take an hour to start."
    if count is None and problem:
        yield Finding(
            "crl-bloat",
            REFUSE,
            f"The revocation lists on the node could not be counted: {_plainly(problem['message'])}.",
            problem,
            problem.get("remedy") or remedy,
        )
    elif count is not None and count > _CRLS_WARN:
        yield Finding(
            "crl-bloat",
            REFUSE if count > _CRLS_REFUSE else WARN,
            f"There are {count} revocation lists on the node; more than {_CRLS_REFUSE} are refused.",
            {"crl_count": count},
            remedy,
        )


def machine_certificate(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """There is one, its key is there and belongs to it: else there is nothing to go back to."""
    entry = survey.get("machine_certificate")
    if not entry or not entry.get("chain"):
        yield _missing(
            "machine-certificate-missing",
            "The node has no machine certificate that could be read",
            survey,
            "machine_certificate",
            "Put a certificate into MACHINE_SSL_CERT first; a rotation replaces one and goes back to it when need be.",
        )
    elif entry.get("key_matches") is False:
        yield Finding(
            "key-mismatch",
            REFUSE,
            "The private key of the machine certificate is missing or does not belong to it.",
            {"alias": entry.get("alias"), "type": entry.get("type")},
            "This node cannot be put back to its old certificate. Repair MACHINE_SSL_CERT by hand first.",
        )


def expired(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """An expired certificate can be rotated; other things may have broken because of it (field notes §7)."""
    leaf = _leaf(survey)
    if leaf and x509.days_left(leaf, now) < 0:
        yield Finding(
            "machine-certificate-expired",
            WARN,
            f"The machine certificate ended {x509.facts(leaf)['not_after']}.",
            {"not_after": x509.facts(leaf)["not_after"]},
            "Check the STS signing certificate as well, and restart the linked nodes after the rotation.",
        )


def issuer(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P4: who chose another authority than VMCA did so for a reason."""
    leaf, root = _leaf(survey), _signing_certificate(survey)
    if not leaf or not root or x509.is_issued_by(leaf, root):
        return
    found = x509.facts(leaf)["issuer"]
    if found == x509.facts(root)["subject"]:
        yield Finding(
            "issuer-former-vmca",
            INFO,
            "The current certificate was issued by an earlier root of this VMCA; the new one comes from the present.",
            {"issuer": found},
        )
        return
    yield Finding(
        "issuer-not-vmca",
        WARN if policy.allow_custom_ca else REFUSE,
        f"The current certificate was not issued by the node's VMCA but by {found}.",
        {"issuer": found, "vmca": x509.facts(root)["subject"]},
        ""
        if policy.allow_custom_ca
        else "Set machine_ssl_allow_custom_ca (policy.allow_custom_ca) if a certificate of VMCA is to take its place.",
    )


def vmca_validity(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P2: a certificate never ends after its authority; VMCA cuts it short without a word."""
    chain = survey.get("vmca_root") or []
    if not chain:
        return
    ends = min(chain, key=lambda pem: x509.days_left(pem, now))
    left, not_after = x509.days_left(ends, now), f"{x509.not_after(ends):%Y-%m-%dT%H:%M:%SZ}"
    evidence = {"not_after": not_after, "days_left": round(left, 1)}
    remedy = "Renew the VMCA root first, and have it trusted everywhere before anything is issued by it."
    if left < 0:
        yield Finding("vmca-root-expired", REFUSE, f"The VMCA root ended {not_after}.", evidence, remedy)
    elif left < _LEAF_DAYS:
        reason = _nothing_gained(survey, policy, now, left)
        yield Finding(
            "vmca-root-expiring",
            REFUSE if reason and not policy.force else WARN,
            f"The VMCA root ends {not_after}, and with it the new certificate{reason and f': {reason}'}.",
            evidence,
            remedy,
        )


def vmca_age(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """P3: a certificate starts ten minutes before its request, and not before its authority."""
    root = _signing_certificate(survey)
    if not root:
        return
    ready = x509.not_before(root) + _BACKDATED
    if ready > now:
        not_before = x509.facts(root)["not_before"]
        yield Finding(
            "vmca-root-new",
            REFUSE,
            f"The VMCA root is valid from {not_before} on, too new to issue certificates with.",
            {"not_before": not_before},
            f"Wait until {ready.strftime('%Y-%m-%dT%H:%M:%SZ')}.",
        )


def vmca_trust(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """Services do not start when the issuer of the machine certificate is not trusted (field notes §1.8)."""
    chain, roots = survey.get("vmca_root") or [], trusted_roots(survey)
    if not chain or survey.get("trusted_roots") is None:
        return
    if not x509.chain_to_root(chain, roots, now).subjects:
        yield Finding(
            "vmca-root-untrusted",
            REFUSE,
            "The VMCA root is not among the trusted roots of its own node, so services would not start.",
            {"vmca": x509.facts(chain[0])["subject"], "trusted_roots": len(roots)},
            "Publish the VMCA root to the directory and wait until it has arrived in TRUSTED_ROOTS.",
        )


def unfinished_journal(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """An earlier swap or restart did not come to its end."""
    journal = survey.get("journal")
    if journal:
        yield Finding(
            "journal-unfinished",
            WARN,
            f"What an earlier run began is unfinished. {journal.get('sentence') or ''}".strip(),
            {key: journal.get(key) for key in ("id", "state")},
            "A rotation finishes or undoes it first; machine_ssl_swap with state=resumed does that alone.",
        )


def failed_before(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """The last swap came to its end, and that was not the new certificate."""
    last = survey.get("last_swap") or {}
    if last.get("state") in ("rolled_back", "refused"):
        yield Finding(
            "last-swap-failed",
            WARN,
            last["sentence"],
            {key: last.get(key) for key in ("id", "state", "started_at")},
            "Put the reason right, or this swap may end in the same way.",
        )


def restarted(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """The services were restarted since the last swap, perhaps by a run that did not live to tell it."""
    last = survey.get("last_restart") or {}
    evidence = {key: last.get(key) for key in ("id", "state", "started_at")}
    if last.get("state") == "committed":
        yield Finding("services-restarted", INFO, last["sentence"], evidence)
    elif last.get("state") in ("rolled_back", "refused"):
        remedy = "Restart them, one node of the linked group at a time: machine_ssl_swap with state=restarted."
        yield Finding("last-restart-failed", WARN, last["sentence"], evidence, remedy)


def leftovers(survey: Survey, policy: Policy, now: datetime) -> Iterator[Finding]:
    """Things on the node that are good to know about."""
    if survey.get("legacy_certificate"):
        yield Finding(
            "legacy-store",
            INFO,
            "The node has the legacy store STS_INTERNAL_SSL_CERT. Its certificate is replaced together with the other.",
        )
    backup = survey.get("backup_store") or []
    if backup:
        aliases = [each["alias"] if isinstance(each, Mapping) else str(each) for each in backup]
        yield Finding(
            "backup-store-leftovers",
            INFO,
            f"BACKUP_STORE holds {', '.join(aliases)}, which raise alarms when they end although nothing uses them.",
            {"aliases": aliases},
            "Remove them with vcfleet.certs.vecs_entry, state=absent, once nobody needs them.",
        )


GATES: tuple[Gate, ...] = (
    unread,
    pnid,
    name_service,
    spelling,
    node_type,
    core_services,
    whole_vcenter,
    high_availability,
    auto_renewal,
    disk_space,
    clock,
    revocation_lists,
    machine_certificate,
    expired,
    issuer,
    vmca_validity,
    vmca_age,
    vmca_trust,
    unfinished_journal,
    failed_before,
    restarted,
    leftovers,
)


def clock_offset(clock_facts: Mapping[str, float] | None) -> float | None:
    """How far the node's clock is ahead of the controller's, in seconds; negative when behind, None when not known.

    The node read its clock between the controller's `asked` and `answered`, so in between is no offset at all.
    """
    if not clock_facts or not {"epoch", "asked", "answered"} <= clock_facts.keys():
        return None
    if clock_facts["epoch"] < clock_facts["asked"]:
        return clock_facts["epoch"] - clock_facts["asked"]
    return max(0.0, clock_facts["epoch"] - clock_facts["answered"])


def trusted_roots(survey: Survey) -> list[str]:
    """The certificates of TRUSTED_ROOTS as PEM."""
    return [pem for entry in survey.get("trusted_roots") or [] for pem in entry["chain"]]


def _own_name(node_pnid: str, fqdn: str) -> Iterator[Finding]:
    if "." in fqdn and fqdn.lower() != node_pnid.lower():
        yield Finding(
            "pnid-fqdn-mismatch",
            REFUSE,
            f"The PNID is {node_pnid}, and the node calls itself {fqdn}.",
            {"pnid": node_pnid, "fqdn": fqdn},
            "Give the node the host name that is its PNID. Changing the PNID instead is a procedure of its own.",
        )


def _reverse(node_pnid: str, dns: Mapping[str, Any]) -> Iterator[Finding]:
    outside = {address: found for address, found in dns["reverse"].items() if not _is_loopback(address)}
    found = [name for each in outside.values() for name in each]
    if any(name.lower() == node_pnid.lower() for each in dns["reverse"].values() for name in each):
        return
    if found:
        yield Finding(
            "pnid-dns-mismatch",
            REFUSE,
            f"The addresses of the PNID {node_pnid} belong to {', '.join(sorted(set(found)))} by reverse lookup.",
            {"pnid": node_pnid, **dns},
            "Correct the reverse records.",
        )
    else:
        yield Finding(
            "dns-reverse-missing",
            WARN,
            f"The addresses of the PNID {node_pnid} have no name by reverse lookup.",
            {"pnid": node_pnid, **dns},
            "Add the reverse records.",
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _missing(finding_id: str, what: str, survey: Survey, part: str, remedy: str) -> Finding:
    problem = problem_of(survey, part)
    because = f": {_plainly(problem['message'])}" if problem else ""
    return Finding(finding_id, REFUSE, f"{what}{because}.", problem, problem.get("remedy") or remedy)


def _part_and_reason(problem: Mapping[str, str]) -> str:
    return f"{problem['part']} ({_plainly(problem['message'])})"


def _plainly(message: str) -> str:
    return message.strip().rstrip(".")


def _do(subjects: list[str]) -> str:
    return "does" if len(subjects) == 1 else "do"


def _version(text: str | None) -> tuple[int, ...]:
    parts = (text or "").split(".")
    return tuple(int(part) for part in parts) if all(_NUMBER.fullmatch(part) for part in parts) else ()


def _disk_finding(severity: str, disk: Mapping[str, Any], used: float) -> Finding:
    return Finding(
        "disk-low",
        severity,
        f"{disk['path']} is {used:.0%} full and has {disk['free'] / 2**20:.0f} MiB"
        f" and {disk.get('inodes_free', 'unknown')} inodes left.",
        dict(disk),
        "Make room: on a full disk the vendor's tools write empty files and report success.",
    )


def _leaf(survey: Survey) -> str | None:
    chain = (survey.get("machine_certificate") or {}).get("chain") or []
    return chain[0] if chain else None


def _signing_certificate(survey: Survey) -> str | None:
    chain = survey.get("vmca_root") or []
    return chain[0] if chain else None


def _nothing_gained(survey: Survey, policy: Policy, now: datetime, root_days_left: float) -> str:
    """Why a certificate that ends with the root would be no better than the current one; empty when it would be."""
    leaf = _leaf(survey)
    if leaf and root_days_left <= x509.days_left(leaf, now) + 1:
        return "it would not outlive the current one"
    if root_days_left <= policy.days_left:
        return "it would be due again at once"
    return ""
