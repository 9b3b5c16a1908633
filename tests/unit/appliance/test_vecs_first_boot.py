# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a freshly deployed node has in VECS and in the directory (vmware-cli.md §3.3, §7.3)."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from simvc import pki
from simvc.private_node import PrivateNode

STORES = """\
MACHINE_SSL_CERT
TRUSTED_ROOTS
TRUSTED_ROOT_CRLS
machine
vsphere-webclient
vpxd
vpxd-extension
hvc
data-encipherment
APPLMGMT_PASSWORD
SMS
wcp
BACKUP_STORE
"""


@contextmanager
def booted(**identity: object) -> Iterator[PrivateNode]:
    with PrivateNode(**identity) as private:
        private.first_boot("vmcad", "vmafdd")
        private.start("vmafdd", "vmdird", "vmcad")
        yield private


@pytest.fixture(scope="module")
def node() -> Iterator[PrivateNode]:
    with booted() as private:
        yield private


def cert(node: PrivateNode, store: str, alias: str) -> x509.Certificate:
    done = node.run("vecs_cli", "entry", "getcert", "--store", store, "--alias", alias)
    return x509.load_pem_x509_certificate(done.out.encode())


def test_stores(node: PrivateNode) -> None:
    assert node.run("vecs_cli", "store", "list").out == STORES


def test_the_legacy_store_holds_the_machine_certificate() -> None:
    with booted(legacy_store=True) as node:
        assert node.run("vecs_cli", "store", "list").out == STORES + "STS_INTERNAL_SSL_CERT\n"
        for verb in ("getcert", "getkey"):
            shown = [
                node.run("vecs_cli", "entry", verb, "--store", store, "--alias", "__MACHINE_CERT").out
                for store in ("MACHINE_SSL_CERT", "STS_INTERNAL_SSL_CERT")
            ]
            assert shown[0] == shown[1]


def test_machine_certificate(node: PrivateNode) -> None:
    machine = cert(node, "MACHINE_SSL_CERT", "__MACHINE_CERT")
    assert pki.compat_name(machine.subject) == "CN=vc01.lab.example, C=US"
    names = machine.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["vc01.lab.example"]
    assert machine.not_valid_after_utc - machine.not_valid_before_utc == timedelta(days=730)
    age = datetime.now(UTC) - machine.not_valid_before_utc
    assert timedelta(days=700) <= age < timedelta(days=700, hours=1)


def test_machine_certificate_chains_to_the_trusted_root(node: PrivateNode) -> None:
    alias = node.run("vecs_cli", "entry", "list", "--store", "TRUSTED_ROOTS", "--aliases").out.splitlines()[1]
    root = cert(node, "TRUSTED_ROOTS", alias)
    assert alias == pki.sha1(root)
    cert(node, "MACHINE_SSL_CERT", "__MACHINE_CERT").verify_directly_issued_by(root)


@pytest.mark.parametrize("user", ["machine", "vsphere-webclient", "vpxd", "vpxd-extension", "hvc", "wcp"])
def test_solution_users(node: PrivateNode, user: str) -> None:
    assert pki.compat_name(cert(node, user, user).subject) == (
        f"CN={user}, C=US, ST=California, L=Palo Alto, O=VMware, OU=mID-{node.identity['machine_id']}"
    )
    services = node.run("dir_cli", "service", "list", "--password", "VMware1!").out
    assert f". {user}-{node.identity['machine_id']}\n" in services


def test_a_secret_key_without_certificate(node: PrivateNode) -> None:
    done = node.run("vecs_cli", "entry", "list", "--store", "APPLMGMT_PASSWORD")
    assert done.out == (
        "Number of entries in store :\t1\n"
        "Alias :\tlocation_password_default\nEntry type :\tSecret Key\nCertificate :\t\n\n"
    )


def test_the_root_survives_a_refresh(node: PrivateNode) -> None:
    before = node.run("vecs_cli", "entry", "list", "--store", "TRUSTED_ROOTS").out
    assert node.run("vecs_cli", "force-refresh").rc == 0
    assert node.run("vecs_cli", "entry", "list", "--store", "TRUSTED_ROOTS").out == before


def test_a_second_first_boot_changes_nothing(node: PrivateNode) -> None:
    before = node.run("vecs_cli", "entry", "getkey", "--store", "vpxd", "--alias", "vpxd").out
    node.first_boot("vmafdd")
    assert node.run("vecs_cli", "entry", "getkey", "--store", "vpxd", "--alias", "vpxd").out == before


def test_one_that_broke_off_is_begun_again() -> None:
    with PrivateNode() as node:
        with pytest.raises(subprocess.CalledProcessError):
            node.first_boot("vmafdd")  # no root yet: ends in the middle
        node.first_boot("vmcad", "vmafdd")
        node.start("vmafdd")
        assert node.run("vecs_cli", "store", "list").out == STORES
