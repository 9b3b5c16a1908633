# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One owner: controllers that know nothing of each other, over SSH, on the nodes of one linked group."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from accidents import kill_swap
from controller import Controller, Run, both, descendants
from evidence import STATE_DIR, served, stops, wait_until
from simvc.lab.inventory import render
from simvc.lab.lab import Lab
from simvc.lab.node import Node

LEADER, *OTHERS = (f"vc0{number}.lab.example" for number in (1, 2, 3))
MEMBERS = [LEADER, *OTHERS]
RACES = 10
# Longer than two renewals take on a busy machine, and short enough to wait for.
TTL = 15

FORCED = {"machine_ssl_force": True, "machine_ssl_force_reason": "the test rotates them anew"}

# As group_lease's documentation has it: the leader first, then the others, then the leader again.
HOLD = """
- name: Take it on the leader
  vcfleet.certs.group_lease: {state: held, group: g, owner: "{{ owner }}", ttl: "{{ ttl }}", wait: "{{ wait }}"}
  delegate_to: "{{ members | first }}"
- name: Take it on the others
  vcfleet.certs.group_lease: {state: held, group: g, owner: "{{ owner }}", ttl: "{{ ttl }}", wait: "{{ wait }}"}
  delegate_to: "{{ item }}"
  loop: "{{ members[1:] }}"
- name: Make sure of the leader
  vcfleet.certs.group_lease: {state: renewed, owner: "{{ owner }}"}
  delegate_to: "{{ members | first }}"
"""

# Two controllers meet at a name when each has touched its own file there and sees the other's.
MEET = """
- name: Meet at {{ race }} {{ at }}
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.pipe', 'touch ' ~ mine ~ '; timeout 120 sh -c \\"' ~ until ~ '\\"') }}"
  vars:
    mine: "{{ yard }}/{{ race }}-{{ at }}-{{ owner }}"
    until: "while [ ! -e {{ yard }}/{{ race }}-{{ at }}-{{ other }} ]; do sleep 0.01; done"
"""

RACE = """
- ansible.builtin.include_tasks: {file: meet.yml}
  vars: {at: start}
- block:
    - ansible.builtin.include_tasks: hold.yml
    - ansible.builtin.set_fact: {outcome: won}
  rescue:
    - ansible.builtin.set_fact: {outcome: lost}
- ansible.builtin.include_tasks: {file: meet.yml}
  vars: {at: tried}
- name: Outcome
  ansible.builtin.assert: {that: "outcome != ''", success_msg: "{{ outcome }}"}
- name: Look while both stand still
  vcfleet.certs.group_lease: {state: status}
  delegate_to: "{{ item }}"
  loop: "{{ members }}"
- ansible.builtin.include_tasks: {file: meet.yml}
  vars: {at: seen}
- name: Give back, on the leader last
  vcfleet.certs.group_lease: {state: released, owner: "{{ owner }}"}
  delegate_to: "{{ item }}"
  loop: "{{ members | reverse }}"
- ansible.builtin.include_tasks: {file: meet.yml}
  vars: {at: end}
"""

