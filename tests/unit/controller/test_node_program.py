# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that is sent, the command that runs it, and how its answer is found: with real Pythons and a real sh."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import node_program
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_program import Completed

PYTHONS = sorted(Path("/root/.pyenv/versions").glob("3.*/bin/python3")) or [Path(sys.executable)]
OLD_ENOUGH_TO_REFUSE = [python for python in PYTHONS if python.parts[-3].startswith("3.6")]

ECHO = {
    "node": (True, ""),
    "node.__main__": (
        False,
        "from .words import shout\n"
        "def handle(request):\n"
        "    return {'ok': True, 'result': {'said': shout(request['options']['text']), 'verb': request['verb']}}\n",
    ),
    "node.words": (False, "def shout(text):\n    return text.upper() + __name__\n"),
}


def run(command: list[str], program: bytes, **settings: object) -> Completed:
    done = subprocess.run(command, input=program, capture_output=True, timeout=30, check=False, **settings)
    return Completed(done.returncode, done.stdout.decode(), done.stderr.decode())


def request(text: str = "ü'\"$(id)") -> dict[str, object]:
    return {"verb": "echo", "options": {"text": text}, "check_mode": False}


def python_version(python: Path) -> tuple[int, int]:
    major, minor = python.parts[-3].split(".")[:2] if python.parts[-3][0] == "3" else ("3", "11")
    return int(major), int(minor)


