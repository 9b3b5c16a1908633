# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey: everything that can be read, and a problem in words for each part that cannot."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import material
import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import paths, pem, survey
from ansible_collections.vcfleet.certs.plugins.module_utils.node.journal import Journal
from ansible_collections.vcfleet.certs.plugins.module_utils.node.process import Completed
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import appliance_info
from scripted import hung
from store import Store

LEAF, ROOT = material.certificate(), material.certificate("ca")
GUID = "6ad5b2a3-9c5e-4a7c-8a5f-64bb2f1d6c11"
ANSWERS = {
    "get-pnid": "localhost\n",
    "get-domain-name": "vsphere.local\n",
    "get-site-name": "default-site\n",
    "get-machine-id": GUID + "\n",
    "--status": "Running:\n vmafdd\nStopped:\n vmcam\n",
}


class Node(Store):
    """A store with the other tools beside it; several threads call it."""

    def __init__(self) -> None:
        super().__init__(__MACHINE_CERT=("Private Key", LEAF, material.key()))
        self.stores["TRUSTED_ROOTS"] = {"abc": ("Trusted Cert", ROOT, "")}
        self.answers = dict(ANSWERS)
        self.tools: list[str] = []
        self._one_at_a_time = threading.RLock()

    def run(self, argv: list[str], timeout: float | None = None, stdin: bytes = b"", **more: Any) -> Completed:
        tool = Path(argv[0]).name
        with self._one_at_a_time:
            self.tools.append(f"{tool} {argv[1]}")
            if tool == "certool":
                Path(argv[2].split("=")[1]).write_text(ROOT + "\n")
                return Completed(argv, 0, "Status : Success\n", "", 0.01)
            if argv[1] in self.answers:
                answer = self.answers[argv[1]]
                if isinstance(answer, Exception):
                    raise answer
                return Completed(argv, 0, answer, "", 0.01)
            return super().run(argv, timeout, stdin, **more)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The node's own files, which the survey reads by their absolute paths."""
    contents = {
        "NODE_TYPE": "embedded\n",
        "UPDATE_CONF": '{"product": "VMware vCenter Server", "version": "8.0.3.00400", "build": "24322831"}',
        "BUILD_INFO": "CLOUDVM_VERSION:7.0.3.01000\nBUILDNUMBER:20051473\n",
        "VCHA_CONFIG": None,
        "VMON_PROFILE": "ALL\n",
    }
    for name, content in contents.items():
        path = tmp_path / name
        monkeypatch.setattr(paths, name, str(path))
        if content is not None:
            path.write_text(content)
    return tmp_path


def take(node: Node, files: Path, **options: object) -> dict:
    result = appliance_info.run({"ca": True, "state_dir": str(files / "state"), **options}, node.context())
    assert result["changed"] is False
    return result["appliance"]


def problems(record: dict) -> dict[str, str]:
    return {problem["part"]: problem["message"] for problem in record["problems"]}


def test_a_healthy_node_has_no_problems(files):
    record = take(Node(), files)
    assert record["problems"] == []
    assert record["schema"] == 1
    assert record["pnid"] == "localhost"
    assert "127.0.0.1" in record["dns"]["addresses"]
    assert set(record["dns"]["reverse"]) == set(record["dns"]["addresses"])
    assert (record["node_type"], record["version"], record["build"]) == ("embedded", "8.0.3.00400", "24322831")
    assert (record["sso_domain"], record["site"], record["machine_id"]) == ("vsphere.local", "default-site", GUID)
    assert record["vmca_root"] == [ROOT]
    assert record["machine_certificate"] == {
        "alias": "__MACHINE_CERT",
        "type": "Private Key",
        "sha256": pem.sha256(LEAF),
        "chain": [LEAF],
        "key_matches": True,
    }
    assert record["trusted_roots"] == [{"alias": "abc", "chain": [ROOT]}]
    assert (record["crl_count"], record["backup_store"], record["legacy_certificate"]) == (0, [], None)
    assert record["census"]["running"] == ["vmafdd"]
    assert record["disk"][0]["path"] == "/"
    assert 0 < record["disk"][0]["free"] < record["disk"][0]["total"]
    assert (record["vcha"], record["journal"], record["last_swap"]) == (False, None, None)
    assert "PRIVATE" not in repr(record)


