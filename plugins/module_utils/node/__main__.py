# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request in, one answer out, a JSON line each: by `handle`, or by stdin and stdout of `python3 -m node`."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any

from .context import Context
from .errors import NodeError
from .process import Runner
from .tools.toolbox import Toolbox

VERBS = (
    "appliance_info",
    "appliance_shell",
    "certool_certificate",
    "certool_keypair",
    "group_lease",
    "linked_mode_info",
    "machine_ssl_handover",
    "machine_ssl_stage",
    "machine_ssl_swap",
    "replication_gate",
    "service_control",
    "service_control_info",
    "swap_follow",
    "vecs_entry",
    "vecs_info",
)
_TOOL_TIMEOUT = 120.0


def handle(request: dict[str, Any]) -> dict[str, Any]:
    """Run one verb: {"verb": str, "options": {...}, "check_mode": bool}.

    Returns {"ok": true, "result": {...}, "commands": [...]} or {"ok": false, "error": {"kind", "message", "remedy",
    "details"}, "commands": [...]}; `kind` is "refused" for what a person can mend and "bug" for what we must.
    """
    commands: list[dict[str, Any]] = []
    try:
        return {"ok": True, "result": _run(request, commands), "commands": commands}
    except NodeError as error:
        return {"ok": False, "error": dict(error.to_dict(), kind="refused"), "commands": commands}
    except Exception as error:
        return {"ok": False, "error": _bug(error), "commands": commands}


def _run(request: dict[str, Any], commands: list[dict[str, Any]]) -> dict[str, Any]:
    verb, options = request["verb"], request.get("options") or {}
    if verb not in VERBS:
        raise NodeError(f"There is no verb {verb!r}.", "Known are: " + ", ".join(VERBS) + ".")
    if os.geteuid() != 0:
        raise NodeError(
            f"This takes root, and the user here has the number {os.geteuid()}.",
            "Connect as root, or set become: true for a user who may use sudo.",
        )
    os.umask(0o077)
    runner = Runner(float(options.get("tool_timeout") or _TOOL_TIMEOUT))
    runner.history = commands
    module = importlib.import_module(f".verbs.{verb}", __package__)
    result: dict[str, Any] = module.run(options, Context(bool(request.get("check_mode")), Toolbox(runner)))
    return result


def _bug(error: Exception) -> dict[str, Any]:
    return {
        "kind": "bug",
        "message": f"Unexpected {type(error).__name__}: {error}",
        "remedy": "This is a fault of the collection: report it with the traceback in the details.",
        "details": {"traceback": traceback.format_exc()},
    }


def main() -> None:
    """Answer the request on stdin; the answer is the last line of stdout."""
    try:
        request = json.loads(sys.stdin.readline())
    except ValueError as error:
        answer: dict[str, Any] = {"ok": False, "error": _bug(error), "commands": []}
    else:
        answer = handle(request)
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
