# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: append-only, on the disk before it returns, tolerant of a torn end."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import journal as module
from ansible_collections.vcfleet.certs.plugins.module_utils.node.journal import Journal, journals, unfinished
from ansible_collections.vcfleet.certs.plugins.module_utils.node.lock import Lock
from ansible_collections.vcfleet.certs.plugins.module_utils.node.status import status, window_seconds
from hypothesis import given
from hypothesis import strategies as st


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, "a", goal="new")
    journal.write("begin", step="stop")
    assert Journal.load(journal.path).records == journal.records
    assert [record["n"] for record in journal.records] == [0, 1]


def test_every_write_is_synced_file_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), real(fd)))
    journal = Journal.create(tmp_path, "a")
    assert synced == [str(tmp_path), str(journal.path)]
    journal.write("begin", step="stop")
    assert synced[2:] == [str(journal.path)]


@given(cut=st.integers(min_value=1, max_value=60))
def test_a_torn_last_line_loses_only_itself(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    journal = Journal.create(tmp_path_factory.mktemp("journal"), "a", goal="new")
    journal.write("begin", step="replace")
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[:-cut])
    torn = Journal.load(journal.path)
    assert [record["event"] for record in torn.records] == ["opened", "begin"][: 2 if cut == 1 else 1]
    torn.write("closed", outcome="refused")
    assert Journal.load(journal.path).closed


def test_a_full_disk_delays_records_and_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.create(tmp_path, "a")

    def no_space(path: Path, line: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(module, "_append", no_space)
        journal.write("begin", step="stop")
        assert not journal.saved
    journal.write("done", step="stop")
    assert journal.saved
    assert Journal.load(journal.path).records == journal.records


def test_the_newest_journal_without_an_end_is_the_unfinished_one(tmp_path: Path) -> None:
    Journal.create(tmp_path, "1").write("closed", outcome="committed")
    open_one = Journal.create(tmp_path, "2")
    assert [each.id for each in journals(tmp_path)] == ["1", "2"]
    assert unfinished(tmp_path).id == open_one.id  # type: ignore[union-attr]
    open_one.write("closed", outcome="refused")
    assert unfinished(tmp_path) is None
    assert unfinished(tmp_path / "missing") is None


def test_the_lock_has_one_owner_and_is_free_when_the_owner_dies(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    assert lock.acquire()
    lock.sign(wanted="ab")
    other = Lock(tmp_path / "lock")
    assert not other.acquire()
    assert other.held()
    assert other.owner()["wanted"] == "ab"
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    assert other.held(), "a child that ended must not take the lock with it"
    lock.release()
    assert not other.held()
    assert other.owner() == {}


def test_window_is_measured_by_the_monotonic_clock(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, "a")
    begin = journal.write("begin", step="stop")
    end = journal.write("done", step="start")
    end.update(mono=begin["mono"] + 41.5, at="1999-01-01T00:00:00.000+00:00")
    assert window_seconds(journal.records) == 41.5


def test_a_window_with_a_boot_in_it_is_measured_by_the_calendar_if_that_can_be(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, "a", old_sha256="a" * 64, new_sha256="b" * 64)
    begin = journal.write("begin", step="stop")
    end = journal.write("done", step="start")
    begin.update(mono=5000.0, at="2026-11-22T16:00:00.000+00:00")
    end.update(mono=60.0, at="2026-11-22T16:05:00.500+00:00")
    assert window_seconds(journal.records) == 300.5
    end.update(at="2026-11-22T15:00:00.000+00:00")
    journal.write("closed", outcome="committed")
    told = status(journal, alive=False)
    assert told["window_seconds"] is None and told["steps"][0]["seconds"] is None
    assert "with a window of unknown length, at" in told["sentence"]


def test_status_of_a_node_without_any_swap() -> None:
    assert status(None, alive=False)["sentence"] == "No swap has run on this node."


@pytest.mark.parametrize(("alive", "state"), [(True, "running"), (False, "interrupted")])
def test_an_open_journal_is_running_or_interrupted(tmp_path: Path, alive: bool, state: str) -> None:
    journal = Journal.create(tmp_path, "a", goal="new", new_sha256="b" * 64)
    journal.write("begin", step="replace")
    told = status(journal, alive)
    assert told["state"] == state
    assert "replace" in told["sentence"]


def test_who_asks_for_the_lock_does_not_take_it_away(tmp_path: Path) -> None:
    asking, wanting = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert asking._try(fcntl.LOCK_SH, os.O_RDONLY | os.O_CREAT)
    assert not Lock(tmp_path / "lock").held(), "two may ask at the same time"
    threading.Timer(0.05, asking._let_go).start()
    assert wanting.acquire()
    wanting.release()
