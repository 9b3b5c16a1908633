# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool_keypair: private from the first byte, the old pair kept or left alone, success only when proven."""

from __future__ import annotations

import os
from pathlib import Path

import material
import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import pem
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import certool_keypair
from scripted import ScriptedRunner, hung

DONE = "Status : Success\n"
SHA256 = pem.sha256(material.public(pkcs1=False))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "staging"


def run(runner: ScriptedRunner, folder: Path, check_mode: bool = False, **more: object) -> dict:
    options = {"key_path": str(folder / "k"), "public_key_path": str(folder / "p"), "regenerate": False, **more}
    return certool_keypair.run(options, runner.context(check_mode))


def genkey(key: str = "one", public: str = "one", **more: object) -> ScriptedRunner:
    """A certool that writes these keys, and looks at what it finds there: private, and empty."""

    def deed(options: dict[str, str]) -> None:
        for option in ("privkey", "pubkey"):
            found = os.stat(options[option])
            assert (found.st_mode & 0o777, found.st_size) == (0o600, 0)
            assert os.stat(os.path.dirname(options[option])).st_mode & 0o777 == 0o700
        Path(options["privkey"]).write_text(material.key(key))
        Path(options["pubkey"]).write_text(material.public(public))
        for option in ("privkey", "pubkey"):
            os.chown(options[option], 1234, 1234)

    return ScriptedRunner().expect("certool --genkey", DONE, deed=deed, **more)


def existing(folder: Path, key: str | None = None, public: str | None = None) -> None:
    folder.mkdir(mode=0o700)
    for name, content in (("k", key), ("p", public)):
        if content is not None:
            (folder / name).write_text(content)
            (folder / name).chmod(0o600)


def disk(folder: Path) -> dict[str, tuple[str, int, int]]:
    if not folder.exists():
        return {}
    return {f.name: (f.read_text(), f.stat().st_mode & 0o777, f.stat().st_uid) for f in sorted(folder.iterdir())}


def test_a_pair_is_made_private_and_roots(folder):
    runner = genkey()
    result = run(runner, folder)
    assert disk(folder) == {"k": (material.key(), 0o600, 0), "p": (material.public(), 0o600, 0)}
    assert result["changed"]
    assert result["public_key_sha256"] == SHA256
    assert result["diff"] == {"before": {"public_key_sha256": None}, "after": {"public_key_sha256": SHA256}}
    assert "PRIVATE" not in repr(result)
    assert runner.lines == []


def test_an_existing_pair_is_kept_and_no_tool_is_called(folder):
    existing(folder, material.key(), material.public())
    before = disk(folder)
    result = run(ScriptedRunner(), folder)
    assert (result["changed"], result["public_key_sha256"]) == (False, SHA256)
    assert result["diff"]["before"] == result["diff"]["after"]
    assert disk(folder) == before


def test_regenerate_replaces_it(folder):
    existing(folder, material.key("two"), material.public("two"))
    result = run(genkey(), folder, regenerate=True)
    assert result["changed"]
    assert result["diff"]["before"] != result["diff"]["after"]
    assert disk(folder)["k"][0] == material.key("one")


@pytest.mark.parametrize("public", [None, material.public("two"), "garbage", ""])
def test_a_missing_or_foreign_public_half_is_written_from_the_kept_key(folder, public):
    existing(folder, material.key(), public)
    assert run(ScriptedRunner(), folder, check_mode=True)["changed"]
    assert disk(folder).get("p", (None,))[0] == public
    assert run(ScriptedRunner(), folder)["changed"]
    assert disk(folder)["k"][0] == material.key()
    assert not run(ScriptedRunner(), folder)["changed"]


def test_a_kept_key_that_others_can_read_is_made_private(folder):
    existing(folder, material.key(), material.public())
    (folder / "k").chmod(0o644)
    assert run(ScriptedRunner(), folder, check_mode=True)["changed"]
    assert disk(folder)["k"][1] == 0o644
    assert run(ScriptedRunner(), folder)["changed"]
    assert disk(folder)["k"][1] == 0o600


@pytest.mark.parametrize(
    "key", ["", "garbage", material.encrypted_key(), material.key()[:500], material.key() + "\n" + material.key()]
)
def test_a_damaged_key_is_an_error_and_not_overwritten(folder, key):
    existing(folder, key)
    before = disk(folder)
    with pytest.raises(NodeError, match="cannot be used") as caught:
        run(ScriptedRunner(), folder)
    assert "regenerate" in caught.value.remedy
    assert disk(folder) == before
    assert run(genkey(), folder, regenerate=True)["changed"]


@pytest.mark.parametrize("old", [False, True])
def test_check_mode_makes_nothing(folder, old):
    if old:
        existing(folder, material.key("two"), material.public("two"))
    before = disk(folder)
    result = run(ScriptedRunner(), folder, check_mode=True, regenerate=old)
    assert result["changed"]
    assert "public_key_sha256" not in result
    assert disk(folder) == before
    assert folder.exists() == old


FAILURES = {
    "hangs": ScriptedRunner().expect("certool --genkey", error=hung("certool")),
    "prints garbage": ScriptedRunner().expect("certool --genkey", "\x00garbage"),
    "says success and writes nothing": ScriptedRunner().expect("certool --genkey", DONE),
    "says failure": ScriptedRunner().expect("certool --genkey", "Status : Failed\nError Code : 5\n", rc=5),
    "writes halves of two pairs": genkey("one", "two"),
    "cuts the key off (full disk)": ScriptedRunner().expect(
        "certool --genkey", DONE, deed=lambda options: Path(options["privkey"]).write_text(material.key()[:700])
    ),
}


@pytest.mark.parametrize("runner", FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_leaves_the_old_pair_as_it_was_and_no_rest(folder, runner):
    existing(folder, material.key("two"), material.public("two"))
    before = disk(folder)
    with pytest.raises(NodeError) as caught:
        run(runner, folder, regenerate=True)
    assert caught.value.remedy
    assert disk(folder) == before
    assert material.key()[100:140] not in repr(caught.value.to_dict())


def test_a_failure_without_an_old_pair_leaves_no_folder_either(folder):
    with pytest.raises(NodeError):
        run(ScriptedRunner().expect("certool --genkey", error=hung("certool")), folder)
    assert not folder.exists()


def test_a_folder_open_to_others_is_refused_before_the_tool_is_called(tmp_path):
    tmp_path.chmod(0o755)
    for check_mode in (True, False):
        with pytest.raises(NodeError, match="open to others"):
            run(ScriptedRunner(), tmp_path, check_mode)
    assert list(tmp_path.iterdir()) == []


def test_one_file_for_both_is_refused(folder):
    with pytest.raises(NodeError, match="the same file"):
        run(ScriptedRunner(), folder, public_key_path=str(folder / "k"))
