# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dir-cli against vmware-cli.md §5."""

import time
from collections.abc import Iterator

import pytest
from simvc import pki
from simvc.private_node import PrivateNode
from simvc.samples import Pair, pair, renewed, revocations
from simvc.tools.dir_cli import USAGE

PASSWORD = ["--password", "VMware1!"]
PROMPT = "Enter password for administrator@vsphere.local: "
PARAMETER = "dir-cli failed. Error 87: Operation failed with error ERROR_INVALID_PARAMETER (87) \n"
WRONG = "dir-cli failed. Error 1326: <invalid SSOERROR code> \n"
EMPTY = "dir-cli failed. Error 1325: <invalid SSOERROR code> \n"
NO_FILE = (
    "dir-cli failed. Error 2: Possible errors: \n"
    "LDAP error: Protocol error \n"
    "Win Error: Operation failed with error ERROR_FILE_NOT_FOUND (2) \n"
)
BAD_FORMAT = (
    "dir-cli failed. Error 11: Possible errors: \n"
    "LDAP error: Administrative limit exceeded \n"
    "Win Error: Operation failed with error ERROR_BAD_FORMAT (11) \n"
)
INVALID_DATA = (
    "dir-cli failed. Error 13: Possible errors: \n"
    "LDAP error: Confidentiality required \n"
    "Win Error: Operation failed with error ERROR_INVALID_DATA (13) \n"
)
NOT_FOUND = "dir-cli failed. Error 1168: Operation failed with error ERROR_NOT_FOUND (1168) \n"


@pytest.fixture(scope="module")
def unchanged() -> Iterator[PrivateNode]:
    """A node for tests that leave it as it is."""
    with PrivateNode() as private:
        private.start("vmafdd", "vmdird")
        yield private


@pytest.fixture
def node() -> Iterator[PrivateNode]:
    with PrivateNode() as private:
        private.start("vmafdd", "vmdird")
        yield private


def file(node: PrivateNode, content: str, name: str = "input.pem") -> str:
    path = node.root / name
    path.write_text(content)
    return str(path)


def publish(node: PrivateNode, *published: Pair, chain: bool = True) -> tuple[int, str, str]:
    cert = file(node, "".join(item.pem for item in published))
    flags = ["--chain"] if chain else []
    return node.run("dir_cli", "trustedcert", "publish", *flags, "--cert", cert, *PASSWORD)


def listed(node: PrivateNode) -> str:
    return node.run("dir_cli", "trustedcert", "list", *PASSWORD).out


def block(number: int, sample: Pair, crl: str = "no") -> str:
    name = pki.compat_name(sample.certificate.subject)
    identifier = pki.directory_id(sample.certificate)
    return f"#{number}:\nCN(id):\t\t{identifier}\nSubject DN:\t{name}\nCRL present:\t{crl}\n"


# Grammar and logging in (§5.1, §5.2)


def test_help_is_the_usage(unchanged: PrivateNode) -> None:
    assert unchanged.run("dir_cli", "help") == (0, USAGE, "")


@pytest.mark.parametrize(
    ("argv", "rc", "error"),
    [
        ([], 162, "The options present on the command line are not valid. 100002"),
        (["bogus"], 161, "An unknown option was present on the command line. 100001"),
        (["state", "get", "--bogus"], 161, "An unknown option was present on the command line. 100001"),
        (
            ["state", "get", "--login", "a", "--login", "b"],
            162,
            "The options present on the command line are not valid. 100002",
        ),
        (
            ["nodes", "list", "--server-name", "a", "--server-name", "b"],
            162,
            "The options present on the command line are not valid. 100002",
        ),
    ],
)
def test_bad_grammar_with_a_sentence(unchanged: PrivateNode, argv: list[str], rc: int, error: str) -> None:
    assert unchanged.run("dir_cli", *argv) == (rc, USAGE, f"dir-cli failed, error= {error}\n")


@pytest.mark.parametrize(
    "argv",
    [
        ["trustedcert"],
        ["trustedcert", "bogus"],
        ["trustedcert", "publish"],
        ["trustedcert", "publish", "--cert=x"],
        ["trustedcert", "get", "--id", "x"],
        ["trustedcert", "get", "--outcert", "x"],
        ["trustedcert", "list", "--verbose"],
        ["service", "create", "--name", "x"],
        ["service", "update", "--cert", "x"],
        ["trustedcert", "list", "--login", "@vsphere.local"],
        ["state", "set"],
        ["state", "set", "--state", "BROKEN"],
    ],
)
def test_bad_arguments_are_noticed_before_the_prompt(unchanged: PrivateNode, argv: list[str]) -> None:
    assert unchanged.run("dir_cli", *argv) == (87, USAGE, PARAMETER)


