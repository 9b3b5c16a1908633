# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the mutations still mean something; that the tests notice each is what `make mutation` shows."""

from __future__ import annotations

import pytest
from mutation import MUTATIONS, NODE, ROOT, Mutation, broken


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_its_place_is_there_and_the_broken_source_is_python(mutation: Mutation) -> None:
    source = (ROOT / NODE / mutation.file).read_text()
    assert compile(broken(source, mutation), mutation.file, "exec")
