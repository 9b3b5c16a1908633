# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vecs_entry: proven before, saved before, read back after, and what was there comes back."""

from __future__ import annotations

import copy
from pathlib import Path

import material
import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import pem
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import vecs_entry
from scripted import hung, vecs_error
from store import Store

ALIAS = "__MACHINE_CERT"
OLD = ("Private Key", material.certificate("old"), material.key("old"))
NEW = ("Private Key", material.certificate("new"), material.key("new"))


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o700)
    (tmp_path / "c").write_text(NEW[1])
    (tmp_path / "k").write_text(NEW[2])
    return tmp_path


def run(store: Store, folder: Path, check_mode: bool = False, /, **more: object) -> dict:
    options = {
        "store": "MACHINE_SSL_CERT",
        "alias": ALIAS,
        "state": "present",
        "cert_path": str(folder / "c"),
        "key_path": str(folder / "k"),
        "backup_dir": None,
        "state_dir": str(folder / "state"),
        **more,
    }
    return vecs_entry.run(options, store.context(check_mode))


def writes(store: Store) -> list[str]:
    return [call for call in store.calls if call.split()[1] in ("create", "delete")]


def disk(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_an_entry_is_replaced_after_it_was_saved(folder):
    store = Store(**{ALIAS: OLD})
    result = run(store, folder)
    assert store.stores["MACHINE_SSL_CERT"] == {ALIAS: NEW}
    assert result["changed"]
    assert result["before"] == {"sha256": pem.sha256(OLD[1]), "type": "Private Key"}
    assert result["after"] == {"sha256": pem.sha256(NEW[1]), "type": "Private Key"}
    saved = Path(result["backup"])
    assert saved.parent == folder / "state/backup"
    assert (saved / "entry.crt").read_text() == OLD[1]
    assert (saved / "entry.key").read_text().strip() == OLD[2]
    modes = {path.stat().st_mode & 0o777 for path in saved.iterdir()}
    assert (saved.stat().st_mode & 0o777, modes) == (0o700, {0o600})
    assert "PRIVATE" not in repr(result)


def test_nothing_is_written_before_the_backup_is_on_the_disk(folder):
    store = Store(**{ALIAS: OLD})
    seen = []

    def look(verb: str) -> None:
        if verb == "entry delete":
            seen.extend(path.name for path in (folder / "state").rglob("*") if path.is_file())

    store.trick = look
    run(store, folder)
    assert sorted(seen) == ["entry.crt", "entry.key"]


def test_a_second_run_changes_nothing(folder):
    store = Store(**{ALIAS: OLD})
    run(store, folder)
    store.calls.clear()
    before = disk(folder)
    result = run(store, folder)
    assert (result["changed"], result["backup"]) == (False, None)
    assert writes(store) == []
    assert disk(folder) == before


def test_a_missing_entry_is_created(folder):
    store = Store()
    result = run(store, folder)
    assert (result["before"], result["backup"]) == (None, None)
    assert store.stores["MACHINE_SSL_CERT"] == {ALIAS: NEW}


def test_an_entry_that_lost_its_key_is_replaced_although_its_certificate_is_right(folder):
    store = Store(**{ALIAS: ("Trusted Cert", NEW[1], "")})
    assert run(store, folder)["changed"]
    assert store.stores["MACHINE_SSL_CERT"][ALIAS][0] == "Private Key"


def test_an_entry_is_removed_after_it_was_saved(folder):
    store = Store()
    store.stores["BACKUP_STORE"]["bkp___MACHINE_CERT"] = OLD
    options = {"store": "backup_store", "alias": "BKP___MACHINE_CERT", "state": "absent"}
    assert run(store, folder, True, **options)["changed"]
    result = run(store, folder, **options)
    assert store.stores["BACKUP_STORE"] == {}
    assert result["after"] is None
    assert (Path(result["backup"]) / "entry.key").exists()
    assert not run(store, folder, **options)["changed"]


@pytest.mark.parametrize("entries", [{}, {ALIAS: OLD}])
def test_check_mode_tells_what_a_run_then_does_and_changes_nothing(folder, entries):
    store = Store(**entries)
    stores, files = copy.deepcopy(store.stores), disk(folder)
    told = run(store, folder, True)
    assert (store.stores, disk(folder), writes(store)) == (stores, files, [])
    done = run(store, folder)
    for part in ("changed", "before", "after", "diff"):
        assert told[part] == done[part]


def fail(wanted: str, *answers: object):
    """Answer that verb's calls so, one after the other, and then let it happen."""
    left = list(answers)

    def trick(verb: str) -> object:
        return left.pop(0) if verb == wanted and left else None

    return trick


TRICKS = {
    "create fails once": fail("entry create", vecs_error(11)),
    "create pretends": fail("entry create", {"stdout": "Entry with alias [a] was created successfully \n"}),
    "create hangs": fail("entry create", hung("vecs-cli")),
    "delete fails": fail("entry delete", vecs_error(5)),
    "delete pretends": fail("entry delete", {"stdout": "Deleted entry with alias [a] in store [S] successfully\n "}),
    "delete hangs": fail("entry delete", hung("vecs-cli")),
    "listing breaks after the delete": fail("entry list", None, None, None, {"stdout": "garbage"}),
}


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS.keys())
def test_a_failure_puts_the_old_entry_back(folder, trick):
    store = Store(**{ALIAS: OLD})
    store.trick = trick
    with pytest.raises(NodeError, match="The entry is as it was before"):
        run(store, folder)
    assert store.stores["MACHINE_SSL_CERT"] == {ALIAS: OLD}
    assert sorted(path.name for path in folder.iterdir()) == ["c", "k"]


