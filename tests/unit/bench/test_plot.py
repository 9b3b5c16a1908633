# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which figures the picture has."""

from __future__ import annotations

import plot
from made_up import fleet, rotation


def test_a_panel_has_a_curve_of_medians_for_each_side() -> None:
    larger = fleet(8)
    larger["rotation"]["peer"] = rotation(300, 500, 200)
    found = dict(plot.panels([fleet(), larger]))
    assert found["Rotation: wall, s"] == {"ours": [160, 160], "without_password": [120, 120], "peer": [180, 300]}
    assert found["Nothing due: wall, s"] == {"ping": [10, 10], "ours": [19, 19], "without_password": [18, 18]}
    assert found["Rotation: controller's memory, peak, MiB"]["ours"] == [300, 300]


def test_every_side_has_a_colour_and_a_name() -> None:
    sides = {side for _, curves in plot.panels([fleet()]) for side in curves}
    assert sides == set(plot.COLOURS) == set(plot.NAMES)
