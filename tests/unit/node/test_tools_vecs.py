# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vecs-cli: what it prints, what its errors mean, and how it is called (vmware-cli.md §3, §11.2)."""

from __future__ import annotations

import contextlib

import material
import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import paths, pem
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError, ToolError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools import vecs as adapter
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.vecs import (
    Entry,
    Vecs,
    error_code,
    known_store,
    parse_entries,
)
from hypothesis import given
from hypothesis import strategies as st
from scripted import STORES, ScriptedRunner, hung, listing, vecs_error

CERTIFICATES = [material.certificate(), material.certificate("two")]
ALIASES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,20}[A-Za-z0-9_]", fullmatch=True)
KINDS = ["Private Key", "Trusted Cert", "Secret Key", "Encrypted Private Key", "Unknown"]
ENTRIES = st.lists(
    st.builds(Entry, ALIASES, st.sampled_from(KINDS), st.lists(st.sampled_from(CERTIFICATES), max_size=3)), max_size=6
)


def vecs(runner: ScriptedRunner) -> Vecs:
    return Vecs(runner)  # type: ignore[arg-type]


@given(ENTRIES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", " "]))
def test_what_the_tool_prints_is_what_is_read(entries, newline, glued):
    text = listing(*((each.alias, each.type, "".join(each.chain)) for each in entries))
    assert parse_entries(glued + text.replace("\n", newline)) == entries


@given(ENTRIES.filter(bool), st.data())
def test_a_list_that_is_cut_off_is_never_taken_for_a_whole_one(entries, data):
    text = listing(*((each.alias, each.type, "".join(each.chain)) for each in entries)).rstrip("\n")
    last = entries[-1].chain[-1].rstrip("\n") if entries[-1].chain else f"Entry type :\t{entries[-1].type}"
    cut = data.draw(st.integers(0, text.rindex(last) + len(last) - 1))
    with contextlib.suppress(ValueError):
        assert parse_entries(text[:cut]) != entries


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text):
    try:
        parse_entries(text)
    except ValueError:
        return


def test_a_crl_is_an_entry_without_certificates():
    text = listing(("crl", "Certification Revocation List", "-----BEGIN X509 CRL-----\nMA==\n-----END X509 CRL-----\n"))
    assert parse_entries(text) == [Entry("crl", "Certification Revocation List", [])]


def test_the_error_number_is_read_from_the_text_and_not_from_the_exit_status():
    stderr = (
        "Error: Failed to open the store.\nvecs-cli failed. Error 4312: Possible errors: \n"
        "LDAP error: Unknown (extension) error \nWin Error: Operation failed with error ERROR_X (4312) \n"
    )
    runner = ScriptedRunner().expect("vecs-cli entry list --store NOPE", stderr=stderr, rc=216)
    with pytest.raises(ToolError, match="does not exist") as caught:
        vecs(runner).entries("NOPE")
    assert caught.value.code == 4312


def test_vmafdd_down_is_told_with_what_to_do():
    stderr = "vecs-cli failed. Error 1021: Cannot connect to vmafd service. \n"
    runner = ScriptedRunner().expect("vecs-cli store list", stderr=stderr, rc=253)
    with pytest.raises(ToolError, match="vmafdd does not answer") as caught:
        vecs(runner).stores()
    assert "service-control --start vmafdd" in caught.value.remedy


def test_minus_one_is_also_what_a_binary_file_gives():
    runner = ScriptedRunner().expect("vecs-cli store list", **vecs_error(0xFFFFFFFF))
    with pytest.raises(ToolError, match="or the tool could not read what it was given as text") as caught:
        vecs(runner).stores()
    assert caught.value.remedy


def test_no_error_in_the_text_is_no_error_whatever_the_exit_status():
    runner = ScriptedRunner().expect("vecs-cli store list", STORES, rc=77)
    assert vecs(runner).stores() == STORES.split()
    assert error_code(vecs_completed("")) is None


def vecs_completed(stderr: str):
    runner = ScriptedRunner().expect("x", stderr=stderr)
    return runner.run(["/x"])


@pytest.mark.parametrize("garbage", ["", "No stores found\n", "Segmentation fault\n", "MACHINE_SSL_CERT\n\x00\x01\n"])
def test_garbage_for_a_list_of_stores_is_told(garbage):
    with pytest.raises(ToolError, match="instead of a list of stores") as caught:
        vecs(ScriptedRunner().expect("vecs-cli store list", garbage)).stores()
    assert caught.value.stdout == garbage


def test_any_user_may_have_made_a_store_by_an_unusual_name():
    names = [*STORES.split("\n")[:-1], "Zürich: (old) store/1", "-x", "O'Brien & co", "x" * 255]
    assert vecs(ScriptedRunner().expect("vecs-cli store list", "\n".join(names) + "\n")).stores() == names


