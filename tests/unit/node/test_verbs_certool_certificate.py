# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool_certificate: bad input before anything is touched, the old one kept or left alone, the new one proven."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import material
import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import pem
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import certool_certificate
from material import PNID
from scripted import ScriptedRunner, hung

CONFIG = f"Country = US\nName = {PNID}\nOrganization = Lab\nHostname = {PNID}\n"
DONE = "Using config file : x\nStatus : Success\n"
EXPECT = {"cn": PNID, "dns": [PNID], "ip": None, "email": None}


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o700)
    (tmp_path / "k").write_text(material.key())
    return tmp_path


def run(runner: ScriptedRunner, folder: Path, check_mode: bool = False, **more: object) -> dict:
    options = {
        "key_path": str(folder / "k"),
        "cert_path": str(folder / "c"),
        "config": CONFIG,
        "config_path": None,
        "expect": EXPECT,
        "max_age": 86400,
        "force": False,
        **more,
    }
    return certool_certificate.run(options, runner.context(check_mode))


def gencert(content: str | None, stdout: str = DONE, **more: object) -> ScriptedRunner:
    """A certool that writes this content; it must be given a private copy of the config and no certificate to keep."""

    def deed(options: dict[str, str]) -> None:
        assert Path(options["config"]).read_text() == CONFIG
        assert os.stat(options["config"]).st_mode & 0o777 == 0o600
        assert not os.path.exists(options["cert"])
        if content is not None:
            Path(options["cert"]).write_text(content)

    return ScriptedRunner().expect("certool --gencert", stdout, deed=deed, **more)


