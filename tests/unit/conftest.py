# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets plain pytest find the collection by its full name, wherever the checkout lies."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import yaml
from hypothesis import settings

# Machines are noisy: how long one example took says nothing about the code.
settings.register_profile("noisy", deadline=None)
settings.load_profile("noisy")

ROOT = Path(__file__).resolve().parents[2]


def _tree() -> Path:
    if ROOT.parent.parent.name == "ansible_collections":
        return ROOT.parents[2]
    meta = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    tree = Path(tempfile.mkdtemp(prefix="collection-"))
    atexit.register(shutil.rmtree, tree, ignore_errors=True)
    link = tree / "ansible_collections" / meta["namespace"] / meta["name"]
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    return tree


if "ANSIBLE_TEST_CONTENT_ROOT" not in os.environ and "ansible_collections" not in sys.modules:
    tree = _tree()
    sys.path.insert(0, str(tree))
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(tree)
