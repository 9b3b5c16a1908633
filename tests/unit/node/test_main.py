# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""__main__.py: one answer to every request, in words; also as a program, on an old Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import material
import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import __main__ as program
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import service_control_info

PACKAGE = Path(program.__file__).parent


def python_3_7() -> str | None:
    """A Python 3.7 on this machine: on PATH, or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which("python3.7"), *sorted(map(str, pyenv.glob("3.7*/bin/python3.7")))]
    return next((path for path in found if path and _is_3_7(path)), None)


def _is_3_7(path: str) -> bool:
    """pyenv's stand-ins exist without the Python that they stand for."""
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return done.returncode == 0 and "3.7." in done.stdout


def ask(python: str, line: str) -> dict:
    """The package as a program, as it lies in the checkout."""
    done = subprocess.run(
        [python, "-m", "node"], input=line, capture_output=True, text=True, cwd=PACKAGE.parent, timeout=60, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def root(monkeypatch):
    monkeypatch.setattr(program.os, "geteuid", lambda: 0)


@pytest.fixture(autouse=True)
def _same_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_an_unknown_verb_is_refused_with_those_that_exist():
    answer = program.handle({"verb": "rm"})
    assert not answer["ok"]
    assert "appliance_info" in answer["error"]["remedy"]


def test_every_verb_has_its_module():
    modules = {path.stem for path in (PACKAGE / "verbs").glob("[a-z]*.py")}
    assert modules == set(program.VERBS)


def test_without_root_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(program.os, "geteuid", lambda: 1000)
    answer = program.handle({"verb": "vecs_info", "options": {}})
    assert "takes root" in answer["error"]["message"]
    assert "become" in answer["error"]["remedy"]
    assert answer["commands"] == []


def test_a_result_travels_with_the_commands_that_were_run(monkeypatch, root):
    def run(options, context):
        context.toolbox.runner.run(["/bin/true"])
        assert context.check_mode
        assert context.toolbox.runner.timeout == 7
        return {"changed": False, "options": options}

    monkeypatch.setattr(service_control_info, "run", run)
    answer = program.handle({"verb": "service_control_info", "options": {"tool_timeout": 7}, "check_mode": True})
    assert answer["ok"]
    assert answer["result"] == {"changed": False, "options": {"tool_timeout": 7}}
    assert [command["argv"] for command in answer["commands"]] == [["/bin/true"]]


def test_a_refusal_travels_with_its_remedy_and_the_commands_so_far(monkeypatch, root):
    def run(options, context):
        context.toolbox.runner.run(["/bin/false"])
        raise NodeError("no", "do this", rc=5)

    monkeypatch.setattr(service_control_info, "run", run)
    answer = program.handle({"verb": "service_control_info"})
    assert answer["error"] == {"kind": "refused", "message": "no", "remedy": "do this", "details": {"rc": 5}}
    assert len(answer["commands"]) == 1


def test_an_unexpected_error_is_an_answer_too(monkeypatch, root):
    monkeypatch.setattr(service_control_info, "run", lambda options, context: 1 / 0)
    error = program.handle({"verb": "service_control_info"})["error"]
    assert error["kind"] == "bug"
    assert "ZeroDivisionError" in error["message"]
    assert "Traceback" in error["details"]["traceback"]


def test_a_missing_tool_is_told_in_words(root):
    error = program.handle({"verb": "service_control_info", "options": {}})["error"]
    assert "/bin/service-control is missing or cannot be run" in error["message"]


def test_as_a_program_it_answers_even_nonsense_with_one_json_line():
    assert ask(sys.executable, "nonsense\n")["error"]["kind"] == "bug"
    assert not ask(sys.executable, '{"verb": "nothing"}\n')["ok"]


def test_every_verb_answers_in_words_on_python_3_7(tmp_path):
    python = python_3_7()
    if python is None:
        pytest.skip("no Python 3.7 was found on this machine: the oldest node's Python goes untested here")
    (tmp_path / "k").write_text(material.key())
    (tmp_path / "c").write_text(material.certificate())
    tmp_path.chmod(0o700)
    pair = {"key_path": f"{tmp_path}/k", "cert_path": f"{tmp_path}/c"}
    sso = {"sso_user": "administrator", "sso_password": "x"}
    options = {
        "appliance_info": {},
        "appliance_shell": {"state": "told"},
        "certool_certificate": {**pair, "config": "Name = vc02\nHostname = vc02\n"},
        "certool_keypair": {"key_path": f"{tmp_path}/new", "public_key_path": f"{tmp_path}/p"},
        "group_lease": {"state": "status"},
        "linked_mode_info": sso,
        "machine_ssl_handover": {},
        "machine_ssl_stage": {"config": "Name = vc02\nHostname = vc02\n", "expect": None},
        "machine_ssl_swap": {"state": "status"},
        "replication_gate": {**sso, "timeout": 0.0},
        "service_control": {"state": "started", "all": True},
        "service_control_info": {},
        "swap_follow": {"cursor": {"journal": "", "n": -1}, "wait": 0},
        "vecs_entry": {"store": "S", "alias": "a", **pair},
        "vecs_info": {},
    }
    assert set(options) == set(program.VERBS)
    for verb, given in options.items():
        request = {"verb": verb, "options": {"state_dir": f"{tmp_path}/state", **given}, "check_mode": False}
        answer = ask(python, json.dumps(request) + "\n")
        assert answer["ok"] or answer["error"]["kind"] == "refused", answer