@pytest.mark.parametrize("login", [[], ["--login", "administrator"], ["--login", "Administrator@VSPHERE.local"]])
def test_password_by_prompt(unchanged: PrivateNode, login: list[str]) -> None:
    done = unchanged.run("dir_cli", "trustedcert", "list", *login, stdin="VMware1!\nrest")
    shown = PROMPT if len(login) < 2 or "@" not in login[1] else f"Enter password for {login[1]}: "
    assert done == (0, shown + "\n", "")


def test_an_empty_password(unchanged: PrivateNode) -> None:
    for stdin in ("", "\n"):
        assert unchanged.run("dir_cli", "trustedcert", "list", stdin=stdin) == (45, PROMPT + "\n", EMPTY)


def test_a_password_is_cut_at_the_buffer(node: PrivateNode) -> None:
    long = "x" * 32
    node.run("dir_cli", "password", "reset", "--account", "administrator", "--new", long, *PASSWORD)
    assert node.run("dir_cli", "trustedcert", "list", stdin=long + "\n").rc == 0
    node.run("dir_cli", "password", "reset", "--account", "administrator", "--new", long + "yy", "--password", long)
    assert node.run("dir_cli", "trustedcert", "list", stdin=long + "yy\n") == (46, PROMPT, WRONG)


@pytest.mark.parametrize("login", ["administrator", "nobody", "administrator@other.local"])
def test_wrong_credentials(node: PrivateNode, login: str) -> None:
    password = "bad" if login == "administrator" else "VMware1!"
    argv = ["trustedcert", "publish", "--cert", "/nowhere", "--login", login, "--password", password]
    assert node.run("dir_cli", *argv) == (46, "", WRONG)
    node.knobs({"afd.mask_13xx_text": False})
    clear = "dir-cli failed. Error 1326: Operation failed with error ERROR_LOGON_FAILURE (1326) \n"
    assert node.run("dir_cli", *argv) == (46, "", clear)


@pytest.mark.parametrize("argv", [["nodes", "list"], ["state", "get"]])
def test_wrong_credentials_of_the_rpc_verbs(unchanged: PrivateNode, argv: list[str]) -> None:
    sentence = "Authentication to VMware Directory Service failed.\nVerify the username and password."
    done = unchanged.run("dir_cli", *argv, "--password", "bad")
    assert done == (18, "", f"dir-cli failed, error= {sentence} 9234\n")


def test_vmafdd_down(node: PrivateNode) -> None:
    node.stop("vmafdd")
    sentence = "Could not connect to the local service VMware AFD.\nVerify VMware AFD is running."
    down = f"dir-cli failed, error= {sentence} 1021\n"
    assert node.run("dir_cli", "trustedcert", "list") == (253, "", down)
    login = ["--login", "administrator@vsphere.local"]
    assert node.run("dir_cli", "trustedcert", "list", *login, stdin="x\n") == (253, PROMPT + "\n", down)


def test_vmdird_down_takes_two_tries(node: PrivateNode) -> None:
    node.stop("vmdird")
    start = time.monotonic()
    unreachable = "dir-cli failed. Error 1311: <invalid SSOERROR code> \n"
    assert node.run("dir_cli", "service", "list", *PASSWORD) == (31, "", unreachable)
    assert 1.9 < time.monotonic() - start < 4
    assert node.run("dir_cli", "state", "get", *PASSWORD).rc == 166
    assert node.run("dir_cli", "nodes", "list", *PASSWORD).rc == 167


# trustedcert (§5.3)


def test_nothing_published_lists_nothing(unchanged: PrivateNode) -> None:
    assert unchanged.run("dir_cli", "trustedcert", "list", *PASSWORD) == (0, "", "")


def test_publish_list_get_unpublish(node: PrivateNode) -> None:
    root, leaf = pair("root"), pair("leaf", issuer="root")
    assert publish(node, root, chain=False) == (0, "Certificate pubished successfully\n", "")
    assert publish(node, leaf) == (0, "Certificate pubished successfully\n", "")
    assert listed(node) == "Number of certificates:\t2\n" + block(1, root) + block(2, leaf)
    target = node.root / "got.pem"
    target.write_text("something longer" * 500)
    get = ["trustedcert", "get", "--outcert", str(target), *PASSWORD]
    done = node.run("dir_cli", *get, "--id", pki.directory_id(root.certificate).lower())
    assert done == (0, "Certificate retrieved successfully\n", "")
    assert target.read_text() == root.pem + "\n"
    remove = ["trustedcert", "unpublish", "--cert", file(node, root.pem), *PASSWORD]
    assert node.run("dir_cli", *remove) == (0, "Certificate unpubished successfully\n", "")
    assert node.run("dir_cli", *remove) == (144, "", NOT_FOUND)
    assert node.run("dir_cli", *get, "--id", "00FF") == (144, "", NOT_FOUND)
    assert listed(node) == "Number of certificates:\t1\n" + block(1, leaf)


