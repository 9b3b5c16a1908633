#!/usr/bin/env python3
# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add up the JUnit files of a test run. A step that left none, or ran no test, is a failure.

tally.py build/results
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def main(folder: str) -> int:
    """Print one line a file and the sum; returns the exit status."""
    passed = failed = skipped = 0
    files = sorted(Path(folder).glob("*.xml"))
    for file in files:
        suites = list(ElementTree.parse(file).getroot().iter("testsuite"))
        tests, failures, errors, left_out = (
            sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
        )
        bad = failures + errors
        print(f"  {file.stem:<20} {tests - bad - left_out:>5} passed")
        if tests == left_out:
            print(f"  {file.stem} ran no test", file=sys.stderr)
            bad += 1
        passed, failed, skipped = passed + tests - bad - left_out, failed + bad, skipped + left_out
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if files and passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
