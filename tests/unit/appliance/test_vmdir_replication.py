# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a linked group: what is published on one node arrives on all (vmware-cli.md §8)."""

import time
from collections.abc import Callable, Iterator

import pytest
from simvc.private_node import PrivateNode, link
from simvc.samples import pair, renewed

PASSWORD = ["--password", "VMware1!"]
Group = list[PrivateNode]


@pytest.fixture
def group() -> Iterator[Group]:
    """Three linked nodes with their directories running."""
    with (
        PrivateNode("vc01.lab.example") as one,
        PrivateNode("vc02.lab.example") as two,
        PrivateNode("vc03.lab.example") as three,
    ):
        nodes = [one, two, three]
        link(*nodes)
        for node in nodes:
            node.start("vmafdd", "vmdird")
        eventually(lambda: all(in_step(node) for node in nodes))
        yield nodes


def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "still not so"
        time.sleep(0.05)


def in_step(node: PrivateNode) -> bool:
    partners = node.ask("vmdird", {"op": "partner_status"})["partners"]
    return all(partner["available"] and partner["seen"] == partner["usn"] for partner in partners)


def publish(node: PrivateNode, content: str) -> None:
    path = node.root / "published.pem"
    path.write_text(content)
    assert node.run("dir_cli", "trustedcert", "publish", "--cert", str(path), *PASSWORD).rc == 0


def published(node: PrivateNode) -> list[str]:
    return [item["cert"] for item in node.ask("vmdird", {"op": "ca_list"})["objects"]]


def test_a_root_arrives_everywhere_and_goes_everywhere(group: Group) -> None:
    root = pair("root")
    publish(group[0], root.pem)
    eventually(lambda: all(published(node) == [root.pem] for node in group))
    path = group[2].root / "published.pem"
    path.write_text(root.pem)
    assert group[2].run("dir_cli", "trustedcert", "unpublish", "--cert", str(path), *PASSWORD).rc == 0
    eventually(lambda: not any(published(node) for node in group))


def test_every_vecs_takes_it_over_by_itself(group: Group) -> None:
    for node in group:
        node.knobs({"vmdir.replication_delay": 0, "vecs.sync_interval": 0.2})
    publish(group[1], pair("root").pem)
    listing = {"op": "entry_list", "store": "TRUSTED_ROOTS"}
    eventually(lambda: all(node.ask("vmafdd", listing)["entries"] for node in group))


def test_a_node_that_was_down_catches_up(group: Group) -> None:
    group[2].stop("vmdird", power_loss=True)
    publish(group[0], pair("root").pem)
    eventually(lambda: published(group[1]) == [pair("root").pem])
    group[2].start("vmdird")
    eventually(lambda: published(group[2]) == [pair("root").pem])
    eventually(lambda: all(in_step(node) for node in group))


def test_changes_travel_on_through_a_common_partner() -> None:
    with (
        PrivateNode("vc01.lab.example") as one,
        PrivateNode("vc02.lab.example") as two,
        PrivateNode("vc03.lab.example") as three,
    ):
        link(one, two)
        link(two, three)
        two.identify(partners=[{"name": node.name, "address": node.address} for node in (one, three)])
        for node in (one, two, three):
            node.start("vmafdd", "vmdird")
        publish(one, pair("root").pem)
        eventually(lambda: published(three) == [pair("root").pem])


def test_the_later_of_two_changes_wins(group: Group) -> None:
    for node in group:
        node.knobs({"vmdir.replication_delay": 3600})
    old = pair("root")
    publish(group[0], old.pem)
    time.sleep(0.01)
    publish(group[1], renewed(old).pem)
    for node in group:
        node.knobs({"vmdir.replication_delay": 0})
    eventually(lambda: all(published(node) == [renewed(old).pem] for node in group))


def test_a_password_is_the_same_everywhere(group: Group) -> None:
    argv = ["password", "reset", "--account", "administrator", "--new", "Other2!", *PASSWORD]
    assert group[0].run("dir_cli", *argv).rc == 0
    request = {"op": "authenticate", "user": "administrator@vsphere.local", "password": "Other2!"}
    eventually(lambda: all(node.ask("vmdird", request)["code"] == 0 for node in group))


def test_nodes_list_shows_all_with_their_partners(group: Group) -> None:
    shown = group[1].run("dir_cli", "nodes", "list", *PASSWORD).out
    assert shown == "".join(
        f"Node: vc0{number}.lab.example\nType: PSC\nSite: default-site\n"
        + "".join(
            f"Partner #{place}: ldap://vc0{other}.lab.example\n"
            for place, other in enumerate([n for n in (1, 2, 3) if n != number], start=1)
        )
        + "\n"
        for number in (1, 2, 3)
    )


def test_nodes_are_asked_by_name(group: Group) -> None:
    group[0].stop("vmdird")
    assert group[0].run("dir_cli", "nodes", "list", *PASSWORD).rc == 167
    done = group[0].run("dir_cli", "nodes", "list", "--server-name", "vc02.lab.example", *PASSWORD)
    assert done.rc == 0 and done.out.count("Node: ") == 3


def test_a_read_only_node_takes_nothing_over(group: Group) -> None:
    assert group[2].run("dir_cli", "state", "set", "--state", "READONLY", *PASSWORD).rc == 0
    publish(group[0], pair("root").pem)
    eventually(lambda: published(group[1]) == [pair("root").pem])
    assert published(group[2]) == []
    assert group[2].run("dir_cli", "state", "set", "--state", "NORMAL", *PASSWORD).rc == 0
    eventually(lambda: published(group[2]) == [pair("root").pem])
