#!/usr/bin/env python3
# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-test sanity`` on a real copy of the collection, and fail when it checked nothing.

    sanity.py build/venv/core-2.21 [TEST ...]

The copy is made from the built tarball, outside any git work tree: in a folder that git ignores, ansible-test finds
no files, says "All targets skipped" and exits 0.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path.home() / ".ansible" / "test" / "cache"

# ansible-test fetches this file from a host of its own; ensurepip does the same without a network.
GET_PIP = """\
import ensurepip, os, subprocess, sys
environment = dict(os.environ)      # ensurepip switches pip's configuration off in os.environ
ensurepip.bootstrap()
arguments = [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install"] + arguments, env=environment))
"""
GET_PIP_VERSIONS = ("20_3_4", "21_3_1", "23_1_2", "24_2", "25_2")
FEWEST_TESTS = 15
# The lines about the collection; the others are about the environments that ansible-test makes.
TOLD = ("Running sanity test", "ERROR", "FATAL", "See documentation")


def main(venv: str, *tests: str) -> int:
    """Build, copy, check; returns the exit status."""
    bin_dir = (ROOT / venv / "bin").resolve()
    provide_get_pip()
    with tempfile.TemporaryDirectory(prefix="vcfleet-sanity-") as scratch:
        copy = real_copy(bin_dir, Path(scratch))
        farm = Path(scratch) / "pythons"
        subprocess.run([sys.executable, ROOT / "tests/tools/environment.py", "farm", str(farm)], check=True)
        environment = {**os.environ, "PATH": f"{bin_dir}:{farm}:{os.environ['PATH']}"}
        command = [bin_dir / "ansible-test", "sanity", "--venv", "--color", "no"]
        for test in tests:
            command += ["--test", test]
        log = ROOT / "build" / "log" / f"sanity-{Path(venv).name}.log"
        return run(command, copy, environment, log, fewest=len(tests) or FEWEST_TESTS)


def provide_get_pip() -> None:
    """Put the stand-in where every supported ansible-test looks first."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for version in GET_PIP_VERSIONS:
        (CACHE / f"get_pip_{version}.py").write_text(GET_PIP)


def real_copy(bin_dir: Path, scratch: Path) -> Path:
    """The built tarball, installed below *scratch*; returns the collection's folder there."""
    galaxy = [str(bin_dir / "ansible-galaxy"), "collection"]
    dist = scratch / "dist"
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(scratch)}
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "env": environment}
    subprocess.run([*galaxy, "build", "--force", "--output-path", dist, ROOT], **quiet)
    (tarball,) = dist.glob("*.tar.gz")
    subprocess.run([*galaxy, "install", "--force", "--offline", "--collections-path", scratch, tarball], **quiet)
    return scratch / "ansible_collections" / "vcfleet" / "certs"


def run(command: list[str | Path], folder: Path, environment: dict[str, str], log: Path, fewest: int) -> int:
    """Run ansible-test, pass on what it says about the collection, and judge it by what it says it did."""
    ran = 0
    skipped_all = False
    log.parent.mkdir(parents=True, exist_ok=True)
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with log.open("w") as copy, subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes) as process:
        for line in process.stdout or ():
            copy.write(line)
            if line.startswith(TOLD):
                print(line, end="", flush=True)
            ran += line.startswith("Running sanity test")
            skipped_all |= "All targets skipped" in line
    if process.returncode != 0:
        print(f"ansible-test sanity failed; all it said is in {log}", file=sys.stderr)
        return process.returncode
    if skipped_all or ran < fewest:
        print(f"ansible-test checked too little: {ran} tests ran, at least {fewest} were expected", file=sys.stderr)
        return 1
    print(f"ansible-test sanity: {ran} tests ran and passed")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