def test_same_key_id_is_skipped_with_success(node: PrivateNode) -> None:
    old = pair("root")
    publish(node, old)
    assert publish(node, renewed(old)) == (0, "Certificate pubished successfully\n", "")
    target = node.root / "got.pem"
    argv = ["trustedcert", "get", "--id", pki.directory_id(old.certificate), "--outcert", str(target), *PASSWORD]
    node.run("dir_cli", *argv)
    assert target.read_text() == old.pem + "\n"


def test_several_certificates_need_the_chain_flag(node: PrivateNode) -> None:
    path = file(node, pair("root").pem + pair("other").pem)
    done = node.run("dir_cli", "trustedcert", "publish", "--cert", path, *PASSWORD)
    assert done == (
        13,
        "",
        f"The file [{path}] contains more than 1 certificate\n"
        'If you want to publish a chain of certificates, use the command "trustedcert publish" with the --chain flag.\n'
        + INVALID_DATA,
    )
    assert listed(node) == ""
    argv = ["trustedcert", "publish", "--chain", "--cert", path, *PASSWORD]
    assert node.run("dir_cli", *argv).rc == 0
    assert listed(node).startswith("Number of certificates:\t2\n")
    done = node.run("dir_cli", "trustedcert", "unpublish", "--cert", path, *PASSWORD)
    assert done == (13, "", f"The file [{path}] contains more than 1 certificate\n" + INVALID_DATA)


@pytest.mark.parametrize("verb", ["publish", "unpublish"])
def test_input_files(unchanged: PrivateNode, verb: str) -> None:
    argv = ["trustedcert", verb, *PASSWORD, "--cert"]
    assert unchanged.run("dir_cli", *argv, "/nowhere/ca.pem") == (2, "", NO_FILE)
    assert unchanged.run("dir_cli", *argv, file(unchanged, "text")) == (11, "", BAD_FORMAT)


@pytest.mark.parametrize("with_key_id", [True, False])
def test_crl(node: PrivateNode, with_key_id: bool) -> None:
    root = pair("root")
    crl = revocations(root, with_key_id=with_key_id)
    argv = ["trustedcert", "publish-crl", "--crl", file(node, crl, "root.crl"), *PASSWORD]
    assert node.run("dir_cli", *argv) == (144, "", NOT_FOUND)
    publish(node, root)
    target = node.root / "got.crl"
    get = ["trustedcert", "get", "--id", pki.directory_id(root.certificate), "--outcrl", str(target), *PASSWORD]
    assert node.run("dir_cli", *get) == (144, "", NOT_FOUND)
    assert node.run("dir_cli", *argv) == (0, "CRL pubished successfully\n", "")
    assert listed(node) == "Number of certificates:\t1\n" + block(1, root, "yes")
    assert node.run("dir_cli", *get).rc == 0
    assert target.read_text() == crl


def test_publish_with_crl(node: PrivateNode) -> None:
    root = pair("root")
    crl = file(node, revocations(root), "root.crl")
    argv = ["trustedcert", "publish", "--crl", crl, "--cert", file(node, root.pem), *PASSWORD]
    assert node.run("dir_cli", *argv) == (0, "Certificate pubished successfully\n", "")
    assert "CRL present:\tyes\n" in listed(node)


# service (§5.4)


def bind(node: PrivateNode, verb: str, name: str, content: str) -> tuple[int, str, str]:
    cert = file(node, content, "service.pem")
    return node.run("dir_cli", "service", verb, "--name", name, "--cert", cert, *PASSWORD)


def test_services(node: PrivateNode) -> None:
    first, second, third = pair("one"), pair("two"), pair("three")
    assert bind(node, "create", "vpxd-1", first.pem) == (0, "Service [vpxd-1] created successfully\n", "")
    assert bind(node, "create", "machine-1", second.pem) == (0, "Service [machine-1] created successfully\n", "")
    assert node.run("dir_cli", "service", "list", *PASSWORD).out == "1. vpxd-1\n2. machine-1\n"
    updated = bind(node, "update", "vpxd-1", third.pem + pair("root").pem)
    assert updated == (0, "Service [vpxd-1] updated successfully\n", "")
    reused = "Error: The same certificate cannot be used by multiple services [vpxd-1].\n"
    assert bind(node, "update", "vpxd-1", third.pem) == (13, reused, INVALID_DATA)
    assert bind(node, "update", "no-such-service", third.pem) == (13, reused, INVALID_DATA)
    taken = "Error: Attempt to reuse certificate currently used by service [machine-1].\n"
    assert bind(node, "create", "vpxd-1", second.pem) == (13, taken, INVALID_DATA)


