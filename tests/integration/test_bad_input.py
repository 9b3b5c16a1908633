# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bad input gets: a clear error before anything is touched, and a node that is exactly as before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
from controller import Controller, Run
from evidence import SOON_AT_REST, at_rest, differences
from simvc.lab.lab import Lab
from simvc.lab.node import Node

VECS = "/usr/lib/vmware-vmafd/bin/vecs-cli"
Trouble = Callable[[Node], AbstractContextManager[None]]


@dataclass
class Bad:
    """One kind of bad input: extra variables, or trouble on the node; the words that the error must have."""

    words: tuple[str, ...]
    variables: dict[str, Any] = field(default_factory=dict)
    trouble: Trouble = lambda node: nullcontext()


def fault(tool: str, action: str, match: str = "", **details: Any) -> Trouble:
    """A vendor tool that misbehaves."""

    @contextmanager
    def trouble(node: Node) -> Iterator[None]:
        node.add_fault(tool, action, match=match, **details)
        yield
        node.clear_faults()

    return trouble


@contextmanager
def without(node: Node, tool: str) -> Iterator[None]:
    node.remove_tool(tool)
    yield
    node.restore_tool(tool)


@contextmanager
def full_disk(node: Node) -> Iterator[None]:
    node.fill_disk()
    yield
    node.free_disk()


@contextmanager
def stopped(node: Node, service: str) -> Iterator[None]:
    assert node.ssh(f"service-control --stop {service}").returncode == 0
    yield
    assert node.ssh("service-control --start --all").returncode == 0


@contextmanager
def no_machine_certificate(node: Node) -> Iterator[None]:
    """The alias is not there. Put back from a copy that only the test has."""
    entry = "--store MACHINE_SSL_CERT --alias __MACHINE_CERT"
    shell = f"umask 077; {VECS} entry getcert {entry} --output /root/c && {VECS} entry getkey {entry} --output /root/k"
    assert node.ssh(f"{shell} && {VECS} entry delete {entry} -y").returncode == 0
    yield
    assert node.ssh(f"{VECS} entry create {entry} --cert /root/c --key /root/k && rm /root/c /root/k").returncode == 0


def subject(**fields: str) -> dict[str, Any]:
    return {"machine_ssl_subject": fields}


def sans(**kinds: list[str]) -> dict[str, Any]:
    return {"machine_ssl_extra_sans": kinds}


ROTATIONS = {
    "country of three letters": Bad(("subject.country", "USA", "two letters"), subject(country="USA")),
    "country of digits": Bad(("subject.country", "12"), subject(country="12")),
    "comma in a subject field": Bad(
        ("subject.organization", "Acme, Inc.", "comma"), subject(organization="Acme, Inc.")
    ),
    "number sign in a subject field": Bad(("subject.locality", "#"), subject(locality="Block #4")),
    "wildcard SAN": Bad(("san.dns", "*.lab.example", "wildcard"), sans(dns=["*.lab.example"])),
    "empty SAN": Bad(("san.dns", "empty"), sans(dns=[""])),
    "an address that is none": Bad(("san.ip", "300.1.2.3"), sans(ip=["300.1.2.3"])),
    "several at once": Bad(("subject.country", "san.dns"), {**subject(country="USA"), **sans(dns=["*.x.y"])}),
    "a lifetime fraction over one": Bad(("lifetime_fraction", "2"), {"machine_ssl_lifetime_fraction": 2}),
    "force without a reason": Bad(("force_reason",), {"machine_ssl_force": True}),
    "PNID missing": Bad(("PNID",), trouble=fault("vmafd-cli", "answer", "get-pnid", stdout="\n", rc=0)),
    "PNID is another name": Bad(
        ("PNID", "other.lab.example"),
        trouble=fault("vmafd-cli", "answer", "get-pnid", stdout="other.lab.example\n", rc=0),
    ),
    "vmafdd down": Bad(("vmafdd", "service-control --start"), trouble=lambda node: stopped(node, "vmafdd")),
    "vmcad down": Bad(("vmcad",), trouble=lambda node: stopped(node, "vmcad")),
    "alias missing": Bad(("__MACHINE_CERT",), trouble=no_machine_certificate),
    "full disk": Bad(("full",), trouble=full_disk),
    "certool missing": Bad(("certool",), trouble=lambda node: without(node, "certool")),
    "vecs-cli missing": Bad(("vecs-cli",), trouble=lambda node: without(node, "vecs-cli")),
    "vmafd-cli hangs": Bad(
        ("vmafd-cli", "2"), {"machine_ssl_tool_timeout": 2}, trouble=fault("vmafd-cli", "hang", "get-pnid")
    ),
    "vecs-cli hangs": Bad(
        ("vecs-cli",), {"machine_ssl_tool_timeout": 2}, trouble=fault("vecs-cli", "hang", "MACHINE_SSL_CERT")
    ),
    "vecs-cli prints garbage": Bad(
        ("vecs-cli",), trouble=fault("vecs-cli", "answer", "MACHINE_SSL_CERT", stdout="\x00\xffgarbage\n", rc=0)
    ),
    "service-control prints garbage": Bad(
        ("service",), trouble=fault("service-control", "answer", "--status", stdout="Traceback ...\n", rc=0)
    ),
    "certool prints garbage": Bad(
        ("certool",), trouble=fault("certool", "answer", "getrootca", stdout="Status : Maybe\n", rc=0)
    ),
}


