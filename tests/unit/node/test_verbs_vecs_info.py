# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vecs_info: what is in the stores, and nothing that hangs for an hour."""

from __future__ import annotations

import material
import pytest
from ansible_collections.vcfleet.certs.plugins.module_utils.node import pem
from ansible_collections.vcfleet.certs.plugins.module_utils.node.errors import NodeError
from ansible_collections.vcfleet.certs.plugins.module_utils.node.verbs import vecs_info
from scripted import hung, vecs_error
from store import Store

LEAF = material.certificate()


@pytest.fixture
def store():
    store = Store(__MACHINE_CERT=("Private Key", LEAF, material.key()))
    store.stores["APPLMGMT_PASSWORD"] = {"location_password_default": ("Secret Key", "", "x")}
    return store


def run(store: Store, **options: object) -> dict:
    return vecs_info.run({"stores": None, "crl_timeout": 10.0, **options}, store.context())


def test_all_stores_are_read_and_no_key(store):
    result = run(store)
    assert result["changed"] is False
    assert list(result["stores"]) == list(store.stores)
    assert result["stores"]["MACHINE_SSL_CERT"] == {
        "entries": [{"alias": "__MACHINE_CERT", "type": "Private Key", "chain": [LEAF], "sha256": pem.sha256(LEAF)}],
        "skipped": None,
    }
    secret = result["stores"]["APPLMGMT_PASSWORD"]["entries"]
    assert secret == [{"alias": "location_password_default", "type": "Secret Key", "chain": [], "sha256": None}]
    assert not any(call.startswith("entry get") for call in store.calls)


def test_only_the_named_ones_are_read_under_the_nodes_spelling(store):
    assert list(run(store, stores=["machine_ssl_cert"])["stores"]) == ["MACHINE_SSL_CERT"]
    assert store.calls == ["entry list MACHINE_SSL_CERT"]


def test_a_store_that_does_not_exist_is_an_error(store):
    with pytest.raises(NodeError, match="there are MACHINE_SSL_CERT, "):
        run(store, stores=["NOPE"])


def test_the_crl_store_can_be_skipped(store):
    result = run(store, crl_timeout=0)
    assert result["stores"]["TRUSTED_ROOT_CRLS"] == {"entries": [], "skipped": "crl_timeout is 0"}
    assert "entry list TRUSTED_ROOT_CRLS" not in store.calls


def test_a_crl_store_that_takes_too_long_is_given_up(store):
    store.trick = lambda verb: hung("vecs-cli") if store.calls and store.calls[-1].endswith("CRLS") else None
    result = run(store, stores=["TRUSTED_ROOT_CRLS"])
    assert "within 10 seconds" in result["stores"]["TRUSTED_ROOT_CRLS"]["skipped"]


def test_another_failure_of_the_crl_store_is_not_hidden(store):
    store.trick = lambda verb: vecs_error(5) if verb == "entry list" else None
    with pytest.raises(NodeError, match="access denied"):
        run(store, stores=["TRUSTED_ROOT_CRLS"])


def test_vmafdd_down_is_told_with_what_to_do(store):
    store.trick = lambda verb: {"stderr": "vecs-cli failed. Error 1021: Cannot connect to vmafd service. \n", "rc": 253}
    with pytest.raises(NodeError) as caught:
        run(store)
    assert "--start vmafdd" in caught.value.remedy
