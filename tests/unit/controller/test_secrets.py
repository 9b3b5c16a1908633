# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets among the options: taken as they are, and in no result, whoever would put them there."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.action import linked_mode_info, replication_gate, vecs_info
from ansible_collections.vcfleet.certs.plugins.plugin_utils import argspec, node_action
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeAction, NodeRefused

PASSWORD = 'it\'s "$HOME" ünd `id`'


def action(module: Any, **args: Any) -> Any:
    task = SimpleNamespace(args=args, check_mode=False, diff=True, async_val=0, delegate_to=None, no_log=False)
    return module.ActionModule(task, SimpleNamespace(_shell=SimpleNamespace(tmpdir=None)), None, None, None, None)


@pytest.mark.parametrize("module", [linked_mode_info, replication_gate])
def test_a_password_reaches_the_node_and_no_result(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def call(self: NodeAction, verb: str, options: dict[str, Any], check_mode: bool = False) -> dict[str, Any]:
        sent.append(options["sso_password"])
        return {"changed": False, "echo": [f"said {PASSWORD}"], "commands": [{"argv": ["/x", PASSWORD]}]}

    monkeypatch.setattr(NodeAction, "call_node", call)
    monkeypatch.setattr(node_action.display, "verbosity", 3)
    result = action(module, sso_password=PASSWORD).run(task_vars={})
    assert sent == [PASSWORD]
    assert result["changed"] is False
    assert PASSWORD not in str(result) and json.dumps(PASSWORD)[1:-1] not in json.dumps(result)


@pytest.mark.parametrize("module", [linked_mode_info, replication_gate])
def test_nor_a_refusal(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def call(*_: Any, **__: Any) -> dict[str, Any]:
        raise NodeRefused(f"It said {PASSWORD}", "Mend it", {"stdout": PASSWORD})

    monkeypatch.setattr(NodeAction, "call_node", call)
    result = action(module, sso_password=PASSWORD).run(task_vars={})
    assert result["failed"] and result["msg"].startswith("It said ")
    assert PASSWORD not in str(result)


def test_nor_the_message_about_wrong_options() -> None:
    result = action(linked_mode_info, sso_password=PASSWORD, member_timeout=PASSWORD).run(task_vars={})
    assert result["failed"] and "member_timeout" in result["msg"]
    assert PASSWORD not in str(result)


def test_the_spec_says_no_log_of_secrets_alone() -> None:
    spec = argspec.argument_spec(argspec.documented_options("replication_gate"), {"sso_password"})
    assert {name for name, option in spec.items() if option.get("no_log")} == {"sso_password"}


def test_every_password_is_a_secret() -> None:
    for module in (linked_mode_info, replication_gate, vecs_info):
        name = module.__name__.rpartition(".")[2]
        passwords = {option for option in argspec.documented_options(name) if "password" in option}
        assert passwords == set(module.ActionModule.SECRETS)
