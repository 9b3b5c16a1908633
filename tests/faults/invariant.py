# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one judge of all tests here. It asks witnesses that are not the product: the vendor's tools, TLS, the disk."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import collection  # noqa: F401  (puts the helpers of the integration tests on the path)
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from evidence import key_files
from moments import STATE_DIR, Record, journal_files, records
from simvc.lab.node import Node

PORTS = (443, 5480, 7444)
KEY_MAY_BE_STAGED = ("refused", "")
HEAL_TRACES = (
    "etc/systemd/system/vcfleet-heal.service",
    "etc/systemd/system/multi-user.target.wants/vcfleet-heal.service",
    f"{STATE_DIR[1:]}/heal.pyz",
)

_VECS = "/usr/lib/vmware-vmafd/bin/vecs-cli"
_BREAK = "=== cut here ==="
_ASK = f"""
{_VECS} entry list --store MACHINE_SSL_CERT; echo "{_BREAK}"
{_VECS} entry getkey --store MACHINE_SSL_CERT --alias __MACHINE_CERT; echo "{_BREAK}"
/bin/service-control --status --all
"""
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(r"-----BEGIN (?:RSA )?PRIVATE KEY-----.*?-----END (?:RSA )?PRIVATE KEY-----", re.DOTALL)


class InvariantBroken(AssertionError):
    """The message lists everything that is not as promised."""


@dataclass(frozen=True)
class Health:
    """What a node has to be again after a swap, whatever happened in it."""

    stored: str
    census: dict[str, frozenset[str]]
    key_files: frozenset[str]


def health(node: Node) -> Health:
    """Take the measure of a node that is well."""
    listing, _key, states = _ask(node)
    return Health(_leaf(listing), _census(states), frozenset(key_files(node)))


def check(node: Node, before: Health, new: str) -> str:
    """Raise InvariantBroken unless one whole pair, old or new, is stored and served, services are as `before`, and the
    journal tells the truth. `new` is the SHA-256 of the certificate that was to come in. Returns `old` or `new`.
    """
    wrong: list[str] = []
    listing, key, states = _ask(node)
    if "Number of entries in store" not in listing:
        # Not well, but no pair is known to be lost.
        differ = "; ".join(_other_services(before.census, _census(states)))
        raise InvariantBroken(f"{node.name}: vecs-cli does not answer; {differ}")
    stored = _stored(listing, key, wrong)
    if stored not in (before.stored, new):
        wrong.append(f"VECS holds a third certificate or none: {stored or 'none'}")
    wrong += [f"port {port} presents {shown}" for port in PORTS if (shown := _shown(node, port)) != stored]
    wrong += _other_services(before.census, _census(states))
    wrong += [f"a private key in {name}" for name in sorted(key_files(node) - before.key_files)]
    wrong += _untruths(node, stored, before.stored, new)
    wrong += [f"left behind: {trace}" for trace in HEAL_TRACES if os.path.lexists(node.root / trace)]
    if wrong:
        raise InvariantBroken(f"{node.name}: " + "; ".join(wrong))
    return "new" if stored == new else "old"


def _ask(node: Node) -> list[str]:
    answer = node.run(["sh", "-c", _ASK])
    parts = answer.stdout.split(_BREAK)
    if len(parts) != 3:
        raise InvariantBroken(f"{node.name} does not even answer: {answer.stderr}")
    return parts


def _leaf(listing: str) -> str:
    found = _CERTIFICATE.search(listing)
    return _sha256(found.group()) if found else ""


