# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records and linked groups to plan for, as they come out of the stages, and whole fleets of them for properties."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import strategies as st

WINDOW = 184.2


def digest(text: str, length: int = 64) -> str:
    """A made-up fingerprint, the same for the same text."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def certificate(name: str, *more: str) -> dict[str, Any]:
    return {
        "cn": name,
        "sans": {"dns": [name, *more], "ip": [], "email": [], "other": []},
        "not_after": "2026-12-22T15:45:02Z",
        "sha1": digest(name, 40),
        "sha256": digest(name),
        "days_left": 30.0,
        "lifetime_fraction_left": 0.04,
    }


def finding(severity: str, identity: str = "some-fact") -> dict[str, Any]:
    return {"id": identity, "severity": severity, "message": f"{identity} is so.", "evidence": {}, "remedy": "Mend it."}


def record(
    node: str, verdict: str = "rotate", findings: tuple[dict[str, Any], ...] = (), **more: Any
) -> dict[str, Any]:
    """A surveyed and assessed node; `more` adds to the record."""
    refused = verdict == "refuse"
    assessment = {
        "verdict": verdict,
        "due": verdict != "keep",
        "reasons": [f"It is {verdict}."],
        "waits": "",
        "current": certificate(node),
        "wanted": {"cn": node, "dns": [node], "ip": [], "email": [], "subject": {"country": "US", "state": None}},
        "san_changes": {"kept": [node], "added": [], "dropped": []},
        "findings": [*findings, *([finding("refuse")] if refused else [])],
        "when": None,
    }
    survey = {"pnid": node, "census": {"running": ["vmafdd", "vpxd"]}, "last_swap": None}
    return {"node": node, "survey": survey, "assessment": assessment, **more}


def group(name: str, *nodes: str, verdict: str = "rotate") -> dict[str, Any]:
    return {
        "name": name,
        "nodes": list(nodes),
        "leader": nodes[0],
        "sso_domain": "vsphere.local",
        "verdict": verdict,
        "reasons": [f"The group is {verdict}."],
        "findings": [],
    }


@st.composite
def fleets(draw: st.DrawFn) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """(records, groups) of up to 8 linked groups of up to 5 nodes, of which some were not surveyed."""
    records: dict[str, dict[str, Any]] = {}
    groups = []
    for number in range(draw(st.integers(0, 8))):
        nodes = [f"vc{number}{letter}" for letter in "abcde"[: draw(st.integers(1, 5))]]
        verdicts = [draw(st.sampled_from(["rotate", "rotate", "keep", "refuse", "unsurveyed"])) for _ in nodes]
        records |= {node: record(node, verdict) for node, verdict in zip(nodes, verdicts) if verdict != "unsurveyed"}
        whole = "refuse" if {"refuse", "unsurveyed"} & set(verdicts) else "rotate" if "rotate" in verdicts else "keep"
        groups.append(group(f"g{number}", *nodes, verdict=whole))
    return records, groups
