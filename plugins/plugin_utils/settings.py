# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The settings in a node's record: what the stages after the assessment go by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.vcfleet.certs.plugins.plugin_utils.argspec import argument_spec, documented_options

# Those of a swap; besides them there is the probe of the verification.
OF_THE_SWAP = (
    *("stop_timeout", "start_timeout", "settle_timeout", "follow_timeout"),
    *("ports", "backups_kept", "state_dir", "tool_timeout"),
)
_SWAP = documented_options("machine_ssl_swap")
_SPEC = {
    **argument_spec(
        {**{name: _SWAP[name] for name in OF_THE_SWAP}, "probe": documented_options("machine_ssl_verify")["probe"]}
    ),
    # May an earlier run's swap be brought to its end?
    "resume": {"type": "bool", "default": True},
}


class SettingsError(ValueError):
    """The settings cannot be used; `problems` names all that is wrong with them, each by its option."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def understood(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in the types that the options of the later stages have. Raises SettingsError.

    They are looked at when nothing has been changed yet, and not by the stage that needs them.
    """
    found = ArgumentSpecValidator(_SPEC).validate(dict(settings))
    if found.error_messages:
        raise SettingsError(list(found.error_messages))
    return dict(found.validated_parameters)
