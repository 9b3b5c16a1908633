# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes by other names than their own, by IPv6, without a name, from behind a jump host; and fifteen in one group.

In every inventory here PNID, inventory name and address of a node are three different things.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from controller import Controller, Run
from evidence import SOON_AT_REST, at_rest, certificate_facts, seen_at_the_gate, served, stops, window
from simvc.lab.lab import Lab
from simvc.lab.node import Node

Made = Callable[[Lab], Controller]

DIRECTORY = {"vcfleet_sso_password": "VMware1!", "vcfleet_gate_pause": 0.3}
FORCED = {"machine_ssl_force": True, "machine_ssl_force_reason": "once more, from another place"}


@dataclass
class Place:
    """Where a controller stands: in `lab`, or beyond its jump host; and the hosts it knows, {name: ansible_host}."""

    lab: Lab
    hosts: dict[str, str | None]
    beyond: bool = False

    def inventory(self) -> str:
        """In JSON, which is YAML, too."""
        hosts = {name: {"ansible_host": host} if host else {} for name, host in self.hosts.items()}
        return json.dumps({"vcenters": {"hosts": hosts, "vars": self.connection}})

    @property
    def connection(self) -> dict[str, str]:
        """How hosts are reached."""
        jump = f" -o ProxyJump={self.lab.jump}" if self.beyond else ""
        return {"ansible_user": "root", "ansible_ssh_common_args": f"-F {self.lab.ssh_config}{jump}"}

    def controller_command(self, argv: list[str]) -> list[str]:
        """The command line that runs `argv` at this place."""
        return self.lab.outside_command(argv) if self.beyond else self.lab.controller_command(argv)


def at(place: Place, made: Made) -> Controller:
    return made(place)  # type: ignore[arg-type]


def play(controller: Controller, name: str, *arguments: str, **more: Any) -> Run:
    return controller.playbook(name, "-e", json.dumps({**DIRECTORY, **more}), *arguments)


def group_of(run: Run) -> dict[str, Any]:
    """The only linked group of a run, as the last look at it has it."""
    (group,) = run.of("linked_groups")[-1]["groups"]
    return dict(group)


def probes(run: Run) -> dict[str, dict[str, Any]]:
    """What the controller saw of each node's ports after the swap, by the PNID."""
    return {each["certificate"]["cn"]: each for each in run.parts("verification") if each["served"]}


def unseen(verification: dict[str, Any]) -> list[str]:
    return [check["message"] for check in verification["checks"] if not check["ok"]]


