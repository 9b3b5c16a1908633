# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the calls that are made all the time import: nothing that takes longer than the tool (ipc.py)."""

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from simvc import ipc
from simvc.lab.layers import APPLIANCE, TOOLS
from simvc.private_node import PrivateNode

SLOW = (
    "argparse",
    "base64",
    "collections",
    "contextlib",
    "cryptography",
    "datetime",
    "enum",
    "functools",
    "gettext",
    "hashlib",
    "json",
    "pathlib",
    "re",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "typing",
)

# As the lab's shims start a tool; then what is in memory at its end.
PROGRAM = """\
import sys
sys.path[:] = [{appliance!r}, *sys.path, {packages!r}]
import simvc.tools.entry
from simvc.tools import {module} as tool
rc = tool.main(sys.argv[1:])
sys.stderr.write("\\n" + " ".join(sys.modules))
sys.exit(rc)
"""

SSO = ("-h", "localhost", "-u", "administrator", "-w", "VMware1!")
LOGIN = ("--login", "administrator", "--password", "VMware1!")
STORE = ("--store", "MACHINE_SSL_CERT")
ALIAS = ("--alias", "__MACHINE_CERT")


@pytest.fixture(scope="module")
def node(appliance: PrivateNode) -> PrivateNode:
    ipc.serve(appliance.socket("vmond"), vmon)
    return appliance


def vmon(request: dict[str, Any], _: ipc.Peer) -> dict[str, Any]:
    answers: dict[str, dict[str, Any]] = {
        "states": {"states": {"vmafdd": "Running"}},
        "services": {"services": [{"name": "vmafdd"}], "core": ["vmafdd"], "leaves": []},
    }
    return {"code": 0, **answers.get(request["op"], {"results": {"vmafdd": "ok"}})}


def imported(root: Path, tool: str, *argv: str) -> set[str]:
    """The modules that a call has imported when it ends."""
    program = PROGRAM.format(
        appliance=str(APPLIANCE), packages=sysconfig.get_path("purelib"), module=tool.replace("-", "_")
    )
    command = [sys.executable, "-ISB", "-c", program, *argv]
    done = subprocess.run(command, env={"SIMVC_ROOT": str(root)}, input="", capture_output=True, text=True, check=True)
    return set(done.stderr.rpartition("\n")[2].split())


@pytest.mark.parametrize(
    "call",
    [
        ("vecs-cli", "store", "list"),
        ("vecs-cli", "entry", "list", *STORE),
        ("vecs-cli", "entry", "getcert", *STORE, *ALIAS),
        ("vecs-cli", "entry", "getkey", *STORE, *ALIAS),
        ("vmafd-cli", "get-pnid", "--server-name", "localhost"),
        ("dir-cli", "nodes", "list", "--server-name", "localhost", *LOGIN),
        ("dir-cli", "nodes", "list", "--server-name", "vc01.lab.example", *LOGIN),
        ("dir-cli", "state", "get", "--server-name", "localhost", *LOGIN),
        ("dir-cli", "trustedcert", "list", *LOGIN),
        ("vdcrepadmin", "-f", "showservers", *SSO),
        ("vdcrepadmin", "-f", "isfirstcycledone", *SSO),
        ("certool", "--getrootca", "--cert=/dev/null"),
        ("certool", "--version", "--server=localhost"),
        ("service-control", "--status", "--all"),
        ("service-control", "--start", "vmafdd"),
        ("service-control", "--stop", "--all"),
        ("vdcadmintool",),
        ("appliancesh", "-c", "help"),
    ],
    ids=" ".join,
)
def test_a_common_call_imports_nothing_slow(node: PrivateNode, call: tuple[str, ...]) -> None:
    assert imported(node.root, *call) & set(SLOW) == set()


@pytest.mark.parametrize("tool", TOOLS)
def test_no_tool_imports_anything_slow_to_begin_with(tool: str) -> None:
    program = f"import sys; sys.path.insert(0, {str(APPLIANCE)!r})\n"
    program += f"import simvc.tools.entry, simvc.tools.{tool.replace('-', '_')}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-ISB", "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & set(SLOW) == set()


def test_a_new_key_needs_no_x509(tmp_path: Path) -> None:
    modules = imported(tmp_path, "certool", "--genkey", f"--privkey={tmp_path}/key", f"--pubkey={tmp_path}/pub")
    assert "cryptography" in modules and "cryptography.x509" not in modules


def test_what_is_slow_is_seen(tmp_path: Path) -> None:
    """A check that cannot fail keeps nothing out."""
    assert {"re", "enum", "functools"} <= imported(tmp_path, "certool", "--help") & set(SLOW)
