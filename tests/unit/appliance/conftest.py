# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with its directory, VECS and VMCA, and certool on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from simvc.certool_bench import Certool
from simvc.private_node import PrivateNode


@pytest.fixture(scope="module")
def appliance() -> Iterator[PrivateNode]:
    """A node after first boot with all core daemons running, shared by the tests of a module."""
    with PrivateNode() as node:
        node.first_boot("vmcad", "vmafdd")
        node.start("vmdird", "vmafdd", "vmcad")
        yield node


@pytest.fixture
def certool(appliance: PrivateNode, tmp_path: Path) -> Certool:
    """certool in a folder of the test's own, on the shared node with all knobs at their defaults."""
    appliance.knobs({})
    return Certool(appliance, tmp_path)