def is_new(lab: Lab, old: dict[str, str]) -> bool:
    """Does every node present another certificate than before, and one at a time got there?"""
    now = served(lab)
    return not set(now.values()) & set(old.values()) and len(now) == len(old)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two linked nodes, and a jump host."""
    with Lab("1x2", jump_host=True, knobs=SOON_AT_REST) as made:
        at_rest(made)
        yield made


# ---- Other names, other addresses ------------------------------------------------------------------------------------


class TestOtherNames:
    """The one node is an alias in upper case, the other one its own IPv6 address."""

    @pytest.fixture
    def names(self, lab: Lab) -> tuple[str, str]:
        return "SITE-A-1", lab["vc02"].ipv6

    @pytest.fixture
    def controller(self, lab: Lab, names: tuple[str, str], controller_for: Made) -> Controller:
        return at(Place(lab, {names[0]: lab["vc01"].address, names[1]: None}), controller_for)

    def test_a_member_outside_this_run_is_known_by_its_address_and_refuses(
        self, lab: Lab, controller_for: Made, names: tuple[str, str]
    ) -> None:
        hosts: dict[str, str | None] = {names[0]: lab["vc01"].address, "Site-B": lab["vc02"].address}
        run = play(at(Place(lab, hosts), controller_for), "check", "--limit", names[0])
        assert run.rc == 0, run.output
        assert group_of(run)["verdict"] == "refuse"
        assert [finding["id"] for finding in group_of(run)["findings"]] == ["member-not-surveyed"]

    def test_one_that_no_name_or_address_tells_refuses(
        self, lab: Lab, controller_for: Made, names: tuple[str, str]
    ) -> None:
        hosts: dict[str, str | None] = {names[0]: lab["vc01"].address, "Site-B": "198.18.255.1"}
        run = play(at(Place(lab, hosts), controller_for), "check", "--limit", names[0])
        assert [finding["id"] for finding in group_of(run)["findings"]] == ["member-not-in-inventory"]
        assert "ansible_host" in group_of(run)["reasons"][0]

    def test_a_plan_is_written_and_applied(self, lab: Lab, controller: Controller, names: tuple[str, str]) -> None:
        old = served(lab)
        run = play(controller, "plan")
        assert run.rc == 0, run.output
        plan = json.loads((controller.home / "vcfleet-plan.json").read_text())
        assert {name: node["pnid"] for name, node in plan["nodes"].items()} == {
            names[0]: "vc01.lab.example",
            names[1]: "vc02.lab.example",
        }
        run = play(controller, "rotate", vcfleet_plan_file="vcfleet-plan.json")
        assert run.rc == 0, run.output
        assert is_new(lab, old)
        members = {node.name for node in lab.nodes}
        assert [seen_at_the_gate(node) for node in lab.nodes] == [members] * 2
        seen = {pnid: verification["served"] for pnid, verification in probes(run).items()}
        assert seen == {node.name: {"443": node.certificate_served()} for node in lab.nodes}
        assert all(f"DNS:{node.name}" in certificate_facts(lab, node)["san"] for node in lab.nodes)


# ---- Behind a jump host ----------------------------------------------------------------------------------------------


class TestBehindAJumpHost:
    """The controller reaches no node itself. One is called by its name, which only the jump host can resolve."""

    @pytest.fixture
    def controller(self, lab: Lab, controller_for: Made) -> Controller:
        hosts: dict[str, str | None] = {"site-a-1": "VC01.lab.example", "site-b-1": lab["vc02"].ipv6}
        return at(Place(lab, hosts, beyond=True), controller_for)

    def test_no_node_is_reached_without_it(self, lab: Lab, controller: Controller) -> None:
        run = controller.playbook("check", "-e", json.dumps({"ansible_ssh_common_args": f"-F {lab.ssh_config}"}))
        assert run.rc == 4, run.output

    def test_the_nodes_word_stands_where_the_controller_sees_no_port(self, lab: Lab, controller: Controller) -> None:
        old = served(lab)
        run = play(controller, "rotate", **FORCED)
        assert run.rc == 0, run.output
        assert is_new(lab, old)
        members = {node.name for node in lab.nodes}
        assert [seen_at_the_gate(node) for node in lab.nodes] == [members] * 2
        for node in lab.nodes:
            verification = probes(run)[node.name]
            assert verification["ok"] and verification["served"] == {"443": None}
            (told,) = unseen(verification)
            assert "was not seen from the controller" in told and "looks at its ports when it swaps" in told
            assert told in run.output
        assert {swap["new"]["sha256"] for swap in run.parts("swap")} >= set(served(lab).values())

    def test_who_must_see_the_ports_fails_and_stops_the_group(self, lab: Lab, controller: Controller) -> None:
        second, before = lab["vc02"].certificate_served(), stops(lab)
        run = play(controller, "rotate", **FORCED, machine_ssl_probe_required=True)
        assert run.rc == 2
        assert "was not seen from the controller" in " ".join(run.failures("site-a-1"))
        assert lab["vc02"].certificate_served() == second and stops(lab) > before
        assert not [
            call for call in lab["vc02"].tool_calls("service-control", "--stop") if call.start > _last(lab["vc01"])
        ]

    @pytest.mark.parametrize("way", ["ProxyJump", "ProxyCommand"])
    def test_the_inventory_asks_through_it(self, lab: Lab, controller: Controller, tmp_path: Path, way: str) -> None:
        """The first candidate is not there. What it then says of the second is enough to reach all hosts."""
        command = f'ProxyCommand="ssh -F {lab.ssh_config} -W [%h]:%p {lab.jump}"'
        arguments = f"-F {lab.ssh_config} -o " + (f"ProxyJump={lab.jump}" if way == "ProxyJump" else command)
        source = tmp_path / "vcenters.linked_mode.yml"
        source.write_text(json.dumps({
            "plugin": "vcfleet.certs.linked_mode",
            "linked_groups": [{"ask": ["2001:2:0:ffff::1", lab["vc02"].ipv6]}],
            "sso_password": DIRECTORY["vcfleet_sso_password"],
            "ssh_common_args": arguments,
            "ssh_timeout": 10,
            "compose": {
                "ansible_user": "'root'",
                "ansible_host": "linked_mode_addresses[0]",
                "ansible_ssh_common_args": repr(arguments),
            },
        }))  # fmt: skip
        ask = ["ansible-playbook", "vcfleet.certs.check", "-i", str(source), "-e", json.dumps(DIRECTORY)]
        run = controller.run(ask)
        assert run.rc == 0, run.output
        assert group_of(run)["nodes"] == ["vc01.lab.example", "vc02.lab.example"]
        assert group_of(run)["findings"] == []


def _last(node: Node) -> float:
    """When the node last stopped its services."""
    return node.tool_calls("service-control", "--stop")[-1].start


# ---- Without a name --------------------------------------------------------------------------------------------------


def test_a_node_whose_pnid_is_an_ipv6_address_in_a_spelling_of_its_own(controller_for: Made) -> None:
    """Its old certificate has the address among the DNS names, as the vendor's tools leave it there."""
    pnid = "2001:DB8:0::17"
    with Lab("1x1", pnids=(pnid,), knobs=SOON_AT_REST) as lab:
        at_rest(lab)
        old = served(lab)
        controller = at(Place(lab, {"site-c": lab.nodes[0].ipv6}), controller_for)
        run = play(controller, "rotate")
        assert run.rc == 0, run.output
        assert is_new(lab, old)
        facts = certificate_facts(lab, lab.nodes[0])
        assert f"CN={pnid}" in facts["subject"].split(",")
        assert facts["san"].upper() == "IP ADDRESS:2001:DB8:0:0:0:0:0:17"
        assert group_of(run)["findings"] == []
        run = play(controller, "rotate")
        assert (run.rc, run.changed) == (0, 0), run.output