def test_nothing_is_written_and_each_tool_is_asked_once(files):
    node = Node()
    before = sorted(files.rglob("*"))
    take(node, files)
    assert sorted(files.rglob("*")) == before
    asked = [tool for tool in node.tools if tool.startswith("vmafd-cli")]
    assert len(asked) == len(set(asked)) == 4
    assert {call.split()[1] for call in node.calls} == {"list", "getkey"}


def test_a_dead_tool_costs_its_own_parts_only(files):
    node = Node()
    node.answers["get-pnid"] = hung("vmafd-cli")
    node.answers["--status"] = "nonsense"
    record = take(node, files)
    assert set(problems(record)) == {"pnid", "dns", "census"}
    assert (record["pnid"], record["dns"], record["census"]) == (None, None, None)
    assert record["machine_certificate"]["key_matches"]


def test_vmafdd_down_is_told_with_what_to_do(files):
    node = Node()
    node.trick = lambda verb: {"stderr": "vecs-cli failed. Error 1021: Cannot connect to vmafd service. \n"}
    record = take(node, files)
    told = [problem for problem in record["problems"] if problem["part"] == "machine_certificate"]
    assert "--start vmafdd" in told[0]["remedy"]
    assert record["stores"] is None


def test_a_missing_machine_certificate_is_a_problem(files):
    node = Node()
    node.stores["MACHINE_SSL_CERT"].clear()
    assert "no entry __MACHINE_CERT" in problems(take(node, files))["machine_certificate"]


def test_a_key_that_does_not_match_is_seen(files):
    node = Node()
    node.stores["MACHINE_SSL_CERT"]["__MACHINE_CERT"] = ("Private Key", LEAF, material.key("two"))
    assert take(node, files)["machine_certificate"]["key_matches"] is False
    node.stores["MACHINE_SSL_CERT"]["__MACHINE_CERT"] = ("Trusted Cert", LEAF, "")
    assert take(node, files)["machine_certificate"]["key_matches"] is False


def test_the_legacy_store_and_leftovers_are_seen(files):
    node = Node()
    node.stores["STS_INTERNAL_SSL_CERT"] = {"__MACHINE_CERT": ("Private Key", LEAF, material.key())}
    node.stores["BACKUP_STORE"] = {"bkp___MACHINE_CERT": ("Private Key", LEAF, material.key())}
    record = take(node, files)
    assert record["legacy_certificate"]["chain"] == [LEAF]
    assert record["backup_store"][0]["alias"] == "bkp___MACHINE_CERT"
    assert record["backup_store"][0]["not_after"].endswith("+00:00")


def test_a_bloated_crl_store_is_counted_as_far_as_it_went(files):
    node = Node()
    crowded = hung("vecs-cli", "Number of entries in store :\t4711\n")
    node.trick = lambda verb: crowded if node.calls and node.calls[-1] == "entry list TRUSTED_ROOT_CRLS" else None
    assert take(node, files)["crl_count"] == 4711


def test_the_authority_is_not_asked_where_there_is_none(files):
    node = Node()
    assert take(node, files, ca=False)["vmca_root"] is None
    (files / "NODE_TYPE").write_text("management")
    record = take(node, files)
    assert (record["vmca_root"], record["problems"]) == (None, [])
    assert not any(tool.startswith("certool") for tool in node.tools)


def test_the_build_file_is_read_when_there_is_no_other(files):
    (files / "UPDATE_CONF").unlink()
    record = take(Node(), files)
    assert (record["version"], record["build"]) == ("7.0.3.01000", "20051473")
    (files / "BUILD_INFO").unlink()
    assert set(problems(take(Node(), files))) == {"version", "build"}


