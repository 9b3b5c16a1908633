# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet far away: plan and rotation as jobs of AWX, through `ansible-runner transmit | worker | process`.

The collection is where the worker is and nowhere else; so is the way to the nodes. Playbooks are those of the AWX
project, and what is answered at launch are the defaults of the job templates' surveys.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from controller import BIN, Controller
from evidence import private_keys, served
from simvc.lab.lab import Lab

# Nobody else's on this machine, so whoever finds it has found this one.
PASSWORD = 'töld "nobody" $7f3a'
DIR_CLI = "/usr/lib/vmware-vmafd/bin/dir-cli"
RUNNER = str(BIN / "ansible-runner")
Events = list[dict[str, Any]]


@dataclass
class Job:
    """One processed job: what ansible-runner's artifacts say of it."""

    folder: Path
    output: str

    @property
    def rc(self) -> int:
        return int((self.folder / "rc").read_text())

    @property
    def status(self) -> str:
        return (self.folder / "status").read_text()

    @property
    def events(self) -> Events:
        files = sorted((self.folder / "job_events").glob("[0-9]*.json"), key=lambda path: int(path.name.split("-")[0]))
        return [json.loads(path.read_text()) for path in files]

    @property
    def last(self) -> dict[str, Any]:
        """The event with the numbers of all hosts, and what the job hands on."""
        (event,) = [each["event_data"] for each in self.events if each["event"] == "playbook_on_stats"]
        return event

    def results(self, action: str) -> Events:
        """The results of a module's tasks that succeeded."""
        return [
            each["event_data"]["res"]
            for each in self.events
            if each["event"] == "runner_on_ok" and each["event_data"]["task_action"] == f"vcfleet.certs.{action}"
        ]

    @property
    def endings(self) -> dict[str, str]:
        """How each node ended, by the summary."""
        (summary,) = self.results("fleet_summary")
        return {name.partition(".")[0]: ended["ending"] for name, ended in summary["nodes"].items()}


@dataclass
class Platform:
    """What AWX does to run a job, with ansible-runner and without AWX."""

    controller: Controller
    folder: Path

    @property
    def installed(self) -> Path:
        """The collection, as the worker has it."""
        return self.controller.collections / "ansible_collections" / "vcfleet" / "certs"

    def launch(self, template: str, **answers: Any) -> Job:
        """Run a job template with the defaults of its survey, and with `answers`."""
        made = self._templates()[template]
        defaults = {each["variable"]: each["default"] for each in made["survey"]}
        return self.run(made["playbook"], {**made["extra_vars"], **defaults, **answers})

    def run(self, playbook: str, extra_vars: dict[str, Any]) -> Job:
        """Send a job, work on it where the nodes are, and process what comes back."""
        ident = f"{len(list(self.folder.glob('job-*'))) + 1}"
        sent = self._private_data(self.folder / f"job-{ident}", extra_vars)
        far = self.folder / "far"
        worker = self.controller.lab.controller_command([RUNNER, "worker", "--private-data-dir", str(far), "--delete"])
        commands = [
            ([RUNNER, "transmit", str(sent), "-p", playbook, "-i", ident], self._environment()),
            (worker, self._environment(ANSIBLE_COLLECTIONS_PATH=str(self.controller.collections))),
            ([RUNNER, "process", str(sent), "-i", ident], self._environment()),
        ]
        output = piped(commands, self.folder)
        assert not far.exists(), "the worker has left its copy of the job's secrets"
        return Job(sent / "artifacts" / ident, output)

    def _private_data(self, folder: Path, extra_vars: dict[str, Any]) -> Path:
        """The job's folder: project, inventory, and in env what only the job may know."""
        lab = self.controller.lab
        shutil.copytree(self.installed / "extensions" / "awx" / "project", folder / "project")
        inventory = yaml.safe_load(lab.inventory())
        common = inventory["vcenters"]["vars"]
        # The key comes from the agent that ansible-runner fills for the job.
        del common["ansible_ssh_private_key_file"]
        for option in ("IdentitiesOnly=yes", "IdentityAgent=none"):
            common["ansible_ssh_common_args"] = common["ansible_ssh_common_args"].replace(f"-o {option}", "")
        secrets = {"vcfleet_sso_password": PASSWORD, "vcfleet_sso_user": "administrator", "vcfleet_gate_pause": 0.3}
        files = {
            "inventory/hosts.yml": yaml.safe_dump(inventory),
            "env/extravars": json.dumps({**extra_vars, **secrets}),
            "env/ssh_key": lab.nodes[0].key.read_text(),
        }
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(text)
        return folder

    def _templates(self) -> dict[str, Any]:
        class Loader(yaml.SafeLoader):
            """Reads `!unsafe` as the text that it marks."""

        Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
        text = (self.installed / "extensions" / "awx" / "job_templates.yml").read_text()
        known = {"{{ awx_job_id }}": "7", "{{ vcfleet_awx_plan_file }}": str(self.folder / "plan.json")}
        for name, value in known.items():
            text = text.replace(name, value)
        made = yaml.load(text, Loader)
        return {each["name"]: each for each in made["vcfleet_awx_job_templates"]}

    def _environment(self, **more: str) -> dict[str, str]:
        """Nothing that Ansible would take for a setting, but what is given."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        own = {"HOME": str(self.controller.home), "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
        return {**plain, **own, **more}


def piped(commands: list[tuple[list[str], dict[str, str]]], folder: Path) -> str:
    """Run commands as a pipeline to its end; returns what the last one printed and what all of them complained of."""
    complaints = folder / "stderr"
    processes: list[subprocess.Popen[bytes]] = []
    with complaints.open("wb") as stderr:
        for argv, environment in commands:
            stdin = processes[-1].stdout if processes else subprocess.DEVNULL
            process = subprocess.Popen(
                argv, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, env=environment, cwd=folder
            )
            if processes and processes[-1].stdout:
                processes[-1].stdout.close()
            processes.append(process)
        output, _ = processes[-1].communicate(timeout=900)
    for process in processes[:-1]:
        process.wait(timeout=60)
    return output.decode() + complaints.read_text()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two linked nodes with a password of their own."""
    with Lab("1x2", shell="bash") as made:
        change = ["password", "reset", "--account", "administrator", "--new", PASSWORD, "--password", "VMware1!"]
        assert made["vc01"].run([DIR_CLI, *change]).returncode == 0
        yield made


