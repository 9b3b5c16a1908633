# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmafd-cli against vmware-cli.md §4."""

import uuid
from collections.abc import Iterator

import pytest
from simvc.private_node import PrivateNode

LOCAL = ["--server-name", "localhost"]
UNKNOWN = "Error 100001: An unknown option was present on the command line.\n"
INVALID = "Error 100002: The options present on the command line are not valid.\n"


@pytest.fixture(scope="module")
def unchanged() -> Iterator[PrivateNode]:
    """A node for tests that leave it as it is."""
    with PrivateNode() as private:
        private.start("vmafdd")
        yield private


@pytest.fixture
def node() -> Iterator[PrivateNode]:
    with PrivateNode() as private:
        private.start("vmafdd")
        yield private


@pytest.mark.parametrize(
    ("verb", "line"),
    [
        ("get-pnid", "vc01.lab.example"),
        ("get-pnid-url", "vc01.lab.example"),
        ("get-dc-name", "vc01.lab.example"),
        ("get-domain-name", "vsphere.local"),
        ("get-domain-state", "Controller"),
        ("get-site-name", "default-site"),
        ("get-machine-id", "4c4c4544-0051-3210-8042-b7c04f4a3331"),
        ("get-ldu", "8d1f1b5e-3c5d-4b5f-9a53-0d4b31a1f3c2"),
        ("get-ls-location", "https://vc01.lab.example/lookupservice/sdk"),
        ("get-rhttpproxy-port", "443"),
        ("get-status", "Running"),
    ],
)
def test_getters_print_one_bare_line(unchanged: PrivateNode, verb: str, line: str) -> None:
    assert unchanged.run("vmafd_cli", verb, *LOCAL) == (0, line + "\n", "")


def test_nodes_of_a_site_name_the_same_guid(unchanged: PrivateNode) -> None:
    with PrivateNode("vc02.lab.example") as other:
        other.start("vmafdd")
        lines = {node.run("vmafd_cli", "get-site-guid", *LOCAL) for node in (unchanged, other)}
    ((rc, guid, errors),) = lines
    assert (rc, errors) == (0, "") and str(uuid.UUID(guid.strip())) + "\n" == guid


def test_the_pnid_keeps_its_case() -> None:
    with PrivateNode("VC01.Lab.Example") as node:
        node.start("vmafdd")
        assert node.run("vmafd_cli", "get-pnid", *LOCAL).out == "VC01.Lab.Example\n"


def test_machine_account(unchanged: PrivateNode) -> None:
    done = unchanged.run("vmafd_cli", "get-machine-account-info", *LOCAL)
    assert done == (0, "MachineAccount: vc01.lab.example\nPassword: machine-secret\n", "")


def test_servers_of_the_domain(unchanged: PrivateNode) -> None:
    done = unchanged.run("vmafd_cli", "get-dc-list", *LOCAL, "--domain-name", "vsphere.local")
    assert done.out == (
        f"Number of Server in the Domain = 1\nHostname = vc01.lab.example, Address = {unchanged.address}\n"
    )


def test_setting_the_machine_id_lasts(node: PrivateNode) -> None:
    done = node.run("vmafd_cli", "set-machine-id", *LOCAL, "--id", "abc")
    assert done == (0, "Machine Id [abc] was updated successfully\n", "")
    node.stop("vmafdd")
    node.start("vmafdd")
    assert node.run("vmafd_cli", "get-machine-id", *LOCAL).out == "abc\n"


@pytest.mark.parametrize(
    ("argv", "rc", "error"),
    [
        ([], 3, INVALID),
        (["help"], 2, UNKNOWN),
        (["get-nothing", *LOCAL], 2, UNKNOWN),
        (["trigger-rootcerts-refresh", *LOCAL], 2, UNKNOWN),
        (["get-pnid", "--server", "localhost"], 2, UNKNOWN),
        (["get-pnid"], 1, "Error 87: Operation failed with error ERROR_INVALID_PARAMETER (87)\n"),
        (["get-pnid", "--server-name"], 3, INVALID),
        (["get-pnid", *LOCAL, *LOCAL], 3, INVALID),
        (["set-machine-id", *LOCAL], 3, INVALID),
    ],
)
def test_bad_command_lines_show_the_usage(unchanged: PrivateNode, argv: list[str], rc: int, error: str) -> None:
    done = unchanged.run("vmafd_cli", *argv)
    assert (done.rc, done.err) == (rc, error)
    assert done.out.startswith("Usage: vmafd-cli { arguments }\n")


def test_unset_value() -> None:
    with PrivateNode(ldu=None) as node:
        node.start("vmafdd")
        unset = "Error 2: Object/Configuration not found.\nVerify configuration value has been set.\n"
        assert node.run("vmafd_cli", "get-ldu", *LOCAL) == (26, "", unset)


def test_vmafdd_down() -> None:
    down = "Error 1021: Could not connect to the local service VMware AFD.\nVerify VMware AFD is running.\n"
    with PrivateNode() as node:
        assert node.run("vmafd_cli", "get-pnid", *LOCAL) == (20, "", down)


def test_a_server_that_does_not_resolve(unchanged: PrivateNode) -> None:
    done = unchanged.run("vmafd_cli", "get-pnid", "--server-name", "no-such-host.invalid")
    text = "Failed to connect to the remote host, reason = rpc_s_inval_net_addr (0x16c9a02b)."
    assert done == (1, "", f"Error 382312491: {text}\n")


def test_another_node(node: PrivateNode) -> None:
    with PrivateNode("vc02.lab.example") as other:
        other.start("vmafdd")
        assert node.run("vmafd_cli", "get-pnid", "--server-name", other.address).out == "vc02.lab.example\n"
