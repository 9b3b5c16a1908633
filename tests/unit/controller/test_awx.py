# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is set up in AWX, held against what AWX takes and what the playbooks read; and the execution environment."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment

ROOT = Path(__file__).resolve().parents[3]
AWX = ROOT / "extensions" / "awx"
EE = ROOT / "extensions" / "execution-environment"

# How AWX tells a playbook of a project from other files (awx/main/utils/ansible.py).
IS_PLAYBOOK = re.compile(r"^\s*?-?\s*?(?:hosts|include|import_playbook):\s*?.*?$", re.MULTILINE)

# What AWX takes as a question (docs of its survey_spec endpoint): type -> Python type of the default.
QUESTION_TYPES: dict[str, type] = {"text": str, "textarea": str, "multiplechoice": str, "integer": int, "float": float}
QUESTION_KEYS = {
    *("question_name", "question_description", "variable", "type", "required", "default", "min", "max", "choices")
}

# Options of the modules of awx.awx 24.6.1 that setup.yml uses, from their documentation.
OPTIONS: dict[str, set[str]] = {
    "execution_environment": {"name", "image", "description", "organization", "credential", "state", "pull"},
    "project": {
        *("name", "description", "scm_type", "scm_url", "scm_branch", "scm_refspec", "credential", "scm_clean"),
        *("scm_update_on_launch", "scm_update_cache_timeout", "default_environment", "organization", "state", "wait"),
    },
    "credential_type": {"name", "description", "kind", "inputs", "injectors", "state"},
    "credential": {"name", "description", "organization", "credential_type", "inputs", "update_secrets", "state"},
    "inventory": {"name", "description", "organization", "variables", "kind", "state"},
    "inventory_source": {
        *("name", "description", "inventory", "source", "source_path", "source_vars", "credential", "organization"),
        *("execution_environment", "overwrite", "overwrite_vars", "update_on_launch", "update_cache_timeout"),
        *("source_project", "scm_branch", "timeout", "verbosity", "state"),
    },
    "job_template": {
        *("name", "description", "job_type", "inventory", "organization", "project", "playbook", "credentials"),
        *("execution_environment", "forks", "limit", "verbosity", "extra_vars", "survey_enabled", "survey_spec"),
        *("allow_simultaneous", "job_slice_count", "ask_job_slice_count_on_launch", "ask_limit_on_launch", "timeout"),
    },
    "workflow_job_template": {
        *("name", "description", "organization", "allow_simultaneous", "workflow_nodes", "destroy_current_nodes"),
        *("ask_variables_on_launch", "survey_enabled"),
    },
    "schedule": {"name", "rrule", "unified_job_template", "organization", "extra_data", "enabled", "state"},
}
KEYWORDS = {"name", "loop", "loop_control", "when", "no_log"}


