# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random rotations: several faults each, also while the node recovers. A round depends on its seed alone."""

from __future__ import annotations

import random

from matrix import Anatomy
from misfortunes import VECS_ERRORS, Fault, Killed, PowerLoss, ServiceFault, ToolFault
from moments import Moment
from site_under_proof import Act

_SERVICES = ("vmware-vpxd", "vsphere-ui", "applmgmt", "vmware-rhttpproxy", "vmware-stsd", "vmcad", "vmdird", "vmafdd")
_MODES = ("fails", "lies", "cuts its output short", "hangs", "is killed", "is slow", "node loses power")
_LATER = 14


def acts(seed: str, anatomy: Anatomy) -> list[Act]:
    """The faults of one round, and when they strike: the first at any line of the swap's journal, the others at any of
    the lines that follow the one before."""
    chance = random.Random(seed)
    number = chance.choice((1, 1, 2, 2, 3, 4))
    moments = [Moment(nth=chance.randrange(anatomy.lines - 1))]
    moments += [Moment(nth=chance.randrange(_LATER)) for _ in range(number - 1)]
    return [Act(moment, _fault(chance, anatomy)) for moment in moments]


def _fault(chance: random.Random, anatomy: Anatomy) -> Fault:
    kind = chance.choices(("power", "killed", "tool", "service"), (30, 10, 45, 15))[0]
    if kind == "power":
        return PowerLoss(heal=chance.random() < 0.6)
    if kind == "killed":
        return Killed()
    if kind == "service":
        return ServiceFault(chance.choice(_SERVICES), chance.choice(("late:1", "rc5:1", "fail", "late:0.3")))
    call = chance.choice([call for calls in anatomy.calls.values() for call in calls])
    mode = chance.choice(_MODES)
    return ToolFault(
        call.tool,
        call.match,
        mode,
        after=chance.random() < 0.5,
        # A node that loses power at each try has no end that anybody could judge.
        lasting=chance.random() < 0.08 and mode != "node loses power",
        code=chance.choice(list(VECS_ERRORS)),
    )
