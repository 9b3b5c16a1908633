# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage goes by the record, adds its part to it, and says which stage has not run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible.plugins.loader import lookup_loader
from ansible_collections.vcfleet.certs.plugins.action import (
    fleet_roster,
    fleet_summary,
    linked_mode_info,
    machine_ssl_assess,
    machine_ssl_handover,
    machine_ssl_health,
    machine_ssl_rotate,
    machine_ssl_stage,
    machine_ssl_swap,
    machine_ssl_verify,
    replication_gate,
)
from ansible_collections.vcfleet.certs.plugins.plugin_utils import records
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeUnreachable
from ansible_collections.vcfleet.certs.plugins.plugin_utils.stage import Stage
from ansible_collections.vcfleet.certs.plugins.plugin_utils.x509 import X509Error
from cryptography.x509.oid import NameOID

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


@pytest.fixture(autouse=True)
def run_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a run: it finds no records."""
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))


def action(module: Any, check_mode: bool = False, record: Any = None, **arguments: Any) -> Any:
    """The action, in a run that keeps this record of vc01."""
    if record is not None:
        records.keep("vc01", {"node": "vc01", **record})
        arguments["record"] = "vc01"
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

    def test_a_restart_takes_no_certificate_from_it(self) -> None:
        surveyed = {name: RECORD[name] for name in ("node", "survey", "settings")}
        options = action(machine_ssl_swap, state="restarted", record=surveyed, lease="us").options()
        assert (options["pnid"], options["lease"], options["stop_timeout"]) == ("vc01.lab.example", "us", 1.0)
        assert (options["sha256"], options["replaces"]) == (None, None)

    def test_a_verification_takes_every_root(self) -> None:
        options = action(machine_ssl_verify, record=RECORD).options()
        assert options["roots"] == ["ROOT", "OLDER", "OTHER"]
        assert (options["certificate"], options["probe"]) == ("PEM", None)

    def test_a_stage_that_has_not_run_is_named(self) -> None:
        unstaged = {name: part for name, part in RECORD.items() if name != "staged"}
        with pytest.raises(Refused, match="machine_ssl_verify: the record of vc01 has no 'staged'"):
            action(machine_ssl_verify, record=unstaged).options()

    @pytest.mark.parametrize("record", [None, {}])
    def test_neither_options_nor_a_record(self, record: Any) -> None:
        with pytest.raises(Refused, match=r"pnid|'swap'\. Run the stages"):
            action(machine_ssl_handover, **({} if record is None else {"record": record})).options()


class TestParts:
    def noted(self, here: Stage, result: dict[str, Any]) -> Any:
        here._shown(result)
        return records.load("vc01")

    def test_a_swap_adds_itself_and_one_that_was_resumed_as_such(self) -> None:
        result = {"changed": True, "swap": SWAP}
        assert self.noted(action(machine_ssl_swap, state="swapped", record=RECORD), result) == {**RECORD, "swap": SWAP}
        resumed = self.noted(action(machine_ssl_swap, state="resumed", record=RECORD), result)
        assert resumed == {**RECORD, "resumed": SWAP}

    def test_a_swap_that_failed_says_how_far_it_came(self) -> None:
        undone = {**SWAP, "state": "rolled_back"}
        failed = {"failed": True, "changed": True, "msg": "No.", "details": {"swap": undone}}
        assert self.noted(action(machine_ssl_swap, state="swapped", record=RECORD), failed)["swap"] == undone
        assert "resumed" not in self.noted(action(machine_ssl_swap, state="resumed", record=RECORD), failed)

    @pytest.mark.parametrize("intent", ["swap", "restart"])
    def test_one_that_could_not_be_resumed_to_its_end_is_what_it_is_now_and_not_what_was_surveyed(
        self, intent: str
    ) -> None:
        left = {**RECORD, "survey": {**RECORD["survey"], "journal": {"id": "J1", "state": "interrupted"}}}
        stuck = {"id": "J1", "state": "stuck", "intent": intent}
        for swap, known in ((stuck, stuck), ({"state": "contact_lost"}, left["survey"]["journal"])):
            failed = {"failed": True, "changed": True, "msg": "No.", "details": {"swap": swap}}
            noted = self.noted(action(machine_ssl_swap, state="resumed", record=left), failed)
            assert noted == {**left, "survey": {**left["survey"], "journal": known}}

    def test_a_restart_is_noted_where_it_came_to_a_good_end_and_never_as_a_swap(self) -> None:
        restart = {"state": "committed", "intent": "restart"}
        result = {"changed": True, "swap": restart}
        here = action(machine_ssl_swap, state="restarted", record=RECORD)
        assert self.noted(here, result) == {**RECORD, "restarted": restart}
        for state, told in (("restarted", {"failed": True, "details": result}), ("resumed", result)):
            assert self.noted(action(machine_ssl_swap, state=state, record=RECORD), told) == RECORD

    def test_check_mode_swaps_nothing(self) -> None:
        result = {"changed": True, "swap": {"state": "planned"}}
        assert self.noted(action(machine_ssl_swap, True, state="swapped", record=RECORD), result) == RECORD

    def test_a_swap_that_breaks_may_have_begun(self, monkeypatch: pytest.MonkeyPatch) -> None:
        here = action(machine_ssl_swap, state="swapped", record=RECORD)
        monkeypatch.setattr(here, "_insist", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            here.act(here.options())
        assert records.load("vc01")["swap"] == {}

    def test_a_swap_that_nobody_answered_for_has_lost_contact(self) -> None:
        here = action(machine_ssl_swap, state="swapped", record=RECORD)
        lost = here._shown({"failed": True, "details": {"unreachable": True}})["details"]["swap"]
        assert lost["state"] == "contact_lost" and "run again" in lost["sentence"]

    def test_without_a_record_there_is_none(self) -> None:
        told = {"changed": False, "swap": SWAP}
        assert self.noted(action(machine_ssl_swap, state="status"), told) == {"node": "vc01"}


class TestAssess:
    begun: Any = {name: RECORD[name] for name in ("node", "settings")}

    def assessed(self, monkeypatch: pytest.MonkeyPatch, record: Any, assessment: Any, **policy: Any) -> Any:
        """The record after an assessment with this end, and a survey in which the node has another type now."""
        census = {"running": ["vmafdd"], "stopped": ["vmcam"]}
        survey = {**RECORD["survey"], "node_type": "management", "census": census, "disk": []}  # type: ignore[dict-item]
        here = action(machine_ssl_assess, record=record, policy={"days_left": 60, **policy})

        def node(verb: str, options: dict[str, Any], check_mode: bool) -> dict[str, Any]:
            assert (verb, options) == ("appliance_info", {"state_dir": "/var/lib/elsewhere", "tool_timeout": 7.0})
            return {"changed": False, "appliance": survey}

        here.call_node = node
        monkeypatch.setattr(machine_ssl_assess, "assess", lambda *_: {"findings": [], **assessment})
        monkeypatch.setattr(machine_ssl_assess, "untold", lambda _: {})
        monkeypatch.setattr(machine_ssl_assess, "render", str)
        here._shown(here.act(here.options()))
        return records.load("vc01")

    def test_the_node_is_surveyed_whatever_the_record_knows_of_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        probe = {"host": "198.18.0.11", "ports": [443]}
        begun = {**self.begun, "settings": {**RECORD["settings"], "probe": probe}}  # type: ignore[dict-item]
        record = self.assessed(monkeypatch, {**begun, "survey": {"old": True}}, {"verdict": "keep", "current": OLD})
        assert (record["survey"]["node_type"], "forced" in record) == ("management", False)
        assert record["survey"]["census"] == {"running": ["vmafdd"]} and "disk" not in record["survey"]
        assert record["settings"]["probe"]["server_name"] == "vc01.lab.example"

    def test_a_forced_rotation_says_why(self, monkeypatch: pytest.MonkeyPatch) -> None:
        forced = {"force": True, "force_reason": "Its key is known."}
        record = self.assessed(monkeypatch, self.begun, {"verdict": "rotate", "current": OLD}, **forced)
        assert record["forced"] == "Its key is known."

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
        self, before: Any, now: Any, superseded: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = {**self.begun, "assessment": before} if before else self.begun
        assert self.assessed(monkeypatch, record, now).get("superseded", False) is superseded

    def test_settings_that_no_later_stage_understands_are_refused_at_once(self) -> None:
        settings = {**RECORD["settings"], "stop_timeout": "soon", "backups_kept": "x"}  # type: ignore[dict-item]
        with pytest.raises(Refused, match="stop_timeout") as refused:
            action(machine_ssl_assess, record={**RECORD, "settings": settings}, policy={}).options()
        assert "machine_ssl_X" in str(refused.value)

    def test_a_policy_that_makes_no_sense_is_refused_before_the_node_is_asked(self) -> None:
        here = action(machine_ssl_assess, record=self.begun, policy={"days_left": -1})
        with pytest.raises(Refused, match="days_left is -1"):
            here.act(here.options())

    def test_either_a_survey_or_a_record(self) -> None:
        with pytest.raises(Refused, match="mutually exclusive"):
            action(machine_ssl_assess, record=self.begun, survey={"pnid": "vc01"}, policy={}).options()


class TestStage:
    wanted: Any = {"cn": "vc01.lab.example", "dns": ["vc01.lab.example"], "ip": [], "email": [], "subject": {}}

    def staged(self, answer: dict[str, Any], root: str, check_mode: bool = False) -> Any:
        survey = {**RECORD["survey"], "trusted_roots": [{"chain": [root]}]}  # type: ignore[dict-item]
        record = {**RECORD, "survey": survey, "assessment": {"wanted": self.wanted}}
        begun = {name: part for name, part in record.items() if name != "staged"}
        here = action(machine_ssl_stage, check_mode, record=begun, config="Name = vc01.lab.example\n")

        def node(verb: str, options: dict[str, Any], check: bool) -> dict[str, Any]:
            assert (verb, options["state_dir"], check) == ("machine_ssl_stage", "/var/lib/elsewhere", check_mode)
            assert options["expect"] == {name: self.wanted[name] for name in ("cn", "dns", "ip", "email")}
            return answer

        here.call_node = node
        here._shown(here.act(here.options()))
        return records.load("vc01")

    def test_the_certificate_is_proved_and_added_to_the_record(self, authority: Any) -> None:
        root, leaf = authority.root(ends=36500), authority.leaf(ends=36500)
        answer = {"changed": True, "certificate": leaf, "sha256": NEW["sha256"], "reasons": []}
        assert self.staged(answer, root)["staged"] == {
            "certificate": leaf,
            "sha256": NEW["sha256"],
            "issued": True,
        }

    def test_check_mode_has_none(self, authority: Any) -> None:
        assert "staged" not in self.staged({"changed": True, "reasons": []}, authority.root(), check_mode=True)

    def test_one_that_leads_to_no_trusted_root_is_refused(self, authority: Any) -> None:
        authority.root(ends=36500)
        answer = {"changed": True, "certificate": authority.leaf(ends=36500), "sha256": "x", "reasons": []}
        other = authority.root("other", subject=[(NameOID.COMMON_NAME, "Other")], ends=36500)
        with pytest.raises(Refused, match="Nothing was put to use") as refused:
            self.staged(answer, other)
        assert refused.value.details["changed"] is True and refused.value.details["problems"]

    def test_what_is_no_certificate_is_refused(self, authority: Any) -> None:
        with pytest.raises(Refused, match="cannot be verified"):
            self.staged({"changed": True, "certificate": "rubbish", "sha256": "x", "reasons": []}, authority.root())


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
        here._shown(result)
        assert records.load("vc01")["handover"]["new"] == NEW


class TestRotate:
    verified: Any = {"ok": True, "served": {"443": NEW["sha256"]}}

    def rotated(self, monkeypatch: pytest.MonkeyPatch, check_mode: bool = False, **answers: Any) -> Any:
        """The result, and which stages ran; a stage answers as told, or as if all were well."""
        ran: list[str] = []
        told = {
            "machine_ssl_swap": {
                "changed": True,
                "swap": SWAP,
                "diff": {"after": "new"},
                "commands": [{"argv": ["a"]}],
            },
            "machine_ssl_verify": {"changed": False, "verification": self.verified},
            "machine_ssl_handover": {"changed": False, "handover": {"new": NEW}, "commands": [{"argv": ["b"]}]},
            **answers,
        }
        here = action(machine_ssl_rotate, check_mode, record=RECORD, lease="us 1")
        for part in ("_connection", "_play_context", "_loader", "_templar", "_shared_loader_obj"):
            setattr(here, part, part)
        for module in (machine_ssl_swap, machine_ssl_verify, machine_ssl_handover):

            def run(stage: Any, tmp: Any = None, task_vars: Any = None) -> Any:
                ran.append(stage.module_name)
                assert stage._connection == "_connection" and stage._task is not here._task
                lease = {"lease": "us 1", "state": "swapped"} if stage.module_name == "machine_ssl_swap" else {}
                assert stage._task.args == {"record": "vc01", **lease}
                if isinstance(told[stage.module_name], Exception):
                    raise told[stage.module_name]
                return told[stage.module_name]

            monkeypatch.setattr(module.ActionModule, "run", run)
        return here._shown(here.act(here.options())), ran

    def test_every_stage_runs_and_tells_its_part(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result, ran = self.rotated(monkeypatch)
        assert result == {
            "changed": True,
            "diff": {"after": "new"},
            "commands": [{"argv": ["a"]}, {"argv": ["b"]}],
            "swap": SWAP,
            "verification": self.verified,
            "handover": {"new": NEW},
        }
        assert ran == ["machine_ssl_swap", "machine_ssl_verify", "machine_ssl_handover"]

    def test_a_swap_that_failed_is_the_last_and_says_how_far_it_came(self, monkeypatch: pytest.MonkeyPatch) -> None:
        undone = {**SWAP, "state": "rolled_back"}
        failed = {"failed": True, "changed": True, "msg": "No.", "remedy": "Look.", "details": {"swap": undone}}
        result, ran = self.rotated(monkeypatch, machine_ssl_swap=failed)
        assert result == failed and len(ran) == 1

    def test_what_is_not_seen_from_the_controller_fails_after_a_swap(self, monkeypatch: pytest.MonkeyPatch) -> None:
        unseen = {"failed": True, "changed": False, "msg": "Port 443.", "verification": {"ok": False}}
        result, ran = self.rotated(monkeypatch, machine_ssl_verify=unseen)
        assert (result["failed"], result["changed"], len(ran)) == (True, True, 2)
        assert (result["swap"], result["verification"]) == (SWAP, {"ok": False})

    def test_what_breaks_after_a_swap_does_not_lose_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(Refused, match="KeyError: 'machine_ssl_verify'") as refused:
            self.rotated(monkeypatch, machine_ssl_verify=KeyError("machine_ssl_verify"))
        assert (refused.value.details["swap"], refused.value.details["changed"]) == (SWAP, True)

    def test_check_mode_asks_for_the_swap_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result, ran = self.rotated(monkeypatch, check_mode=True)
        assert len(ran) == 1 and result["swap"] == SWAP

    gate: Any = {"members": ["vc01", "vc02"], "min_partners": 1, "pause": 0.5, "timeout": 9}

    def held(self, monkeypatch: pytest.MonkeyPatch, told: Any, check_mode: bool = False) -> tuple[Any, list[Any]]:
        """The result, and what the gate was asked, of a rotation that stands at one."""
        asked: list[Any] = []

        def run(stage: Any, tmp: Any = None, task_vars: Any = None) -> Any:
            asked.append(stage._task.args)
            return told

        monkeypatch.setattr(replication_gate.ActionModule, "run", run)
        for module in (machine_ssl_swap, machine_ssl_verify, machine_ssl_handover):
            monkeypatch.setattr(module.ActionModule, "run", lambda *_, **__: {"changed": True})
        here = action(
            machine_ssl_rotate, check_mode, record=RECORD, lease="us 1", gate=self.gate, sso_password="VMware1!"
        )
        for part in ("_connection", "_play_context", "_loader", "_templar", "_shared_loader_obj"):
            setattr(here, part, part)
        return here._shown(here.act(here.options())), asked

    def test_it_stands_at_the_gate_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result, asked = self.held(monkeypatch, {"changed": False, "samples": 2, "members": []})
        where = {name: RECORD["settings"][name] for name in ("state_dir", "tool_timeout")}  # type: ignore[index]
        login = {"sso_user": "administrator", "sso_password": "VMware1!", "lease": "us 1"}
        assert asked == [{**self.gate, **login, **where}]
        assert result["changed"] and "VMware1!" not in str(result)

    def test_behind_a_shut_gate_nothing_begins_and_the_record_says_why(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shut = {"failed": True, "changed": False, "msg": "The gate did not open.", "remedy": "", "details": {}}
        result, _ = self.held(monkeypatch, shut)
        assert (result["failed"], result["changed"], result["msg"]) == (True, False, "The gate did not open.")
        kept = records.load("vc01")
        assert kept["failure"] == "The gate did not open." and "swap" not in kept

    def test_who_comes_too_late_from_the_gate_does_not_begin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        begin = {"from": None, "by": "2020-01-01T01:30:00+00:00"}
        monkeypatch.setitem(RECORD, "assessment", {**RECORD["assessment"], "when": {"begin": begin}})  # type: ignore[dict-item]
        result, asked = self.held(monkeypatch, {"changed": False, "samples": 2})
        assert asked and result["skipped"] and "it was to begin by 2020-01-01T01:30" in result["skip_reason"]
        assert records.load("vc01")["not_begun"] == result["skip_reason"]

    def test_nobody_stands_there_in_check_mode(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.held(monkeypatch, {}, check_mode=True)[1] == []

    def test_a_gate_without_a_password_is_refused(self) -> None:
        with pytest.raises(Refused, match="sso_password"):
            action(machine_ssl_rotate, record=RECORD, gate=self.gate).options()


class TestTurn:
    planned: Any = {"group": "g", "after": [], "together": ["vc01"], "force_reason": None}
    group: Any = {"nodes": ["vc01"], "turns": ["vc01"], "wave": 1, "canary": False}

    def reason(self, **options: Any) -> Any:
        records.keep_plan({"nodes": {"vc01": self.planned}, "groups": {"g": self.group, **options.pop("others", {})}})
        return lookup_loader.get("vcfleet.certs.turn").run(["vc01"], **options)

    def test_the_records_tell_whether_a_node_may_begin(self) -> None:
        (told,) = self.reason()
        assert "vc01 of the same linked group could not be staged" in told
        records.keep("vc01", RECORD)
        assert self.reason() == [""]
        assert self.reason(lease_refusal="Another run has it.") == ["Another run has it."]
        canaries = {"h": {"nodes": ["vc02"], "turns": ["vc02"], "wave": 1, "canary": True}}
        assert "The canary h" in self.reason(others=canaries)[0]
        records.note("vc02", {"superseded": True})
        assert self.reason(others=canaries) == [""]

    def test_what_has_failed_so_far_is_read_when_it_is_asked(self) -> None:
        records.keep("vc01", RECORD)
        others = {name: {"nodes": [name], "wave": 1, "canary": False} for name in ("vc02", "vc03")}
        assert self.reason(others=others, failures_allowed="1") == [""]
        for name in others:
            records.blame(name, "Rolled back.")
        assert "vcfleet_failures_allowed is 1" in self.reason(others=others, failures_allowed="1")[0]
        assert self.reason(others={**others, "vc03": {**others["vc03"], "wave": None}}) == [""], "it is not walked"
        assert records.failed(["vc01", "vc02", "nobody"]) == ["vc02"]

    def test_what_failed_first_is_told_first_and_once(self) -> None:
        for why in ("Contact lost.", "Contact lost.", "The shell was not put back."):
            records.blame("vc01", why)
        assert records.load("vc01")["failure"] == "Contact lost. The shell was not put back."

    def test_one_that_comes_too_late_for_its_window_does_not_begin(self) -> None:
        begin = {"from": None, "by": "2020-01-01T01:30:00+00:00"}
        records.keep("vc01", {**RECORD, "assessment": {"when": {"begin": begin}}})
        assert "it was to begin by 2020-01-01T01:30" in self.reason()[0]

    def test_one_that_comes_later_is_left_alone(self) -> None:
        here = action(machine_ssl_rotate, record=RECORD, postponed=True, not_begun="vc00 has failed.")
        result = here.act(here.options())
        assert (result["changed"], result["skipped"], result["postponed"]) == (False, True, True)
        assert records.load("vc01") == {"node": "vc01", **RECORD}

    def test_one_that_is_not_begun_says_why_and_is_left_alone(self) -> None:
        here = action(machine_ssl_rotate, record=RECORD, not_begun="vc00 has failed.")
        result = here.act(here.options())
        assert (result["changed"], result["skipped"], result["skip_reason"]) == (False, True, "vc00 has failed.")
        assert records.load("vc01") == {**RECORD, "not_begun": "vc00 has failed."}


class TestMembership:
    def test_why_a_directory_did_not_tell_stands_in_the_record(self) -> None:
        here = action(linked_mode_info, record=RECORD, sso_password="x")
        assert here.options()["tool_timeout"] == 7.0
        here.call_node = lambda *_, **__: records.load("vc01")["linked_mode"]
        assert here.act(here.options()) == {"problem": "it did not answer."}, "noted before it is asked"
        here._shown({"failed": True, "changed": False, "msg": "No."})
        assert records.load("vc01")["linked_mode"] == {"problem": "No."}
        here._shown({"changed": False, "linked_mode": {"members": []}})
        assert records.load("vc01")["linked_mode"] == {"members": []}


class TestHealth:
    probe: Any = {"host": "198.18.0.11", "ports": [443]}

    def looked(self, monkeypatch: pytest.MonkeyPatch, running: list[str], served: Any) -> Any:
        """The options, and the result of a look at a node that runs and serves this."""
        swap = {**SWAP, "running": ["vmafdd", "vmware-vpxd"]}
        settings = {**RECORD["settings"], "probe": self.probe}  # type: ignore[dict-item]
        here = action(machine_ssl_health, record={**RECORD, "settings": settings, "swap": swap})
        here.call_node = lambda verb, options: {"census": {"running": running}}
        monkeypatch.setattr(machine_ssl_health, "complaints", served)
        return here.act(here.options())

    def test_it_goes_by_the_swap(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def served(sha256: str, probe: Any) -> list[str]:
            assert (sha256, probe.host) == (NEW["sha256"], "198.18.0.11")
            return []

        result = self.looked(monkeypatch, ["vmafdd", "vmware-vpxd"], served)
        assert result == {"changed": False, "census": {"running": ["vmafdd", "vmware-vpxd"]}}

    def test_all_that_is_wrong_is_named_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def served(*_: Any) -> list[str]:
            raise X509Error("no certificate")

        with pytest.raises(Refused, match=r"do not run: vmware-vpxd\. .* cannot be read: no certificate\.") as refused:
            self.looked(monkeypatch, ["vmafdd"], served)
        assert len(refused.value.details["problems"]) == 2

    def test_what_is_amiss_is_that_nodes_failure_whatever_becomes_of_the_task(self) -> None:
        here = action(machine_ssl_health, record=RECORD)
        here._shown({"failed": True, "changed": False, "msg": "Services that ran before do not run: vmware-vpxd."})
        assert records.load("vc01")["failure"] == "Services that ran before do not run: vmware-vpxd."


class TestRecords:
    names = ("vc01", "../vc01", "2001:db8::1", "vc 01/é", "VC01")

    def test_each_name_has_its_own(self, tmp_path: Path) -> None:
        for name in self.names:
            records.note(name, {"survey": {"pnid": name}})
        assert {name: record["survey"]["pnid"] for name, record in records.surveyed(self.names).items()} == dict(
            zip(self.names, self.names, strict=True)
        )
        assert len(list(tmp_path.rglob("*.json"))) == len(self.names)
        assert all(tmp_path in file.parents for file in tmp_path.rglob("*"))

    def test_of_a_node_that_nothing_is_known_of_there_is_the_name(self) -> None:
        assert records.load("vc01") == {"node": "vc01"} and records.load_all(["vc01"]) == {}
        records.note("vc01", {"failure": "No."})
        assert records.load_all(["vc01", "vc02"]) == {"vc01": {"node": "vc01", "failure": "No."}}
        assert records.surveyed(["vc01"]) == {}

    def test_only_its_user_can_read_it(self, tmp_path: Path) -> None:
        records.note("vc01", {"failure": "No."})
        assert {oct(file.stat().st_mode & 0o077) for file in tmp_path.rglob("*")} == {"0o0"}

    def test_a_lookup_reads_it(self) -> None:
        records.keep("vc01", RECORD)
        found = lookup_loader.get("vcfleet.certs.record").run(["vc01", "vc02"])
        assert found == [RECORD, {"node": "vc02"}]

    def test_a_lookup_gives_no_more_of_it_than_was_asked_for(self) -> None:
        survey = {"pnid": "vc01", "journal": None, "census": {"running": ["vmafdd"]}}
        records.keep("vc01", {"node": "vc01", "survey": survey, "failure": "No.", "assessment": {}})
        found = lookup_loader.get("vcfleet.certs.record").run(
            ["vc01", "vc02"], parts=["survey.pnid", "survey.journal.state", "survey.disk", "swap.state", "failure.at"]
        )
        assert found == [
            {"node": "vc01", "survey": {"pnid": "vc01", "journal": None}, "failure": "No."},
            {"node": "vc02"},
        ]


class TestSummary:
    def summed_up(self, **arguments: Any) -> Any:
        left = {"verdict": "not surveyed", "reasons": ["vc02 is planned, and the inventory has it no more."]}
        elsewhere = {"verdict": "not selected", "reasons": ["It is not selected."]}
        plan = {"nodes": {"vc02": left, "vc03": elsewhere}, "groups": {}, "waves": []}
        here = action(fleet_summary, plan=plan, **arguments)
        return here.act(here.options())

    def test_a_planned_node_without_a_host_fails_where_somebody_asks(self) -> None:
        gone = self.summed_up(inventory=["vc01"])
        assert gone["failed"] and gone["msg"] == "vc02 is planned, and the inventory has it no more."
        assert gone["nodes"]["vc02"]["ending"] == "not surveyed"
        for asked in ({}, {"inventory": ["vc01", "vc02"]}):
            assert "failed" not in self.summed_up(**asked)


class TestRosters:
    def read(self, *names: str) -> Any:
        return lookup_loader.get("vcfleet.certs.roster").run(names)

    def test_a_lookup_reads_them_one_after_the_other(self) -> None:
        assert self.read("due", "shells") == []
        here = action(fleet_roster, rosters={"due": ["vc01", "vc02"], "waves": [["vc01"], ["vc02"]]})
        assert here.act(here.options())["changed"] is False
        records.enroll({"shells": ["vc02"], "due": ["vc03"]})
        assert self.read("due", "nobody", "shells") == ["vc03", "vc02"]
        assert self.read("waves") == [["vc01"], ["vc02"]]

    def test_no_node_can_have_the_name_of_their_file(self) -> None:
        for name in ("plan", "rosters"):
            records.note(name, {"failure": "No."})
        records.enroll({"due": ["plan"]})
        records.keep_plan({"nodes": {"rosters": {}}, "groups": {}})
        assert (self.read("due"), list(records.plan()["nodes"])) == (["plan"], ["rosters"])
        assert records.failed(["plan", "rosters"]) == ["plan", "rosters"]

    def test_who_has_something_to_tell(self) -> None:
        for name in ("vc02", "vc03", "vc04"):
            records.note(name, {"survey": {"journal": None}})
        records.blame("vc04", "No.")
        assert lookup_loader.get("vcfleet.certs.telling").run(["vc01", "vc02", "vc03", "vc04"]) == [
            *("vc01", "vc02", "vc04"),
        ]
        records.enroll({"concerned": ["vc03"]})
        assert lookup_loader.get("vcfleet.certs.telling").run(["vc03", "vc02"]) == ["vc03"]
