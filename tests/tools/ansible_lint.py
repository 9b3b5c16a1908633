#!/usr/bin/env python3
# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-lint at the production profile, and fail when it looked at fewer files than it should have.

The collection must be reachable below ANSIBLE_COLLECTIONS_PATH, or ansible-lint invents errors for our own names.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WATCHED = (
    "playbooks/*.yml",
    "roles/*/tasks/*.yml",
    "roles/*/defaults/*.yml",
    "plugins/modules/*.py",
    "extensions/awx/*.yml",
    "extensions/awx/project/*.yml",
)


def main() -> int:
    """Run it; returns the exit status."""
    command = ["ansible-lint", "--offline", "--profile", "production", "--strict", "--nocolor"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    verdict = re.search(r"(\d+) failure\(s\), (\d+) warning\(s\) in (\d+) files", answer.stderr)
    looked_at = int(verdict.group(3)) if verdict else 0
    expected = sum(len(list(ROOT.glob(pattern))) for pattern in WATCHED)
    if answer.returncode != 0 or looked_at < expected:
        print(f"{answer.stdout}{answer.stderr}\nansible-lint looked at {looked_at} files; at least {expected} expected")
        return answer.returncode or 1
    print(f"ansible-lint, production profile: {looked_at} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
