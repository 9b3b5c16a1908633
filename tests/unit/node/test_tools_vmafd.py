# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmafd-cli: one bare line, or an error (vmware-cli.md §4)."""

from __future__ import annotations

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import ToolError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.vmafd import Vmafd
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedRunner

GUID = "6ad5b2a3-9c5e-4a7c-8a5f-64bb2f1d6c11"


def vmafd(stdout: str, stderr: str = "", rc: int = 0) -> Vmafd:
    return Vmafd(ScriptedRunner().expect("vmafd-cli", stdout, stderr=stderr, rc=rc))  # type: ignore[arg-type]


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.-]{0,60}", fullmatch=True))
def test_the_pnid_is_taken_byte_for_byte(name):
    assert vmafd(name + "\n").pnid() == name


@pytest.mark.parametrize(
    ("read", "line"),
    [
        (Vmafd.pnid, "VC01.Lab.Example"),
        (Vmafd.pnid, "198.18.0.11"),
        (Vmafd.pnid, "2001:db8::1"),
        (Vmafd.domain_name, "vsphere.local"),
        (Vmafd.machine_id, GUID),
        (Vmafd.site_name, "Default-First-Site"),
        (Vmafd.site_name, "Zürich, Hall 2"),
        (Vmafd.dc_name, "vc01.lab.example"),
        (Vmafd.status, "Running"),
        (Vmafd.domain_state, "Controller"),
    ],
)
def test_every_getter_reads_its_line(read, line):
    assert read(vmafd(line + "\n")) == line


@pytest.mark.parametrize("printed", ["{} \n", "{}\t\r\n", "\n{}\n\n", "{}"])
def test_blanks_and_empty_lines_around_it_do_not_count(printed):
    assert vmafd(printed.format("VC01.Lab.Example")).pnid() == "VC01.Lab.Example"


@pytest.mark.parametrize("rc", [1, 139, -9])
def test_a_line_with_a_failing_exit_status_is_no_answer(rc):
    with pytest.raises(ToolError, match="instead of one line"):
        vmafd("vc01\n", rc=rc).pnid()


def test_every_getter_names_the_server():
    runner = ScriptedRunner().expect("vmafd-cli get-pnid --server-name localhost", "vc01\n")
    assert Vmafd(runner).pnid() == "vc01"  # type: ignore[arg-type]


@pytest.mark.parametrize("garbage", ["", "\n", "two\nlines\n", "Usage: vmafd-cli <command>\n", "\x00\n", "a b\n"])
def test_anything_else_than_one_line_of_its_shape_is_told(garbage):
    with pytest.raises(ToolError, match="instead of one line") as caught:
        vmafd(garbage).pnid()
    assert caught.value.remedy


def test_vmafdd_down_is_told_with_what_to_do():
    stderr = "Error 1021: Could not connect to the local service VMware AFD.\nVerify VMware AFD is running.\n"
    with pytest.raises(ToolError, match="vmafdd does not answer") as caught:
        vmafd("", stderr, 20).pnid()
    assert caught.value.code == 1021


def test_a_value_never_set_is_an_error_of_its_own():
    with pytest.raises(ToolError) as caught:
        vmafd(
            "", "Error 2: Object/Configuration not found.\nVerify configuration value has been set.\n", 26
        ).site_name()
    assert caught.value.code == 2
