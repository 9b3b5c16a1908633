# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs and controllers. Every test judges by exit status, results, the nodes' disks, their TLS ports and their log."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from controller import BIN, Controller, install
from evidence import SOON_AT_REST, at_rest
from simvc.lab.lab import Lab

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as a user has it: installed from the built tarball."""
    dist = tmp_path_factory.mktemp("dist")
    command = [BIN / "ansible-galaxy", "collection", "build", "--output-path", dist, ROOT]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (tarball,) = dist.glob("*.tar.gz")
    return install(tarball, tmp_path_factory.mktemp("collections"))


@pytest.fixture(scope="session")
def controller_for(collections: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Lab], Controller]:
    """A controller with a home of its own for a lab."""

    def make(lab: Lab) -> Controller:
        return Controller(lab, collections, tmp_path_factory.mktemp("home"))

    return make


@pytest.fixture(scope="module")
def lone_lab() -> Iterator[Lab]:
    """One node, for tests that leave it as they found it."""
    with Lab("1x1", shell="bash", knobs=SOON_AT_REST) as lab:
        at_rest(lab)
        yield lab


@pytest.fixture(scope="module")
def lone(lone_lab: Lab, controller_for: Callable[[Lab], Controller]) -> Controller:
    """A controller of the one node."""
    return controller_for(lone_lab)
