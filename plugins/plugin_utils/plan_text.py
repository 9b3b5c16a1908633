# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The plan as lines to read before anything is changed, and the words that others use for the same things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """The plan as lines: one block for each linked group, in the order in which they are walked."""
    nodes, groups = plan["nodes"], plan["groups"]
    turns = sum(len(group["turns"]) for group in groups.values())
    waves = f" in {count(len(plan['waves']), 'wave')}" if turns else ""
    lines = [f"PLAN  {count(len(nodes), 'node')} in {count(len(groups), 'linked group')}, {turns} to rotate{waves}"]
    lines += [f"      note: {note}" for note in notes(plan)]
    for name in _walk_order(plan):
        lines += ["", f"  {_group_line(name, groups[name], len(plan['waves']))}"]
        for node in groups[name]["nodes"]:
            lines += [f"    {line}" for line in _node_lines(node, nodes[node])]
    return lines


def _walk_order(plan: Mapping[str, Any]) -> list[str]:
    walked = [name for wave in plan["waves"] for name in wave]
    return [*walked, *(name for name in plan["groups"] if name not in walked)]


def notes(plan: Mapping[str, Any]) -> list[str]:
    """What was found out about groups and stands in nobody's way, each once however many groups it is about."""
    findings = [finding for group in plan["groups"].values() for finding in group["findings"]]
    return list(dict.fromkeys(finding["message"] for finding in findings if finding["severity"] != "refuse"))


def _group_line(name: str, group: Mapping[str, Any], waves: int) -> str:
    if not group["wave"]:
        return name
    canary = ", canary" if group["canary"] else ""
    return f"{name:<40} wave {group['wave']} of {waves}{canary}" if waves > 1 or canary else name


def _node_lines(node: str, planned: Mapping[str, Any]) -> Iterator[str]:
    number = f"{planned['turn']}." if planned["turn"] else "-"
    yield f"{number:<4}{node:<20} {planned['verdict']:<12} {until(planned['current'])}".rstrip()
    for reason in planned["reasons"]:
        yield f"      {reason}"
    for warning in planned["warnings"]:
        yield f"      note: {warning}"
    if planned["wanted"]:
        yield f"      new certificate: {certificate_words(planned['wanted'])}"
        yield f"      window: {count(len(planned['stops']), 'running service')} stop and start again{_took(planned)}"


def _took(planned: Mapping[str, Any]) -> str:
    seconds = planned["expected_window_seconds"]
    return f"; {seconds:.0f} s the last time" if seconds is not None else ""


def certificate_words(wanted: Mapping[str, Any]) -> str:
    """A wanted certificate in one line: common name, names by kind, subject fields."""
    kinds = (("DNS", wanted["dns"]), ("IP", wanted["ip"]), ("e-mail", wanted["email"]))
    names = [f"{kind} {', '.join(of_kind)}" for kind, of_kind in kinds if of_kind]
    fields = ", ".join(str(value) for value in wanted["subject"].values() if value)
    return "; ".join([f"CN={wanted['cn']}", *names, *([fields] if fields else [])])


def until(certificate: Mapping[str, Any] | None) -> str:
    """The day on which a certificate ends; empty when it is not known."""
    return f"until {certificate['not_after'][:10]}" if certificate and certificate.get("not_after") else ""


def count(number: int, thing: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def sentences(lines: Sequence[str]) -> str:
    """Reasons as one text."""
    return " ".join(line.strip() for line in lines)