def test_linked_nodes_whose_pnids_are_ipv6_addresses(controller_for: Made) -> None:
    """The directory has them without brackets, the one in a spelling of its own."""
    pnids = ("2001:DB8:0::17", "2001:db8::18")
    with Lab("1x2", pnids=pnids, knobs=SOON_AT_REST) as lab:
        at_rest(lab)
        old = served(lab)
        hosts: dict[str, str | None] = {"site-c-1": lab["vc01"].address, "site-c-2": lab["vc02"].ipv6}
        controller = at(Place(lab, hosts), controller_for)
        run = play(controller, "rotate")
        assert run.rc == 0, run.output
        assert is_new(lab, old)
        assert (group_of(run)["nodes"], group_of(run)["findings"]) == (list(hosts), [])
        assert [seen_at_the_gate(node) for node in lab.nodes] == [set(pnids)] * 2
        subjects = [certificate_facts(lab, node)["subject"].split(",") for node in lab.nodes]
        assert all(f"CN={pnid}" in subject for pnid, subject in zip(pnids, subjects))
        first, second = (window(node) for node in lab.nodes)
        assert first.end <= second.begin or second.end <= first.begin
        run = play(controller, "rotate")
        assert (run.rc, run.changed) == (0, 0), run.output


# ---- Fifteen ---------------------------------------------------------------------------------------------------------


def patiently(controller: Controller, name: str, **more: Any) -> Run:
    """As `play`, for as long as fifteen nodes may take on a busy machine."""
    command = ["ansible-playbook", f"vcfleet.certs.{name}", "-i", str(controller.inventory)]
    with controller.started([*command, "-e", json.dumps({**DIRECTORY, **more})]) as process:
        output, _ = process.communicate(timeout=3600)
    return controller.ended(process.returncode, output)


@pytest.mark.slow
def test_a_linked_group_of_fifteen(controller_for: Made) -> None:
    """As many as vCenter links. One after the other, and before each one all fifteen are asked."""
    with Lab("1x15", knobs=SOON_AT_REST) as lab:
        at_rest(lab, timeout=300)
        old = served(lab)
        hosts: dict[str, str | None] = {f"site-{node.plan.number}": node.address for node in lab.nodes}
        run = patiently(at(Place(lab, hosts), controller_for), "rotate", vcfleet_gate_timeout=300)
        assert run.rc == 0, run.output[-4000:]
        assert len(group_of(run)["nodes"]) == 15 and group_of(run)["findings"] == []
        assert is_new(lab, old)
        members = {node.name for node in lab.nodes}
        assert all(seen_at_the_gate(node) == members for node in lab.nodes)
        windows = sorted((window(node) for node in lab.nodes), key=lambda each: each.begin)
        assert all(earlier.end <= later.begin for earlier, later in zip(windows, windows[1:]))
