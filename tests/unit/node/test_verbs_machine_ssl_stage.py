# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""machine_ssl_stage: a pair is made where there is none, one that is as wanted is kept, check mode makes none."""

from __future__ import annotations

from pathlib import Path

import material
import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import machine_ssl_stage
from material import PNID
from scripted import ScriptedRunner

CONFIG = f"Country = US\nName = {PNID}\nOrganization = Lab\nHostname = {PNID}\n"
EXPECT = {"cn": PNID, "dns": [PNID], "ip": [], "email": []}
DONE = "Status : Success\n"


def run(runner: ScriptedRunner, folder: Path, check_mode: bool = False, **more: object) -> dict:
    options = {"state_dir": str(folder), "config": CONFIG, "expect": EXPECT, **more}
    return machine_ssl_stage.run(options, runner.context(check_mode))


def certool(certificate: str) -> ScriptedRunner:
    def genkey(options: dict[str, str]) -> None:
        Path(options["privkey"]).write_text(material.key())
        Path(options["pubkey"]).write_text(material.public())

    def gencert(options: dict[str, str]) -> None:
        Path(options["cert"]).write_text(certificate)

    made = ScriptedRunner().expect("certool --genkey", DONE, deed=genkey)
    return made.expect("certool --gencert", f"Using config file : x\n{DONE}", deed=gencert)


def staged(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "staging").iterdir()}


def test_a_pair_is_made_and_the_next_run_keeps_it(tmp_path):
    issued = material.certificate()
    made = run(certool(issued), tmp_path)
    assert (made["changed"], made["certificate"]) == (True, issued)
    assert set(made["diff"]["after"]) > {"public_key_sha256", "subject_alternative_names"}
    before = staged(tmp_path)
    assert sorted(before) == ["machine.crt", "machine.key", "machine.pub"]
    kept = run(ScriptedRunner(), tmp_path)
    assert (kept["changed"], kept["reasons"], kept["sha256"]) == (False, [], made["sha256"])
    assert staged(tmp_path) == before


def test_check_mode_says_what_would_be_made_and_makes_nothing(tmp_path):
    planned = run(ScriptedRunner(), tmp_path / "state", check_mode=True)
    assert planned["changed"] and "certificate" not in planned
    assert planned["diff"]["after"]["subject_alternative_names"] == [f"dns:{PNID}"]
    assert not (tmp_path / "state").exists()


def test_a_certificate_that_lacks_a_name_is_not_staged_and_the_key_is_kept_for_the_next_run(tmp_path):
    wanted = {**EXPECT, "dns": [PNID, "vcenter.example.com"]}
    with pytest.raises(NodeError, match=r"vcenter\.example\.com"):
        run(certool(material.certificate()), tmp_path, config=f"{CONFIG[:-1]},vcenter.example.com\n", expect=wanted)
    assert sorted(staged(tmp_path)) == ["machine.key", "machine.pub"]
