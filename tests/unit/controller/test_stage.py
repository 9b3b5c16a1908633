# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage goes by the record, adds its part to it, and says which stage has not run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.action import (
    machine_ssl_assess,
    machine_ssl_handover,
    machine_ssl_swap,
    machine_ssl_verify,
)
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeUnreachable
from ansible_collections.vcfleet.certs.plugins.plugin_utils.stage import Stage

OLD, NEW = ({"sha1": letter * 40, "sha256": letter * 64} for letter in "ab")
RECORD = {
    "node": "vc01",
    "lease": "us",
    "survey": {
        "pnid": "vc01.lab.example",
        "sso_domain": "vsphere.local",
        "node_type": "embedded",
        "trusted_roots": [{"chain": ["ROOT", "OLDER"]}, {"chain": ["OTHER"]}],
    },
    "settings": {
        "state_dir": "/var/lib/elsewhere",
        "tool_timeout": 7.0,
        "stop_timeout": 1.0,
        "start_timeout": 2.0,
        "settle_timeout": 3.0,
        "follow_timeout": 4.0,
        "ports": [443],
        "backups_kept": 2,
        "probe": None,
    },
    "assessment": {"current": OLD, "wanted": {"cn": "vc01"}},
    "staged": {"sha256": NEW["sha256"], "certificate": "PEM"},
}
SWAP = {"state": "committed", "old": OLD, "new": NEW}


def action(module: Any, check_mode: bool = False, **arguments: Any) -> Any:
    here = module.ActionModule.__new__(module.ActionModule)
    here._task = SimpleNamespace(args=arguments, check_mode=check_mode, delegate_to=None)
    here.task_vars = {}
    return here


class TestOptions:
    def test_a_swap_takes_them_from_the_record(self) -> None:
        options = action(machine_ssl_swap, state="swapped", record=RECORD).options()
        assert (options["sha256"], options["replaces"]) == (NEW["sha256"], OLD["sha256"])
        assert (options["pnid"], options["node_type"], options["lease"]) == ("vc01.lab.example", "embedded", "us")
        assert {name: options[name] for name in RECORD["settings"] if name != "probe"} == {  # type: ignore[attr-defined]
            name: value
            for name, value in RECORD["settings"].items()  # type: ignore[attr-defined]
            if name != "probe"
        }
        assert "record" not in options

    def test_an_option_of_its_own_goes_before(self) -> None:
        assert action(machine_ssl_swap, state="swapped", record=RECORD, tool_timeout=9).options()["tool_timeout"] == 9.0

    def test_without_a_record_they_are_as_documented(self) -> None:
        options = action(machine_ssl_swap, state="status").options()
        assert (options["state_dir"], options["lease"], options["sha256"]) == ("/var/lib/vcfleet", None, None)

    def test_what_is_asked_of_a_swap_needs_no_assessment(self) -> None:
        begun = {name: RECORD[name] for name in ("node", "survey", "settings")}
        assert action(machine_ssl_swap, state="resumed", record=begun).options()["state_dir"] == "/var/lib/elsewhere"

    def test_a_verification_takes_every_root(self) -> None:
        options = action(machine_ssl_verify, record=RECORD).options()
        assert options["roots"] == ["ROOT", "OLDER", "OTHER"]
        assert (options["certificate"], options["probe"]) == ("PEM", None)

    def test_a_stage_that_has_not_run_is_named(self) -> None:
        unstaged = {name: part for name, part in RECORD.items() if name != "staged"}
        with pytest.raises(Refused, match="machine_ssl_verify: the option record has no 'staged'"):
            action(machine_ssl_verify, record=unstaged).options()

    @pytest.mark.parametrize("record", [None, {}])
    def test_neither_options_nor_a_record(self, record: Any) -> None:
        with pytest.raises(Refused, match=r"pnid|'swap'\. Run the stages"):
            action(machine_ssl_handover, **({} if record is None else {"record": record})).options()


class TestParts:
    def shown(self, here: Stage, result: dict[str, Any]) -> Any:
        return here._shown(result).get("record")

    def test_a_swap_adds_itself_and_one_that_was_resumed_as_such(self) -> None:
        result = {"changed": True, "swap": SWAP}
        assert self.shown(action(machine_ssl_swap, state="swapped", record=RECORD), result) == {**RECORD, "swap": SWAP}
        resumed = self.shown(action(machine_ssl_swap, state="resumed", record=RECORD), result)
        assert resumed == {**RECORD, "resumed": SWAP}

    def test_what_has_failed_is_printed_and_has_no_record(self) -> None:
        here = action(machine_ssl_swap, state="swapped", record=RECORD)
        assert self.shown(here, {"failed": True, "details": {"swap": SWAP}}) is None

    def test_a_swap_that_nobody_answered_for_has_lost_contact(self) -> None:
        here = action(machine_ssl_swap, state="swapped", record=RECORD)
        lost = here._shown({"failed": True, "details": {"unreachable": True}})["details"]["swap"]
        assert lost["state"] == "contact_lost" and "run again" in lost["sentence"]

    def test_without_a_record_there_is_none(self) -> None:
        assert self.shown(action(machine_ssl_swap, state="status"), {"changed": False, "swap": SWAP}) is None


class TestAssessedAgain:
    @pytest.mark.parametrize(
        ("before", "now", "superseded"),
        [
            (None, {"verdict": "keep", "current": NEW}, False),
            ({"current": OLD}, {"verdict": "keep", "current": NEW}, True),
            ({"current": OLD}, {"verdict": "rotate", "current": NEW}, False),
            ({"current": OLD}, {"verdict": "keep", "current": OLD}, False),
            ({"current": OLD}, {"verdict": "refuse", "current": None}, False),
        ],
    )
    def test_what_somebody_has_replaced_since_and_is_not_due_is_superseded(
        self, before: Any, now: Any, superseded: bool
    ) -> None:
        begun = {name: RECORD[name] for name in ("node", "survey", "settings")}
        record = {**begun, "assessment": before} if before else begun
        here = action(machine_ssl_assess, record=record, policy={"days_left": 60})
        here.from_record(record)
        assert here._shown({"changed": False, "assessment": now})["record"].get("superseded", False) is superseded

    def test_settings_that_no_later_stage_understands_are_refused_at_once(self) -> None:
        settings = {**RECORD["settings"], "stop_timeout": "soon", "backups_kept": "x"}  # type: ignore[dict-item]
        with pytest.raises(Refused, match="stop_timeout") as refused:
            action(machine_ssl_assess, record={**RECORD, "settings": settings}, policy={}).options()
        assert "machine_ssl_X" in str(refused.value)


class TestHandover:
    @pytest.mark.parametrize("ended", [{"swap": SWAP}, {"resumed": SWAP}])
    @pytest.mark.parametrize(("noted", "problem"), [(True, None), (False, NodeUnreachable("gone"))])
    def test_it_is_told_whether_or_not_the_node_can_note_it(
        self, ended: dict[str, Any], noted: bool, problem: Exception | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        monkeypatch.setattr(machine_ssl_handover.display, "warning", told.append)
        here = action(machine_ssl_handover, record={**RECORD, **ended})

        def node(verb: str, options: dict[str, Any], check_mode: bool) -> dict[str, Any]:
            assert (verb, options["state_dir"], check_mode) == ("machine_ssl_handover", "/var/lib/elsewhere", False)
            if problem:
                raise problem
            return {"changed": False, "noted": True}

        here.call_node = node
        result = here.act(here.options())
        assert (result["changed"], result["noted"], bool(told)) == (False, noted, not noted)
        assert here._shown(result)["record"]["handover"]["new"] == NEW