def test_a_new_entry_that_fails_leaves_none(folder):
    store = Store()
    store.trick = fail("entry create", {"stdout": "done, but garbled"})
    with pytest.raises(NodeError, match="as it was before"):
        run(store, folder)
    assert store.stores["MACHINE_SSL_CERT"] == {}


def test_when_nothing_helps_the_commands_for_a_person_are_told(folder):
    store = Store(**{ALIAS: OLD})
    store.trick = lambda verb: vecs_error(1021) if verb == "entry create" else None
    with pytest.raises(NodeError, match="could NOT be put back") as caught:
        run(store, folder)
    backup = caught.value.details["backup"]
    assert f"entry create --store MACHINE_SSL_CERT --alias {ALIAS} --cert {backup}/entry.crt" in caught.value.remedy
    assert "-y" in caught.value.remedy
    assert material.key("old")[100:140] not in repr(caught.value.to_dict())


def test_an_entry_whose_backup_does_not_prove_is_not_touched(folder):
    store = Store(**{ALIAS: ("Private Key", OLD[1], material.key("other"))})
    stores = copy.deepcopy(store.stores)
    with pytest.raises(NodeError, match="does not belong"):
        run(store, folder)
    assert (store.stores, writes(store)) == (stores, [])


def test_a_full_disk_stops_before_the_delete(folder, monkeypatch):
    store = Store(**{ALIAS: OLD})
    from ansible_collections.vcfleet.certs.plugins.module_utils.node import files

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(NodeError, match="No space left on device"):
        run(store, folder)
    assert writes(store) == []
    assert sorted(path.name for path in folder.iterdir()) == ["c", "k"]


BAD_INPUT = {
    "no such store": ({"store": "MACHINE_SSL"}, "there are MACHINE_SSL_CERT, TRUSTED_ROOTS, "),
    "no such alias": ({"alias": "__MACHINE_CRET"}, "there are __MACHINE_CERT"),
    "empty alias": ({"alias": " "}, "alias is empty"),
    "the CRL store": ({"store": "TRUSTED_ROOT_CRLS"}, "holds revocation lists"),
    "no cert_path": ({"cert_path": None}, "needs cert_path"),
    "no key_path": ({"key_path": None}, "needs key_path"),
    "relative path": ({"key_path": "k"}, "absolute path"),
    "missing file": ({"cert_path": "/no/such/file"}, "cannot be read"),
    "a directory": ({"cert_path": "/etc"}, "cannot be read"),
    "open backup folder": ({"backup_dir": "/tmp"}, "open to others"),
}


@pytest.mark.parametrize(("options", "said"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
@pytest.mark.parametrize("check_mode", [True, False])
def test_bad_input_is_refused_before_anything_is_touched(folder, options, said, check_mode):
    store = Store(**{ALIAS: OLD})
    before = (copy.deepcopy(store.stores), disk(folder))
    with pytest.raises(NodeError, match=said) as caught:
        run(store, folder, check_mode, **options)
    assert caught.value.remedy
    assert (store.stores, disk(folder), writes(store)) == (*before, [])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("k", material.key("other"), "does not belong"),
        ("k", "", "0 private keys"),
        ("k", material.encrypted_key("new"), "encrypted"),
        ("c", "", "no certificate in it"),
        ("c", NEW[1][:300], "has no end"),
        ("c", material.key("new"), "no certificate in it"),
        ("c", material.certificate("ca") + NEW[1], "does not belong"),
    ],
)
def test_a_pair_that_does_not_prove_is_refused_before_the_store_is_asked(folder, name, content, said):
    (folder / name).write_text(content)
    store = Store(**{ALIAS: OLD})
    with pytest.raises(NodeError, match=said):
        run(store, folder)
    assert store.calls == []


@pytest.mark.parametrize("kind", ["Secret Key", "Encrypted Private Key", "Certification Revocation List"])
def test_an_entry_that_could_not_be_put_back_is_not_touched(folder, kind):
    store = Store()
    store.stores["BACKUP_STORE"]["a"] = (kind, "", material.key())
    for check_mode in (True, False):
        with pytest.raises(NodeError, match="cannot be saved and put back"):
            run(store, folder, check_mode, store="BACKUP_STORE", alias="a", state="absent")
    assert writes(store) == []
