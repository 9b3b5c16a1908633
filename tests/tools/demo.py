#!/usr/bin/env python3
# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: three linked simulated nodes, one real rotation, one run more that has nothing to do.

demo.py TARBALL
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "appliance"), str(ROOT / "tests" / "integration")]

from controller import Controller, install  # noqa: E402
from simvc.lab.lab import Lab  # noqa: E402
from simvc.lab.node import Node  # noqa: E402


def main(tarball: str) -> int:
    """Show the whole of it; the exit status says whether it went as it should."""
    with tempfile.TemporaryDirectory(prefix="vcfleet-demo-") as folder, Lab("1x3", shell="appliance") as lab:
        home = Path(folder)
        controller = Controller(lab, install(Path(tarball), home / "collections"), home)
        print(f"{len(lab.nodes)} linked simulated vCenter Servers are up; root's login shell is the appliance shell:")
        print("".join(f"  {node.name}  {node.address}\n" for node in lab.nodes))

        before = witness("What port 443 presents before, says openssl", lab)
        say("ansible-playbook vcfleet.certs.rotate")
        first = watch(controller, "rotate")
        after = witness("What port 443 presents after, says openssl", lab)

        stops = stop_calls(lab)
        say("ansible-playbook vcfleet.certs.rotate, once more")
        second = watch(controller, "rotate")
        return verdict({
            "the first run succeeded": first == 0,
            "every node presents a new certificate": not set(before) & set(after) and len(set(after)) == len(lab.nodes),
            "the second run succeeded": second == 0,
            "the second run reported changed=0": controller.ended(second, "").changed == 0,
            "the second run stopped no service": stop_calls(lab) == stops,
        })  # fmt: skip


def say(text: str) -> None:
    """A heading."""
    print(f"\n── {text} {'─' * max(0, 110 - len(text))}\n", flush=True)


def witness(text: str, lab: Lab) -> list[str]:
    """Show the certificate of every node by a program that is not ours; returns the SHA-256 fingerprints."""
    say(text)
    return [_presented(lab, node) for node in lab.nodes]


def _presented(lab: Lab, node: Node) -> str:
    handshake = lab.controller(["openssl", "s_client", "-connect", f"{node.address}:443", "-servername", node.name])
    fields = ["-subject", "-issuer", "-enddate", "-fingerprint", "-sha256"]
    shown = subprocess.run(
        ["openssl", "x509", "-noout", *fields], input=handshake.stdout, capture_output=True, text=True, check=True
    )
    print(f"{node.name}\n" + "".join(f"    {line}\n" for line in shown.stdout.splitlines()), flush=True)
    return next(line for line in shown.stdout.splitlines() if "Fingerprint" in line)


def watch(controller: Controller, playbook: str) -> int:
    """Run a playbook and let its output through as it comes; returns the exit status."""
    command = ["ansible-playbook", f"vcfleet.certs.{playbook}", "-i", str(controller.inventory)]
    colour = {"ANSIBLE_FORCE_COLOR": "1"} if sys.stdout.isatty() else {}
    with controller.started(command, **colour) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
    return process.returncode


def stop_calls(lab: Lab) -> int:
    """How often anything stopped services, by the nodes' own log."""
    return sum(len(node.tool_calls("service-control", "--stop")) for node in lab.nodes)


def verdict(checks: dict[str, bool]) -> int:
    """Say what held, and make it the exit status."""
    say("Demo")
    for text, holds in checks.items():
        print(f"  {'ok  ' if holds else 'NO  '}{text}")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
