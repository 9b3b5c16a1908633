# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is decided before a lab exists: groups, names, identities, interpreters, and which folders may be removed."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simvc.lab import interpreters, registry
from simvc.lab.__main__ import _groups, _parser
from simvc.lab.plan import BadPlan, LabPlan, group_sizes, identity, make_plan
from simvc.profiles import PROFILES

PYTHONS = dict.fromkeys(PROFILES, "/usr/bin/python3")


def plan(groups: str, *profiles: str) -> LabPlan:
    return make_plan(group_sizes(groups), profiles=list(profiles or ["8.0u3"]), pythons=PYTHONS)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 9)), min_size=1, max_size=5))
def test_group_sizes_are_read_as_written(groups: list[tuple[int, int]]) -> None:
    text = ",".join(f"{count}x{size}" for count, size in groups)
    assert group_sizes(text) == [size for count, size in groups for _ in range(count)]


@pytest.mark.parametrize("text", ["", "3", "x3", "2x", "0x3", "2x0", "2x3,", "-1x3", "2*3"])
def test_groups_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(BadPlan):
        group_sizes(text)


@pytest.mark.parametrize("groups", ["1x201", "201x1"])
def test_a_lab_has_room_for_so_many_nodes_only(groups: str) -> None:
    with pytest.raises(BadPlan):
        plan(groups)


def test_each_linked_group_has_a_domain_of_its_own() -> None:
    nodes = plan("1x2,1x1").nodes
    assert [node.sso_domain for node in nodes] == ["vsphere.local", "vsphere.local", "vsphere2.local"]
    assert [node.name for node in nodes] == ["vc01.lab.example", "vc02.lab.example", "vc03.lab.example"]


def test_profiles_are_dealt_in_turn() -> None:
    assert [node.profile for node in plan("1x3", "7.0", "9.0").nodes] == ["7.0", "9.0", "7.0"]


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(BadPlan, match=r"no profile 6\.7"):
        plan("1x1", "6.7")


def test_a_plan_survives_its_way_to_the_keeper() -> None:
    made = plan("1x2", "7.0")
    assert LabPlan.from_dict(made.as_dict()) == made


@pytest.mark.parametrize(
    ("size", "partners"),
    [
        (1, {"vc01": []}),
        (2, {"vc01": ["vc02"], "vc02": ["vc01"]}),
        (4, {"vc01": ["vc02", "vc04"], "vc02": ["vc01", "vc03"]}),
    ],
)
def test_partners_form_a_ring(size: int, partners: dict[str, list[str]]) -> None:
    group = list(plan(f"1x{size}").nodes)
    addresses = {node.name: f"198.18.0.{10 + node.number}" for node in group}
    for node in group:
        if node.short in partners:
            found = identity(node, group, addresses)["partners"]
            assert [item["name"].split(".")[0] for item in found] == partners[node.short]
            assert all(item["address"] == addresses[item["name"]] for item in found)


def test_nodes_may_have_pnids_that_are_not_their_names() -> None:
    made = make_plan([3], profiles=["8.0u3"], pythons=PYTHONS, pnids=["2001:DB8::17", "198.18.9.9"])
    group = list(made.nodes)
    addresses = {node.name: f"198.18.0.{10 + node.number}" for node in group}
    first, _, third = (identity(node, group, addresses) for node in group)
    assert (first["pnid"], third["pnid"]) == ("2001:DB8::17", "vc03.lab.example")
    assert [server["name"] for server in third["servers"]] == ["2001:DB8::17", "198.18.9.9", "vc03.lab.example"]
    assert third["partners"] == [
        {"name": "198.18.9.9", "address": "198.18.0.12"}, {"name": "2001:DB8::17", "address": "198.18.0.11"},
    ]  # fmt: skip
    assert LabPlan.from_dict(made.as_dict()) == made


@pytest.mark.parametrize(
    ("line", "groups"),
    [
        ("", "1x3"),
        ("--nodes 2", "1x2"),
        ("--linked 4", "1x4"),
        ("--nodes 7 --linked 3", "2x3,1x1"),
        ("--nodes 2 --linked 3", "1x2"),
        ("--nodes 3 --standalone", "3x1"),
        ("--groups 2x3,1x1", "2x3,1x1"),
    ],
)
def test_the_command_line_says_how_nodes_are_linked(line: str, groups: str) -> None:
    assert _groups(_parser().parse_args(["up", *line.split()])) == groups


def test_durations_become_knobs() -> None:
    line = ["up", "--duration", "start-all=30", "--duration", "vmware-vpxd=2.5", "--duration", "applmgmt.stop=1"]
    assert _parser().parse_args(line).duration == [
        ("service_control.start_all_seconds", 30),
        ("service.vmware-vpxd.start_seconds", 2.5),
        ("service.applmgmt.stop_seconds", 1),
    ]


def test_an_interpreter_is_found_by_version_and_by_path() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = interpreters.find(version)
    assert os.path.isabs(found)
    assert interpreters.find(found) == found


def test_the_next_higher_python_stands_in_for_one_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = interpreters.find

    def without_3_7(wanted: str) -> str:
        if wanted == "3.7":
            raise interpreters.NoInterpreter
        return real(wanted)

    monkeypatch.setattr(interpreters, "find", without_3_7)
    path, note = interpreters.find_or_nearest("3.7")
    assert note is not None and path in note


def test_a_python_that_nobody_has_is_refused() -> None:
    with pytest.raises(interpreters.NoInterpreter):
        interpreters.find("3.99")
    with pytest.raises(interpreters.NoInterpreter):
        interpreters.find("/nowhere/python3")


def test_only_a_folder_marked_as_a_labs_is_removed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    registry.remove_folder(tmp_path)
    assert (tmp_path / "precious").exists()
    inventory = tmp_path.parent / "inventory.yml"
    inventory.write_text("x")
    (tmp_path / registry.MARKER).write_text(str(inventory))
    registry.remove_folder(tmp_path)
    assert not tmp_path.exists() and not inventory.exists()


def test_the_healthy_census_is_the_captured_one() -> None:
    services = PROFILES["8.0u3"].services
    automatic = [service.name for service in services if service.start_type == "AUTOMATIC"]
    assert (len(automatic), len(services) - len(automatic)) == (44, 6)