@pytest.mark.parametrize("name", ROTATIONS)
def test_a_rotation_refuses_and_touches_nothing(name: str, lone: Controller, lone_lab: Lab) -> None:
    bad, (node,) = ROTATIONS[name], lone_lab.nodes
    with bad.trouble(node):
        before = node.snapshot()
        run = lone.playbook("rotate", "-e", json.dumps(bad.variables))
        after = node.snapshot()
    assert run.rc == 2, run.output
    told = " ".join(run.failures(node.name))
    assert not [word for word in bad.words if word.lower() not in told.lower()], told
    assert "Traceback (most recent" not in run.output
    assert differences(before, after) == []
    assert not run.of("machine_ssl_rotate")


def stray(controller: Controller) -> tuple[str, str]:
    """One more source for the inventory, with a host that is in no group."""
    source = controller.home / "stray.yml"
    source.write_text("all: {hosts: {stray.lab.example: }}\n")
    return "-i", str(source)


@pytest.mark.parametrize("name", ["rotate", "plan", "check", "rollback"])
@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("vcentres", "matches vcentres"),
        ("vcenters,vc0l.lab.example", "matches vc0l.lab.example"),
    ],
)
def test_hosts_that_are_none_are_no_success(lone: Controller, lone_lab: Lab, name: str, pattern: str, why: str) -> None:
    """Ansible ends well when a play finds nobody, and a pipeline would be content for ever."""
    (node,) = lone_lab.nodes
    before = node.snapshot()
    run = lone.playbook(name, *stray(lone), "-e", f"vcfleet_hosts={pattern}")
    assert run.rc == 2, run.output
    assert f"vcfleet_hosts is {pattern}" in run.output and why in run.output
    assert differences(before, node.snapshot()) == []


@pytest.mark.parametrize("name", ["rotate", "plan", "check", "rollback"])
@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--tags", "certificates", "Leave the tags away"),
        ("--skip-tags", "untagged", "Leave the tags away"),
    ],
)
def test_options_that_leave_out_everything_are_no_success(
    lone: Controller, lone_lab: Lab, name: str, option: str, value: str, why: str
) -> None:
    (node,) = lone_lab.nodes
    before = node.snapshot()
    run = lone.playbook(name, *stray(lone), option, value, "-e", "vcfleet_hosts=all")
    assert run.rc == 2, run.output
    told = " ".join(run.failures())
    assert f"{option} {value}" in told and why in told
    assert differences(before, node.snapshot()) == []


def test_a_host_that_is_in_no_group_is_looked_after_to_the_end(lone: Controller, lone_lab: Lab) -> None:
    """A run must not group its hosts: whoever a pattern like this finds would be lost to its later plays."""
    (node,) = lone_lab.nodes
    source = lone.home / "ungrouped.yml"
    reached = {
        "ansible_host": node.address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(node.key),
        "ansible_ssh_common_args": " ".join(node.ssh_options),
    }
    source.write_text(json.dumps({"all": {"hosts": {"stray.lab.example": reached}}}))
    run = lone.playbook("rotate", "-i", str(source), "-e", "vcfleet_hosts=all:&ungrouped", "--check")
    assert run.rc == 0, run.output
    (summary,) = run.of("fleet_summary")
    assert list(summary["nodes"]) == ["stray.lab.example"]