def test_service_names(node: PrivateNode) -> None:
    bind(node, "create", "vpxd-1", pair("one").pem)
    exists = (
        "dir-cli failed. Error 68: Possible errors: \n"
        "LDAP error: Already exists \n"
        "Win Error: Operation failed with error ERROR_TOO_MANY_NAMES (68) \n"
    )
    assert bind(node, "create", "VPXD-1", pair("two").pem) == (68, "", exists)
    assert bind(node, "update", "other", pair("two").pem).rc == 37


def test_service_certificates(node: PrivateNode) -> None:
    unparsable = "dir-cli failed. Error 110: Operation failed with error ERROR_OPEN_FAILED (110) \n"
    assert bind(node, "update", "vpxd-1", "text") == (110, "", unparsable)
    argv = ["service", "create", "--name", "x", "--cert", "/nowhere/c.pem", *PASSWORD]
    assert node.run("dir_cli", *argv) == (2, "", NO_FILE)


@pytest.mark.parametrize("stdin", ["", "n\n", " y\n"])
def test_service_delete_that_is_not_confirmed(unchanged: PrivateNode, stdin: str) -> None:
    shown = "Confirm deleting service [x] - [Y/N] : Service [x] was not deleted\n"
    assert unchanged.run("dir_cli", "service", "delete", "--name", "x", stdin=stdin) == (0, shown, "")


def test_service_delete(node: PrivateNode) -> None:
    bind(node, "create", "x", pair("one").pem)
    argv = ["service", "delete", "--name", "x", *PASSWORD]
    prompt = "Confirm deleting service [x] - [Y/N] : "
    assert node.run("dir_cli", *argv, stdin="Y") == (0, prompt + "Service [x] deleted successfully\n", "")
    missing = (
        "dir-cli failed. Error 32: Possible errors: \n"
        "LDAP error: No such object \n"
        "Win Error: Operation failed with error ERROR_SHARING_VIOLATION (32) \n"
    )
    assert node.run("dir_cli", *argv, stdin="y") == (32, prompt, missing)


# nodes, state, accounts (§5.4)


def test_nodes_of_a_lone_node(unchanged: PrivateNode) -> None:
    done = unchanged.run("dir_cli", "nodes", "list", *PASSWORD)
    assert done == (0, "Node: vc01.lab.example\nType: PSC\nSite: default-site\n\n", "")


def test_state(node: PrivateNode) -> None:
    get = ["state", "get", *PASSWORD]
    assert node.run("dir_cli", *get) == (0, "Directory Server State: Normal (3)\n", "")
    done = node.run("dir_cli", "state", "set", "--state", "readonly", *PASSWORD)
    assert done == (0, "Directory Server State set to: readonly (2)\n", "")
    assert node.run("dir_cli", *get).out == "Directory Server State: Read only (2)\n"
    assert publish(node, pair("root"))[0] == 53
    assert listed(node) == ""
    node.run("dir_cli", "state", "set", "--state", "NORMAL", *PASSWORD)
    assert publish(node, pair("root"))[0] == 0


def test_password_change(node: PrivateNode) -> None:
    argv = ["password", "change", "--account", "administrator", "--current", "VMware1!", "--new", "Other2!"]
    done = node.run("dir_cli", *argv)
    assert done == (0, "Password was changed successfully for [administrator]\n", "")
    assert node.run("dir_cli", "trustedcert", "list", *PASSWORD).rc == 46
    assert node.run("dir_cli", "trustedcert", "list", "--password", "Other2!").rc == 0


def test_machine_account_reset(node: PrivateNode) -> None:
    login = ["--login", "administrator", *PASSWORD]
    done = node.run("dir_cli", "computer", "password-reset", *login)
    assert done == (0, "Password for machine account reset.\n", "")
    account = node.ask("vmafdd", {"op": "account"})
    assert account["password"] != "machine-secret"
    request = {"op": "authenticate", "user": "vc01.lab.example@vsphere.local", "password": account["password"]}
    assert node.ask("vmdird", request)["code"] == 0


def test_what_was_published_outlives_a_power_loss(node: PrivateNode) -> None:
    publish(node, pair("root"))
    node.stop("vmdird", power_loss=True)
    node.start("vmdird")
    assert listed(node) == "Number of certificates:\t1\n" + block(1, pair("root"))
