# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every result and the final numbers of a run to the file that VCFLEET_RECORD names, one JSON object a line."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record
type: aggregate
short_description: Results of a run as JSON lines
description: For the tests, which judge by results and never by what is printed.
"""


class CallbackModule(CallbackBase):
    """One line a result: {"kind", "host", "task", "action", "result"}; the last one {"kind": "stats", "hosts"}.

    `host` is the one that the task was delegated to, where it was.
    """

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write("ok", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._write("skipped", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write("unreachable", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._line({"kind": "stats", "hosts": {host: stats.summarize(host) for host in stats.processed}})

    def _write(self, kind: str, result: Any) -> None:
        self._line({
            "kind": kind,
            "host": result._task.delegate_to or result._host.get_name(),
            "task": result._task.get_name(),
            "action": result._task.action,
            "result": result._result,
        })  # fmt: skip

    def _line(self, content: dict[str, Any]) -> None:
        with open(os.environ["VCFLEET_RECORD"], "a", encoding="utf-8") as file:
            file.write(json.dumps(content, default=str) + "\n")