@pytest.fixture(scope="module")
def platform(
    lab: Lab, controller_for: Callable[[Lab], Controller], tmp_path_factory: pytest.TempPathFactory
) -> Platform:
    return Platform(controller_for(lab), tmp_path_factory.mktemp("platform"))


@dataclass
class Story:
    """The workflow of a rotation: plan, hand on, rotate as planned; and the node's certificates before and after."""

    plan: Job
    rotation: Job
    before: dict[str, str]
    between: dict[str, str]
    after: dict[str, str]
    key_texts: list[str]


@pytest.fixture(scope="module")
def story(lab: Lab, platform: Platform) -> Story:
    before, key_texts = served(lab), keys(lab)
    plan = platform.launch("plan")
    between = served(lab)
    (platform.folder / "plan.json").unlink()  # a job of AWX has a machine of its own
    rotation = platform.launch("rotate as planned", vcfleet_slice="1/1", **plan.last["artifact_data"])
    return Story(plan, rotation, before, between, served(lab), key_texts + keys(lab))


def keys(lab: Lab) -> list[str]:
    """The text of every private key of the lab, that of the nodes' login too."""
    login = "".join(lab.nodes[0].key.read_text().splitlines()[1:-1])
    return [login, *(key for node in lab.nodes for key in private_keys(node))]


class TestWorkflow:
    def test_the_plan_is_made_and_handed_on(self, story: Story) -> None:
        assert (story.plan.rc, story.plan.status) == (0, "successful"), story.plan.output
        assert list(story.plan.last["artifact_data"]) == ["vcfleet_reviewed_plan"]
        assert story.between == story.before

    def test_the_rotation_succeeds(self, story: Story) -> None:
        assert (story.rotation.rc, story.rotation.status) == (0, "successful"), story.rotation.output

    def test_it_goes_by_the_plan_that_was_handed_on(self, story: Story) -> None:
        planned, applied = (job.results("fleet_plan")[-1]["plan"] for job in (story.plan, story.rotation))
        assert planned["id"] == applied["id"]

    def test_every_node_is_rotated_and_the_numbers_say_so(self, lab: Lab, story: Story) -> None:
        names = {node.name for node in lab.nodes}
        assert story.rotation.last["failures"] == {} and story.rotation.last["dark"] == {}
        assert names <= set(story.rotation.last["changed"])
        assert story.rotation.endings == {"vc01": "rotated", "vc02": "rotated"}

    def test_every_node_serves_the_certificate_that_the_events_name(self, story: Story) -> None:
        (summary,) = story.rotation.results("fleet_summary")
        assert {name: ended["new"]["sha256"] for name, ended in summary["nodes"].items()} == story.after
        assert not set(story.before.values()) & set(story.after.values())

    def test_progress_and_summary_are_in_what_a_person_sees(self, story: Story) -> None:
        shown = (story.rotation.folder / "stdout").read_text()
        assert "window closed after" in shown and "SUMMARY" in shown and "2 rotated" in shown

    def test_no_artifact_has_a_secret(self, story: Story) -> None:
        spelled = {PASSWORD, json.dumps(PASSWORD)[1:-1], json.dumps(PASSWORD, ensure_ascii=False)[1:-1]}
        assert len(story.key_texts) >= 5
        needles = [text.encode() for text in {*spelled, *story.key_texts}]
        looked_at = [path for job in (story.plan, story.rotation) for path in job.folder.rglob("*") if path.is_file()]
        assert len(looked_at) > 50
        for path in looked_at:
            content = path.read_bytes()
            for text in (content, content.replace(b"\\n", b"").replace(b"\n", b"")):
                assert not [needle for needle in needles if needle in text], path
                assert b"PRIVATE KEY" not in text, path


def test_a_node_that_fails_fails_the_job(lab: Lab, platform: Platform) -> None:
    """Last of all: the group's second node cannot make a certificate."""
    node, before = lab["vc02"], served(lab)
    node.add_fault("certool", "answer", match="--gencert", rc=1, stdout="Error: 70034, VMCA_ERROR\n")
    forced = {"machine_ssl_force": "true", "machine_ssl_force_reason": "a test"}
    job = platform.run("vcfleet.certs.rotate", {"vcfleet_only": node.name, **forced})
    node.clear_faults()
    assert (job.rc, job.status) == (2, "failed"), job.output
    assert list(job.last["failures"]) == [node.name]
    assert job.endings == {"vc01": "not selected", "vc02": "not begun"}
    assert "certool --gencert" in str(job.results("fleet_summary")[0]["nodes"][node.name])
    assert served(lab) == before
