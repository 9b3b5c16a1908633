#!/usr/bin/env python3
# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine offers for the tests, and the virtual environments made from it. Standard library only.

environment.py report             what was found, what was not
environment.py newest             the newest supported ansible-core that a Python here can run
environment.py cores              all of them, oldest first
environment.py python 3.7         the path of that interpreter (exit status 1 when there is none)
environment.py venv NAME          build/venv/NAME from tests/requirements/NAME.txt
environment.py farm FOLDER        a folder of links python3.x -> real interpreter, for ansible-test
environment.py packages           the Debian packages that the simulated nodes need; installs them when run as root
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENVS = ROOT / "build" / "venv"
REQUIREMENTS = ROOT / "tests" / "requirements"

# Supported ansible-core -> controller Pythons, the preferred one first.
CORES: dict[str, tuple[str, ...]] = {
    "2.16": ("3.11", "3.12", "3.10"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.21": ("3.13", "3.12"),
}
# Pythons that simulated nodes may have, and that ansible-test compiles and imports for.
NODE_PYTHONS = ("3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
# Environments without ansible-core of a given series.
OTHER: dict[str, tuple[str, ...]] = {
    "bench": ("3.13", "3.12", "3.11"),
    "lint": ("3.13", "3.12", "3.11"),
}
# Command -> Debian package that brings it.
PACKAGES: dict[str, str] = {
    "faketime": "faketime",
    "ip": "iproute2",
    "openssl": "openssl",
    "ps": "procps",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
    "sudo": "sudo",
    "tini": "tini",
    "unshare": "util-linux",
}
POLICY = Path("/usr/sbin/policy-rc.d")


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit status."""
    command, *rest = arguments or ["report"]
    try:
        return {
            "report": report,
            "newest": newest,
            "cores": cores,
            "python": python,
            "venv": venv,
            "farm": farm,
            "packages": packages,
        }[command](*rest)
    except (KeyError, TypeError):
        print(__doc__, file=sys.stderr)
        return 2


# ---- Pythons -------------------------------------------------------------------------------------------------------


@functools.cache
def interpreter(version: str) -> Path | None:
    """The real interpreter of a version such as ``3.11`` that can make virtual environments, or None.

    Looks at PATH, pyenv's versions and /usr/bin. Shims are resolved to the interpreter behind them, because
    ansible-test empties the environment that they need.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    candidates = [
        *sorted(pyenv.glob(f"{version}.*/bin/python3"), reverse=True),
        *([Path(on_path)] if on_path else []),
        Path(f"/usr/local/bin/python{version}"),
        Path(f"/usr/bin/python{version}"),
    ]
    return next((found for found in map(functools.partial(_real, version), candidates) if found), None)


def _real(version: str, candidate: Path) -> Path | None:
    if not candidate.exists():
        return None
    probe = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"
    answer = subprocess.run([candidate, "-I", "-c", probe], capture_output=True, text=True, check=False)
    lines = answer.stdout.splitlines()
    return Path(lines[1]) if answer.returncode == 0 and lines[0] == version else None


def python_for(name: str) -> Path | None:
    """The interpreter for the environment *name* (``core-2.21``, ``lint``), or None."""
    wanted = CORES[name.removeprefix("core-")] if name.startswith("core-") else OTHER[name]
    return next((found for found in map(interpreter, wanted) if found), None)


def available_cores() -> list[str]:
    """Supported ansible-core series that some Python here can run, oldest first."""
    return [series for series in CORES if python_for(f"core-{series}")]


def newest() -> int:
    """Print the newest ansible-core series this machine can run."""
    found = available_cores()
    if not found:
        print(
            "No Python 3.11, 3.12 or 3.13 with the venv module was found (Debian: apt-get install python3-venv).",
            file=sys.stderr,
        )
        return 1
    print(found[-1])
    return 0


def cores() -> int:
    """Print every ansible-core series this machine can run."""
    print(*available_cores())
    return 0


def python(version: str) -> int:
    """Print the path of one interpreter."""
    found = interpreter(version)
    print(found or "", end="\n" if found else "")
    return 0 if found else 1


def report() -> int:
    """Say what was found and, as plainly, what was not."""
    for series, versions in CORES.items():
        found = python_for(f"core-{series}")
        print(f"ansible-core {series}: {found or 'NOT TESTED HERE, no Python ' + ' or '.join(sorted(versions))}")
    for version in NODE_PYTHONS:
        print(f"node Python {version:>5}: {interpreter(version) or 'NOT TESTED HERE, not found'}")
    return 0


def farm(folder: str) -> int:
    """Fill *folder* with links to every interpreter found."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for version in NODE_PYTHONS:
        found = interpreter(version)
        link = target / f"python{version}"
        link.unlink(missing_ok=True)
        if found:
            link.symlink_to(found)
    return 0


# ---- Virtual environments --------------------------------------------------------------------------------------------


def venv(name: str) -> int:
    """Make or refresh build/venv/NAME; its ``.ready`` file is written last."""
    base = python_for(name)
    if base is None:
        print(f"{name} needs a Python that is not here; see: make report", file=sys.stderr)
        return 1
    target = VENVS / name
    print(f"setting up build/venv/{name} ({base})", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    log = target.parent / f"{name}.log"
    pip = [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    steps = [
        [str(base), "-m", "venv", str(target)],
        [*pip, "--requirement", str(REQUIREMENTS / f"{name}.txt")],
    ]
    with log.open("w") as output:
        for step in steps:
            if subprocess.run(step, stdout=output, stderr=subprocess.STDOUT, check=False).returncode != 0:
                print(f"failed: {' '.join(step)}\n{log.read_text()[-2000:]}", file=sys.stderr)
                return 1
    (target / ".ready").touch()
    return 0


# ---- Debian packages -------------------------------------------------------------------------------------------------


def packages() -> int:
    """Install what the simulated nodes need, or say exactly what to run."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    wanted = sorted({package for command, package in PACKAGES.items() if not shutil.which(command, path=path)})
    if not wanted:
        return 0
    line = f"apt-get install --yes --no-install-recommends {' '.join(wanted)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(
            f"The simulated nodes need programs that are not here. Run this once, then try again:\n\n    sudo {line}\n",
            file=sys.stderr,
        )
        return 1
    print(f"installing {' '.join(wanted)}", flush=True)
    with _ServicesHeldBack():
        for step in (["apt-get", "update"], line.split()):
            answer = subprocess.run(
                step,
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            )
            if answer.returncode != 0:
                print(f"{' '.join(step)} failed:\n{answer.stdout}{answer.stderr}", file=sys.stderr)
                return 1
    if "openssh-server" in wanted and shutil.which("systemctl"):
        subprocess.run(["systemctl", "disable", "ssh.service", "ssh.socket"], capture_output=True, check=False)
    return 0


class _ServicesHeldBack:
    """While packages are unpacked, Debian's policy hook keeps their services (a system sshd) from starting."""

    def __enter__(self) -> None:
        self.ours = not POLICY.exists()
        if self.ours:
            POLICY.write_text("#!/bin/sh\nexit 101\n")
            POLICY.chmod(0o755)

    def __exit__(self, *exception: object) -> None:
        if self.ours:
            POLICY.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
