# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vecs-cli against vmware-cli.md §3: bytes of both streams, exit status, order of errors, side effects."""

import contextlib
import os
import re
import resource
import stat
from collections.abc import Iterator

import pytest
from simvc.private_node import Done, PrivateNode
from simvc.samples import Pair, pair, renewed, revocations
from simvc.tools.vecs_cli import USAGE

EXISTS = "vecs-cli failed. Error 183: Operation failed with error ERROR_ALREADY_EXISTS (183) \n"
MISMATCH = "vecs-cli failed. Error 90018: Private key does not match certificate \n"
PARAMETER = "vecs-cli failed. Error 87: Operation failed with error ERROR_INVALID_PARAMETER (87) \n"
BAD_FORMAT = (
    "vecs-cli failed. Error 11: Possible errors: \n"
    "LDAP error: Administrative limit exceeded \n"
    "Win Error: Operation failed with error ERROR_BAD_FORMAT (11) \n"
)
NO_FILE = (
    "vecs-cli failed. Error 2: Possible errors: \n"
    "LDAP error: Protocol error \n"
    "Win Error: Operation failed with error ERROR_FILE_NOT_FOUND (2) \n"
)
NOT_FOUND = (
    "vecs-cli failed. Error 4312: Possible errors: \n"
    "LDAP error: Unknown (extension) error \n"
    "Win Error: Operation failed with error ERROR_OBJECT_NOT_FOUND (4312) \n"
)
DENIED = (
    "vecs-cli failed. Error 5: Possible errors: \n"
    "LDAP error: Compare False \n"
    "Win Error: Operation failed with error ERROR_ACCESS_DENIED (5) \n"
)
DOWN = "vecs-cli failed. Error 1021: Cannot connect to vmafd service. \n"
SERVER_DOWN = (
    "vecs-cli failed. Error 9127: Possible errors: \n"
    "LDAP error: Can't contact LDAP server \n"
    "Win Error: Operation failed with error -1 (4294967295) \n"
)
HASHED_CRL = re.compile(r"[0-9a-f]{8}\.r0")
BINARY = SERVER_DOWN.replace("9127", "4294967295")


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """Until its end no process started here can write to a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


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


@pytest.fixture
def machine() -> Pair:
    return pair("vc01.lab.example")


def files(node: PrivateNode, cert: str | bytes | None = None, key: str | bytes | None = None) -> list[str]:
    """The options `--cert` and `--key` with files of this content."""
    arguments = []
    for option, content in (("cert", cert), ("key", key)):
        if content is not None:
            path = node.root / f"input.{option}"
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            arguments += [f"--{option}", str(path)]
    return arguments


def create(node: PrivateNode, store: str, alias: str, *arguments: str, stdin: str = "") -> Done:
    return node.run("vecs_cli", "entry", "create", "--store", store, "--alias", alias, *arguments, stdin=stdin)


def aliases(node: PrivateNode, store: str) -> list[str]:
    return node.run("vecs_cli", "entry", "list", "--store", store, "--aliases").out.splitlines()[1:]


def entry_type(node: PrivateNode, store: str, alias: str) -> str:
    lines = node.run("vecs_cli", "entry", "list", "--store", store).out.splitlines()
    return lines[lines.index(f"Alias :\t{alias}") + 1].removeprefix("Entry type :\t")


# Grammar (§3.1)


def test_help_is_the_usage(unchanged: PrivateNode) -> None:
    assert unchanged.run("vecs_cli", "help") == (0, USAGE, "")


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--version"],
        ["bogus"],
        ["store"],
        ["entry", "rename"],
        ["Store", "list"],
        ["store", "list", "extra"],
        ["entry", "list", "--store=MACHINE_SSL_CERT"],
        ["entry", "list", "--STORE", "MACHINE_SSL_CERT"],
        ["entry", "list", "--store"],
        ["entry", "create", "--store", "S", "--alias", "a", "-y"],
        ["entry", "create", "--store", "S", "--alias", "a", "--text"],
        ["store", "permission", "--name", "S", "--user", "u", "--grant", "all"],
        ["store", "permission", "--name", "S", "--user", "u", "--grant", "read", "--revoke", "read"],
        ["store", "permission", "--name", "S", "--user", "u"],
        ["store", "permission", "--name", "S", "--user", "u", "--grant", "read", "--server", "h"],
        ["store", "get-permissions"],
        ["force-refresh", "--server"],
    ],
)
def test_bad_grammar_dumps_the_usage(unchanged: PrivateNode, argv: list[str]) -> None:
    assert unchanged.run("vecs_cli", *argv) == (87, USAGE, PARAMETER)


@pytest.mark.parametrize(
    ("argv", "first_line"),
    [
        (["store", "create"], "Error : An invalid store name [] was specified \n"),
        (["store", "create", "--name"], "Error : An invalid store name [] was specified \n"),
        (["store", "create", "--name", ""], "Error : An invalid store name [] was specified \n"),
        (["store", "delete", "-y"], "Error : An invalid store name [] was specified \n"),
        (["entry", "list"], "Error : An invalid store name [] was specified \n"),
        (["entry", "create", "--alias", "a"], "Error: The store name [] is invalid \n"),
        (
            ["entry", "create", "--store", "S", "--alias", "a"],
            "Error: A certificate or a key must be specified. \n",
        ),
        (["entry", "getcert", "--store", "S"], "Error: The store name [S] or the Alias [] is invalid \n"),
        (["entry", "getkey", "--alias", "a"], "Error: The store name [] or the Alias [a] is invalid \n"),
        (["entry", "delete", "-y", "--store", "S"], "Error : An invalid store name [S] was specified\n "),
        (["entry", "delete", "-y", "--alias", "a"], "Error : An invalid store name [] was specified\n "),
    ],
)
def test_missing_names_are_told_first(unchanged: PrivateNode, argv: list[str], first_line: str) -> None:
    assert unchanged.run("vecs_cli", *argv) == (87, USAGE, first_line + PARAMETER)


@pytest.mark.parametrize("half", [["--server", "vc02"], ["--upn", "administrator@vsphere.local"]])
def test_server_and_upn_come_together(unchanged: PrivateNode, half: list[str]) -> None:
    done = unchanged.run("vecs_cli", "store", "list", *half)
    assert (done.rc, done.out) == (159, "")
    assert done.err == (
        "Error: Error: You have to provide both server and upn \n\n"
        "vecs-cli failed. Error 5023: Possible errors: \n"
        "LDAP error: Unknown (extension) error \n"
        "Win Error: Operation failed with error ERROR_INVALID_STATE (5023) \n"
    )


def test_the_first_of_two_values_counts(node: PrivateNode, machine: Pair) -> None:
    create(node, "MACHINE_SSL_CERT", "first", *files(node, machine.pem))
    argv = ["--store", "MACHINE_SSL_CERT", "--store", "NOPE", "--alias", "first", "--alias", "second"]
    assert node.run("vecs_cli", "entry", "getcert", *argv) == (0, machine.pem + "\n", "")


def test_store_verbs_take_the_last_of_two_values(node: PrivateNode) -> None:
    done = node.run("vecs_cli", "store", "create", "--name", "one", "--name", "two")
    assert done == (0, "Successfully created store [two]\n", "")


# Stores (§3.3, §3.4)


def test_store_list_is_in_order_of_creation(node: PrivateNode) -> None:
    for name in ("vpxd", "machine"):
        node.run("vecs_cli", "store", "create", "--name", name)
    names = "MACHINE_SSL_CERT\nTRUSTED_ROOTS\nTRUSTED_ROOT_CRLS\nvpxd\nmachine\n"
    assert node.run("vecs_cli", "store", "list") == (0, names, "")


def test_store_names_ignore_case(node: PrivateNode) -> None:
    assert node.run("vecs_cli", "store", "create", "--name", "BACKUP_STORE").rc == 0
    assert node.run("vecs_cli", "store", "create", "--name", "backup_store") == (183, "", EXISTS)


def test_store_delete_takes_the_entries_along(node: PrivateNode, machine: Pair) -> None:
    node.run("vecs_cli", "store", "create", "--name", "S")
    create(node, "S", "a", *files(node, machine.pem))
    done = node.run("vecs_cli", "store", "delete", "-y", "--name", "S")
    assert done == (0, "Successfully deleted store [S]\n", "")
    node.run("vecs_cli", "store", "create", "--name", "S")
    assert aliases(node, "S") == []


def test_store_delete_asks_before_it_finds_out(node: PrivateNode) -> None:
    prompt = "Warning: This operation will delete store [NOPE]\nDo you wish to continue? Y/N [N] \n"
    missing = "Error : Store [NOPE] does not exist\n" + NOT_FOUND
    assert node.run("vecs_cli", "store", "delete", "--name", "NOPE") == (0, prompt, "")
    assert node.run("vecs_cli", "store", "delete", "--name", "NOPE", stdin="y\n") == (216, prompt, missing)


@pytest.mark.parametrize("name", ["MACHINE_SSL_CERT", "TRUSTED_ROOTS", "TRUSTED_ROOT_CRLS"])
def test_system_stores_stay(unchanged: PrivateNode, name: str) -> None:
    assert unchanged.run("vecs_cli", "store", "delete", "-y", "--name", name) == (5, "", DENIED)


def test_permissions(node: PrivateNode) -> None:
    set_line = "Permissions for store [MACHINE_SSL_CERT] set  successfully\n "
    change = ["store", "permission", "--name", "MACHINE_SSL_CERT", "--user", "nobody"]
    show = ["store", "get-permissions", "--name", "MACHINE_SSL_CERT"]
    head = "PERMISSIONS FOR STORE: [MACHINE_SSL_CERT]\nOWNER : root\nUSER\t\tACCESS\n"
    assert node.run("vecs_cli", *show) == (0, head, "")
    for step, shown in (
        (["--grant", "read"], "nobody\tread\n"),
        (["--grant", "write"], "nobody\twrite\n"),
        (["--revoke", "write"], "nobody\tread\n"),
    ):
        assert node.run("vecs_cli", *change, *step) == (0, set_line, "")
        assert node.run("vecs_cli", *show).out == head + shown


def test_everyone_reads_the_roots(unchanged: PrivateNode) -> None:
    for name in ("TRUSTED_ROOTS", "TRUSTED_ROOT_CRLS"):
        shown = unchanged.run("vecs_cli", "store", "get-permissions", "--name", name).out
        assert shown == f"PERMISSIONS FOR STORE: [{name}]\nOWNER : root\nUSER\t\tACCESS\nEVERYONE\tread\n"


def test_granting_to_the_owner_changes_nothing(node: PrivateNode) -> None:
    change = ["store", "permission", "--name", "TRUSTED_ROOTS", "--user", "root", "--grant", "write"]
    assert node.run("vecs_cli", *change).rc == 0
    assert "root\t" not in node.run("vecs_cli", "store", "get-permissions", "--name", "TRUSTED_ROOTS").out


def test_permission_for_an_unknown_user(node: PrivateNode) -> None:
    argv = ["store", "permission", "--name", "MACHINE_SSL_CERT", "--user", "no-such-user", "--grant", "read"]
    masked = "vecs-cli failed. Error 1317: <invalid SSOERROR code> \n"
    assert node.run("vecs_cli", *argv) == (37, "", masked)
    node.knobs({"afd.mask_13xx_text": False})
    clear = "vecs-cli failed. Error 1317: Operation failed with error ERROR_NO_SUCH_USER (1317) \n"
    assert node.run("vecs_cli", *argv) == (37, "", clear)


@pytest.mark.parametrize(
    "argv",
    [
        ["store", "permission", "--name", "NOPE", "--user", "root", "--grant", "read"],
        ["store", "get-permissions", "--name", "NOPE"],
        ["entry", "delete", "-y", "--store", "NOPE", "--alias", "a"],
    ],
)
def test_unknown_store_without_full_stop(unchanged: PrivateNode, argv: list[str]) -> None:
    assert unchanged.run("vecs_cli", *argv) == (216, "", "Error: Failed to open the store\n" + NOT_FOUND)


@pytest.mark.parametrize("verb", ["getcert", "getkey"])
def test_unknown_store_with_full_stop(unchanged: PrivateNode, verb: str) -> None:
    done = unchanged.run("vecs_cli", "entry", verb, "--store", "NOPE", "--alias", "x")
    assert done == (216, "", "Error: Failed to open the store.\n" + NOT_FOUND)


def test_unknown_store_in_entry_list(unchanged: PrivateNode) -> None:
    assert unchanged.run("vecs_cli", "entry", "list", "--store", "NOPE") == (216, "", NOT_FOUND)


# entry create (§3.8)


def test_create_and_create_again(node: PrivateNode, machine: Pair) -> None:
    arguments = files(node, machine.pem, machine.key_pem)
    created = "Entry with alias [__MACHINE_CERT] in store [MACHINE_SSL_CERT] was created successfully \n"
    assert create(node, "MACHINE_SSL_CERT", "__MACHINE_CERT", *arguments) == (0, created, "")
    assert create(node, "MACHINE_SSL_CERT", "__MACHINE_CERT", *arguments) == (183, "", EXISTS)
    assert create(node, "machine_ssl_cert", "__machine_cert", *arguments) == (183, "", EXISTS)


@pytest.mark.parametrize(
    ("cert", "key", "kind"),
    [
        ("cert", "key", "Private Key"),
        ("cert", None, "Trusted Cert"),
        ("cert", "", "Trusted Cert"),
        (None, "key", "Secret Key"),
        ("", "key", "Secret Key"),
        ("", "not a key at all", "Secret Key"),
    ],
)
def test_type_follows_from_the_files(
    node: PrivateNode, machine: Pair, cert: str | None, key: str | None, kind: str
) -> None:
    contents = {"cert": machine.pem, "key": machine.key_pem}
    arguments = files(node, contents.get(cert or "", cert), contents.get(key or "", key))
    assert create(node, "TRUSTED_ROOTS", "a", *arguments).rc == 0
    assert entry_type(node, "TRUSTED_ROOTS", "a") == kind


def test_empty_files_count_as_absent(unchanged: PrivateNode) -> None:
    done = create(unchanged, "MACHINE_SSL_CERT", "a", *files(unchanged, "", ""))
    assert done == (87, USAGE, "Error: A certificate or a key must be specified. \n" + PARAMETER)


def test_an_empty_path_is_no_file(unchanged: PrivateNode) -> None:
    assert create(unchanged, "MACHINE_SSL_CERT", "a", "--cert", "") == (87, USAGE, PARAMETER)


def test_alias_of_a_certificate_is_its_sha1(node: PrivateNode, machine: Pair) -> None:
    import hashlib

    alias = hashlib.sha1(machine.der).hexdigest()
    done = node.run("vecs_cli", "entry", "create", "--store", "TRUSTED_ROOTS", *files(node, machine.pem))
    assert done.out == f"Entry with alias [{alias}] in store [TRUSTED_ROOTS] was created successfully \n"


def test_a_key_alone_needs_an_alias(unchanged: PrivateNode, machine: Pair) -> None:
    done = unchanged.run("vecs_cli", "entry", "create", "--store", "S", *files(unchanged, key=machine.key_pem))
    assert done == (87, USAGE, "Error: The alias [] is invalid \n" + PARAMETER)


def test_no_alias_from_no_certificate(unchanged: PrivateNode) -> None:
    done = unchanged.run("vecs_cli", "entry", "create", "--store", "S", *files(unchanged, "rubbish"))
    assert done == (11, "", "Error: Could not generate alias from certificate\n" + BAD_FORMAT)


def test_chain_order_is_kept(node: PrivateNode, machine: Pair) -> None:
    root = pair("root")
    chain = f"Subject: leaf\n{machine.pem.replace(chr(10), chr(13) + chr(10))}\ntext between\n{root.pem}"
    assert create(node, "MACHINE_SSL_CERT", "a", *files(node, chain, machine.key_pem)).rc == 0
    done = node.run("vecs_cli", "entry", "getcert", "--store", "MACHINE_SSL_CERT", "--alias", "A")
    assert done == (0, machine.pem + root.pem + "\n", "")


def test_root_first_is_a_mismatch(unchanged: PrivateNode, machine: Pair) -> None:
    arguments = files(unchanged, pair("root").pem + machine.pem, machine.key_pem)
    assert create(unchanged, "MACHINE_SSL_CERT", "a", *arguments) == (162, "", MISMATCH)


def test_a_damaged_block_ends_the_reading(node: PrivateNode, machine: Pair) -> None:
    damaged = pair("root").pem.replace("\nMII", "\n*II", 1)
    assert create(node, "TRUSTED_ROOTS", "a", *files(node, machine.pem + damaged + pair("other").pem)).rc == 0
    done = node.run("vecs_cli", "entry", "getcert", "--store", "TRUSTED_ROOTS", "--alias", "a")
    assert done.out == machine.pem + "\n"
    assert create(node, "TRUSTED_ROOTS", "b", *files(node, damaged + machine.pem)) == (11, "", BAD_FORMAT)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_key_formats(node: PrivateNode, machine: Pair, ending: str) -> None:
    arguments = files(node, machine.pem, machine.pkcs1_pem.strip().replace("\n", ending or "\n") + ending)
    assert create(node, "MACHINE_SSL_CERT", "a", *arguments).rc == 0
    done = node.run("vecs_cli", "entry", "getkey", "--store", "MACHINE_SSL_CERT", "--alias", "a")
    assert done == (0, machine.key_pem + "\n", "")


def test_curve_keys_match_and_are_refused(unchanged: PrivateNode) -> None:
    curve = pair("curve", curve=True)
    assert create(unchanged, "MACHINE_SSL_CERT", "a", *files(unchanged, curve.pem, curve.key_pem)) == (
        11,
        "",
        BAD_FORMAT,
    )
    other = files(unchanged, pair("root").pem, curve.key_pem)
    assert create(unchanged, "MACHINE_SSL_CERT", "a", *other) == (162, "", MISMATCH)


@pytest.mark.parametrize("password", [[], ["--password", "secret"]])
def test_encrypted_input_is_refused_after_the_prompt(
    unchanged: PrivateNode, machine: Pair, password: list[str]
) -> None:
    arguments = [*files(unchanged, machine.pem, machine.encrypted_key_pem("secret")), *password]
    prompt = "Enter PEM pass phrase:\n"
    assert create(unchanged, "MACHINE_SSL_CERT", "a", *arguments) == (11, "", prompt + prompt + BAD_FORMAT)
    assert create(unchanged, "MACHINE_SSL_CERT", "a", *arguments, stdin="wrong\n") == (11, "", prompt + BAD_FORMAT)


@pytest.mark.parametrize("cert", [b"text", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_no_certificate_in_the_file(unchanged: PrivateNode, cert: bytes) -> None:
    assert create(unchanged, "TRUSTED_ROOTS", "a", *files(unchanged, cert)) == (11, "", BAD_FORMAT)


def test_binary_files(unchanged: PrivateNode, machine: Pair) -> None:
    assert create(unchanged, "TRUSTED_ROOTS", "a", *files(unchanged, machine.der)) == (255, "", BINARY)


def test_errors_come_in_their_order(node: PrivateNode, machine: Pair) -> None:
    missing = ["--cert", "/nowhere/c.pem"]
    assert create(node, "NOPE", "a", *missing) == (
        2,
        "",
        "Error: Failed to open file [/nowhere/c.pem] \n" + NO_FILE,
    )
    no_store = (216, "", "Error: Failed to open the store.\n" + NOT_FOUND)
    assert create(node, "NOPE", "a", *files(node, machine.der)) == no_store
    create(node, "MACHINE_SSL_CERT", "a", *files(node, machine.pem))
    stranger = files(node, machine.pem, pair("other").key_pem)
    assert create(node, "MACHINE_SSL_CERT", "a", *stranger) == (162, "", MISMATCH)
    assert create(node, "MACHINE_SSL_CERT", "a", *files(node, "text")) == (11, "", BAD_FORMAT)


# entry list, getcert, getkey (§3.5 to §3.7)


def test_entry_list(node: PrivateNode, machine: Pair) -> None:
    root = pair("root")
    create(node, "TRUSTED_ROOTS", "leaf", *files(node, machine.pem + root.pem, machine.key_pem))
    create(node, "TRUSTED_ROOTS", "word", *files(node, key="password"))
    head = "Number of entries in store :\t2\n"
    leaf = f"Alias :\tleaf\nEntry type :\tPrivate Key\nCertificate :\t{machine.pem}{root.pem}\n\n"
    word = "Alias :\tword\nEntry type :\tSecret Key\nCertificate :\t\n\n"
    assert node.run("vecs_cli", "entry", "list", "--store", "TRUSTED_ROOTS") == (0, head + leaf + word, "")
    done = node.run("vecs_cli", "entry", "list", "--store", "TRUSTED_ROOTS", "--aliases", "--text")
    assert done == (0, head + "leaf\nword\n", "")


@pytest.mark.parametrize("flags", [[], ["--text"], ["--aliases"]])
def test_an_empty_store_lists_its_count(unchanged: PrivateNode, flags: list[str]) -> None:
    done = unchanged.run("vecs_cli", "entry", "list", "--store", "TRUSTED_ROOTS", *flags)
    assert done == (0, "Number of entries in store :\t0\n", "")


def test_text_shows_the_first_certificate_only(node: PrivateNode, machine: Pair) -> None:
    create(node, "TRUSTED_ROOTS", "leaf", *files(node, machine.pem + pair("root").pem))
    create(node, "TRUSTED_ROOTS", "word", *files(node, key="password"))
    lines = node.run("vecs_cli", "entry", "list", "--store", "TRUSTED_ROOTS", "--text").out.split("\n")
    assert lines[:4] == [
        "Number of entries in store :\t2",
        "Alias :\tleaf",
        "Entry type :\tTrusted Cert",
        "Certificate:",
    ]
    assert "        Subject: CN=vc01.lab.example, O=Lab" in lines
    assert not any("CN=root" in line for line in lines)
    # The signature ends right before the next alias, without a blank line.
    assert lines[-6].startswith("        ")
    assert lines[-5:] == ["Alias :\tword", "Entry type :\tSecret Key", "Certificate :\t", "", ""]


def test_getcert_to_a_file(node: PrivateNode, machine: Pair) -> None:
    create(node, "MACHINE_SSL_CERT", "a", *files(node, machine.pem))
    target = node.root / "out.pem"
    target.write_text("old content that is longer" * 200)
    target.chmod(0o644)
    getcert = ["entry", "getcert", "--store", "MACHINE_SSL_CERT", "--output", str(target)]
    assert node.run("vecs_cli", *getcert, "--alias", "NOPE") == (216, "", NOT_FOUND)
    assert target.read_text().startswith("old content")
    assert node.run("vecs_cli", *getcert, "--alias", "a") == (0, "", "")
    assert target.read_text() == machine.pem + "\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    both = node.run("vecs_cli", *getcert, "--alias", "a", "--text")
    assert both.out.startswith("Certificate:\n    Data:\n") and target.read_text() == machine.pem + "\n"


def test_output_that_cannot_be_written(node: PrivateNode, machine: Pair) -> None:
    create(node, "MACHINE_SSL_CERT", "a", *files(node, machine.pem, machine.key_pem))
    for verb in ("getcert", "getkey"):
        argv = ["entry", verb, "--store", "MACHINE_SSL_CERT", "--alias", "a", "--output", "/nowhere/x"]
        assert node.run("vecs_cli", *argv) == (2, "", NO_FILE)


@pytest.mark.parametrize("verb", ["getcert", "getkey"])
def test_a_full_disk_leaves_an_empty_output(node: PrivateNode, machine: Pair, verb: str) -> None:
    create(node, "MACHINE_SSL_CERT", "a", *files(node, machine.pem, machine.key_pem))
    target = node.root / "output"
    argv = ["entry", verb, "--store", "MACHINE_SSL_CERT", "--alias", "a", "--output", str(target)]
    with no_room():
        assert node.run("vecs_cli", *argv) == (0, "", "")
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (b"", 0o600)


def test_a_secret_key_has_no_certificate(node: PrivateNode) -> None:
    create(node, "MACHINE_SSL_CERT", "s", *files(node, key="password"))
    done = node.run("vecs_cli", "entry", "getcert", "--store", "MACHINE_SSL_CERT", "--alias", "s")
    line = "Error: No certificates were found for entry [s] of type [Secret Key].\n"
    assert done == (87, USAGE, line + PARAMETER)
    assert node.run("vecs_cli", "entry", "getkey", "--store", "MACHINE_SSL_CERT", "--alias", "s").out == "password\n"


def test_a_certificate_has_no_key(node: PrivateNode, machine: Pair) -> None:
    create(node, "TRUSTED_ROOTS", "c", *files(node, machine.pem))
    done = node.run("vecs_cli", "entry", "getkey", "--store", "TRUSTED_ROOTS", "--alias", "c")
    assert done == (87, USAGE, "Error: No key was found for entry [c] of type [Trusted Cert]\n" + PARAMETER)


def test_getkey_as_text_shows_the_key(node: PrivateNode, machine: Pair) -> None:
    create(node, "MACHINE_SSL_CERT", "a", *files(node, machine.pem, machine.key_pem))
    done = node.run("vecs_cli", "entry", "getkey", "--store", "MACHINE_SSL_CERT", "--alias", "a", "--text")
    assert done.out.startswith("Private-Key: (2048 bit") and "privateExponent:\n" in done.out


def test_encrypted_entries(node: PrivateNode, machine: Pair) -> None:
    arguments = [*files(node, machine.pem, machine.key_pem), "--password", "secret"]
    assert create(node, "MACHINE_SSL_CERT", "a", *arguments).rc == 0
    assert entry_type(node, "MACHINE_SSL_CERT", "a") == "Encrypted Private Key"
    getkey = ["entry", "getkey", "--store", "MACHINE_SSL_CERT", "--alias", "a"]
    assert node.run("vecs_cli", *getkey, "--password", "secret") == (0, machine.key_pem + "\n", "")
    refused = "vecs-cli failed. Error 1323: <invalid SSOERROR code> \n"
    for wrong in ([], ["--password", "no"]):
        assert node.run("vecs_cli", *getkey, *wrong) == (43, "", refused)
    getcert = ["entry", "getcert", "--store", "MACHINE_SSL_CERT", "--alias", "a"]
    assert node.run("vecs_cli", *getcert).out == machine.pem + "\n"


# entry delete and its prompt (§3.9)

PROMPT = "Warning: This operation will delete entry [a] from store [TRUSTED_ROOTS]\nDo you wish to continue? Y/N [N] \n"
DELETED = "Deleted entry with alias [a] in store [TRUSTED_ROOTS] successfully\n "


@pytest.mark.parametrize(
    ("stdin", "gone"),
    [("Y", True), ("y\n", True), ("yes\ny\n", True), ("", False), (" y\n", False), ("\ny\n", False), ("n", False)],
)
def test_delete_reads_one_character(node: PrivateNode, machine: Pair, stdin: str, gone: bool) -> None:
    create(node, "TRUSTED_ROOTS", "a", *files(node, machine.pem))
    done = node.run("vecs_cli", "entry", "delete", "--store", "TRUSTED_ROOTS", "--alias", "a", stdin=stdin)
    assert done == (0, PROMPT + (DELETED if gone else ""), "")
    assert aliases(node, "TRUSTED_ROOTS") == ([] if gone else ["a"])


@pytest.mark.parametrize(
    "argv", [["-y", "--store", "TRUSTED_ROOTS", "--alias", "a"], ["--store", "TRUSTED_ROOTS", "--alias", "a", "-y"]]
)
def test_deleting_nothing_succeeds(unchanged: PrivateNode, argv: list[str]) -> None:
    assert unchanged.run("vecs_cli", "entry", "delete", *argv) == (0, DELETED, "")


def test_the_prompt_hides_errors(node: PrivateNode) -> None:
    node.stop("vmafdd")
    done = node.run("vecs_cli", "entry", "delete", "--store", "NOPE")
    shown = "Warning: This operation will delete entry [(null)] from store [NOPE]\nDo you wish to continue? Y/N [N] \n"
    assert done == (0, shown, "")


# vmafdd down and back (§3.2, §7.1)


@pytest.mark.parametrize(
    ("argv", "before"),
    [
        (["store", "list"], ""),
        (["store", "create", "--name", "S"], ""),
        (["store", "delete", "-y", "--name", "S"], ""),
        (["entry", "list", "--store", "S"], ""),
        (["entry", "getcert", "--store", "S", "--alias", "a"], "Error: Failed to open the store.\n"),
        (["entry", "delete", "-y", "--store", "S", "--alias", "a"], "Error: Failed to open the store\n"),
        (["store", "get-permissions", "--name", "S"], "Error: Failed to open the store\n"),
        (["force-refresh"], "Error: Failed to trigger root cert refresh \n\n"),
    ],
)
def test_vmafdd_down(argv: list[str], before: str) -> None:
    with PrivateNode() as node:
        assert node.run("vecs_cli", *argv) == (253, "", before + DOWN)


@pytest.mark.parametrize("power_loss", [False, True])
def test_entries_outlive_the_daemon(node: PrivateNode, machine: Pair, power_loss: bool) -> None:
    create(node, "MACHINE_SSL_CERT", "a", *files(node, machine.pem, machine.key_pem))
    node.stop("vmafdd", power_loss=power_loss)
    node.start("vmafdd")
    done = node.run("vecs_cli", "entry", "getkey", "--store", "MACHINE_SSL_CERT", "--alias", "a")
    assert done.out == machine.key_pem + "\n"
    database = node.root / "var/lib/vmware/vmafd/afd.db"
    assert stat.S_IMODE(os.stat(database).st_mode) == 0o600


# force-refresh and the synchronisation (§3.10, §7.2)


@pytest.fixture
def joined(node: PrivateNode) -> PrivateNode:
    node.start("vmdird")
    return node


def publish(node: PrivateNode, *published: Pair) -> None:
    path = node.root / "published.pem"
    path.write_text("".join(item.pem for item in published))
    argv = ["trustedcert", "publish", "--chain", "--cert", str(path), "--password", "VMware1!"]
    assert node.run("dir_cli", *argv).rc == 0


def unpublish(node: PrivateNode, published: Pair) -> None:
    path = node.root / "published.pem"
    path.write_text(published.pem)
    assert node.run("dir_cli", "trustedcert", "unpublish", "--cert", str(path), "--password", "VMware1!").rc == 0


def sha1(sample: Pair) -> str:
    import hashlib

    return hashlib.sha1(sample.der).hexdigest()


def test_refresh_brings_what_was_published(joined: PrivateNode) -> None:
    root = pair("root")
    publish(joined, root)
    assert aliases(joined, "TRUSTED_ROOTS") == []
    assert joined.run("vecs_cli", "force-refresh") == (0, "", "")
    assert aliases(joined, "TRUSTED_ROOTS") == [sha1(root)]
    assert entry_type(joined, "TRUSTED_ROOTS", sha1(root)) == "Trusted Cert"


def test_a_published_root_comes_back_until_it_is_unpublished(joined: PrivateNode) -> None:
    root = pair("root")
    publish(joined, root)
    joined.run("vecs_cli", "force-refresh")
    joined.run("vecs_cli", "entry", "delete", "-y", "--store", "TRUSTED_ROOTS", "--alias", sha1(root))
    joined.run("vecs_cli", "force-refresh")
    assert aliases(joined, "TRUSTED_ROOTS") == [sha1(root)]
    unpublish(joined, root)
    assert aliases(joined, "TRUSTED_ROOTS") == [sha1(root)]
    joined.run("vecs_cli", "force-refresh")
    assert aliases(joined, "TRUSTED_ROOTS") == []


def test_entries_made_by_hand_survive_unless_published(joined: PrivateNode) -> None:
    mine, shared = pair("mine"), pair("root")
    for alias, sample in (("mine", mine), (sha1(shared), shared)):
        create(joined, "TRUSTED_ROOTS", alias, *files(joined, sample.pem))
    publish(joined, shared)
    joined.run("vecs_cli", "force-refresh")
    unpublish(joined, shared)
    joined.run("vecs_cli", "force-refresh")
    assert aliases(joined, "TRUSTED_ROOTS") == ["mine"]


def test_a_published_crl_arrives_without_its_last_newline(joined: PrivateNode) -> None:
    import hashlib

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    root = pair("root")
    crl = revocations(root)
    alias = hashlib.sha1(x509.load_pem_x509_crl(crl.encode()).public_bytes(Encoding.DER)).hexdigest()
    path = joined.root / "root.crl"
    path.write_text(crl)
    publish(joined, root)
    assert joined.run("dir_cli", "trustedcert", "publish-crl", "--crl", str(path), "--password", "VMware1!").rc == 0
    joined.run("vecs_cli", "force-refresh")
    done = joined.run("vecs_cli", "entry", "list", "--store", "TRUSTED_ROOT_CRLS")
    assert done.out == (
        "Number of entries in store :\t1\n"
        f"Alias :\t{alias}\nEntry type :\tCertification Revocation List\nCertificate :\t{crl.rstrip()}\n\n"
    )
    assert len([file for file in (joined.root / "etc/ssl/certs").iterdir() if HASHED_CRL.fullmatch(file.name)]) == 2
    text = joined.run("vecs_cli", "entry", "list", "--store", "TRUSTED_ROOT_CRLS", "--text")
    assert text.out.endswith("Entry type :\tCertification Revocation List\n")


def test_refresh_without_directory(unchanged: PrivateNode) -> None:
    failed = "Error: Failed to trigger root cert refresh \n\n"
    assert unchanged.run("vecs_cli", "force-refresh") == (167, "", failed + SERVER_DOWN)


def test_refresh_of_a_node_that_joined_nothing() -> None:
    with PrivateNode(domain_state="None") as node:
        node.start("vmafdd", "vmdird")
        failed = "Error: Failed to trigger root cert refresh \n\n"
        unjoined = "vecs-cli failed. Error 90021: The system is not joined to a domain \n"
        assert node.run("vecs_cli", "force-refresh") == (165, "", failed + unjoined)


def test_roots_stand_in_the_ca_directory_too(joined: PrivateNode) -> None:
    root = pair("root")
    again = renewed(root)
    folder = joined.root / "etc/ssl/certs"
    for alias, sample in (("one", root), ("two", again)):
        create(joined, "TRUSTED_ROOTS", alias, *files(joined, sample.pem))
    assert sorted(file.name.partition(".")[2] for file in folder.iterdir()) == ["0", "0", "1", "1"]
    joined.run("vecs_cli", "entry", "delete", "-y", "--store", "TRUSTED_ROOTS", "--alias", "one")
    assert [file.read_text() for file in folder.iterdir()] == [again.pem, again.pem]
    assert {file.name.partition(".")[2] for file in folder.iterdir()} == {"0"}


# Another node's VECS (§3.1)


@pytest.fixture
def remote() -> Iterator[PrivateNode]:
    with PrivateNode("vc02.lab.example") as private:
        private.start("vmafdd", "vmdird")
        yield private


def test_remote_store(node: PrivateNode, remote: PrivateNode) -> None:
    there = ["--server", remote.address, "--upn", "administrator@vsphere.local"]
    remote.run("vecs_cli", "store", "create", "--name", "only-there")
    done = node.run("vecs_cli", "store", "list", *there, stdin="VMware1!\n")
    names = "MACHINE_SSL_CERT\nTRUSTED_ROOTS\nTRUSTED_ROOT_CRLS\nonly-there\n"
    assert done == (0, "Enter password:\t\n" + names, "")
    local = node.run("vecs_cli", "store", "get-permissions", "--name", "only-there", *there, stdin="VMware1!\n")
    assert local == (216, "Enter password:\t\n", "Error: Failed to open the store\n" + NOT_FOUND)


def test_remote_server_refuses(node: PrivateNode, remote: PrivateNode) -> None:
    there = ["--server", remote.address, "--upn", "administrator@vsphere.local"]
    done = node.run("vecs_cli", "store", "list", *there, stdin="wrong\n")
    assert (done.rc, done.out) == (246, "Enter password:\t\n")
    assert done.err.startswith("Error: Failed to establish connection to remote server \n\n")


def test_remote_server_unknown(unchanged: PrivateNode) -> None:
    there = ["--server", "no-such-host.invalid", "--upn", "administrator@vsphere.local"]
    done = unchanged.run("vecs_cli", "store", "list", *there, stdin="VMware1!\n")
    assert (done.rc, done.out) == (43, "Enter password:\t\n")
    assert done.err == (
        "Error: Failed to establish connection to remote server \n\n"
        "vecs-cli failed. Error 382312491: "
        "Failed to connect to the remote host, reason = rpc_s_inval_net_addr (0x16c9a02b). \n"
    )


def test_a_full_disk_leaves_the_store_as_it_was(node: PrivateNode, machine: Pair) -> None:
    create(node, "MACHINE_SSL_CERT", "a", *files(node, machine.pem))
    database = node.root / "var/lib/vmware/vmafd/afd.db"
    limit = database.stat().st_size
    resource.prlimit(node.pid("vmafdd"), resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    done = create(node, "MACHINE_SSL_CERT", "b", *files(node, machine.pem * 40))
    assert done.rc != 0 and done.err.startswith("vecs-cli failed. Error ")
    resource.prlimit(node.pid("vmafdd"), resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert aliases(node, "MACHINE_SSL_CERT") == ["a"]
