# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What first boot leaves in VECS and in the directory: stores, solution users, the machine certificate (§3.3, §7.3)."""

import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from . import paths, pki
from .identity import identity
from .vecs_store import (
    MACHINE_CERT_ALIAS,
    MACHINE_SSL_CERT,
    TRUSTED_CERT,
    TRUSTED_ROOTS,
    Entry,
    VecsStore,
    checked_entry,
)

# In the order of their creation; the three system stores come before. Those named here get an entry of their name.
_SOLUTION_USERS = ("machine", "vsphere-webclient", "vpxd", "vpxd-extension", "hvc", "wcp")
_WITH_OWN_CERTIFICATE = (*_SOLUTION_USERS, "data-encipherment")
_STORES = (
    "machine",
    "vsphere-webclient",
    "vpxd",
    "vpxd-extension",
    "hvc",
    "data-encipherment",
    "APPLMGMT_PASSWORD",
    "SMS",
    "wcp",
    "BACKUP_STORE",
)
# Left over from the upgrades that a node has been through.
_LEGACY_STORE = "STS_INTERNAL_SSL_CERT"

_FINISHED = "first-boot-finished"

_MACHINE_DAYS = 730
_MACHINE_AGE_DAYS = 700


def first_boot() -> None:
    """Make VECS and the directory of a new node, unless it has them; VMCA's root must be on disk already."""
    database = paths.VMAFD_DATA + "/afd.db"
    if _finished(database):
        return
    for folder in (paths.VMAFD_DATA, paths.VMDIR_DATA):
        shutil.rmtree(folder, ignore_errors=True)
    node = identity()
    born = datetime.now(UTC).replace(microsecond=0) - timedelta(
        days=node.get("machine_certificate_age_days", _MACHINE_AGE_DAYS)
    )
    vecs = VecsStore(database)
    names = _STORES + ((_LEGACY_STORE,) if node.get("legacy_store") else ())
    for name in names:
        vecs.create(name, "root")
    root = _trust_root(vecs)
    _machine_certificate(vecs, node, born)
    services = _solution_users(vecs, node, born)
    secret = Entry("location_password_default", "Secret Key", None, secrets.token_urlsafe(24))
    vecs.add(vecs.open("APPLMGMT_PASSWORD"), secret)
    _seed_directory(node, root, services)
    vecs.set_config(_FINISHED, "yes")
    vecs.close()


def _finished(database: str) -> bool:
    if not Path(database).exists():
        return False
    vecs = VecsStore(database)
    finished = vecs.config(_FINISHED) is not None
    vecs.close()
    return finished


def _trust_root(vecs: VecsStore) -> str:
    root = pki.certificates(Path(paths.VMCA_DATA, "root.cer").read_text())[0]
    vecs.add(vecs.open(TRUSTED_ROOTS), Entry(pki.sha1(root), TRUSTED_CERT, pki.pem(root), None, 1))
    return pki.pem(root)


def _machine_certificate(vecs: VecsStore, node: dict[str, Any], born: datetime) -> None:
    subject = [("CN", node["pnid"]), ("C", "US")]
    key, cert = _leaf(subject, node, born, node.get("machine_certificate_days", _MACHINE_DAYS))
    holders = (MACHINE_SSL_CERT, _LEGACY_STORE) if node.get("legacy_store") else (MACHINE_SSL_CERT,)
    for name in holders:
        vecs.add(vecs.open(name), checked_entry(MACHINE_CERT_ALIAS, cert, key))


def _solution_users(vecs: VecsStore, node: dict[str, Any], born: datetime) -> dict[str, str]:
    """One entry for each; the answer is the account and certificate of each service in the directory."""
    place = [("C", "US"), ("ST", "California"), ("L", "Palo Alto"), ("O", "VMware")]
    services: dict[str, str] = {}
    key: str | None = None  # the first one's serves them all: making keys is what takes first boot its time
    for name in _WITH_OWN_CERTIFICATE:
        subject = [("CN", name), *place, ("OU", f"mID-{node['machine_id']}")]
        key, cert = _leaf(subject, node, born, _MACHINE_DAYS, key)
        vecs.add(vecs.open(name), checked_entry(name, cert, key))
        if name in _SOLUTION_USERS:
            services[f"{name}-{node['machine_id']}"] = cert
    return services


def _leaf(
    subject: list[tuple[str, str]], node: dict[str, Any], born: datetime, days: int, key: str | None = None
) -> tuple[str, str]:
    from .daemons.vmcad import first_boot_leaf

    return first_boot_leaf(subject, [node["pnid"]], [], [], born, days, key)


def _seed_directory(node: dict[str, Any], root: str, services: dict[str, str]) -> None:
    from .directory import Directory

    directory = Directory(paths.VMDIR_DATA)
    directory.seed(node)
    directory.publish_ca(root, None)
    for name, cert in services.items():
        directory.create_service(name, cert)