PLAYS = {
    "race": "    - ansible.builtin.include_tasks: race.yml\n"
    "      loop: '{{ range(races) | list }}'\n      loop_control: {loop_var: race}\n",
    "hold": "    - ansible.builtin.include_tasks: hold.yml\n",
    # Its owner is alive, and shows it to nobody.
    "sit": "    - ansible.builtin.include_tasks: hold.yml\n    - ansible.builtin.pause: {seconds: 600}\n",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("1x3", shell="bash", knobs={"service_control.start_all_seconds": 3}) as made:
        yield made


@pytest.fixture(scope="module")
def controllers(lab: Lab, controller_for: Callable[[Lab], Controller]) -> tuple[Controller, Controller]:
    """Two controllers, each with a home of its own."""
    return controller_for(lab), controller_for(lab)


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plays, and where two controllers meet."""
    folder = tmp_path_factory.mktemp("yard")
    for name, text in {"hold": HOLD, "meet": MEET, "race": RACE}.items():
        (folder / f"{name}.yml").write_text(text)
    for name, tasks in PLAYS.items():
        head = f"- hosts: {LEADER}\n  gather_facts: false\n  tasks:\n"
        (folder / f"play-{name}.yml").write_text(head + tasks)
    return folder


@pytest.fixture(autouse=True)
def _nobody_holds_it(lab: Lab) -> None:
    take_from_everybody(lab)


def take_from_everybody(lab: Lab) -> None:
    for node in lab.nodes:
        node.ssh(f"rm -f {STATE_DIR}/lease")


def command(controller: Controller, yard: Path, play: str, owner: str, **settings: Any) -> list[str]:
    known = {"owner": owner, "members": MEMBERS, "ttl": TTL, "wait": 0, "yard": str(yard), **settings}
    inventory = str(controller.inventory)
    return ["ansible-playbook", str(yard / f"play-{play}.yml"), "-i", inventory, "-e", json.dumps(known)]


def lease(node: Node) -> dict[str, Any]:
    """What the node's own disk says; empty when nobody has it."""
    path = node.root / STATE_DIR.lstrip("/") / "lease"
    return json.loads(path.read_text()) if path.exists() else {}


def owners(lab: Lab) -> list[str | None]:
    return [lease(node).get("owner") for node in lab.nodes]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# ---- Races -----------------------------------------------------------------------------------------------------------


def test_of_two_that_come_at_the_same_time_one_wins(
    controllers: tuple[Controller, Controller], lab: Lab, yard: Path
) -> None:
    commands = [
        command(controllers[0], yard, "race", "one", other="two", races=RACES, ttl=600),
        command(controllers[1], yard, "race", "two", other="one", races=RACES, ttl=600),
    ]
    runs = both(controllers, commands)
    for run in runs:
        assert run.rc == 0, run.output
        assert run.changed == 0, "a lease is no change of the node"
    outcomes = list(zip(*[[each["msg"] for each in run.of("assert")] for run in runs]))
    assert len(outcomes) == RACES
    for number, outcome in enumerate(outcomes):
        winner = ("one", "two")[outcome.index("won")]
        assert sorted(outcome) == ["lost", "won"], (number, outcome)
        for run in runs:
            assert seen(run)[number] == {winner}, f"race {number}: every node names the winner"
    assert owners(lab) == [None, None, None]


def seen(run: Run) -> list[set[str]]:
    """For each race, whom the nodes named while both runs stood still."""
    looks = [each["result"] for each in run.results if each["task"] == "Look while both stand still"]
    return [{item["lease"]["holder"]["owner"] for item in look["results"]} for look in looks]


# ---- A dead owner ----------------------------------------------------------------------------------------------------


def test_the_lease_of_a_killed_controller_goes_to_the_next_after_its_ttl_and_not_before(
    controllers: tuple[Controller, Controller], lab: Lab, yard: Path
) -> None:
    one, two = controllers
    one.killed(command(one, yard, "sit", "one", ttl=25), lambda: owners(lab) == ["one"] * 3)

    at_once = two.run(command(two, yard, "hold", "two"))
    assert at_once.rc == 2
    why = " ".join(at_once.failures(LEADER))
    assert "held by one, since " in why and "run again after " in why and "vcfleet_lease_wait=" in why
    assert owners(lab) == ["one"] * 3

    waited = two.run(command(two, yard, "hold", "two", wait=60))
    assert waited.rc == 0, waited.output
    assert waited.output.count("waiting for the lease") >= 1
    took = [result["lease"] for result in waited.of("group_lease") if "lease" in result]
    taken = [each for each in took if each["event"] == "taken over"]
    assert taken and all(each["previous"]["owner"] == "one" for each in taken)
    for each in taken:
        assert instant(each["holder"]["since"]) >= instant(each["previous"]["until"])
        assert not each["previous"]["live"]
    assert owners(lab) == ["two"] * 3


# ---- A swap ----------------------------------------------------------------------------------------------------------


def staged(controller: Controller, node: Node) -> str:
    """Stage a new pair on a node; returns its SHA-256."""
    staging = f"{STATE_DIR}/staging"
    pair = {"key_path": f"{staging}/machine.key", "public_key_path": f"{staging}/machine.pub"}
    assert controller.module("certool_keypair", node.name, "-a", json.dumps(pair)).rc == 0
    options = {
        "key_path": f"{staging}/machine.key",
        "cert_path": f"{staging}/machine.crt",
        "config": f"Country = US\nName = {node.name}\nHostname = {node.name}\n",
        "expect": {"cn": node.name, "dns": [node.name]},
    }
    run = controller.module("certool_certificate", node.name, "-a", json.dumps(options))
    assert run.rc == 0, run.output
    return str(run.of("certool_certificate")[0]["sha256"])


def swap(node: Node, sha256: str, **options: Any) -> str:
    known = {"state": "swapped", "sha256": sha256, "pnid": node.name, "node_type": "embedded", "ports": [443]}
    return json.dumps({**known, **options})


def journal(node: Node) -> list[dict[str, Any]]:
    """The records of the newest journal."""
    files = sorted((node.root / STATE_DIR.lstrip("/") / "journal").glob("*.jsonl"))
    return [json.loads(line) for line in files[-1].read_text().splitlines()] if files else []


def ended(node: Node) -> bool:
    return any(record["event"] == "closed" for record in journal(node))


def test_no_swap_begins_under_the_lease_of_another(
    controllers: tuple[Controller, Controller], lab: Lab, yard: Path
) -> None:
    one, two = controllers
    node = lab["vc02"]
    sha256, before = staged(one, node), stops(lab)
    assert one.run(command(one, yard, "hold", "one", ttl=600)).rc == 0
    for options in ({"lease": "two"}, {}):
        run = two.module("machine_ssl_swap", node.name, "-a", swap(node, sha256, **options))
        assert run.rc == 2
        assert "held by one" in " ".join(run.failures(node.name))
    assert stops(lab) == before and journal(node) == []


def test_while_a_swap_runs_its_expired_lease_is_not_taken_over(
    controllers: tuple[Controller, Controller], lab: Lab, yard: Path
) -> None:
    one, two = controllers
    node = lab["vc03"]
    sha256 = staged(one, node)
    assert one.run(command(one, yard, "hold", "one", ttl=6)).rc == 0
    node.knobs(**{"service_control.start_all_seconds": 25})
    try:
        argv = ["ansible", node.name, "-i", str(one.inventory), "-m", "vcfleet.certs.machine_ssl_swap"]
        options = ["-a", swap(node, sha256, lease="one")]
        one.killed(argv + options, lambda: any(each.get("step") == "start" for each in journal(node)))
        wait_until(lambda: time.time() > instant(lease(node)["until"]).timestamp(), timeout=30)
        try_at_once = json.dumps({"state": "held", "group": "g", "owner": "two"})
        refused = two.module("group_lease", node.name, "-a", try_at_once)
        assert not ended(node), "the swap was over too soon to prove anything"
        assert refused.rc == 2
        assert "A swap runs on this node, although the lease of one has expired" in " ".join(refused.failures())
        assert lease(node)["owner"] == "one"

        waited = two.run(command(two, yard, "hold", "two", wait=240))
    finally:
        node.knobs(**{"service_control.start_all_seconds": 3})
    assert waited.rc == 0, waited.output
    assert owners(lab) == ["two"] * 3
    assert ended(node)
    assert instant(lease(node)["since"]) >= instant(journal(node)[-1]["at"])
    assert journal(node)[-1]["outcome"] == "committed"


# ---- The disk --------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_in_words_and_takes_no_lease_away(
    controllers: tuple[Controller, Controller], lab: Lab, yard: Path
) -> None:
    one, two = controllers
    node = lab["vc02"]
    assert one.run(command(one, yard, "hold", "one", ttl=600)).rc == 0
    node.fill_disk()
    try:
        renewed = one.module("group_lease", node.name, "-a", "state=renewed owner=one")
        other = two.module("group_lease", node.name, "-a", "state=held group=g owner=two")
        told = two.module("group_lease", node.name, "-a", "state=status")
    finally:
        node.free_disk()
    assert renewed.rc == 2 and "No space left on device" in " ".join(renewed.failures())
    assert other.rc == 2
    assert told.rc == 0 and told.of("group_lease")[0]["lease"]["holder"]["owner"] == "one"
    assert lease(node)["owner"] == "one"


