# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool: its words decide, then its files; never its exit status (vmware-cli.md §1.4, §1.7, §11.2)."""

from __future__ import annotations

from pathlib import Path

import material
import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import ToolError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.process import Completed
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.certool import Certool, verdict
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedRunner

DONE = "Status : Success\n"
REJECTED = (
    "Using config file : /var/tmp/vmware/MACHINE_SSL_CERT.cfg\n"
    "Error: 382312514, VMCAGetSignedCertificatePrivate() failedStatus : Failed\n"
    "Error Code : 382312514\n"
    "Error Message : Failed to connect to the remote host, reason = rpc_s_connect_rejected (0x16c9a042).\n"
)


def completed(stdout: str = "", stderr: str = "", rc: int = 0) -> Completed:
    return Completed(["/usr/lib/vmware-vmca/bin/certool", "--gencert"], rc, stdout, stderr, 0.1)


def certool(runner: ScriptedRunner) -> Certool:
    return Certool(runner)  # type: ignore[arg-type]


def writing(**contents: str):
    """A deed: certool writes these contents over the files that its options name."""

    def deed(options: dict[str, str]) -> None:
        for option, content in contents.items():
            Path(options[option]).write_text(content)

    return deed


@pytest.mark.parametrize("rc", [0, 1, 66, 255])
@pytest.mark.parametrize("text", [DONE, "Using config file : m.cfg\n" + DONE, "......" + DONE])
def test_the_word_success_counts_whatever_the_exit_status(text, rc):
    assert verdict(completed(text, rc=rc)) is None


def test_a_status_glued_to_the_noise_before_it_is_read():
    error = verdict(completed(REJECTED, rc=66))
    assert error is not None
    assert error.code == 382312514
    assert "vmcad" in error.remedy
    assert error.stdout == REJECTED


@given(st.text(max_size=40), st.integers(1, 2**32 - 1), st.integers(0, 255))
def test_the_code_comes_from_the_text_and_never_from_the_exit_status(noise, code, rc):
    error = verdict(completed(f"{noise}Status : Failed\nError Code : {code}\nError Message : x\n", rc=rc))
    assert error is not None
    assert error.code == code
    assert str(code) in error.message


@given(st.text(max_size=300), st.integers(0, 255))
def test_no_text_without_a_status_is_a_success(text, rc):
    if "Status : Success" not in text:
        assert verdict(completed(text, rc=rc)) is not None


@pytest.mark.parametrize("text", ["", "VMware Certificate Tool\n  --help\n", "\x00\x00", "Status :"])
def test_an_answer_without_a_status_is_a_failure_even_with_exit_0(text):
    error = verdict(completed(text))
    assert error is not None
    assert "without a status" in error.message


def test_a_fault_of_the_config_has_no_status_but_a_line_on_stderr():
    error = verdict(completed("Using config file : m.cfg\n", "error: unrecognised option 'Bogus'\n", 213))
    assert error is not None
    assert "unrecognised option 'Bogus'" in error.message
    assert error.code is None


def test_genkey_spells_both_files(tmp_path):
    deed = writing(privkey=material.key(), pubkey=material.public())
    runner = ScriptedRunner().expect(f"certool --genkey --privkey={tmp_path}/k --pubkey={tmp_path}/p", DONE, deed=deed)
    certool(runner).genkey(tmp_path / "k", tmp_path / "p")
    assert runner.lines == []


@pytest.mark.parametrize("content", ["", material.key()[:900], "disk full", material.public()])
@pytest.mark.parametrize("broken", ["privkey", "pubkey"])
def test_a_reported_success_with_a_bad_key_file_is_a_failure(tmp_path, broken, content):
    if broken == "pubkey" and content == material.public():
        content = material.key()
    contents = {"privkey": material.key(), "pubkey": material.public(), broken: content}
    runner = ScriptedRunner().expect("certool --genkey", DONE, deed=writing(**contents))
    with pytest.raises(ToolError, match="reported success, but") as caught:
        certool(runner).genkey(tmp_path / "k", tmp_path / "p")
    assert "df" in caught.value.remedy
    assert material.key()[100:140] not in repr(caught.value.to_dict())


def test_gencert_returns_the_chain_leaf_first(tmp_path):
    leaf, ca = material.certificate(), material.certificate("ca")
    deed = writing(cert=leaf + "\n" + ca + "\n")
    runner = ScriptedRunner().expect("certool --gencert --privkey=", DONE, deed=deed)
    runner.lines[0].words.pop()
    chain = certool(runner).gencert(tmp_path / "k", tmp_path / "c", tmp_path / "m.cfg")
    assert chain == [leaf, ca]
    assert runner.calls == [
        ["certool", "--gencert", f"--privkey={tmp_path}/k", f"--cert={tmp_path}/c", f"--config={tmp_path}/m.cfg"]
    ]


@pytest.mark.parametrize("content", [None, "", "\n", material.certificate()[:500], "\udcff"])
def test_a_reported_success_without_a_certificate_is_a_failure(tmp_path, content):
    deed = None if content is None else writing(cert=content.encode("utf-8", "replace").decode())
    runner = ScriptedRunner().expect("certool --gencert", DONE, deed=deed)
    with pytest.raises(ToolError, match="does not hold"):
        certool(runner).gencert(tmp_path / "k", tmp_path / "c", tmp_path / "m.cfg")


def test_getrootca_leaves_no_file_behind():
    used: list[str] = []

    def deed(options: dict[str, str]) -> None:
        used.append(options["cert"])
        assert Path(options["cert"]).parent.stat().st_mode & 0o777 == 0o700
        Path(options["cert"]).write_text(material.certificate("ca") + "\n")

    runner = ScriptedRunner().expect("certool --getrootca", "Certificate:\n    Data:\n" + DONE, deed=deed)
    assert certool(runner).getrootca() == [material.certificate("ca")] or len(used) == 1
    assert not Path(used[0]).parent.exists()
