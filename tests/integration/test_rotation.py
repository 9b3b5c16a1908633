# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A linked group of three nodes of three releases, rotated from end to end by the playbook."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from controller import Controller, Run
from evidence import (
    SOON_AT_REST,
    STATE_DIR,
    Snapshot,
    Watch,
    Window,
    at_rest,
    certificate_facts,
    differences,
    key_files,
    private_keys,
    served,
    snapshots,
    stops,
    watched,
    window,
)
from simvc.lab.lab import Lab

# 7.0 has Python 3.7 on the node, 8.0 U3 has 3.10, 9.0 has 3.11.
PROFILES = ("8.0u3", "7.0", "9.0")


@dataclass
class Story:
    """One check run, one real run, one run more, and what the nodes looked like in between."""

    lab: Lab
    before: dict[str, Snapshot]
    served_before: dict[str, str]
    key_files_before: dict[str, set[str]]
    check: Run
    after_check: dict[str, Snapshot]
    stops_after_check: int
    begun: float
    first: Run
    watch: Watch
    served_after: dict[str, str]
    stops_after_first: int
    after_first: dict[str, Snapshot]
    second: Run
    after_second: dict[str, Snapshot]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("1x3", profiles=PROFILES, shell="appliance", knobs=SOON_AT_REST) as lab:
        yield lab


@pytest.fixture(scope="module")
def story(lab: Lab, controller_for: Callable[[Lab], Controller]) -> Story:
    controller = controller_for(lab)
    before, served_before = at_rest(lab), served(lab)
    key_files_before = {node.name: key_files(node) for node in lab.nodes}
    check = controller.playbook("rotate", "--check", "--diff")
    after_check, stops_after_check = snapshots(lab), stops(lab)
    begun = time.time()
    with watched(lab, [controller.home]) as watch:
        first = controller.playbook("rotate", "-v")
    served_after, stops_after_first, after_first = served(lab), stops(lab), at_rest(lab)
    second = controller.playbook("rotate")
    return Story(
        lab, before, served_before, key_files_before, check, after_check, stops_after_check, begun, first, watch,
        served_after, stops_after_first, after_first, second, snapshots(lab),
    )  # fmt: skip


def plan(run: Run) -> dict[str, Any]:
    """What a run announced, without the seconds that passed in between."""
    (result,) = run.of("fleet_plan")
    nodes = {
        name: {
            key: planned[key] for key in ("group", "verdict", "wave", "turn", "after", "wanted", "san_changes", "stops")
        }
        for name, planned in result["plan"]["nodes"].items()
    }
    return {"waves": result["plan"]["waves"], "nodes": nodes}


class TestCheckMode:
    def test_succeeds(self, story: Story) -> None:
        assert story.check.rc == 0, story.check.output

    def test_changes_nothing(self, story: Story) -> None:
        changes = {name: differences(story.before[name], story.after_check[name]) for name in story.before}
        assert not any(changes.values()), changes
        assert story.stops_after_check == 0

    def test_announces_the_plan_of_the_real_run(self, story: Story) -> None:
        assert plan(story.check) == plan(story.first)
        turns = sorted(planned["turn"] for planned in plan(story.check)["nodes"].values())
        assert turns == [1, 2, 3] and len(plan(story.check)["waves"]) == 1

    def test_says_changed_where_the_real_run_changes(self, story: Story) -> None:
        for node in story.lab.nodes:
            assert story.check.stats[node.name]["changed"] > 0

    def test_announces_what_the_certificates_then_say(self, story: Story) -> None:
        for node in story.lab.nodes:
            wanted = plan(story.check)["nodes"][node.name]["wanted"]
            facts = certificate_facts(story.lab, node)
            assert f"CN={wanted['cn']}" in facts["subject"].split(",")
            kinds = (("email", wanted["email"]), ("IP Address", wanted["ip"]), ("DNS", wanted["dns"]))
            expected = [f"{kind}:{value}" for kind, values in kinds for value in values]
            assert facts["san"] == ", ".join(expected)

    def test_announces_the_services_that_then_stop(self, story: Story) -> None:
        for node in story.lab.nodes:
            announced = set(plan(story.check)["nodes"][node.name]["stops"])
            stopped = {
                event["name"]
                for event in node.events()
                if event["event"] == "service" and event["state"] == "Stopped" and event["time"] >= story.begun
            }
            assert stopped and stopped <= announced