# ---- Whole runs, of nodes that are forced ----------------------------------------------------------------------------


def surveyed(controller: Controller) -> int:
    """How many nodes the run that is under way has surveyed."""
    record = controller.home / "record.jsonl"
    lines = record.read_text().splitlines()[:-1] if record.exists() else []
    return sum(json.loads(line).get("action", "").endswith("machine_ssl_assess") for line in lines)


def suspend(process: subprocess.Popen[str]) -> Callable[[], None]:
    """Stop a whole run, as a laptop that is shut does; returns what lets it go on."""
    os.kill(process.pid, signal.SIGSTOP)
    everyone = [process.pid, *descendants(process.pid)]
    tell(everyone, signal.SIGSTOP)
    return lambda: tell(everyone, signal.SIGCONT)


def tell(pids: list[int], what: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, what)


def holders_until_its_end(process: subprocess.Popen[str], node: Node) -> list[str]:
    """Who has the node's lease, one after the other, as long as a run goes on."""
    seen: list[str] = []
    while process.poll() is None:
        with suppress(OSError):
            holder = str(lease(node).get("owner", "nobody")).partition(" ")[0]
            seen += [holder] if seen[-1:] != [holder] else []
        time.sleep(0.02)
    return seen


def starts(node: Node) -> bool:
    """Is the node in its window, at the step that takes long here?"""
    last = (journal(node) or [{}])[-1]
    return (last.get("event"), last.get("step")) == ("begin", "start")


