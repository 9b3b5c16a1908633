# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left to people after a swap, and who was not told yet."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils.handover import handover, untold

OLD = {"sha1": "ab" * 20, "sha256": "cd" * 32, "not_after": "2026-12-22T15:45:02Z"}
NEW = {"sha1": "12" * 20, "sha256": "34" * 32}


def test_every_holder_is_told_what_to_do_with_the_values_of_this_node() -> None:
    told = handover("vc01.lab.example", "vsphere.local", OLD, NEW)
    assert (told["old"], told["new"]) == ({"sha1": OLD["sha1"], "sha256": OLD["sha256"]}, NEW)
    text = "\n".join(item["todo"] for item in told["holders"])
    for words in (
        "https://vc01.lab.example/lookupservice/sdk",
        "--fingerprint " + ":".join(["AB"] * 20),
        "administrator@vsphere.local",
        "-T " + ":".join(["12"] * 20),
        "SHA-256 " + NEW["sha256"],
    ):
        assert words in text
    assert {item["kind"] for item in told["holders"]} == {"anchor", "consumer"}
    assert "{" not in text


def survey(stored: str = NEW["sha256"], **swap: Any) -> dict[str, Any]:
    last = {"state": "committed", "handed_over": False, "old": OLD, "new": NEW, **swap}
    return {"machine_certificate": {"sha256": stored}, "last_swap": last}


def test_a_swap_that_ended_alone_is_still_to_be_told() -> None:
    assert untold(survey())["new"] == NEW


@pytest.mark.parametrize(
    "told",
    [
        survey(handed_over=True),
        survey(state="rolled_back"),
        survey(state="none", new=None, handed_over=False),
        survey(stored="ef" * 32),
        {"machine_certificate": None, "last_swap": None},
        {},
    ],
    ids=["told", "rolled back", "none", "replaced since", "never", "not read"],
)
def test_nothing_is_owed_for_what_was_told_or_did_not_last(told: dict[str, Any]) -> None:
    assert untold(told) == {}
