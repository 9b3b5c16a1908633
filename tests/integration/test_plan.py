# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan from end to end: written, reviewed, applied, applied again; and refused when it does not fit any more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from controller import Controller, Run
from evidence import SOON_AT_REST, at_rest, differences, served, snapshots, stops
from simvc.lab.lab import Lab
from simvc.lab.node import Node

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "schema" / "plan-1.schema.json").read_text())
CERTOOL = "/usr/lib/vmware-vmca/bin/certool"
VECS = "/usr/lib/vmware-vmafd/bin/vecs-cli"
NODES = ("vc01.lab.example", "vc02.lab.example", "vc03.lab.example")


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A linked group of two and a lone node."""
    with Lab("1x2,1x1", shell="bash", knobs=SOON_AT_REST) as made:
        at_rest(made)
        yield made


def replace_by_hand(node: Node) -> None:
    """A person replaces a node's certificate with the vendor's own tools, and no plan knows of it."""
    entry = "--store MACHINE_SSL_CERT --alias __MACHINE_CERT"
    for command in (
        f"cd /root && umask 077 && printf 'Country = US\nName = {node.name}\nHostname = {node.name}\n' >h.cfg",
        f"{CERTOOL} --genkey --privkey=/root/h.key --pubkey=/root/h.pub",
        f"{CERTOOL} --gencert --privkey=/root/h.key --cert=/root/h.crt --config=/root/h.cfg",
        "service-control --stop --all && service-control --start vmafdd",
        f"{VECS} entry delete {entry} -y",
        f"{VECS} entry create {entry} --cert /root/h.crt --key /root/h.key",
        "service-control --start --all && rm -f /root/h.*",
    ):
        done = node.ssh(command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@dataclass
class Desk:
    """Where plans are made and applied, and a nightly run is left alone."""

    lab: Lab
    controller: Controller

    @property
    def file(self) -> Path:
        return self.controller.home / "vcfleet-plan.json"

    def plan(self, *arguments: str) -> Run:
        return self.controller.playbook("plan", *arguments)

    def apply(self, *arguments: str) -> Run:
        return self.controller.playbook("rotate", "-e", "vcfleet_plan_file=vcfleet-plan.json", *arguments)

    def read(self) -> dict[str, Any]:
        return json.loads(self.file.read_text())


@pytest.fixture
def desk(lab: Lab, controller_for: Callable[[Lab], Controller]) -> Desk:
    return Desk(lab, controller_for(lab))


def applied(run: Run) -> dict[str, Any]:
    """What the run went by: the reviewed plan without what had drifted."""
    return dict(run.of("fleet_plan")[0]["plan"])


def verdicts(run: Run) -> dict[str, str]:
    return {name: node["verdict"] for name, node in applied(run)["nodes"].items()}


def test_planned_reviewed_applied_and_applied_again(desk: Desk) -> None:
    before, lab = snapshots(desk.lab), desk.lab
    looked = desk.plan("--check", "--diff")
    assert looked.rc == 0 and '"schema": 1' in looked.output and "# Rotation plan" in looked.output
    assert not desk.file.exists()

    made = desk.plan("-e", "vcfleet_canary=vc03.lab.example")
    assert made.rc == 0, made.output
    assert not any(differences(before[node.name], node.snapshot()) for node in lab.nodes) and stops(lab) == 0
    plan, page = desk.read(), desk.file.with_suffix(".md").read_text()
    jsonschema.Draft202012Validator(SCHEMA).validate(plan)
    assert [len(wave) for wave in plan["waves"]] == [1, 1]
    assert plan["nodes"]["vc03.lab.example"]["wave"] == 1 and plan["nodes"]["vc01.lab.example"]["wave"] == 2
    for words in (plan["id"], plan["valid_until"], "| 1 (canary) |", "44 running services", "NSX", *NODES,
                  *(node["current"]["sha256"] for node in plan["nodes"].values())):  # fmt: skip
        assert words in page

    again = desk.plan("-e", "vcfleet_canary=vc03.lab.example")
    assert again.rc == 0
    times = ("made_at", "seal", "valid_until")
    assert {k: v for k, v in desk.read().items() if k not in times} == {k: v for k, v in plan.items() if k not in times}

    old = served(lab)
    first = desk.apply()
    assert first.rc == 0, first.output
    assert all(served(lab)[name] != old[name] for name in NODES)
    assert applied(first)["waves"] == plan["waves"]
    windows = {swap["id"] for swap in first.parts("swap")}
    assert len(windows) == 3

    seen, stopped = served(lab), stops(lab)
    second = desk.apply()
    assert second.rc == 0 and second.changed == 0, second.output
    assert set(verdicts(second).values()) == {"keep"} and "Done: swap" in second.output
    assert served(lab) == seen and stops(lab) == stopped

    forced = {"machine_ssl_force": True, "machine_ssl_force_reason": "CVE-2026-1"}
    third = desk.plan("-e", json.dumps({**forced, "vcfleet_only": ["vc03.lab.example"]}))
    assert third.rc == 0, third.output
    plan = desk.read()
    item = plan["nodes"]["vc03.lab.example"]
    assert (item["verdict"], item["force_reason"]) == ("rotate", "CVE-2026-1")
    assert item["expected_window_seconds"] == pytest.approx(
        first.parts("swap", "vc03.lab.example")[0]["window_seconds"], abs=0.01
    )
    assert plan["nodes"]["vc01.lab.example"]["verdict"] == "not selected"
    # The force stands in the plan, and need not be said again.
    fourth = desk.apply()
    assert fourth.rc == 0, fourth.output
    assert [name for name in NODES if served(lab)[name] != seen[name]] == ["vc03.lab.example"]


def test_a_group_that_drifted_is_refused_in_words_and_another_goes_on(desk: Desk) -> None:
    assert desk.plan().rc == 0
    planned = desk.read()["nodes"]["vc02.lab.example"]["current"]["sha256"]
    replace_by_hand(desk.lab["vc02"])
    by_hand, before = served(desk.lab), at_rest(desk.lab)
    assert by_hand["vc02.lab.example"] != planned

    run = desk.apply()
    assert run.rc == 2
    words = f"vc02.lab.example has another certificate: SHA-256 {planned[:12]}… when planned"
    for name in NODES[:2]:
        (told,) = [message for message in run.failures(name) if words in message]
        assert "Make a new plan" in told and by_hand["vc02.lab.example"][:12] in told
    after = served(desk.lab)
    assert [name for name in NODES if after[name] != by_hand[name]] == ["vc03.lab.example"]
    for node in desk.lab.nodes[:2]:
        assert differences(before[node.name], node.snapshot()) == []


def test_a_run_that_was_interrupted_goes_on_and_what_became_due_since_waits(desk: Desk) -> None:
    assert desk.plan("-e", "vcfleet_except=vc03.lab.example").rc == 0
    part = desk.controller.playbook("rotate", "-e", "vcfleet_only=vc01.lab.example")
    assert part.rc == 0, part.output
    before = served(desk.lab)
    run = desk.apply()
    assert run.rc == 0, run.output
    assert verdicts(run) == dict(zip(NODES, ("keep", "rotate", "not selected")))
    after = served(desk.lab)
    assert [name for name in NODES if after[name] != before[name]] == ["vc02.lab.example"]


def test_what_is_no_valid_plan_touches_nothing(desk: Desk) -> None:
    before = snapshots(desk.lab)
    assert desk.plan().rc == 0
    text, plan = desk.file.read_text(), desk.read()
    edited = json.loads(text)
    edited["nodes"]["vc01.lab.example"]["wanted"]["dns"].append("evil.example")
    for content, words in (
        (text[: len(text) // 2], "is not JSON"),
        (json.dumps({**plan, "waves": "all"}), "does not fit its schema: $.waves"),
        (json.dumps(edited), "was changed after it was made"),
        (json.dumps({**plan, "valid_until": "2026-01-01T00:00:00Z"}), "It was valid until 2026-01-01T00:00:00Z"),
    ):
        desk.file.write_text(content)
        run = desk.apply()
        assert run.rc == 2, run.output
        assert any(words in message for message in run.failures()), run.failures()
    assert not any(differences(before[node.name], node.snapshot()) for node in desk.lab.nodes)
    assert stops(desk.lab) == 0


def test_a_planned_group_that_is_gone_from_the_inventory_fails_the_run(lone: Controller, tmp_path: Path) -> None:
    file, other = tmp_path / "plan.json", tmp_path / "other.yml"
    assert lone.playbook("plan", "-e", f"vcfleet_plan_file={file}").rc == 0
    other.write_text(lone.inventory.read_text().replace("vc01.lab.example:", "vc77.lab.example:"))
    apply = ["ansible-playbook", "vcfleet.certs.rotate", "-e", f"vcfleet_plan_file={file}", "--check", "-i", str(other)]
    run = lone.run(apply)
    assert run.rc == 2 and "vc01.lab.example is not in the inventory any more." in " ".join(run.failures()), run.output
    # Who is only left out of this run is not gone.
    run = lone.run([*apply, "-i", str(lone.inventory), "-e", "vcfleet_hosts=vc77.lab.example"])
    assert run.rc == 0 and verdicts(run)["vc01.lab.example"] == "not selected", run.output


@pytest.mark.parametrize("variable, value, words", [
    ("vcfleet_only", "vc99", "only (vcfleet_only) names vc99, which is neither a node nor a linked group"),
    ("vcfleet_slice", "3/2", "slice (vcfleet_slice) is '3/2', not K/N"),
    ("vcfleet_wave_sizes", "many", "wave_sizes (vcfleet_wave_sizes) has many; each is a number"),
    ("vcfleet_plan_valid", "-1", "valid_hours (vcfleet_plan_valid) is -1, not from 0"),
    ("vcfleet_plan_file", "", "The name of the plan file is blank"),
])  # fmt: skip
def test_bad_choices_are_named(lone: Controller, variable: str, value: str, words: str) -> None:
    run = lone.playbook("rotate", "--check", "-e", json.dumps({variable: value}))
    assert run.rc == 2
    assert any(words in message for message in run.failures()), run.failures()
