# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page by which a plan is reviewed: it says what the plan says, and what comes from outside is only text there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible.plugins.filter.core import FilterModule
from ansible.plugins.filter.mathstuff import FilterModule as Sets
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import make_plan, seal
from planning import finding, group, record

PLAYBOOKS = Path(__file__).resolve().parents[3] / "playbooks"
TEMPLATE = PLAYBOOKS / "templates" / "plan.md.j2"
# One line of each kind of mischief.
ODD = "x\r\n# Approved\x85`code` [a](http://b) | c <img src=d> ![e](f) **g** ~~h~~ &#91; \\"


def page(records: dict[str, Any], *groups: dict[str, Any]) -> str:
    """As Ansible renders it, but for its own wrapping of filters."""
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters |= FilterModule().filters() | {"unique": Sets().filters()["unique"]}
    plan = seal(make_plan(records, list(groups)), datetime(2026, 11, 22, tzinfo=UTC), 72)
    return str(environment.from_string(TEMPLATE.read_text()).render(vcfleet_plan=plan))


def test_what_was_found_on_nodes_that_are_not_rotated_stands_there() -> None:
    records = {
        "a": record("a", findings=(finding("info", "of-a"),)),
        "b": record("b", "keep", findings=(finding("warn", "of-b"), finding("info", "good-to-know"))),
        "c": record("c", "refuse"),
    }
    told = page(records, group("g", "a"), group("h", "b", verdict="keep"), group("i", "c", verdict="refuse"))
    assert "- info `of-a`: of-a is so. Mend it." in told
    assert "What was found on them:\n\n- b: warn `of-b`: of-b is so. Mend it.\n- c: refuse `some-fact`" in told
    assert "good-to-know" not in told
    assert "What was found" not in page({"a": record("a")}, group("g", "a"))


@pytest.mark.parametrize("verdict", ["rotate", "keep", "refuse"])
def test_nothing_from_outside_has_a_meaning_in_markdown(verdict: str) -> None:
    odd = {**finding("warn"), "message": ODD, "remedy": ODD}
    records = {name: record(name, verdict, findings=(odd,), forced=ODD) for name in ("a", f"b{ODD}")}
    for each in records.values():
        each["assessment"]["reasons"] = [ODD]
        each["assessment"]["san_changes"]["added"] = [ODD]
        each["assessment"]["wanted"].update(cn=ODD, dns=[ODD], subject={"organization": ODD})
        each["assessment"]["when"] = {"due_at": None, "window": None, "freeze": ODD}
    odd_group = {**group(f"g{ODD}", *records, verdict=verdict), "reasons": [ODD], "findings": [odd]}
    lines = page(records, odd_group).splitlines()
    assert not any(line.startswith("# Approved") for line in lines)
    safe = r"x # Approved \`code\` \[a\](http://b) \| c \<img src=d\> !\[e\](f) \*\*g\*\* \~\~h\~\~ \&#91; \\"
    outside = [line for line in lines if "Approved" in line]
    assert outside and all(line.count("Approved") == line.count(safe) for line in outside)


@pytest.mark.parametrize(
    ("file", "fits"), [(None, True), ("p.json", True), ("p", True), ("p.md", False), ("P.MD", False)]
)
def test_the_plan_and_its_page_are_two_files(file: str | None, fits: bool) -> None:
    tasks = [task for play in yaml.safe_load((PLAYBOOKS / "plan.yml").read_text()) for task in play.get("tasks", [])]
    (that,) = (task["ansible.builtin.assert"]["that"] for task in tasks if "ansible.builtin.assert" in task)
    environment = jinja2.Environment()
    environment.filters["splitext"] = FilterModule().filters()["splitext"]
    names = {} if file is None else {"vcfleet_plan_file": file}
    assert environment.compile_expression(that)(**names) is fits


def test_addresses_are_for_the_directory_alone() -> None:
    """Whoever selects, or is planned, is known by name: an address that stands among the names would match nobody."""
    plays = yaml.safe_load((PLAYBOOKS / "parts" / "plan.yml").read_text())
    options = [task.get(f"vcfleet.certs.{module}") for play in plays for task in play["tasks"]
               for module in ("linked_groups", "fleet_plan")]  # fmt: skip
    given = {name for each in options if each for name, value in each.items() if "vcfleet_addresses" in str(value)}
    assert given == {"addresses"}
