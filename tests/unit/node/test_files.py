# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""files.py: private before the first byte, whole or not at all, and a full disk is noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import files
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.paths import State


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture(autouse=True)
def _open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_the_state_folder_must_be_absolute():
    with pytest.raises(NodeError, match="state_dir must be an absolute path, not 'vcfleet'"):
        State("vcfleet")


def test_a_new_folder_is_private_and_a_private_one_is_kept(tmp_path):
    files.private_folder(tmp_path / "new")
    files.private_folder(tmp_path / "new")
    assert mode(tmp_path / "new") == 0o700


@pytest.mark.parametrize("open_mode", [0o755, 0o701, 0o770, 0o1777])
def test_a_folder_open_to_others_is_refused_and_left_as_it_is(tmp_path, open_mode):
    tmp_path.chmod(open_mode)
    for check in (files.private_folder, files.check_private_folder):
        with pytest.raises(NodeError, match="open to others") as caught:
            check(tmp_path)
        assert "chmod 0700" in caught.value.remedy
    assert mode(tmp_path) == open_mode


def test_checking_a_folder_makes_none(tmp_path):
    files.check_private_folder(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_file_where_a_folder_should_be_is_told(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(NodeError, match="cannot be used"):
        files.private_folder(tmp_path / "x")


def test_a_private_file_is_0600_and_never_an_existing_one(tmp_path):
    files.create_private(tmp_path / "key", b"secret")
    assert mode(tmp_path / "key") == 0o600
    with pytest.raises(NodeError):
        files.create_private(tmp_path / "key", b"other")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NodeError):
        files.create_private(tmp_path / "link", b"secret")
    assert not (tmp_path / "elsewhere").exists()


def test_writing_replaces_whole_files_and_leaves_nothing_beside_them(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")
    path.chmod(0o644)
    files.write_private(path, b"new")
    assert (path.read_text(), mode(path)) == ("new", 0o600)
    assert os.listdir(tmp_path) == ["f"]


def test_a_full_disk_is_told_and_the_old_file_stays(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(NodeError, match="No space left on device") as caught:
        files.write_private(path, b"new")
    assert "df" in caught.value.remedy
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["f"]


def test_a_file_of_another_user_becomes_ours_when_published(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    (tmp_path / "fresh").write_text("x")
    os.chown(tmp_path / "fresh", 1234, 1234)
    files.publish(tmp_path / "fresh", tmp_path / "f")
    assert ((tmp_path / "f").stat().st_uid, mode(tmp_path / "f")) == (0, 0o600)


def test_tightening_says_whether_there_was_something_to_do(tmp_path):
    path = tmp_path / "key"
    path.write_text("x")
    path.chmod(0o644)
    assert files.tighten(path, check_mode=True)
    assert mode(path) == 0o644
    assert files.tighten(path, check_mode=False)
    assert not files.tighten(path, check_mode=False)
    assert mode(path) == 0o600


def test_the_scratch_folder_is_private_and_goes_away():
    with files.private_scratch() as folder:
        assert mode(folder) == 0o700
        (folder / "x").write_text("secret")
    assert not folder.exists()


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), (b"\xff\xfe\x00", "is not text")])
def test_a_file_that_cannot_be_read_is_told_by_name(tmp_path, content, said):
    if content is not None:
        (tmp_path / "f").write_bytes(content)
    with pytest.raises(NodeError, match=f"The key .*f {said}"):
        files.read_text(tmp_path / "f", "The key")


def test_a_byte_order_mark_is_dropped(tmp_path):
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbfName = x")
    assert files.read_text(tmp_path / "f", "x") == "Name = x"


def test_relative_paths_are_refused():
    with pytest.raises(NodeError, match="key_path must be an absolute path"):
        files.absolute({"key_path": "machine.key"}, "key_path")


def test_stamps_grow_although_the_clock_steps_back(tmp_path: Path) -> None:
    (tmp_path / "29990101T000000000000Z-aa").mkdir()
    (tmp_path / "store__alias-20260101").mkdir()
    assert files.next_stamp(tmp_path) == "29990101T000000000001Z"
    assert files.next_stamp(tmp_path / "missing") < "2999"
