# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. What the stages of the road share: each takes the node's record and adds its own part to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import DocumentedAction, Refused


class Stage(DocumentedAction):
    """An action that goes by the node's record, where it has the option `record`, and returns it with more in it.

    One option in the place of many also spares the controller their templates, for each node.
    """

    def from_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The options that the record knows. Raises KeyError when a stage before this one has not run."""
        raise NotImplementedError

    def parts(self, record: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
        """What this stage adds to the record, by its result."""
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        """As DocumentedAction has it; an option of its own goes before what the record says."""
        options = super().options()
        options.pop("record")
        return options

    def arguments(self) -> dict[str, Any]:
        """The task's arguments, and what the record knows besides. Raises Refused where it does not know enough."""
        try:
            known = {} if self._record is None else self.from_record(self._record)
        except KeyError as missing:
            raise Refused(
                f"{self.module_name}: the option record has no {missing}", "Run the stages before this one first"
            ) from None
        return {**known, **super().arguments()}

    def _shown(self, result: dict[str, Any]) -> dict[str, Any]:
        record = self._record
        # A failed task's result is printed as a whole, and a record is long.
        if record is None or result.get("failed"):
            return super()._shown(result)
        return super()._shown({**result, "record": {**record, **self.parts(record, result)}})

    @property
    def _record(self) -> Mapping[str, Any] | None:
        record = self._task.args.get("record")
        return record if isinstance(record, Mapping) else None