class TestRotation:
    def test_succeeds(self, story: Story) -> None:
        assert story.first.rc == 0, story.first.output

    @pytest.mark.parametrize("port", [443, 5480])
    def test_every_node_presents_a_new_certificate(self, story: Story, port: int) -> None:
        now = served(story.lab, port)
        assert not set(now.values()) & set(story.served_before.values())
        assert len(set(now.values())) == len(story.lab.nodes)

    def test_the_summary_names_what_is_presented(self, story: Story) -> None:
        (summary,) = story.first.of("fleet_summary")
        for name, ended in summary["nodes"].items():
            assert ended["ending"] == "rotated"
            assert ended["old"]["sha256"] == story.served_before[name]
            assert ended["new"]["sha256"] == story.served_after[name]
            assert ended["old"]["not_after"] < ended["new"]["not_after"]
            assert ended["window_seconds"] > 0
            assert any(item["kind"] == "anchor" for item in ended["todo"])

    def test_the_certificates_are_from_the_nodes_own_authority(self, story: Story) -> None:
        for node in story.lab.nodes:
            facts = certificate_facts(story.lab, node)
            assert f"O={node.name}" in facts["issuer"].split(",")
            assert facts["verified"] == "OK"

    def test_one_node_at_a_time(self, story: Story) -> None:
        windows = sorted((window(node, story.begun) for node in story.lab.nodes), key=lambda each: each.begin)
        assert all(earlier.end <= later.begin for earlier, later in zip(windows, windows[1:]))

    def test_the_window_is_the_tools_own_time_plus_one_second_at_most(self, story: Story) -> None:
        windows: list[Window] = [window(node, story.begun) for node in story.lab.nodes]
        # The nodes share a busy machine with everything else: the quietest of the three windows speaks.
        assert min(each.overhead for each in windows) <= 1.0, windows

    def test_the_login_shell_is_what_it_was(self, story: Story) -> None:
        for node in story.lab.nodes:
            assert story.after_first[node.name]["/etc/passwd"] == story.before[node.name]["/etc/passwd"]

    def test_the_staged_key_is_gone(self, story: Story) -> None:
        for node in story.lab.nodes:
            assert not [name for name in story.after_first[node.name] if name.startswith(f"{STATE_DIR}/staging/")]

    def test_the_old_pair_is_backed_up_where_only_root_reads_it(self, story: Story) -> None:
        for node in story.lab.nodes:
            backup = {n: s for n, s in story.after_first[node.name].items() if n.startswith(f"{STATE_DIR}/backup/")}
            assert any(name.endswith(".key") for name in backup)
            for name, (mode, _) in backup.items():
                assert mode in ("40700 0:0", "100600 0:0"), name


class TestSecrets:
    def test_somebody_looked(self, story: Story) -> None:
        assert story.watch.samples > 50 and story.watch.searches > 2
        assert any("--gencert" in line for line in story.watch.command_lines)

    def test_no_key_stood_on_a_command_line(self, story: Story) -> None:
        keys = [key for node in story.lab.nodes for key in private_keys(node)]
        assert len(keys) >= 2 * len(story.lab.nodes)
        lines = [line.replace(" ", "") for line in story.watch.command_lines]
        told = [line for line in lines if "PRIVATEKEY-----" in line or any(key[64:128] in line for key in keys)]
        assert not told

    def test_no_key_was_on_a_disk_where_none_may_be(self, story: Story) -> None:
        allowed = {f"{name}:{file}" for name, files in story.key_files_before.items() for file in files}
        assert not story.watch.key_files - allowed

    def test_no_key_was_printed_or_returned(self, story: Story) -> None:
        keys = [key for node in story.lab.nodes for key in private_keys(node)]
        told = (story.first.output + str(story.first.results)).replace("\\n", "").replace("\n", "")
        assert "PRIVATE KEY" not in told
        assert not [key for key in keys if key[64:128] in told]


class TestSecondRun:
    def test_changes_nothing(self, story: Story) -> None:
        assert story.second.rc == 0, story.second.output
        assert story.second.changed == 0
        changes = {name: differences(story.after_first[name], story.after_second[name]) for name in story.before}
        assert not any(changes.values()), changes

    def test_stops_nothing(self, story: Story) -> None:
        assert stops(story.lab) == story.stops_after_first
        assert served(story.lab) == story.served_after

    def test_says_that_the_nodes_are_kept(self, story: Story) -> None:
        (summary,) = story.second.of("fleet_summary")
        assert {ended["ending"] for ended in summary["nodes"].values()} == {"kept"}