@pytest.mark.parametrize("content", [None, "", "psc\n"])
def test_a_node_type_that_nobody_knows_is_a_problem(files, content):
    (files / "NODE_TYPE").unlink()
    if content is not None:
        (files / "NODE_TYPE").write_text(content)
    record = take(Node(), files)
    assert record["node_type"] is None
    assert list(problems(record)) == ["node_type"]


def test_both_marks_of_high_availability_count(files):
    (files / "VMON_PROFILE").write_text("HACore\n")
    assert take(Node(), files)["vcha"]
    (files / "VMON_PROFILE").unlink()
    assert not take(Node(), files)["vcha"]
    (files / "VCHA_CONFIG").write_text("")
    assert take(Node(), files)["vcha"]


def test_an_unfinished_swap_is_told(files):
    journal = files / "state/journal"
    journal.mkdir(parents=True)
    Journal.create(journal, "20261122T000000Z", intent="swap")
    assert take(Node(), files)["journal"]["state"] == "interrupted"


def test_a_swap_that_has_ended_is_told_as_the_last_one(files):
    folder = files / "state/journal"
    folder.mkdir(parents=True)
    ended = Journal.create(folder, "20261122T000000Z", intent="swap")
    ended.write("closed", outcome="committed")
    record = take(Node(), files)
    assert record["journal"] is None
    assert (record["last_swap"]["state"], record["last_swap"]["handed_over"]) == ("committed", False)
    ended.write("handed over")
    assert take(Node(), files)["last_swap"]["handed_over"] is True


def test_a_restart_is_told_until_a_swap_comes_after_it_and_is_none_itself(files):
    folder = files / "state/journal"
    folder.mkdir(parents=True)
    assert take(Node(), files)["last_restart"] is None
    Journal.create(folder, "20261122T000000Z", intent="swap").write("closed", outcome="committed")
    restarted = Journal.create(folder, "20261123T000000Z", intent="restart")
    assert take(Node(), files)["journal"]["intent"] == "restart"
    restarted.write("closed", outcome="rolled_back")
    record = take(Node(), files)
    assert record["journal"] is None
    assert (record["last_swap"]["state"], record["last_restart"]["state"]) == ("committed", "rolled_back")
    Journal.create(folder, "20261124T000000Z", intent="swap").write("closed", outcome="committed")
    assert take(Node(), files)["last_restart"] is None


def test_names_are_asked_of_the_nodes_own_resolver(monkeypatch):
    assert survey.names_of("127.0.0.1")["addresses"] == ["127.0.0.1"]

    def nobody(*_arguments: object) -> None:
        raise OSError("nobody has that address")

    monkeypatch.setattr(survey.socket, "gethostbyaddr", nobody)
    assert survey.names_of("127.0.0.1")["reverse"] == {"127.0.0.1": []}


def test_a_name_that_does_not_resolve_is_a_problem(files):
    node = Node()
    node.answers["get-pnid"] = "vc01.invalid\n"
    record = take(node, files)
    assert record["pnid"] == "vc01.invalid"
    assert "vc01.invalid cannot be resolved" in problems(record)["dns"]


@pytest.mark.parametrize("later", ["rolled_back", "refused", None])
def test_the_last_window_is_that_of_the_newest_swap_that_replaced_a_certificate(files, later):
    folder = files / "state/journal"
    folder.mkdir(parents=True)
    assert take(Node(), files)["last_window_seconds"] is None
    for name, seconds, outcome in (("1", 50, "committed"), ("2", 40, "committed"), ("3", 900, later)):
        journal = Journal.create(folder, name, intent="swap")
        began = journal.write("begin", step="stop")["mono"]
        journal.records[-1]["mono"] = began - seconds
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in journal.records))
        journal.write("done", step="start")
        if outcome:
            journal.write("closed", outcome=outcome)
    assert take(Node(), files)["last_window_seconds"] == pytest.approx(40, abs=2)