def disk(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_certificate_is_issued_proven_and_put_in_place(folder):
    issued = material.certificate()
    runner = gencert(issued + "\n")
    result = run(runner, folder)
    assert result["changed"]
    assert result["certificate"] == issued
    assert result["sha256"] == pem.sha256(issued)
    assert result["reasons"] == ["there is no certificate"]
    assert result["diff"]["before"] == {}
    assert result["diff"]["after"]["subject_alternative_names"] == [f"dns:{PNID}"]
    assert sorted(disk(folder)) == ["c", "k"]
    assert (folder / "c").stat().st_mode & 0o777 == 0o600
    assert runner.lines == []


def test_it_is_kept_when_it_is_as_wanted(folder):
    (folder / "c").write_text(material.certificate())
    before = disk(folder)
    result = run(ScriptedRunner(), folder)
    assert (result["changed"], result["reasons"]) == (False, [])
    assert result["diff"]["before"] == result["diff"]["after"]
    assert disk(folder) == before


@pytest.mark.parametrize(
    ("existing", "options", "reason"),
    [
        (material.certificate("two"), {}, "it belongs to another key"),
        (material.certificate(subject=[("CN", "other"), ("C", "US"), ("O", "Lab")]), {}, "its subject is another"),
        (material.certificate(subject=[("CN", PNID), ("C", "US"), ("O", "Old")]), {}, "its subject is another"),
        (
            material.certificate(subject=[("CN", PNID), ("C", "US"), ("O", "Lab"), ("OU", "Gone")]),
            {},
            "its subject is another",
        ),
        (material.certificate(dns=[PNID, "vc01"]), {}, "its dns names are others"),
        (material.certificate(ip=["10.0.0.1"]), {}, "its ip names are others"),
        (material.certificate(age=timedelta(hours=25)), {}, "it is older than max_age"),
        (material.certificate(age=timedelta(hours=2)), {"max_age": 3600}, "it is older than max_age"),
        (material.certificate(age=timedelta(hours=2), life=timedelta(hours=1)), {}, "it is not valid now"),
        (material.certificate(age=-timedelta(hours=2)), {}, "it is not valid now"),
        (material.certificate(), {"force": True}, "force is set"),
        (material.certificate()[:400], {}, "there is no certificate"),
        ("", {}, "there is no certificate"),
    ],
)
def test_each_reason_to_issue_is_told_and_check_mode_changes_nothing(folder, existing, options, reason):
    (folder / "c").write_text(existing)
    before = disk(folder)
    told = run(ScriptedRunner(), folder, check_mode=True, **options)
    assert told["changed"]
    assert reason in told["reasons"]
    assert "certificate" not in told
    assert disk(folder) == before
    result = run(gencert(material.certificate()), folder, **options)
    assert result["reasons"] == told["reasons"]
    planned, real = told["diff"]["after"], result["diff"]["after"]
    assert planned["subject_alternative_names"] == real["subject_alternative_names"]
    assert sorted(planned["subject"].split(",")) == sorted(real["subject"].split(","))


FAILURES = {
    "hangs": gencert(None, error=hung("certool")),
    "prints garbage": gencert(None, "\x00"),
    "refuses": gencert(None, "Error: 70034, xStatus : Failed\nError Code : 70034\n", rc=146),
    "says success and writes nothing": gencert(None),
    "writes an empty file (full disk)": gencert(""),
    "writes a cut off file (full disk)": gencert(material.certificate()[:600]),
    "issues for another key": gencert(material.certificate("two")),
    "issues for another name": gencert(material.certificate(subject=[("CN", "vc02")])),
    "drops a name": gencert(material.certificate(dns=["vc02"])),
}


@pytest.mark.parametrize("runner", FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_leaves_the_old_certificate_as_it_was_and_no_rest(folder, runner):
    (folder / "c").write_text(material.certificate(age=timedelta(days=3)))
    before = disk(folder)
    with pytest.raises(NodeError) as caught:
        run(runner, folder)
    assert caught.value.remedy
    assert disk(folder) == before


BAD_INPUT = {
    "country": {"config": CONFIG.replace("US", "USA")},
    "comma": {"config": CONFIG.replace("Lab", "Lab, Inc.")},
    "hash": {"config": CONFIG.replace("Lab", "Lab #1")},
    "wildcard": {"config": CONFIG.replace(f"Hostname = {PNID}", "Hostname = *.lab.example")},
    "empty SAN": {"config": CONFIG.replace(f"Hostname = {PNID}", "Hostname =")},
    "PNID missing": {"expect": {**EXPECT, "dns": [PNID, "vc01.other.example"]}},
    "PNID in another case": {"expect": {**EXPECT, "cn": PNID.upper()}},
    "two configs": {"config_path": "/etc/hostname"},
    "no config": {"config": None},
    "unreadable config": {"config": None, "config_path": "/no/such/file"},
    "relative config": {"config": None, "config_path": "certool.cfg"},
    "relative key": {"key_path": "k"},
    "damaged key": {"key_path": "/etc/hostname"},
}


@pytest.mark.parametrize("options", BAD_INPUT.values(), ids=BAD_INPUT.keys())
@pytest.mark.parametrize("check_mode", [True, False])
def test_bad_input_is_refused_before_anything_is_touched(folder, options, check_mode):
    before = disk(folder)
    runner = ScriptedRunner()
    with pytest.raises(NodeError) as caught:
        run(runner, folder, check_mode, **options)
    assert caught.value.message
    assert caught.value.remedy
    assert runner.calls == []
    assert disk(folder) == before


def test_a_config_on_the_node_is_read(folder):
    (folder / "m.cfg").write_bytes(b"\xef\xbb\xbf" + CONFIG.encode())
    assert run(gencert(material.certificate()), folder, config=None, config_path=str(folder / "m.cfg"))["changed"]


def test_a_missing_key_is_refused_and_in_check_mode_expected_from_the_task_before(folder):
    (folder / "k").unlink()
    with pytest.raises(NodeError, match=r"The private key .* cannot be read"):
        run(ScriptedRunner(), folder)
    told = run(ScriptedRunner(), folder, check_mode=True)
    assert (told["changed"], told["reasons"]) == (True, ["there is no key yet"])
    assert disk(folder) == {}