def _stored(listing: str, key: str, wrong: list[str]) -> str:
    """The SHA-256 of the stored certificate; what is not as it should be goes to `wrong`."""
    aliases = re.findall(r"^Alias\s*:\s*(\S+)", listing, re.MULTILINE)
    if aliases != ["__MACHINE_CERT"]:
        wrong.append(f"MACHINE_SSL_CERT holds {aliases}")
    if not re.search(r"^Entry type\s*:\s*Private Key", listing, re.MULTILINE):
        wrong.append("the entry is not of type Private Key")
    certificate, private = _CERTIFICATE.search(listing), _KEY.search(key)
    if not certificate or not private:
        wrong.append("no certificate or no key comes back from VECS")
    elif not _belong_together(certificate.group(), private.group()):
        wrong.append("the stored key does not belong to the stored certificate")
    return _leaf(listing)


def _sha256(pem: str) -> str:
    leaf = x509.load_pem_x509_certificate(pem.encode())
    return hashlib.sha256(leaf.public_bytes(serialization.Encoding.DER)).hexdigest()


def _belong_together(certificate: str, key: str) -> bool:
    public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    return public == serialization.load_pem_private_key(key.encode(), None).public_key()


def _shown(node: Node, port: int) -> str:
    try:
        return node.certificate_served(port)
    except OSError as error:
        return f"nothing ({error})"


def _census(states: str) -> dict[str, frozenset[str]]:
    """Names by state, as `service-control --status --all` groups them."""
    parts = re.split(r"^(\w+):$", states, flags=re.MULTILINE)
    return {state: frozenset(names.split()) for state, names in zip(parts[1::2], parts[2::2])}


def _other_services(before: dict[str, frozenset[str]], now: dict[str, frozenset[str]]) -> list[str]:
    states = sorted({*before, *now})
    return [
        f"{state}: {' '.join(sorted(changed))} differ"
        for state in states
        if (changed := before.get(state, frozenset()) ^ now.get(state, frozenset()))
    ]


def _untruths(node: Node, stored: str, old: str, new: str) -> list[str]:
    """Where the journals do not tell what became of the node."""
    wrong = []
    files = journal_files(node)
    for path in files:
        if "PRIVATE KEY" in path.read_text(errors="replace"):
            wrong.append(f"a secret in {path.name}")
        if (found := records(path)) and not _closing(found):
            wrong.append(f"{path.name} has no end: {found[-1]}")
    last = next((found for path in reversed(files) if (found := records(path))), [])
    outcome = str((_closing(last) or {}).get("outcome", ""))
    concerns_us = bool(last) and last[0].get("new_sha256") == new
    if concerns_us and stored != (new if outcome == "committed" else old):
        wrong.append(f"the journal says {outcome}, but VECS holds {stored}")
    if concerns_us and outcome == "committed":
        wrong += _backup_flaws(node.root / STATE_DIR[1:] / "backup", last, old)
    staged = node.root / STATE_DIR[1:] / "staging/machine.key"
    if concerns_us and outcome not in KEY_MAY_BE_STAGED and staged.exists():
        wrong.append(f"the staged key is left after {outcome}")
    return wrong


def _closing(found: list[Record]) -> Record | None:
    return next((record for record in found if record["event"] == "closed"), None)


def _backup_flaws(folder: Path, journal: list[Record], old: str) -> list[str]:
    """The old pair must be at hand, whole and private, for a roll back."""
    name = next((record["backup"] for record in journal if "backup" in record), None)
    if name is None:
        return ["the journal names no backup"]
    try:
        certificate = _CERTIFICATE.search((folder / name / "machine.crt").read_text())
        key = _KEY.search((folder / name / "machine.key").read_text())
        (folder / name / "about.json").read_text()
    except OSError as error:
        return [f"the backup {name} is not complete: {error}"]
    if not certificate or not key or not _belong_together(certificate.group(), key.group()):
        return [f"the backup {name} holds no whole pair"]
    if _sha256(certificate.group()) != old:
        return [f"the backup {name} is not the old pair"]
    modes = {oct(path.stat().st_mode & 0o777) for path in [folder / name, *(folder / name).iterdir()]}
    return [] if modes <= {"0o700", "0o600"} else [f"the backup {name} is open to others: {sorted(modes)}"]