def test_a_run_in_a_window_that_outlasts_its_leases_keeps_its_group(
    controllers: tuple[Controller, Controller], lab: Lab
) -> None:
    """Two runs try meanwhile. One was planned before, and gets the expired lease of the leader; one comes only now."""
    one, two = controllers
    leader, second, third = lab.nodes
    before, served_before = [len(node.tool_calls("service-control", "--stop --all")) for node in lab.nodes], served(lab)
    for node in (second, third):
        node.knobs(**{"service_control.start_all_seconds": 25})
    with two.started(rotate(two, "b", **FORCED)) as early:
        wait_until(lambda: surveyed(two) == 3, timeout=120)
        resume = suspend(early)
        try:
            assert owners(lab) == [None, None, None], "it was suspended too late to prove anything"
            with one.started(rotate(one, "a", **FORCED, vcfleet_lease_ttl=6)) as first:
                wait_until(lambda: starts(second), timeout=240)
                wait_until(lambda: time.time() > instant(lease(leader)["until"]).timestamp(), timeout=30)
                resume()
                seen = holders_until_its_end(early, leader)
                refused = two.ended(early.returncode, early.communicate()[0])
                assert starts(second), "the window was over too soon to prove anything"
                late = two.run(rotate(two, "c", **FORCED))
                assert starts(third), "the window was over too soon to prove anything"
                told, _ = first.communicate(timeout=600)
        finally:
            resume()
            for node in (second, third):
                node.knobs(**{"service_control.start_all_seconds": 3})
    run = one.ended(first.returncode, told)
    assert run.rc == 0, run.output
    assert seen == ["a", "b", "a"], "taken over, and returned to a run that is alive"
    for other in (refused, late):
        assert other.rc == 2, other.output
        words = ("is held by a ", "although the lease of a ", "is under way")
        assert any(word in " ".join(other.failures(LEADER)) for word in words), other.failures()
    after = [len(node.tool_calls("service-control", "--stop --all")) for node in lab.nodes]
    assert [now - then for now, then in zip(after, before)] == [1, 1, 1]
    assert not set(served(lab).values()) & set(served_before.values())
    assert owners(lab) == [None, None, None], "given back"


