# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The verification: is a certificate what was wanted, and does the node present it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import names, x509
from ansible_collections.vcfleet.certs.plugins.plugin_utils.tls import TlsError, served

_KEY_BITS_MIN = 2048
_WEAK_SIGNATURES = ("md5", "sha1", "RSASSA-PSS")

Served = Callable[[str, int, "str | None", float], Sequence[str]]


@dataclass(frozen=True)
class Check:
    """`id` is stable; a check that does not `count` is told when it fails, and no more."""

    id: str
    ok: bool
    message: str
    counts: bool = True


@dataclass(frozen=True)
class Probe:
    """Which ports of which host to look at; `required`: not to reach one is a failure. `timeout` in seconds."""

    host: str
    ports: tuple[int, ...]
    server_name: str | None = None
    required: bool = True
    timeout: float = 10.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Probe:
        """From the option `probe` of the module."""
        return cls(**{**options, "ports": tuple(options["ports"])})


def verify(
    certificate: str,
    roots: Sequence[str],
    now: datetime,
    wanted: Mapping[str, Any] | None = None,
    probe: Probe | None = None,
    look: Served = served,
) -> dict[str, Any]:
    """Check a chain (PEM, leaf first); with `probe`, also what the node presents.

    Returns {"ok", "certificate": facts, "chain": [subjects], "served": {port: sha256 or None}, "checks": [...]} in
    JSON types. Raises X509Error for what is no certificate.
    """
    chain = x509.split(certificate)
    if not chain:
        raise x509.X509Error("There is no certificate in the text.")
    facts = x509.facts(chain[0])
    way = x509.chain_to_root(chain, [pem for root in roots for pem in x509.split(root)], now)
    seen = _seen(probe, look) if probe else {}
    checks = [
        *_name_checks(facts, wanted),
        _chain_check(way),
        _key_check(facts),
        _signature_check(facts),
        *_served_checks(facts, probe, seen),
    ]
    return {
        "ok": all(check.ok or not check.counts for check in checks),
        "certificate": facts,
        "chain": list(way.subjects),
        "served": {str(port): sha256 for port, (sha256, _reason) in seen.items()},
        "checks": [asdict(check) for check in checks],
    }


def failures(verification: Mapping[str, Any]) -> list[str]:
    """The messages of all checks that failed and count."""
    return [check["message"] for check in verification["checks"] if check["counts"] and not check["ok"]]


def notes(verification: Mapping[str, Any]) -> list[str]:
    """The messages of all checks that failed and do not count."""
    return [check["message"] for check in verification["checks"] if not check["counts"] and not check["ok"]]


def complaints(sha256: str | None, probe: Probe, look: Served = served) -> list[str]:
    """What is wrong with what the ports present, which should be the certificate with this SHA-256."""
    checks = _served_checks({"sha256": sha256}, probe, _seen(probe, look))
    return [check.message for check in checks if check.counts and not check.ok]


def _name_checks(facts: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> Iterator[Check]:
    if wanted is None:
        return
    yield Check("cn", facts["cn"] == wanted["cn"], f"The common name is {facts['cn']}, wanted is {wanted['cn']}.")
    first = "ip" if names.is_ip(wanted["cn"]) else "dns"
    found_first = (facts["sans"][first] or [None])[0]
    # A DNS name counts byte for byte; an address is no text in a certificate, and has no spelling there.
    one_spelling = names.normal("ip", wanted["cn"]) if first == "ip" else wanted["cn"]
    yield Check(
        "pnid-first",
        found_first == one_spelling,
        f"The first {first.upper()} name is {found_first}, wanted is the PNID {wanted['cn']}.",
    )
    for kind in names.KINDS:
        yield _san_check(kind, facts["sans"][kind], wanted[kind])


def _san_check(kind: str, found: list[str], wanted: list[str]) -> Check:
    missing = [name for name in wanted if not names.contains(kind, found, name)]
    surplus = [name for name in found if not names.contains(kind, wanted, name)]
    if not missing and not surplus:
        return Check(f"san-{kind}", True, f"The {kind} names are those wanted.")
    parts = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has {', '.join(surplus)} unasked"] * bool(surplus)
    return Check(f"san-{kind}", False, f"The certificate {' and '.join(parts)} among its {kind} names.")


def _chain_check(way: x509.Chain) -> Check:
    if way.ok:
        return Check("chain", True, f"It chains to {way.subjects[-1]}.")
    return Check("chain", False, " ".join(way.problems))


def _key_check(facts: Mapping[str, Any]) -> Check:
    key = facts["key"]
    ok = key["algorithm"] == "RSA" and key["bits"] >= _KEY_BITS_MIN
    return Check(
        "key", ok, f"The key is {key['algorithm']} with {key['bits']} bits; RSA from {_KEY_BITS_MIN} on will do."
    )


def _signature_check(facts: Mapping[str, Any]) -> Check:
    algorithm = facts["signature_algorithm"]
    ok = not algorithm.startswith(_WEAK_SIGNATURES)
    return Check("signature", ok, f"The signature is {algorithm}.")


def _seen(probe: Probe, look: Served) -> dict[int, tuple[str | None, str]]:
    """By port the SHA-256 of the leaf, or None and why."""
    found: dict[int, tuple[str | None, str]] = {}
    for port in probe.ports:
        try:
            leaf = look(probe.host, port, probe.server_name, probe.timeout)[0]
        except TlsError as error:
            found[port] = (None, str(error))
        else:
            found[port] = (x509.sha256(leaf), "")
    return found


def _served_checks(
    facts: Mapping[str, Any], probe: Probe | None, seen: Mapping[int, tuple[str | None, str]]
) -> Iterator[Check]:
    if probe is None:
        return
    for port, (sha256, reason) in seen.items():
        where = f"Port {port} of {probe.host}"
        if sha256 is None:
            told = f"{where} was not seen from the controller: {reason}."
            if not probe.required:
                told += " The node itself looks at its ports when it swaps, and that stands."
            yield Check(f"served-{port}", False, told, counts=probe.required)
        elif sha256 == facts["sha256"]:
            yield Check(f"served-{port}", True, f"{where} presents the certificate.")
        else:
            yield Check(f"served-{port}", False, f"{where} presents another certificate: {sha256}.")
