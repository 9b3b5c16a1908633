# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The rules that a person gives for a rotation, checked before anything is judged by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.names import KINDS, Names, field_problem, name_problem
from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule import Schedule
from ansible_collections.vcfleet.certs.plugins.plugin_utils.schedule_options import read_schedule

SUBJECT_FIELDS = ("country", "organization", "organizational_unit", "state", "locality")

IN_THE_ROLE = "The role calls policy.san machine_ssl_extra_sans, and every other policy.X machine_ssl_X"


class PolicyError(ValueError):
    """The policy cannot be used. `problems` names every option that is wrong, and why."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Policy:
    """When a certificate is due, what the new one must have, and what may stand in the way.

    `subject` holds only the fields that were given; an empty one is to be left out of the certificate.
    """

    lifetime_fraction: float
    days_left: float
    force: bool
    force_reason: str
    allow_custom_ca: bool
    drop_sans: tuple[str, ...]
    san: Names
    subject: dict[str, str]
    disk_used_max: float
    clock_offset_max: float
    schedule: Schedule

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Policy:
        """From the option `policy` of the module; what is missing has its default. Raises PolicyError."""
        given = {key: value for key, value in options.items() if value is not None}
        san, subject = given.get("san") or {}, given.get("subject") or {}
        schedule, problems = read_schedule(given)
        policy = cls(
            lifetime_fraction=float(given.get("lifetime_fraction", 1 / 3)),
            days_left=float(given.get("days_left", 0)),
            force=bool(given.get("force", False)),
            force_reason=str(given.get("force_reason", "")).strip(),
            allow_custom_ca=bool(given.get("allow_custom_ca", False)),
            drop_sans=tuple(given.get("drop_sans") or ()),
            san={kind: list(san.get(kind) or ()) for kind in KINDS},
            subject={field: value for field, value in subject.items() if value is not None},
            disk_used_max=float(given.get("disk_used_max", 0.9)),
            clock_offset_max=float(given.get("clock_offset_max", 60)),
            schedule=schedule,
        )
        problems = [*_problems(policy), *problems]
        if problems:
            raise PolicyError(problems)
        return policy


def _problems(policy: Policy) -> Iterator[str]:
    if not 0 <= policy.lifetime_fraction <= 1:
        yield f"policy.lifetime_fraction is {policy.lifetime_fraction:g}, not between 0 and 1"
    if not policy.days_left >= 0:
        yield f"policy.days_left is {policy.days_left:g}, less than 0"
    if not 0 < policy.disk_used_max <= 1:
        yield f"policy.disk_used_max is {policy.disk_used_max:g}, not over 0 and up to 1"
    if not policy.clock_offset_max > 0:
        yield f"policy.clock_offset_max is {policy.clock_offset_max:g}, not over 0"
    if policy.force and not policy.force_reason:
        yield "policy.force_reason is missing, which policy.force takes"
    yield from _subject_problems(policy.subject)
    yield from _san_problems(policy)


def _san_problems(policy: Policy) -> Iterator[str]:
    for kind in KINDS:
        for at, name in enumerate(policy.san[kind]):
            problem = name_problem(kind, name)
            if problem:
                yield f"policy.san.{kind}[{at}] {problem}"
    for at, name in enumerate(policy.drop_sans):
        if not name.strip():
            yield f"policy.drop_sans[{at}] is empty"


def _subject_problems(subject: Mapping[str, str]) -> Iterator[str]:
    for field, value in subject.items():
        if field not in SUBJECT_FIELDS:
            yield f"policy.subject.{field} is none of {', '.join(SUBJECT_FIELDS)}"
            continue
        problem = field_problem(field, value)
        if problem:
            yield f"policy.subject.{field} {problem}"
    if subject.get("country") == "":
        yield "policy.subject.country is empty, and a machine certificate takes one"