class Loader(yaml.SafeLoader):
    """YAML as Ansible reads it: `!unsafe` marks a text that is no template."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def read(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader)  # it is a SafeLoader


TEMPLATES = read(AWX / "job_templates.yml")["vcfleet_awx_job_templates"]
QUESTIONS = [(template["name"], question) for template in TEMPLATES for question in template["survey"]]
TASKS = read(AWX / "setup.yml")[0]["tasks"]
PROJECT = sorted((AWX / "project").glob("*.yml"))
PLAYBOOKS = [path for path in PROJECT if not path.name.endswith("linked_mode.yml")]


def named(question: tuple[str, dict[str, Any]]) -> str:
    return f"{question[0]}-{question[1]['variable']}"


# ---- Surveys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", QUESTIONS, ids=map(named, QUESTIONS))
def test_awx_takes_the_question(question: tuple[str, dict[str, Any]]) -> None:
    _, asked = question
    assert json.loads(json.dumps(asked)) == asked
    assert set(asked) <= QUESTION_KEYS
    assert asked["question_name"] and isinstance(asked["required"], bool)
    assert type(asked["default"]) is QUESTION_TYPES[asked["type"]]
    if asked["type"] == "multiplechoice":
        assert asked["default"] in asked["choices"] and all(type(each) is str for each in asked["choices"])
    else:
        low, high = asked.get("min", 0), asked["max"]
        size = len(asked["default"]) if asked["type"] == "text" else asked["default"]
        assert low <= size <= high
        assert asked["type"] != "text" or asked["default"] == "", "a blank answer says nothing"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["name"])
def test_nothing_is_asked_twice_nor_of_what_is_set(template: dict[str, Any]) -> None:
    variables = [question["variable"] for question in template["survey"]]
    assert len(set(variables)) == len(variables)
    assert not set(variables) & set(template["extra_vars"])


def read_by(playbook: str) -> str:
    """The text of a playbook of the collection with all its tasks and variables: who reads a variable names it."""
    folder = ROOT / "playbooks"
    parts = [folder / playbook, *(path for part in ("parts", "tasks", "vars") for path in folder.glob(f"{part}/*.yml"))]
    return "\n".join(path.read_text() for path in parts)


def role_options() -> dict[str, dict[str, Any]]:
    specs = read(ROOT / "roles" / "machine_ssl" / "meta" / "argument_specs.yml")["argument_specs"]
    return {name: option for spec in specs.values() for name, option in spec.get("options", {}).items()}


@pytest.mark.parametrize("question", QUESTIONS, ids=map(named, QUESTIONS))
def test_a_playbook_reads_the_answer(question: tuple[str, dict[str, Any]]) -> None:
    name, asked = question
    (playbook,) = [template["playbook"] for template in TEMPLATES if template["name"] == name]
    variable = asked["variable"]
    if variable.startswith("machine_ssl_"):
        option = role_options()[variable]
        assert asked.get("choices") == (["false", "true"] if option["type"] == "bool" else option.get("choices"))
    else:
        assert re.search(rf"\b{variable}\b", read_by(playbook))


@pytest.mark.parametrize("question", QUESTIONS, ids=map(named, QUESTIONS))
def test_the_answer_is_documented(question: tuple[str, dict[str, Any]]) -> None:
    variable = question[1]["variable"]
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    written = any(f"`{variable}`" in page.read_text() or f"-e {variable}=" in page.read_text() for page in pages)
    assert written or variable in role_options()


def test_how_strict_a_check_is_has_the_playbooks_choices() -> None:
    (asked,) = [question for _, question in QUESTIONS if question["variable"] == "check_strict"]
    text = (ROOT / "playbooks" / "check.yml").read_text()
    (listed,) = set(re.findall(r"check_strict \| default\('none'\) in (\['none'.*?\])", text))
    assert asked["choices"] == yaml.safe_load(listed)


# ---- Setup -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task["name"])
def test_every_module_and_option_exists(task: dict[str, Any]) -> None:
    ((module, options),) = [(key, value) for key, value in task.items() if key not in KEYWORDS]
    namespace, _, name = module.rpartition(".")
    assert namespace == "awx.awx" and set(options) <= OPTIONS[name]


def options_of(module: str) -> dict[str, Any]:
    (options,) = [task[f"awx.awx.{module}"] for task in TASKS if f"awx.awx.{module}" in task]
    return dict(options)


def test_no_job_template_is_sliced_by_awx_nor_limited() -> None:
    made = options_of("job_template")
    assert made["job_slice_count"] == 1
    assert made["ask_job_slice_count_on_launch"] is False and made["ask_limit_on_launch"] is False


def test_the_workflow_takes_no_variables_that_would_go_before_those_of_its_nodes() -> None:
    made = options_of("workflow_job_template")
    assert made["ask_variables_on_launch"] is False and made["survey_enabled"] is False


def test_secrets_are_secret_in_awx_and_in_the_log_of_the_setup() -> None:
    fields = {field["id"]: field for field in options_of("credential_type")["inputs"]["fields"]}
    assert [name for name, field in fields.items() if field.get("secret")] == ["sso_password", "ssh_key"]
    assert [task["name"] for task in TASKS if task.get("no_log")] == ["Credential"]


def test_the_injectors_name_fields_and_no_setting_of_ansible() -> None:
    made = options_of("credential_type")
    fields = {field["id"] for field in made["inputs"]["fields"]}
    injectors = made["injectors"]
    texts = [text for each in injectors.values() for text in each.values()]
    assert set(re.findall(r"{{ (?:tower\.filename\.)?(\w+) }}", " ".join(texts))) == fields
    # AWX refuses those in a credential.
    assert not [name for name in injectors["env"] if name.startswith("ANSIBLE_")]


def test_the_inventory_source_reads_what_the_credential_injects() -> None:
    injected = set(options_of("credential_type")["injectors"]["env"])
    text = (AWX / "project" / "vcenters.linked_mode.yml").read_text()
    plugin = (ROOT / "plugins" / "inventory" / "linked_mode.py").read_text()
    assert "name: VCFLEET_SSO_PASSWORD" in plugin
    assert set(re.findall(r"VCFLEET_\w+", text)) == injected


# ---- Workflow --------------------------------------------------------------------------------------------------------


def workflow(slices: int, canaries: list[str]) -> dict[str, Any]:
    """The workflow's nodes by identifier, rendered as setup.yml does."""
    environment = Environment(trim_blocks=True, autoescape=False)  # it makes YAML
    environment.filters |= {
        "to_json": json.dumps,
        "regex_replace": lambda text, pattern, new: re.sub(pattern, new, text),
    }
    names = {"vcfleet_awx_slices": slices, "vcfleet_awx_canaries": canaries}
    values = {**read(AWX / "site.yml"), **names}
    made = yaml.safe_load(environment.from_string((AWX / "workflow.yml.j2").read_text()).render(values))
    return {node["identifier"]: node for node in made}


