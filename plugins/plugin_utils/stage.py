# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. What the stages of the road share: each goes by the node's record and adds its own part to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import DocumentedAction, Refused


class Stage(DocumentedAction):
    """An action whose option `record` names the node's record: it goes by that, and notes there what it has found."""

    def from_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The options that the record knows. Raises KeyError when a stage before this one has not run."""
        raise NotImplementedError

    def parts(self, record: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
        """What this stage adds to the record, by what its result tells, or its `details` where it has failed."""
        return {}

    def note(self, **parts: Any) -> None:
        """Add to the record, if there is one, ahead of the result."""
        if self._name is not None:
            records.note(self._name, parts)

    def options(self) -> dict[str, Any]:
        """As DocumentedAction has it; an option of its own goes before what the record says."""
        options = super().options()
        options.pop("record")
        return options

    def arguments(self) -> dict[str, Any]:
        """The task's arguments, and what the record knows besides. Raises Refused where it does not know enough."""
        given = super().arguments()
        if self._name is None:
            return given
        try:
            return {**self.from_record(records.load(self._name)), **given}
        except KeyError as missing:
            raise Refused(
                f"{self.module_name}: the record of {self._name} has no {missing}",
                "Run the stages before this one first, in the same run",
            ) from None

    def _shown(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result as it leaves. How far a stage came that failed is noted as well."""
        shown = super()._shown(result)
        if self._name is not None:
            told = {**shown.get("details", {}), **shown}
            records.note(self._name, self.parts(records.load(self._name), told))
        return shown

    @property
    def _name(self) -> str | None:
        name = self._task.args.get("record")
        return None if name is None else str(name)
