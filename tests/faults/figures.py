# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of the last run, in the marked block of docs/safety.md."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

_BLOCK = re.compile(r"(<!-- figures: begin -->\n).*?(<!-- figures: end -->)", re.DOTALL)


def write_page(page: Path, figures: Mapping[str, int], steps: Sequence[str], seed: int) -> None:
    """Replace the block; nothing else of the page is touched. Raises ValueError when the page has none."""
    text = page.read_text()
    if not _BLOCK.search(text):
        raise ValueError(f"{page} has no block for the figures")
    day = datetime.now(UTC).date().isoformat()
    lines = [f"Run of {day}, seed {seed}, steps: {', '.join(steps)}.", "", "| | |", "|---|---:|"]
    lines += [f"| {name.strip()} | {number} |" for name, number in figures.items()]
    block = "\n".join(lines)
    page.write_text(_BLOCK.sub(lambda match: f"{match[1]}{block}\n{match[2]}", text))