def test_two_runs_that_see_a_part_of_a_linked_group_each_are_both_refused(
    controllers: tuple[Controller, Controller], lab: Lab
) -> None:
    """A job that is cut into slices by its hosts, without the password with which the directory would be asked."""
    before, served_before = stops(lab), served(lab)
    commands = []
    for controller, nodes in zip(controllers, (lab.nodes[:1], lab.nodes[1:])):
        part = controller.home / "part.yml"
        part.write_text(render(nodes))
        commands.append(["ansible-playbook", "vcfleet.certs.rotate", "-i", str(part), "-e", json.dumps(FORCED)])
    for run, names in zip(both(controllers, commands), (MEMBERS[:1], MEMBERS[1:])):
        assert run.rc == 2, run.output
        (group,) = run.of("linked_groups")[-1]["groups"]
        assert [finding["id"] for finding in group["findings"]] == ["member-unknown"]
        for name in names:
            assert "It trusts VMCA roots of nodes that this run does not see" in " ".join(run.failures(name))
    assert stops(lab) == before and served(lab) == served_before
    assert owners(lab) == [None, None, None]

    by_hand = controllers[0].run([*commands[0], "-e", json.dumps({"vcfleet_groups": {LEADER: "alone"}})])
    assert by_hand.rc == 0, by_hand.output
    now = served(lab)
    assert [name for name in MEMBERS if now[name] != served_before[name]] == [LEADER]


# ---- Whole runs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def due(controller_for: Callable[[Lab], Controller]) -> Iterator[Lab]:
    """A linked group all of whose nodes are due."""
    with Lab("1x3", shell="bash") as made:
        yield made


def rotate(controller: Controller, owner: str, **settings: Any) -> list[str]:
    known = {"vcfleet_owner": owner, "vcfleet_lease_ttl": 120, **settings}
    inventory = str(controller.inventory)
    return ["ansible-playbook", "vcfleet.certs.rotate", "-i", inventory, "-e", json.dumps(known)]


def windows(lab: Lab) -> list[tuple[datetime, datetime]]:
    """Every window that the nodes' journals tell of, in the order of their beginnings."""
    folders = [node.root / STATE_DIR.lstrip("/") / "journal" for node in lab.nodes]
    files = [path for folder in folders for path in folder.glob("*.jsonl")]
    journals = [[json.loads(line) for line in path.read_text().splitlines()] for path in files]
    return sorted((at(records, "begin", "stop"), at(records, "done", "start")) for records in journals)


def at(records: list[dict[str, Any]], event: str, step: str) -> datetime:
    return next(instant(each["at"]) for each in records if each["event"] == event and each.get("step") == step)


def never_overlap(found: list[tuple[datetime, datetime]]) -> bool:
    return all(end <= begin for (_, end), (begin, _) in zip(found, found[1:]))


def two_rotations(lab: Lab, controller_for: Callable[[Lab], Controller], wait: int) -> tuple[list[Run], str]:
    controllers = (controller_for(lab), controller_for(lab))
    runs = both(controllers, [rotate(each, name, vcfleet_lease_wait=wait) for each, name in zip(controllers, "ab")])
    return runs, "\n".join(run.output for run in runs)


def test_of_two_rotations_of_a_group_one_is_refused_and_the_other_rotates_each_node_once(
    due: Lab, controller_for: Callable[[Lab], Controller]
) -> None:
    before = {node.name: node.certificate_served() for node in due.nodes}
    runs, told = two_rotations(due, controller_for, wait=0)
    assert sorted(run.rc for run in runs) == [0, 2], told
    assert all(node.certificate_served() != before[node.name] for node in due.nodes), told
    assert len(windows(due)) == 3 and never_overlap(windows(due)), windows(due)
    loser = next(run for run in runs if run.rc)
    for name in MEMBERS:
        assert "is held by" in " ".join(loser.failures(name)), told
    assert loser.changed == 0, told
    assert owners(due) == [None, None, None], "given back"