@pytest.mark.parametrize("python", [p for p in PYTHONS if python_version(p) >= (3, 7)], ids=lambda p: p.parts[-3])
def test_every_python_runs_the_package_from_memory(python: Path, tmp_path: Path) -> None:
    program = node_program.node_program(request(), ECHO)

    done = run([str(python), "-IB", "-"], program, cwd=tmp_path)

    assert node_program.parse_answer(done.stdout) == {
        "ok": True,
        "result": {"said": "Ü'\"$(ID)node.words", "verb": "echo"},
    }, done
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_cut_short_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    touching = {**ECHO, "node": (True, f"open({str(marker)!r}, 'w')\n")}
    program = node_program.node_program(request(), touching)

    for length in (len(program) // 4, len(program) // 2, len(program) - 20, len(program) - 3):
        done = run([sys.executable, "-IB", "-"], program[:length])
        assert node_program.parse_answer(done.stdout) is None
        assert not marker.exists()


def test_tracebacks_show_the_source_line() -> None:
    main = (
        "import traceback\n"
        "from .words import shout\n"
        "def handle(request):\n"
        "    try:\n"
        "        shout(None)\n"
        "    except Exception:\n"
        "        return {'ok': False, 'trace': traceback.format_exc()}\n"
    )
    words = "def shout(text):\n    return text.loud  # here\n"
    broken = {**ECHO, "node.__main__": (False, main), "node.words": (False, words)}

    done = run([sys.executable, "-IB", "-"], node_program.node_program(request(), broken))

    trace = node_program.parse_answer(done.stdout)["trace"]
    assert 'File "node/words.py", line 2, in shout\n    return text.loud  # here\n' in trace


def test_the_launch_command_takes_the_first_python_that_is_new_enough(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("#!/bin/sh\ncat >/dev/null; exit 1\n")
    new.write_text(f'#!/bin/sh\necho new >>{tmp_path}/used\nexec {sys.executable} "$@"\n')
    for script in (old, new):
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    command = node_program.launch_command(str(old)).replace("/usr/bin/python3", str(new))

    done = run(["/bin/sh", "-c", command], node_program.node_program(request("hello"), ECHO))

    assert node_program.parse_answer(done.stdout)["result"]["said"] == "HELLOnode.words"
    assert (tmp_path / "used").read_text() == "new\nnew\n"


def test_an_interpreter_with_a_space_in_its_path_is_one_word(tmp_path: Path) -> None:
    python = tmp_path / "my python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o700)
    command = node_program.launch_command(str(python))

    done = run(["/bin/sh", "-c", command], node_program.node_program(request("x"), ECHO), env={"PATH": ""})

    assert node_program.parse_answer(done.stdout)["ok"] is True


def test_no_python_is_said_in_words() -> None:
    command = node_program.launch_command().replace("/usr/bin/python3", "/nowhere/python3")

    done = run(["/bin/sh", "-c", command], b"", env={"PATH": "/nowhere"})

    assert done.rc == 127
    diagnosis = node_program.diagnose(done, through_appliance_shell=False)
    assert "no Python 3.7 or newer" in diagnosis.problem
    assert "ansible_python_interpreter" in diagnosis.remedy


@pytest.mark.skipif(not OLD_ENOUGH_TO_REFUSE, reason="takes a Python 3.6, and there is none")
def test_a_python_that_is_too_old_is_not_used() -> None:
    command = node_program.launch_command(str(OLD_ENOUGH_TO_REFUSE[0])).replace("/usr/bin/python3", "/nowhere/python3")

    done = run(["/bin/sh", "-c", command], node_program.node_program(request(), ECHO), env={"PATH": "/nowhere"})

    assert "no Python 3.7 or newer" in node_program.diagnose(done, False).problem


def test_the_program_is_one_ascii_literal_after_the_bootstrap() -> None:
    program = node_program.node_program(request("geheim"), ECHO).decode("ascii")

    assert "geheim" not in program
    assert program.splitlines()[-1].startswith("start(unpacked(")


def test_the_whole_node_package_is_sent() -> None:
    modules = node_program.node_modules()

    package = Path(node_program.__file__).resolve().parents[1] / "module_utils" / "node"
    assert len(modules) == len(list(package.rglob("*.py")))
    assert modules["node"][0] and modules["node.tools"][0] and not modules["node.pem"][0]
    assert modules["node.pem"][1] == (package / "pem.py").read_text()


@pytest.mark.parametrize(
    "stdout",
    [
        '{"ok": true, "n": 1}',
        'Welcome to {"ok": false}\n{"ok": true, "n": 1}\n',
        '{"ok": false}\n{"ok": true, "n": 1}\nCommand> \n',
        '{"ok": true, "n": 1}\n{not json\n[1]\n{"other": 1}\n',
        '\r\n\r\n{"ok": true, "n": 1}\r\n',
    ],
)
def test_the_answer_is_the_last_line_that_is_one(stdout: str) -> None:
    assert node_program.parse_answer(stdout) == {"ok": True, "n": 1}


@pytest.mark.parametrize("stdout", ["", "\n", "hello", '{"ok"', '{"result": 1}', "[]", '"ok"'])
def test_what_is_no_answer(stdout: str) -> None:
    assert node_program.parse_answer(stdout) is None


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("sudo: a password is required", "Becoming root on the node failed: sudo: a password is required"),
        (
            "\noperator is not in the sudoers file.  This incident will be reported.\n",
            "Becoming root on the node failed",
        ),
        ("sudo: sorry, you must have a tty to run sudo\n", "must have a tty"),
        ("Traceback\nMemoryError", "MemoryError"),
        ("", "it printed nothing"),
    ],
)
def test_no_answer_is_explained(stderr: str, words: str) -> None:
    diagnosis = node_program.diagnose(Completed(1, "", stderr), through_appliance_shell=False)

    assert words in diagnosis.problem
    assert diagnosis.remedy
    assert diagnosis.details["rc"] == 1


def test_the_appliance_shell_is_recognised_and_named() -> None:
    refused = Completed(1, "", "Unknown command: `/bin/sh'\n")

    assert node_program.is_appliance_shell(refused)
    assert not node_program.is_appliance_shell(Completed(127, "", "sh: 1: x: not found"))
    diagnosis = node_program.diagnose(refused, through_appliance_shell=True)
    assert "appliance shell" in diagnosis.problem
    assert "vcfleet.certs.appliance_shell" in diagnosis.remedy
    assert "chsh -s /bin/bash root" in diagnosis.remedy


def test_output_in_details_is_bounded() -> None:
    diagnosis = node_program.diagnose(Completed(1, "x" * 100_000, "y" * 100_000), through_appliance_shell=False)

    assert len(json.dumps(diagnosis.details)) < 10_000


def test_the_command_line_is_short_and_says_nothing() -> None:
    assert len(node_program.launch_command()) < 600
    assert os.linesep not in node_program.launch_command()