def test_stores_listed_before_the_tool_was_killed_may_not_be_all():
    with pytest.raises(ToolError, match="instead of a list of stores"):
        vecs(ScriptedRunner().expect("vecs-cli store list", STORES, rc=-9)).stores()


@pytest.mark.parametrize("garbage", ["", "garbage", "Number of entries in store :\t2\n", listing(("a", "", "x"))[:40]])
def test_garbage_for_a_list_of_entries_is_told(garbage):
    with pytest.raises(ToolError, match="instead of a list of entries"):
        vecs(ScriptedRunner().expect("vecs-cli entry list", garbage)).entries("S")


def test_a_store_is_named_as_the_node_spells_it_or_refused():
    assert known_store("machine_ssl_cert", ["MACHINE_SSL_CERT"]) == "MACHINE_SSL_CERT"
    with pytest.raises(NodeError, match="no certificate store MACHINE_SSL; there are MACHINE_SSL_CERT, machine"):
        known_store("MACHINE_SSL", ["MACHINE_SSL_CERT", "machine"])


def test_aliases_do_not_heed_case():
    runner = ScriptedRunner().expect("vecs-cli entry list", listing(("__MACHINE_CERT", "Private Key", CERTIFICATES[0])))
    found = vecs(runner).get("MACHINE_SSL_CERT", "__machine_cert")
    assert found is not None
    assert found.sha256 == pem.sha256(CERTIFICATES[0])


def test_a_missing_alias_is_none():
    assert vecs(ScriptedRunner().expect("vecs-cli entry list", listing())).get("S", "a") is None


def test_the_number_of_entries_is_known_even_when_the_list_never_ends():
    runner = ScriptedRunner().expect(
        "vecs-cli entry list --store TRUSTED_ROOT_CRLS --aliases",
        error=hung("vecs-cli", "Number of entries in store :\t4711\nabc\n"),
    )
    assert vecs(runner).count("TRUSTED_ROOT_CRLS", 1) == 4711


def test_the_number_is_known_of_a_long_list_too():
    aliases = "".join(f"{number:040x}\n" for number in range(4711))
    runner = ScriptedRunner().expect(
        "vecs-cli entry list", error=hung("vecs-cli", f"Number of entries in store :\t4711\n{aliases}")
    )
    assert vecs(runner).count("TRUSTED_ROOT_CRLS", 1) == 4711


def test_a_list_that_says_nothing_before_it_hangs_is_a_timeout():
    runner = ScriptedRunner().expect("vecs-cli entry list", error=hung("vecs-cli"))
    with pytest.raises(ToolError, match="did not end"):
        vecs(runner).count("TRUSTED_ROOT_CRLS", 1)


def test_a_key_is_read_and_stays_out_of_errors():
    command = "vecs-cli entry getkey --store S --alias a"
    assert vecs(ScriptedRunner().expect(command, material.key() + "\n\n")).key("S", "a") == material.key() + "\n"
    with pytest.raises(ToolError) as caught:
        vecs(ScriptedRunner().expect(command, material.key()[:300])).key("S", "a")
    assert material.key()[100:140] not in repr(caught.value.to_dict())


def test_delete_never_asks_and_minus_y_is_last():
    runner = ScriptedRunner().expect("vecs-cli entry delete --store S --alias a -y", "Deleted entry ...\n ")
    vecs(runner).delete("S", "a")
    assert runner.calls[0][-1] == "-y"


def test_create_passes_what_the_tool_refuses_on(tmp_path):
    (tmp_path / "c").write_text(CERTIFICATES[0])
    (tmp_path / "k").write_text(material.key("two"))
    command = f"vecs-cli entry create --store S --alias a --cert {tmp_path}/c --key {tmp_path}/k"
    with pytest.raises(ToolError, match="does not match") as caught:
        vecs(ScriptedRunner().expect(command, **vecs_error(90018))).create("S", "a", tmp_path / "c", tmp_path / "k")
    assert caught.value.code == 90018


@pytest.mark.parametrize("empty", ["c", "k"])
def test_an_empty_file_is_refused_before_the_tool_takes_it_for_none(tmp_path, empty):
    for name in "ck":
        (tmp_path / name).write_text("" if name == empty else "x")
    runner = ScriptedRunner()
    with pytest.raises(NodeError, match="is empty"):
        vecs(runner).create("S", "a", tmp_path / "c", tmp_path / "k")
    assert runner.calls == []


def test_settle_syncs_the_folder_of_the_database(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(adapter, "sync", synced.append)
    monkeypatch.setattr(paths, "VECS_DATABASE", str(tmp_path / "afd.db"))
    Vecs.settle()
    assert synced == [tmp_path]


def test_a_database_that_is_elsewhere_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "VECS_DATABASE", str(tmp_path / "elsewhere/afd.db"))
    Vecs.settle()
