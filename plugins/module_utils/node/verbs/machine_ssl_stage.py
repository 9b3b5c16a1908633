# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pair that the next swap puts to use: a key pair, and a certificate signed by VMCA for it."""

from __future__ import annotations

from typing import Any

from ..context import Context
from ..paths import State
from . import certool_certificate, certool_keypair


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: state_dir, config, expect. The result is that of certool_certificate, with what the key pair adds to it.

    A pair that is staged already and as wanted is kept, so a run that was cut off goes on where it stopped.
    """
    state = State(options["state_dir"])
    pair = {"key_path": str(state.staged_key), "public_key_path": str(state.staged_pub)}
    key = certool_keypair.run(pair, context)
    wanted = {name: options.get(name) for name in ("config", "expect")}
    certificate = certool_certificate.run({**pair, "cert_path": str(state.staged_cert), **wanted}, context)
    return {
        **certificate,
        "changed": key["changed"] or certificate["changed"],
        "diff": {side: {**key["diff"][side], **certificate["diff"][side]} for side in ("before", "after")},
    }