def test_options_that_leave_out_nothing_are_none_of_our_business(lone: Controller) -> None:
    run = lone.playbook("check", "--limit", "*", "--tags", "untagged", "--skip-tags", "certificates")
    assert run.rc == 0, run.output
    assert run.of("machine_ssl_assess")


def test_a_host_that_a_play_would_take_for_a_group_is_refused(lone: Controller, lone_lab: Lab) -> None:
    (node,) = lone_lab.nodes
    groups = lone.home / "groups.yml"
    groups.write_text(f"all: {{children: {{{node.name}: {{hosts: {{other.lab.example: }}}}}}}}\n")
    run = lone.playbook("rotate", "-i", str(groups))
    assert run.rc == 2, run.output
    assert f"{node.name}: the inventory has a host and a group of that name" in " ".join(run.failures())
    assert not run.of("machine_ssl_assess")


@pytest.fixture
def files(lone_lab: Lab) -> Iterator[str]:
    """Pairs and configurations on the node for the modules' own tests; two pairs that do not belong together."""
    (node,) = lone_lab.nodes
    make = "; ".join([
        "mkdir -m 0700 /root/t && cd /root/t && umask 077",
        *(f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {i}.key -out {i}.crt -subj /CN={i}.lab" for i in "12"),
        r"printf 'Country = US\nName = x\nHostname = x\n' >good.cfg",
        r"printf 'Cuntry = US\n' >unknown-key.cfg",
        r"printf '\377\376C\0' >utf16.cfg",
        ": >empty.cfg",
        "echo no >no.key",
    ])  # fmt: skip
    assert node.ssh(make).returncode == 0
    yield "/root/t"
    node.ssh("rm -rf /root/t")


def entry(**more: str) -> str:
    options = {"store": "MACHINE_SSL_CERT", "alias": "__MACHINE_CERT", "state": "present", **more}
    return " ".join(f"{key}={value}" for key, value in options.items())


MODULES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "config that is not there": (
        "certool_certificate", "key_path={t}/1.key cert_path={t}/n.crt config_path={t}/nope.cfg", ("nope.cfg",),
    ),
    "config that is a folder": (
        "certool_certificate", "key_path={t}/1.key cert_path={t}/n.crt config_path={t}", ("/root/t",),
    ),
    "config in another encoding": (
        "certool_certificate", "key_path={t}/1.key cert_path={t}/n.crt config_path={t}/utf16.cfg", ("UTF",),
    ),
    "config with an unknown key": (
        "certool_certificate", "key_path={t}/1.key cert_path={t}/n.crt config_path={t}/unknown-key.cfg", ("Cuntry",),
    ),
    "empty config": (
        "certool_certificate", "key_path={t}/1.key cert_path={t}/n.crt config_path={t}/empty.cfg", ("config",),
    ),
    "config twice": (
        "certool_certificate", "key_path={t}/1.key cert_path={t}/n.crt config_path={t}/good.cfg config=x", ("config",),
    ),
    "key that is none": (
        "certool_certificate", "key_path={t}/no.key cert_path={t}/n.crt config_path={t}/good.cfg", ("no.key",),
    ),
    "key that does not match": (
        "vecs_entry", entry(cert_path="{t}/1.crt", key_path="{t}/2.key"), ("2.key", "1.crt", "belong"),
    ),
    "certificate that is not there": (
        "vecs_entry", entry(cert_path="{t}/9.crt", key_path="{t}/1.key"), ("9.crt",),
    ),
    "store that does not exist": (
        "vecs_entry", entry(store="NO_SUCH_STORE", cert_path="{t}/1.crt", key_path="{t}/1.key"), ("NO_SUCH_STORE",),
    ),
    "store to read that does not exist": ("vecs_info", "stores=NO_SUCH_STORE", ("NO_SUCH_STORE",)),
    "service that does not exist": ("service_control", "state=stopped services=nope", ("nope",)),
    "swap of what was not staged": (
        "machine_ssl_swap", f"state=swapped sha256={'ab' * 32} pnid=vc01.lab.example node_type=embedded", ("staging",),
    ),
    "swap of no thumbprint": (
        "machine_ssl_swap", "state=swapped sha256=xyz pnid=vc01.lab.example node_type=embedded", ("sha256", "xyz"),
    ),
    "roll back without a backup": (
        "machine_ssl_swap", "state=rolled_back pnid=vc01.lab.example node_type=embedded", ("backup",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_module_refuses_and_touches_nothing(name: str, lone: Controller, lone_lab: Lab, files: str) -> None:
    module, arguments, words = MODULES[name]
    (node,) = lone_lab.nodes
    before = node.snapshot()
    run = lone.module(module, node.name, "-a", arguments.format(t=files))
    assert run.rc == 2, run.output
    told = " ".join(run.failures(node.name))
    assert not [word for word in words if word.lower() not in told.lower()], told
    left = [name for name in differences(before, node.snapshot()) if not name.startswith("/var/lib/vcfleet")]
    assert left == []
    assert [name for name in node.snapshot() if "PRIVATE" in name] == []


def test_no_root_rights(lone: Controller, lone_lab: Lab) -> None:
    (node,) = lone_lab.nodes
    before = node.snapshot()
    run = lone.playbook("rotate", "-e", "ansible_user=operator")
    assert run.rc == 2, run.output
    assert_told(run, "root", "become")
    assert differences(before, node.snapshot()) == []


def test_appliance_shell_that_lets_nothing_through(controller_for: Callable[[Lab], Controller]) -> None:
    with Lab("1x1", shell="appliance", knobs=SOON_AT_REST) as lab:
        (node,) = lab.nodes
        assert node.ssh("shell.set --enabled false", user="root").returncode == 0
        before = at_rest(lab)[node.name]
        run = controller_for(lab).playbook("rotate")
        assert run.rc == 2, run.output
        assert_told(run, "appliance shell", "shell.set --enabled true")
        assert differences(before, node.snapshot()) == []


def test_expired_root(controller_for: Callable[[Lab], Controller]) -> None:
    identity = {"root_age_days": 740, "root_days": 735, "machine_certificate_age_days": 700}
    with Lab("1x1", identity=identity, knobs=SOON_AT_REST) as lab:
        (node,) = lab.nodes
        before = at_rest(lab)[node.name]
        run = controller_for(lab).playbook("rotate")
        assert run.rc == 2, run.output
        assert_told(run, "root", "ended")
        assert differences(before, node.snapshot()) == []


def test_a_certificate_that_does_not_chain(lone: Controller, lone_lab: Lab, files: str) -> None:
    """The node's VMCA is not among the roots that the node trusts: nothing that it issues would be accepted."""
    (node,) = lone_lab.nodes
    certificate, root = (node.root / f"root/t/{name}.crt" for name in "12")
    before = node.snapshot()
    options = {"certificate": certificate.read_text(), "roots": [root.read_text()]}
    run = lone.module("machine_ssl_verify", node.name, "-a", json.dumps(options))
    assert run.rc == 2, run.output
    assert_told(run, "no trusted root has issued CN=1.lab")
    assert differences(before, node.snapshot()) == []


def test_every_reason_of_a_linked_group_at_once(controller_for: Callable[[Lab], Controller]) -> None:
    with Lab("1x3,1x1", knobs=SOON_AT_REST) as lab:
        lab["vc01"].remove_tool("certool")
        lab["vc03"].add_fault("vmafd-cli", "answer", match="get-pnid", stdout="\n", rc=0)
        before = at_rest(lab)
        run = controller_for(lab).playbook("rotate")
        assert run.rc == 2, run.output
        for node in lab.group("vsphere.local"):
            told = " ".join(run.failures(node.name))
            assert "vc01" in told and "certool" in told and "vc03" in told and "PNID" in told
            assert differences(before[node.name], node.snapshot()) == []
        assert run.stats["vc04.lab.example"]["failures"] == 0
        assert [swap["state"] for swap in run.parts("swap", "vc04.lab.example")] == ["committed"]


def assert_told(run: Run, *words: str) -> None:
    told = " ".join(run.failures())
    assert not [word for word in words if word.lower() not in told.lower()], told