def test_of_two_rotations_of_a_group_one_waits_until_the_other_is_at_its_end(
    due: Lab, controller_for: Callable[[Lab], Controller]
) -> None:
    runs, told = two_rotations(due, controller_for, wait=600)
    first, second = sorted(runs, key=lambda run: "waiting for the lease" in run.output)
    assert (first.rc, second.rc) == (0, 0), told
    assert "waiting for the lease" in second.output and "waiting for the lease" not in first.output, told
    assert first.changed and not second.changed, told
    (summary,) = second.of("fleet_summary")
    assert {ended["ending"] for ended in summary["nodes"].values()} == {"kept"}, told
    assert len(windows(due)) == 3 and never_overlap(windows(due)), windows(due)
    assert owners(due) == [None, None, None], "given back"


def test_the_second_run_goes_on_where_one_was_killed_in_its_window(
    due: Lab, controller_for: Callable[[Lab], Controller]
) -> None:
    """The window goes on without its run, and keeps its lease; then the lease of a dead run has to expire."""
    one, two, before = controller_for(due), controller_for(due), served(due)
    leader = due[LEADER]
    leader.knobs(**{"service_control.start_all_seconds": 10})
    one.killed(
        rotate(one, "dead", vcfleet_lease_ttl=TTL),
        lambda: bool(leader.tool_calls("service-control", "--stop --all")),
    )
    run = two.run(rotate(two, "next", vcfleet_lease_wait=240))
    assert run.rc == 0, run.output
    assert len(windows(due)) == 3 and never_overlap(windows(due)), windows(due)
    assert [len(node.tool_calls("service-control", "--stop --all")) for node in due.nodes] == [1, 1, 1]
    assert not set(served(due).values()) & set(before.values())
    assert owners(due) == [None, None, None], "given back"


# ---- Roll backs ------------------------------------------------------------------------------------------------------


def roll_back(controller: Controller, *arguments: str, **settings: Any) -> list[str]:
    command = ["ansible-playbook", "vcfleet.certs.rollback", "-i", str(controller.inventory), *arguments]
    return [*command, "-e", json.dumps({"vcfleet_lease_ttl": 120, **settings})]


def test_linked_nodes_are_rolled_back_one_after_the_other_whoever_asks(
    due: Lab, controller_for: Callable[[Lab], Controller], yard: Path
) -> None:
    one, two = controller_for(due), controller_for(due)
    before = served(due)
    assert one.run(rotate(one, "a")).rc == 0
    after, stopped = served(due), stops(due)

    assert one.run(command(one, yard, "hold", "somebody", ttl=600)).rc == 0
    refused = one.run(roll_back(one, vcfleet_hosts=LEADER))
    assert refused.rc == 2 and "is held by somebody" in " ".join(refused.failures(LEADER)), refused.output
    assert owners(due) == ["somebody"] * 3
    take_from_everybody(due)

    split = one.run(roll_back(one, "--limit", LEADER))
    assert split.rc == 2 and f"leaves out: {', '.join(OTHERS)}." in " ".join(split.failures(LEADER)), split.output
    assert (served(due), stops(due), owners(due)) == (after, stopped, [None] * 3)

    commands = [
        roll_back(one, vcfleet_hosts=LEADER, vcfleet_lease_wait=300),
        roll_back(two, vcfleet_hosts=OTHERS, vcfleet_lease_wait=300),
    ]
    for run in both((one, two), commands):
        assert run.rc == 0, run.output
    assert served(due) == before
    assert len(windows(due)) == 6 and never_overlap(windows(due)), windows(due)
    assert owners(due) == [None] * 3, "given back"


