# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes on when its session ends: a process of its own session that holds nothing of ours but the lock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.vcfleet.certs.plugins.module_utils.node import detach

# Its own process group is killed as soon as it has detached: that is what a lost session does to it.
_PROGRAM = """
import importlib.util, json, os, signal, sys, time
spec = importlib.util.spec_from_file_location("detach", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
keep = os.open(sys.argv[2] + ".lock", os.O_CREAT | os.O_RDWR)
asked_in = os.getsid(0)

def work():
    time.sleep(0.5)
    files = {int(name): os.readlink("/proc/self/fd/" + name) for name in os.listdir("/proc/self/fd") if name in "012"}
    told = {"own session": os.getsid(0) != asked_in, "leader": os.getsid(0) == os.getpid(), "files": files,
            "hang-up": signal.getsignal(signal.SIGHUP) is signal.SIG_IGN,
            "lock": os.readlink("/proc/self/fd/%d" % keep)}
    with open(sys.argv[2] + ".new", "w") as file:
        json.dump(told, file)
    os.rename(sys.argv[2] + ".new", sys.argv[2])

module.detach(work, keep)
os.killpg(0, signal.SIGKILL)
"""


def test_the_work_outlives_its_session_and_lets_go_of_its_pipes(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    command = [sys.executable, "-c", _PROGRAM, str(detach.__file__), str(answer)]
    begun = time.monotonic()
    asked = subprocess.run(command, capture_output=True, timeout=30, start_new_session=True, check=False)
    assert asked.returncode == -9
    deadline = begun + 30
    while not answer.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    told = json.loads(answer.read_text())
    assert told["own session"]
    assert not told["leader"], "a leader could get a terminal"
    assert told["hang-up"]
    assert set(told["files"].values()) == {os.devnull}
    assert told["lock"] == f"{answer}.lock"