def after(nodes: dict[str, Any], name: str) -> list[str]:
    related = nodes[name].get("related", {})
    return [each["identifier"] for kind in related.values() for each in kind]


@pytest.mark.parametrize("slices", [1, 2, 7])
@pytest.mark.parametrize("canaries", [[], ["vc01.example.com", "vsphere.local@vc03"]])
def test_nothing_is_rotated_before_the_approval_and_every_slice_once(slices: int, canaries: list[str]) -> None:
    nodes = workflow(slices, canaries)
    rotations = [f"rotate-{number}" for number in range(1, slices + 1)]
    assert after(nodes, "plan") == ["approve"]
    assert nodes["approve"]["unified_job_template"]["type"] == "workflow_approval"
    assert list(nodes["approve"]["related"]) == ["success_nodes"], "not after a denial"
    first = ["rotate-canaries"] if canaries else rotations
    assert after(nodes, "approve") == first
    if canaries:
        assert nodes["rotate-canaries"]["extra_data"] == {"vcfleet_only": ",".join(canaries)}
        assert list(nodes["rotate-canaries"]["related"]) == ["success_nodes"], "not after a canary that failed"
        assert after(nodes, "rotate-canaries") == rotations
    parts = [nodes[name]["extra_data"] for name in rotations]
    assert parts == [{"vcfleet_slice": f"{number}/{slices}"} for number in range(1, slices + 1)]
    assert set(nodes) == {"plan", "approve", *first, *rotations}


def test_the_workflows_jobs_exist_and_ask_for_what_they_are_given() -> None:
    prefix = read(AWX / "site.yml")["vcfleet_awx_prefix"]
    asked = {f"{prefix}: {made['name']}": {each["variable"] for each in made["survey"]} for made in TEMPLATES}
    for node in workflow(2, ["vc01"]).values():
        if node["unified_job_template"]["type"] == "job_template":
            assert set(node.get("extra_data", {})) <= asked[node["unified_job_template"]["name"]]


# ---- The project -----------------------------------------------------------------------------------------------------


def test_awx_sees_the_projects_playbooks_and_the_job_templates_name_them() -> None:
    assert {made["playbook"] for made in TEMPLATES} == {path.name for path in PLAYBOOKS}
    for path in PLAYBOOKS:
        assert IS_PLAYBOOK.search(path.read_text()), path


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.name)
def test_a_playbook_of_the_project_is_the_collections(path: Path) -> None:
    (imported,) = [play["import_playbook"] for play in read(path) if "import_playbook" in play]
    assert imported == f"vcfleet.certs.{path.stem}"
    assert (ROOT / "playbooks" / path.name).is_file()


# ---- The execution environment ---------------------------------------------------------------------------------------


def test_ansible_builder_takes_the_definition(tmp_path: Path) -> None:
    """Its schema, and the files that a container engine builds from. Nothing is built."""
    builder = Path(sys.executable).with_name("ansible-builder")
    context = tmp_path / "context"
    command = [builder, "create", "--file", EE / "execution-environment.yml", "--context", context]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    galaxy = read(ROOT / "galaxy.yml")
    wanted = read(context / "_build" / "requirements.yml")["collections"]
    assert wanted == [{"name": f"{galaxy['namespace']}.{galaxy['name']}", "version": galaxy["version"]}]
    assert list(context.glob("*file")), "no Containerfile was written"


def test_ansible_builder_finds_what_the_collection_needs(tmp_path: Path) -> None:
    """As it does in the image, where the collection is installed."""
    installed = tmp_path / "ansible_collections" / "vcfleet" / "certs"
    shutil.copytree(ROOT / "meta", installed / "meta")
    shutil.copy(ROOT / "galaxy.yml", installed)
    needs = {"pip": tmp_path / "pip.txt", "bindep": tmp_path / "bindep.txt"}
    builder = Path(sys.executable).with_name("ansible-builder")
    command = [builder, "introspect", tmp_path, *(f"--write-{name}={path}" for name, path in needs.items())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    python = needs["pip"].read_text()
    for line in (ROOT / "meta" / "ee-requirements.txt").read_text().splitlines():
        assert line.startswith("#") or line.partition(">")[0] in python
    assert "openssh-clients [platform:rpm]" in needs["bindep"].read_text()