def test_a_certificate_that_another_run_has_put_back_meanwhile_is_not_put_back_once_more(
    due: Lab, controller_for: Callable[[Lab], Controller]
) -> None:
    """Two people, one thought. The newest backup is the bad certificate by then, which nobody wants back."""
    one, two = controller_for(due), controller_for(due)
    before = served(due)[LEADER]
    assert one.run(rotate(one, "a", vcfleet_only=LEADER)).rc == 0
    runs = both((one, two), [roll_back(each, vcfleet_hosts=LEADER, vcfleet_lease_wait=300) for each in (one, two)])
    told = "\n".join(run.output for run in runs)
    late, first = sorted(runs, key=lambda run: run.changed)
    assert (first.rc, late.changed) == (0, 0), told
    # Refused, unless it was so late that it saw the other at work, and found nothing left to do.
    assert late.rc == 0 or f"Another run was at work on {LEADER}" in " ".join(late.failures(LEADER)), told

    again = one.run(roll_back(one, vcfleet_hosts=LEADER))
    assert (again.rc, again.changed) == (0, 0) and "nothing to put back" in again.output, again.output
    assert served(due)[LEADER] == before
    assert len(windows(due)) == 2, windows(due)


def test_a_roll_back_that_waited_for_a_rotation_of_the_node_undoes_nothing_of_it(
    due: Lab, controller_for: Callable[[Lab], Controller]
) -> None:
    """It was asked for when the node had another certificate."""
    one, two = controller_for(due), controller_for(due)
    assert one.run(rotate(one, "a")).rc == 0
    with one.started(rotate(one, "b", **FORCED)) as process:
        wait_until(lambda: all(owners(due)))
        late = two.run(roll_back(two, vcfleet_hosts=MEMBERS[-1], vcfleet_lease_wait=300))
        output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert late.rc == 2, late.output
    assert f"Another run was at work on {MEMBERS[-1]} a moment ago. Swap " in " ".join(late.failures(MEMBERS[-1]))
    assert len(windows(due)) == 6 and owners(due) == [None] * 3


def test_a_roll_back_waits_for_no_node_that_is_off_and_for_each_that_was_left_in_its_window(
    due: Lab, controller_for: Callable[[Lab], Controller]
) -> None:
    controller, (first, second, third) = controller_for(due), due.nodes
    before = served(due)
    assert controller.run(rotate(controller, "a")).rc == 0
    stopped = stops(due)

    check = controller.run(roll_back(controller, "--check", vcfleet_hosts=first.name))
    assert check.rc == 0 and check.changed == 1, check.output
    assert (stops(due), owners(due)) == (stopped, [None] * 3)

    third.power_off(silent=False)
    run = controller.run(roll_back(controller, vcfleet_hosts=first.name))
    assert run.rc == 0, run.output
    assert first.certificate_served() == before[first.name]
    assert (lease(first), lease(second)) == ({}, {}), "given back"
    lost = controller.run(roll_back(controller, vcfleet_hosts=third.name))
    assert lost.rc == 2 and "could not be reached" in lost.of("assert", third.name)[-1]["msg"], lost.output

    third.boot()
    controller.killed(
        roll_back(controller, vcfleet_hosts=third.name, vcfleet_lease_ttl=TTL),
        lambda: len(third.tool_calls("service-control", "--stop --all")) == 2,
    )
    kill_swap(third)
    down = controller.run(roll_back(controller, vcfleet_hosts=second.name, vcfleet_lease_wait=60))
    assert down.rc == 2, down.output
    assert f"The services of {third.name}, of the same linked group, may" in " ".join(down.failures(second.name))
    assert owners(due) == [None] * 3
    assert len(second.tool_calls("service-control", "--stop --all")) == 1

    ended = controller.run(roll_back(controller, vcfleet_hosts=third.name))
    assert ended.rc == 0 and "nothing to put back" in ended.output, ended.output
    assert third.certificate_served() == before[third.name]
