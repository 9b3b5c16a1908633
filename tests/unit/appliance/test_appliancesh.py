# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The appliance shell as a first contact over SSH meets it (field notes §2.2)."""

import subprocess
from collections.abc import Iterator

import pytest
from simvc.lab import Lab, Node


@pytest.fixture(scope="module")
def running() -> Iterator[Node]:
    with Lab("1x1", shell="appliance") as lab:
        yield lab.nodes[0]


@pytest.fixture
def node(running: Node) -> Iterator[Node]:
    """A node whose root has the appliance shell, again after the test."""
    yield running
    running.run(["chsh", "-s", "/bin/appliancesh", "root"], check=True)


def first_contact(node: Node, command: str, text: str = "") -> tuple[int, str, str]:
    done = node.ssh(command, user="root", input=text)
    return done.returncode, done.stdout, done.stderr


def test_what_ansible_tries_is_an_unknown_command(node: Node) -> None:
    assert first_contact(node, "/bin/sh -c 'echo hello'") == (1, "Unknown command: `/bin/sh'\n", "")


def test_shell_is_bash_on_standard_input(node: Node) -> None:
    assert first_contact(node, "shell", "echo $((6 * 7))\n") == (0, "Shell access is granted to root\n42\n", "")


def test_shell_runs_a_program_with_words_and_nothing_else(node: Node) -> None:
    assert first_contact(node, "shell echo 'a   b' | cat > /tmp/x") == (0, "a b | cat > /tmp/x\n", "")


def test_shell_passes_standard_input_and_the_exit_status(node: Node) -> None:
    assert first_contact(node, "shell cat", "all of it\n") == (0, "all of it\n", "")
    assert first_contact(node, "shell false")[0] == 1
    assert first_contact(node, "shell no-such-program")[0] == 127


def test_the_documented_cure_and_its_reverse(node: Node) -> None:
    assert first_contact(node, "shell chsh -s /bin/bash root") == (0, "", "")
    assert first_contact(node, "/bin/sh -c 'echo hello'") == (0, "hello\n", "")
    assert first_contact(node, "chsh -s /bin/appliancesh root") == (0, "", "")
    assert first_contact(node, "true") == (1, "Unknown command: `true'\n", "")


def test_shell_can_be_forbidden(node: Node) -> None:
    assert first_contact(node, "shell.set --enabled false")[0] == 0
    assert first_contact(node, "shell id") == (1, "Shell is disabled.\n", "")
    assert first_contact(node, "shell.set --enabled true")[0] == 0
    assert first_contact(node, "shell id -u") == (0, "0\n", "")


def test_an_interactive_login_gets_a_banner_and_a_prompt(node: Node) -> None:
    command = [*node.ssh_command("root")]
    command[1:1] = ["-tt"]
    done = subprocess.run(command, input="shell id -u\nexit\n", capture_output=True, text=True, timeout=30, check=False)
    assert 'Connected to service\n\n    * List APIs: "help api list"\n' in done.stdout
    assert done.stdout.endswith("Command> 0\nCommand> ")


def test_a_banner_can_disturb_any_answer(node: Node) -> None:
    node.knobs(**{"appliancesh.banner": "Connected to service\r\n"})
    # No universal newlines: the carriage return is what disturbs.
    done = node.ssh("shell id -u", user="root", text=False)
    node.knobs(**{"appliancesh.banner": None})
    assert done.stdout == b"Connected to service\r\n0\n"


def test_file_transfer_breaks(node: Node) -> None:
    options = ["-q", *node.ssh_options, "-i", str(node.key), "-b", "-", f"root@{node.address}"]
    done = subprocess.run(["sftp", *options], input="pwd\n", capture_output=True, text=True, timeout=30, check=False)
    # The first bytes of "Unknown command" read as a length.
    assert done.returncode != 0 and "Received message too long 1433299822" in done.stderr


def test_others_have_their_own_shells(node: Node) -> None:
    assert node.ssh("id -un", user="operator").stdout == "operator\n"
    assert node.ssh("sudo id -u", user="operator").stdout == "0\n"
    assert node.ssh("id -u; echo $0").stdout == "0\nbash\n"
