# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules by themselves: ad hoc, as root and by becoming it, with and without pipelining, again, in check mode."""

from __future__ import annotations

import json

import pytest
from controller import Controller, Run
from evidence import differences
from simvc.lab.lab import Lab
from simvc.lab.node import Node

STAGING = "/var/lib/vcfleet/adhoc"
OPERATOR = ("-u", "operator", "--become")
KEYPAIR = {"key_path": f"{STAGING}/k", "public_key_path": f"{STAGING}/p"}
CERTIFICATE = {
    "key_path": f"{STAGING}/k",
    "cert_path": f"{STAGING}/c",
    "config": "Country = US\nName = vc01.lab.example\nHostname = vc01.lab.example\n",
    "expect": {"cn": "vc01.lab.example", "dns": ["vc01.lab.example"]},
}
ENTRY = {
    "store": "BACKUP_STORE",
    "alias": "adhoc",
    "state": "present",
    "cert_path": f"{STAGING}/c",
    "key_path": f"{STAGING}/k",
    "backup_dir": f"{STAGING}/backup",
}


@pytest.fixture
def node(lone_lab: Lab) -> Node:
    return lone_lab.nodes[0]


def result(run: Run, module: str) -> dict[str, object]:
    assert run.rc == 0, run.output
    (only,) = run.of(module)
    return only


@pytest.mark.parametrize("pipelining", ["true", "false"])
@pytest.mark.parametrize("user", [(), OPERATOR], ids=["root", "become"])
def test_reading(lone: Controller, node: Node, user: tuple[str, ...], pipelining: str) -> None:
    before = node.snapshot()
    survey = result(lone.module("appliance_info", node.name, *user, ANSIBLE_PIPELINING=pipelining), "appliance_info")
    assert survey["appliance"]["pnid"] == node.name  # type: ignore[index]
    assert survey["appliance"]["problems"] == []  # type: ignore[index]
    census = result(
        lone.module("service_control_info", node.name, *user, ANSIBLE_PIPELINING=pipelining), "service_control_info"
    )["census"]
    assert len(census["running"]) == 44 and len(census["stopped"]) == 6  # type: ignore[index,call-overload]
    stores = result(lone.module("vecs_info", node.name, *user, ANSIBLE_PIPELINING=pipelining), "vecs_info")["stores"]
    (entry,) = stores["MACHINE_SSL_CERT"]["entries"]  # type: ignore[index]
    assert entry["sha256"] == node.certificate_served()
    assert differences(before, node.snapshot()) == []


class TestWriting:
    """One after the other, each twice and in check mode before: what check mode says is what then happens, once."""

    @pytest.mark.parametrize(
        ("module", "options"),
        [("certool_keypair", KEYPAIR), ("certool_certificate", CERTIFICATE), ("vecs_entry", ENTRY)],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    @pytest.mark.parametrize("user", [(), OPERATOR], ids=["root", "become"])
    def test_check_do_again(
        self, lone: Controller, node: Node, module: str, options: dict[str, object], user: tuple[str, ...]
    ) -> None:
        arguments = ("-a", json.dumps(options), *user)
        if user:
            node.ssh(f"rm -f {options['key_path'] if module == 'certool_keypair' else options.get('cert_path')}")
        if user and module == "vecs_entry":
            assert lone.module("certool_certificate", node.name, "-a", json.dumps(CERTIFICATE), *user).rc == 0
        assert node.ssh("/usr/lib/vmware-vmafd/bin/vecs-cli store create --name BACKUP_STORE").returncode in (0, 183)
        before = node.snapshot()
        checked = result(lone.module(module, node.name, *arguments, "--check", "--diff"), module)
        assert checked["changed"] is True
        assert differences(before, node.snapshot()) == []
        done = result(lone.module(module, node.name, *arguments), module)
        assert done["changed"] is True
        after = node.snapshot()
        again = result(lone.module(module, node.name, *arguments), module)
        assert again["changed"] is False
        assert differences(after, node.snapshot()) == []
        assert "PRIVATE KEY" not in json.dumps([checked, done, again])

    def test_the_private_key_is_roots_alone(self, node: Node) -> None:
        state = node.snapshot()
        assert state[f"{STAGING}/k"][0] == "100600 0:0"
        assert state[STAGING][0] == "40700 0:0"


def test_an_entry_that_is_absent_stays_so(lone: Controller, node: Node) -> None:
    options = json.dumps(
        {"store": "BACKUP_STORE", "alias": "adhoc", "state": "absent", "backup_dir": f"{STAGING}/backup"}
    )
    assert result(lone.module("vecs_entry", node.name, "-a", options), "vecs_entry")["changed"] is True
    assert result(lone.module("vecs_entry", node.name, "-a", options), "vecs_entry")["changed"] is False


def test_services_stop_and_start(lone: Controller, node: Node) -> None:
    for state, changed in (("stopped", True), ("stopped", False), ("started", True), ("started", False)):
        run = lone.module("service_control", node.name, "-a", f"state={state} services=vmware-eam")
        assert result(run, "service_control")["changed"] is changed
    everything = lone.module("service_control", node.name, "-a", "state=started all=true")
    assert result(everything, "service_control")["changed"] is False


def test_the_login_shell_goes_and_comes_back(lone: Controller, node: Node) -> None:
    before = node.snapshot()["/etc/passwd"]
    for state in ("bash", "restored", "restored"):
        assert lone.module("appliance_shell", node.name, "-a", f"state={state}").rc == 0
    assert node.snapshot()["/etc/passwd"] == before


def test_the_status_of_a_node_without_a_swap(lone: Controller, node: Node) -> None:
    run = lone.module("machine_ssl_swap", node.name, "-a", "state=status")
    assert result(run, "machine_ssl_swap")["swap"]["state"] == "none"  # type: ignore[index]


def test_check_playbook(lone: Controller, node: Node) -> None:
    before = node.snapshot()
    assert lone.playbook("check").rc == 0
    strict = lone.playbook("check", "-e", "check_strict=due")
    assert strict.rc == 2 and "days are left" in " ".join(strict.failures())
    assert lone.playbook("check", "-e", "check_strict=due", "-e", "machine_ssl_lifetime_fraction=0.001").rc == 0
    misspelt = lone.playbook("check", "-e", "check_strict=finding")
    assert misspelt.rc == 2 and "it can be none, due or findings" in " ".join(misspelt.failures())
    assert differences(before, node.snapshot()) == []


def test_a_strict_check_tells_what_would_stand_in_the_way_of_a_node_that_is_not_due(
    lone: Controller, node: Node
) -> None:
    kept = ["-e", "machine_ssl_lifetime_fraction=0.001"]
    assert node.ssh("service-control --stop vmcad").returncode == 0
    strict = lone.playbook("check", "-e", "check_strict=findings", *kept)
    assert node.ssh("service-control --start vmcad").returncode == 0
    assert strict.rc == 2 and "vmcad" in " ".join(strict.failures())
    assert lone.playbook("check", "-e", "check_strict=findings", *kept).rc == 0


def test_the_documentation_comes_with_the_collection(lone: Controller) -> None:
    for arguments in (["-t", "role", "vcfleet.certs.machine_ssl"], ["vcfleet.certs.machine_ssl_swap"]):
        run = lone.run(["ansible-doc", *arguments])
        assert run.rc == 0 and "machine" in run.output
