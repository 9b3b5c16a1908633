# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes on their own, kept for the whole run of these tests; each test leaves them well."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import controllers
from controller import Controller
from simvc.lab.lab import Lab
from site_under_proof import QUICK, Site


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with Lab("1x1", legacy_store=True, knobs=QUICK) as lab:
        yield lab


@pytest.fixture(scope="session")
def site(lab: Lab) -> Site:
    """A node that has been rotated once, so that every folder of the product's is there."""
    (node,) = lab.nodes
    Site(node).drive.rotate()
    return Site(node)


@pytest.fixture(scope="session")
def controller(lab: Lab, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Controller:
    return controllers.controller([site], lab, tmp_path_factory.mktemp("home"))
