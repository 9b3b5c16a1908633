# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what in VECS (vmware-cli.md §3.11): root, owner, granted users, everybody."""

import pwd
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from simvc.daemons.vmafdd import Vmafdd
from simvc.ipc import Peer
from simvc.samples import pair
from simvc.vecs_store import VecsStore

ROOT = Peer(0)
OWNER = Peer(pwd.getpwnam("daemon").pw_uid)
OTHER = Peer(pwd.getpwnam("nobody").pw_uid)

READING = [
    {"op": "entry_list", "store": "S"},
    {"op": "entry_get", "store": "S", "alias": "a"},
    {"op": "entry_key", "store": "S", "alias": "a"},
]
WRITING = [
    {"op": "entry_add", "store": "S", "alias": "b", "cert": None, "key": "secret"},
    {"op": "entry_delete", "store": "S", "alias": "a"},
]
OWNING = [
    {"op": "store_permissions", "store": "S"},
    {"op": "store_grant", "store": "S", "user": "nobody", "mask": 1},
    {"op": "store_revoke", "store": "S", "user": "nobody", "mask": 1},
    {"op": "store_delete", "store": "S"},
]

Ask = Callable[..., int]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Send a request as a peer, get the code; store S belongs to the user `daemon` and has a secret key `a`."""
    vecs = VecsStore(str(tmp_path / "afd.db"))
    daemon = Vmafdd(vecs)

    def send(peer: Peer, request: dict[str, Any]) -> int:
        return int(daemon.handle(request, peer)["code"])

    send(OWNER, {"op": "store_create", "store": "S"})
    send(OWNER, {"op": "entry_add", "store": "S", "alias": "a", "cert": None, "key": "secret"})
    yield send
    vecs.close()


@pytest.mark.parametrize("request_", [*READING, *WRITING, *OWNING])
@pytest.mark.parametrize("peer", [ROOT, OWNER])
def test_root_and_owner_may_do_everything(ask: Ask, peer: Peer, request_: dict[str, Any]) -> None:
    assert ask(peer, request_) == 0


@pytest.mark.parametrize("request_", [*READING, *WRITING, *OWNING])
def test_others_may_do_nothing(ask: Ask, request_: dict[str, Any]) -> None:
    assert ask(OTHER, request_) == 5


def test_opening_and_listing_stores_needs_no_right(ask: Ask) -> None:
    assert ask(OTHER, {"op": "store_open", "store": "S"}) == 0
    assert ask(OTHER, {"op": "store_list"}) == 0


@pytest.mark.parametrize("user", ["nobody", "everyone"])
@pytest.mark.parametrize("request_", READING)
def test_reading_by_grant(ask: Ask, user: str, request_: dict[str, Any]) -> None:
    ask(OWNER, {"op": "store_grant", "store": "S", "user": user, "mask": 1})
    assert ask(OTHER, request_) == 0
    assert [ask(OTHER, writing) for writing in WRITING] == [5, 5]


@pytest.mark.parametrize("request_", [*READING, *WRITING])
def test_writing_implies_reading(ask: Ask, request_: dict[str, Any]) -> None:
    ask(OWNER, {"op": "store_grant", "store": "S", "user": "nobody", "mask": 2})
    assert ask(OTHER, request_) == 0
    assert ask(OTHER, OWNING[0]) == 5


def test_a_revoked_right_is_gone_though_its_row_stays(ask: Ask) -> None:
    ask(OWNER, {"op": "store_grant", "store": "S", "user": "nobody", "mask": 1})
    ask(OWNER, {"op": "store_revoke", "store": "S", "user": "nobody", "mask": 1})
    assert ask(OTHER, READING[0]) == 5


def test_rights_outlive_entries_but_not_the_store(ask: Ask) -> None:
    ask(OWNER, {"op": "store_grant", "store": "S", "user": "nobody", "mask": 1})
    ask(OWNER, {"op": "entry_delete", "store": "S", "alias": "a"})
    assert ask(OTHER, READING[0]) == 0
    ask(OWNER, {"op": "store_delete", "store": "S"})
    ask(OWNER, {"op": "store_create", "store": "S"})
    assert ask(OTHER, READING[0]) == 5


def test_no_right_is_noticed_before_bad_content(ask: Ask) -> None:
    rubbish = {"op": "entry_add", "store": "S", "alias": "b", "cert": "rubbish", "key": None}
    assert (ask(OTHER, rubbish), ask(OWNER, rubbish)) == (5, 11)


def test_system_stores(ask: Ask) -> None:
    assert ask(OTHER, {"op": "entry_list", "store": "TRUSTED_ROOTS"}) == 0
    assert ask(OTHER, {"op": "entry_list", "store": "TRUSTED_ROOT_CRLS"}) == 0
    assert ask(OTHER, {"op": "entry_list", "store": "MACHINE_SSL_CERT"}) == 5
    assert ask(ROOT, {"op": "store_delete", "store": "TRUSTED_ROOTS"}) == 5


@pytest.mark.parametrize("op", ["force_refresh", "account", "roots_add"])
def test_operations_of_root(ask: Ask, op: str) -> None:
    assert ask(OTHER, {"op": op, "cert": pair("root").pem}) == 5


def test_remote_callers_without_a_name_are_refused(ask: Ask) -> None:
    assert ask(Peer(None), {"op": "store_list"}) == 382312694
