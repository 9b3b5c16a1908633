# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Discovery and gates: the inventory from one node, members against the inventory, replication before the next node."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from controller import BIN, Controller, Run
from evidence import at_rest, differences, stops, watched
from simvc.lab.lab import Lab
from simvc.lab.node import Node

# Nobody else's on this machine, and everything in it that a shell would take for something else.
PASSWORD = 'it\'s $H "Wörld" `1`'
DIR_CLI = "/usr/lib/vmware-vmafd/bin/dir-cli"
# The password comes from the environment, so that it stands on no command line of the test's own either.
FROM_ENVIRONMENT = "{{ lookup('ansible.builtin.env', 'SSO_PASSWORD') }}"
SETTINGS = {"vcfleet_sso_password": FROM_ENVIRONMENT, "vcfleet_gate_pause": 0.3, "vcfleet_gate_timeout": 8}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two linked nodes and a lone one, with the appliance shell."""
    with Lab("1x2,1x1") as made:
        for name in ("vc01", "vc03"):
            change = ["password", "reset", "--account", "administrator", "--new", PASSWORD, "--password", "VMware1!"]
            assert made[name].run([DIR_CLI, *change]).returncode == 0
        at_rest(made)
        yield made


@pytest.fixture(scope="module")
def controller(lab: Lab, controller_for: Callable[[Lab], Controller]) -> Controller:
    return controller_for(lab)


def play(controller: Controller, name: str, *arguments: str, password: str = PASSWORD) -> Run:
    return controller.playbook(name, "-vvv", "-e", json.dumps(SETTINGS), *arguments, SSO_PASSWORD=password)


def groups(run: Run) -> dict[str, dict[str, Any]]:
    """The linked groups of a run, as the last look at them has it."""
    return {group["nodes"][0].partition(".")[0]: group for group in run.of("linked_groups")[-1]["groups"]}


def asked(lab: Lab) -> int:
    """How often a vendor tool was given an SSO password, on all nodes, so far."""
    tools = [call for node in lab.nodes for tool in ("vdcrepadmin", "dir-cli") for call in node.tool_calls(tool)]
    return len(tools)


def told(text: str) -> bool:
    """Does it hold the password, as it is or as JSON spells it?"""
    return any(
        each in text for each in (PASSWORD, json.dumps(PASSWORD)[1:-1], json.dumps(PASSWORD, ensure_ascii=False)[1:-1])
    )


# ---- Members ---------------------------------------------------------------------------------------------------------


def test_members_are_asked_of_one_node_of_a_group_and_nothing_is_found(lab: Lab, controller: Controller) -> None:
    run = play(controller, "check")
    assert run.rc == 0, run.output
    found = {result["linked_mode"]["node"]: result["linked_mode"] for result in run.of("linked_mode_info")}
    assert {name: len(each["members"]) for name, each in found.items()} == {
        "vc01.lab.example": 2,
        "vc03.lab.example": 1,
    }
    assert {name: group["findings"] for name, group in groups(run).items()} == {"vc01": [], "vc03": []}
    assert not told(run.output + json.dumps(run.results))


def test_without_the_password_the_plan_says_so(lab: Lab, controller: Controller) -> None:
    before = asked(lab)
    run = controller.playbook("check")
    assert run.rc == 0 and "no replication gate is run" in run.output
    assert asked(lab) == before


def test_a_wrong_password_is_tried_once_for_each_group_and_refuses_it(lab: Lab, controller: Controller) -> None:
    before, tried = {node.name: node.snapshot() for node in lab.nodes}, asked(lab)
    run = play(controller, "rotate", password="it's $wröng \"")
    assert run.rc == 2
    assert asked(lab) == tried + 2
    for node in lab.nodes:
        assert "password was refused" in " ".join(run.failures(node.name))
        assert [name for name in differences(before[node.name], node.snapshot()) if "vcfleet" in name] == []
    assert "wröng" not in run.output and "wr\\u00f6ng" not in json.dumps(run.results)
    assert stops(lab) == 0


def test_an_unknown_member_refuses_its_whole_group_and_no_other(lab: Lab, controller: Controller) -> None:
    known = controller.home / "known.yml"
    lines = controller.inventory.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip() == "vc02.lab.example:")
    known.write_text("\n".join(lines[:at] + lines[at + 2 :]))
    command = ["ansible-playbook", "vcfleet.certs.check", "-i", str(known), "-e", json.dumps(SETTINGS)]
    run = controller.run(command, SSO_PASSWORD=PASSWORD)
    found = groups(run)
    assert found["vc01"]["verdict"] == "refuse"
    assert [finding["id"] for finding in found["vc01"]["findings"]] == ["member-not-in-inventory"]
    assert "vc02.lab.example" in found["vc01"]["reasons"][0]
    assert found["vc03"]["verdict"] == "rotate"


def test_a_limit_that_splits_a_linked_group_is_refused_with_the_password(lab: Lab, controller: Controller) -> None:
    limit = ("--limit", "vc01.lab.example")
    found = groups(play(controller, "check", *limit))["vc01"]
    assert (found["verdict"], [each["id"] for each in found["findings"]]) == ("refuse", ["member-not-surveyed"])
    assert "vc02.lab.example" in found["reasons"][0] and "vcfleet_only" in found["reasons"][0]
    lab["vc02"].cut()
    try:
        run = play(controller, "check", *limit)
    finally:
        lab["vc02"].heal()
    found = groups(run)["vc01"]
    assert {finding["id"] for finding in found["findings"]} == {"member-not-surveyed", "member-not-reached"}


def test_and_without_it(lab: Lab, controller: Controller) -> None:
    before = stops(lab)
    for left_out in (("--limit", "vc01.lab.example"), ("-e", "vcfleet_hosts=vc01.lab.example")):
        run = controller.playbook("rotate", *left_out)
        told = " ".join(run.failures("vc01.lab.example"))
        assert run.rc == 2 and "hosts that this run leaves out: vc02.lab.example, vc03.lab.example" in told
    assert stops(lab) == before
    alone = controller.playbook("check", "--limit", "vc03.lab.example")
    assert alone.rc == 0 and groups(alone)["vc03"]["verdict"] == "rotate"


def test_a_directory_that_is_read_only_refuses(lab: Lab, controller: Controller) -> None:
    set_state(lab, "vc02", "READONLY")
    try:
        found = groups(play(controller, "check"))["vc01"]
    finally:
        set_state(lab, "vc02", "NORMAL")
    assert [finding["id"] for finding in found["findings"]] == ["directory-state"]
    assert "vc02.lab.example is Read only" in found["reasons"][0]


def set_state(lab: Lab, name: str, state: str) -> None:
    command = f"{DIR_CLI} state set --state {state} --server-name localhost"
    done = lab[name].ssh(command, input=f"{PASSWORD}\n")
    assert f"set to: {state}" in done.stdout, done


# ---- The inventory ---------------------------------------------------------------------------------------------------


class TestInventory:
    def list(self, controller: Controller, lab: Lab, folder: Path, source: str, **environment: str) -> Any:
        path = folder / "vcenters.linked_mode.yml"
        node = lab.nodes[0]
        common = {"ssh_private_key_file": str(node.key), "ssh_common_args": " ".join(node.ssh_options)}
        lines = [f"{name}: {json.dumps(value)}" for name, value in common.items()]
        path.write_text("\n".join(["plugin: vcfleet.certs.linked_mode", *lines, source]))
        argv = lab.controller_command([str(BIN / "ansible-inventory"), "-i", str(path), "--list", "-vv"])
        environment = controller.environment(**environment)
        return subprocess.run(argv, env=environment, cwd=folder, capture_output=True, text=True, check=False)

    def ask(self, lab: Lab, *groups: tuple[str, ...]) -> str:
        wanted = [{"ask": [lab[name].address if name in NAMES else name for name in names]} for names in groups]
        return f"linked_groups: {json.dumps(wanted)}"

    def test_all_members_from_one_node_of_each_group(self, lab: Lab, controller: Controller, tmp_path: Path) -> None:
        source = self.ask(lab, ("198.18.255.1", "vc02"), ("vc03",)) + f"\nsso_password: {json.dumps(FROM_ENVIRONMENT)}"
        with watched(lab, [tmp_path]) as seen:
            done = self.list(controller, lab, tmp_path, source, SSO_PASSWORD=PASSWORD)
        found = json.loads(done.stdout[done.stdout.index("\n{\n") :])
        assert found["vsphere_local"]["hosts"] == ["vc01.lab.example", "vc02.lab.example"]
        assert found["vsphere2_local"]["hosts"] == ["vc03.lab.example"]
        assert "vc02.lab.example" in str(found["_meta"]["hostvars"]["vc01.lab.example"]["linked_mode_partners"])
        assert not told(done.stdout + done.stderr)
        assert seen.samples and not [line for line in seen.command_lines if told(line)]

    def test_a_vaulted_password(self, lab: Lab, controller: Controller, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("of the vault")
        command = [BIN / "ansible-vault", "encrypt_string", "--vault-password-file", secret, "--name", "sso_password"]
        environment = {**os.environ, **controller.environment()}
        vaulted = subprocess.run(
            [*command, PASSWORD], capture_output=True, text=True, check=True, env=environment
        ).stdout
        source = f"{self.ask(lab, ('vc03',))}\n{vaulted}"
        done = self.list(controller, lab, tmp_path, source, ANSIBLE_VAULT_PASSWORD_FILE=str(secret))
        assert "vc03.lab.example" in done.stdout, done.stderr

    def test_a_wrong_password_is_tried_on_no_second_node(
        self, lab: Lab, controller: Controller, tmp_path: Path
    ) -> None:
        before = asked(lab)
        done = self.list(controller, lab, tmp_path, self.ask(lab, ("vc01", "vc02")), VCFLEET_SSO_PASSWORD="wröng")
        assert "password was refused" in " ".join(done.stderr.split())
        assert asked(lab) == before + 1

    def test_nodes_that_do_not_answer_are_named(self, lab: Lab, controller: Controller, tmp_path: Path) -> None:
        source = self.ask(lab, ("198.18.255.1", "198.18.255.2"))
        done = self.list(controller, lab, tmp_path, source, VCFLEET_SSO_PASSWORD=PASSWORD)
        assert "198.18.255.1" in done.stderr and "198.18.255.2" in done.stderr


NAMES = ("vc01", "vc02", "vc03")


# ---- Gates -----------------------------------------------------------------------------------------------------------


def keeps_a_change_to_itself(node: Node) -> None:
    node.knobs(**{"vmdir.replication_delay": 3600})
    publish = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -out /tmp/r -subj /CN=r 2>/dev/null && \
        {DIR_CLI} trustedcert publish --cert /tmp/r"
    assert node.ssh(publish, input=f"{PASSWORD}\n").returncode == 0


def test_in_check_mode_nobody_stands_at_a_gate(lab: Lab, controller: Controller) -> None:
    before = {node.name: node.snapshot() for node in lab.nodes}
    run = play(controller, "rotate", "--check")
    assert run.rc == 0, run.output
    assert run.output.count("would rotate") == 4, "three nodes, and the last line"
    assert run.of("replication_gate") == []
    for node in lab.nodes:
        assert [name for name in differences(before[node.name], node.snapshot()) if "vcfleet" in name] == []


def test_the_gate_holds_each_node_until_replication_is_whole(lab: Lab, controller: Controller) -> None:
    """Last of all here, since it rotates. Replication stands still at first, then from the first window on."""
    one, two, lone = (lab[name] for name in NAMES)
    keeps_a_change_to_itself(one)
    run = play(controller, "rotate")
    assert run.rc == 2, run.output
    why = " ".join(run.failures(one.name))
    assert "Not begun" in why and "vc01.lab.example: the partner vc02.lab.example is 1 changes behind" in why
    assert not any(node.tool_calls("service-control", "--stop") for node in (one, two))
    assert [swap["state"] for swap in run.parts("swap", lone.name)] == ["committed"]

    one.knobs(**{"vmdir.replication_delay": 0})
    old = two.certificate_served()
    command = ["ansible-playbook", "vcfleet.certs.rotate", "-i", str(controller.inventory), "-e", json.dumps(SETTINGS)]
    with controller.started(command, SSO_PASSWORD=PASSWORD) as process:
        one.wait_for_tool("service-control", "--stop --all", timeout=300)
        keeps_a_change_to_itself(two)
        output, _ = process.communicate(timeout=600)
    run = controller.ended(process.returncode, output)
    assert run.rc == 2, run.output
    assert [swap["state"] for swap in run.parts("swap", one.name)] == ["committed"]
    why = " ".join(run.failures(two.name))
    assert "Not begun" in why and "vc02.lab.example: the partner vc01.lab.example" in why and "changes behind" in why
    assert two.certificate_served() == old and not two.tool_calls("service-control", "--stop")

    two.knobs(**{"vmdir.replication_delay": 0})
    run = play(controller, "rotate")
    assert run.rc == 0, run.output
    assert two.certificate_served() != old
    # After the group once more, of both members; and nobody asks the group that has nothing to do.
    seen = [[member["name"] for member in gate["members"]] for gate in run.of("replication_gate")]
    assert seen == [[one.name, two.name]]
