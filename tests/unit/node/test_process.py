# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""process.py: real processes, and every way in which a tool can misbehave."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import ToolError, ToolTimeoutError, short_name
from ansible_collections.vcfleet.certs.plugins.module_utils.node.process import Completed, Runner, environment

SH = "/bin/sh"


def sh(script: str, **more: object) -> Completed:
    return Runner(timeout=10).run([SH, "-c", script], **more)


def test_both_outputs_and_the_exit_status_are_kept_apart_and_none_is_judged():
    completed = sh("echo out; echo err >&2; exit 216")
    assert (completed.stdout, completed.stderr, completed.rc) == ("out\n", "err\n", 216)


def test_stdin_is_closed_unless_something_is_given():
    assert sh("cat; echo end").stdout == "end\n"
    assert sh("cat", stdin=b"given").stdout == "given"


def test_large_input_and_output_do_not_block_each_other():
    data = b"x" * 300_000
    assert sh("cat", stdin=data).stdout == data.decode()


def test_input_that_nobody_reads_is_no_error():
    assert sh("exec 0<&-; echo done", stdin=b"x" * 300_000).stdout == "done\n"


def test_bytes_that_are_no_text_are_replaced():
    assert sh(r"printf 'a\377b'").stdout == "a\ufffdb"


def test_of_a_long_output_an_error_keeps_both_ends_and_no_key():
    key = "-----BEGIN PRIVATE KEY-----\\nQUJD\\n-----END PRIVATE KEY-----\\n"
    script = f"echo beginning; printf -- '{key}'; head -c 50000 /dev/zero | tr '\\0' x; echo end"
    error = sh(script).error("failed")
    assert error.stdout.startswith("beginning\n(private key removed)\nx") and error.stdout.endswith("xend\n")
    assert "\n...\n" in error.stdout and len(error.stdout) < 4100


def test_the_environment_is_the_vendors_and_nothing_is_inherited(tmp_path, monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/venv/lib")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    file = tmp_path / "vmware-environment"
    file.write_text(
        'VMWARE_CFG_DIR=/etc/vmware and more words\n\nVMWARE_TMP_DIR="/storage"\nno assignment\nLC_ALL=tr\n'
    )
    found = environment(str(file))
    assert found["VMWARE_CFG_DIR"] == "/etc/vmware"
    assert found["VMWARE_TMP_DIR"] == "/storage"
    assert found["LC_ALL"] == "C"
    assert "LD_LIBRARY_PATH" not in found
    shown = Runner(environment_file=str(file)).run(["/usr/bin/env"]).stdout.splitlines()
    assert "VMWARE_CFG_DIR=/etc/vmware" in shown
    assert "LC_ALL=C" in shown


def test_a_missing_environment_file_is_no_error(tmp_path):
    assert environment(str(tmp_path / "none"))["LC_ALL"] == "C"


def test_a_hanging_tool_is_killed_with_its_children_and_what_it_said_is_kept(tmp_path):
    pid = tmp_path / "pid"
    begun = time.monotonic()
    with pytest.raises(ToolTimeoutError) as caught:
        sh(f"echo half; sleep 60 & echo $! > {pid}; wait", timeout=0.5)
    assert time.monotonic() - begun < 5
    assert caught.value.stdout == "half\n"
    assert caught.value.rc is None
    assert "0.5 seconds" in caught.value.message
    assert _gone(int(pid.read_text()))


def test_a_daemon_that_keeps_the_pipes_open_does_not_keep_the_caller():
    begun = time.monotonic()
    completed = sh("echo started; (sleep 5; echo late) &")
    assert completed.stdout == "started\n"
    assert time.monotonic() - begun < 3


def test_a_tool_that_closes_its_outputs_is_waited_for():
    begun = time.monotonic()
    assert sh("exec 1>&- 2>&-; sleep 0.4; exit 3").rc == 3
    assert time.monotonic() - begun >= 0.4


@pytest.mark.parametrize("content", [None, "#!/no/such/interpreter\n"])
def test_a_missing_or_broken_tool_is_told_in_words(tmp_path, content):
    tool = tmp_path / "certool"
    if content is not None:
        tool.write_text(content)
        tool.chmod(0o755)
    with pytest.raises(ToolError, match="is missing or cannot be run") as caught:
        Runner().run([str(tool), "--genkey"])
    assert str(tool) in caught.value.remedy


def test_a_relative_tool_is_a_bug_of_ours():
    with pytest.raises(ValueError, match="absolute"):
        Runner().run(["certool"])


def test_a_secret_output_is_in_no_error():
    completed = sh("rev; echo oops >&2", stdin=b"2retnuh\n", secret=True)
    assert completed.stdout == "hunter2\n"
    error = completed.error("failed", 5)
    assert "hunter2" not in repr(error.to_dict())
    assert "oops" in error.stderr
    with pytest.raises(ToolTimeoutError) as caught:
        sh("rev; sleep 60", stdin=b"2retnuh\n", secret=True, timeout=0.3)
    assert "hunter2" not in repr(caught.value.to_dict())


def test_a_private_key_is_in_no_error_even_when_nobody_said_it_was_secret():
    error = Completed(["/x"], 1, "a-----BEGIN PRIVATE KEY-----\nMIIabc", "", 0.1).error("failed")
    assert "MIIabc" not in repr(error.to_dict())
    assert error.stdout == "a(private key removed)"


def test_files_that_a_tool_makes_are_private_and_our_own_umask_stays(tmp_path):
    before = os.umask(0o027)
    try:
        sh(f"touch {tmp_path}/private")
        sh(f"touch {tmp_path}/shared", umask=0o022)
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert [_mode(tmp_path / name) for name in ("private", "shared")] == [0o600, 0o644]


def test_the_history_names_every_command_and_polling_only_once():
    runner = Runner(timeout=0.3)
    for _round in range(3):
        runner.run(["/bin/true"])
    runner.run(["/bin/false"])
    with pytest.raises(ToolTimeoutError):
        runner.run(["/bin/sleep", "9"])
    told = [(entry["argv"], entry["rc"], entry["times"]) for entry in runner.history]
    assert told == [(["/bin/true"], 0, 3), (["/bin/false"], 1, 1), (["/bin/sleep", "9"], None, 1)]


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["/a/vecs-cli", "entry", "create", "--store", "S"], "vecs-cli entry create"),
        (["/a/certool", "--gencert", "--privkey=k"], "certool --gencert"),
        (["/a/certool", "--cert=k"], "certool --cert"),
        (["/a/tool"], "tool"),
    ],
)
def test_commands_are_named_as_people_do(argv, name):
    assert short_name(argv) == name


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _gone(pid: int) -> bool:
    for _round in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":  # dead, and not yet collected by its new parent
            return True
        time.sleep(0.05)
    return False
