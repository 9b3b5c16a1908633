# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vecs-cli (vmware-cli.md §3)."""

from __future__ import annotations

import os

from .. import afd_errors, unchecked
from ..afd_args import Options, parse
from ..afd_client import AfdServer
from ..afd_errors import AfdError, error_text, os_error_code
from ..console import err, flush, out, read_char, read_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

READ, WRITE = 1, 2
_MASKS = {"read": READ, "write": WRITE}
_REMOTE = ("--server", "--upn")

USAGE = """\
Usage: vecs-cli { arguments }

Arguments:

\tstore create --name <name>
\t             [--server <server-name>] [--upn <user-name>]
\tstore list
\t             [--server <server-name>] [--upn <user-name>]
\tstore delete --name <name> [-y]
\t             [--server <server-name>] [--upn <user-name>]
\tstore permission --name <name> --user <username>
\t             --grant|--revoke read|write
\tstore get-permissions --name <name>
\t             [--server <server-name>] [--upn <user-name>]
\tentry create --store <store-name> --alias <alias> --cert <file-path>
\t             [--key <file-path>] [--password <password>] [--text]
\t             [--server <server-name>] [--upn <user-name>]
\tentry list --store <store-name>
\tentry getcert --store <store-name> --alias <alias>
\t             [--output <output-file-path>] [--text]
\t             [--server <server-name>] [--upn <user-name>]
\tentry getkey --store <store-name> --alias <alias>
\t             [--password <password>] [--output <output-file-path>] [--text]
\t             [--server <server-name>] [--upn <user-name>]
\tentry delete --store <store-name> --alias <alias> [-y]
\t             [--server <server-name>] [--upn <user-name>]
\tforce-refresh
\t             [--server <server-name>] [--upn <user-name>]
\thelp
"""


def main(argv: list[str]) -> int:
    """Run one command line (without the program's name); the answer is the 32-bit error number."""
    try:
        _run(argv)
    except AfdError as error:
        if error.code == afd_errors.INVALID_PARAMETER:
            out(USAGE)
        err(f"vecs-cli failed. Error {error.code}: {error_text(error.code)} \n")
        return error.code
    return 0


def _run(argv: list[str]) -> None:
    if argv[:1] == ["help"]:
        out(USAGE)
    elif argv[:1] == ["force-refresh"]:
        _force_refresh(argv[1:])
    elif tuple(argv[:2]) in _VERBS:
        _VERBS[tuple(argv[:2])](argv[2:])
    else:
        raise AfdError(afd_errors.INVALID_PARAMETER)


# Stores


def _store_create(tokens: list[str]) -> None:
    options = parse(tokens, ("--name", *_REMOTE), twice="last")
    server = _server(options)
    name = _named_store(options["--name"])
    server.ask("store_create", store=name)
    out(f"Successfully created store [{name}]\n")


def _store_list(tokens: list[str]) -> None:
    names = _server(parse(tokens, _REMOTE)).ask("store_list")["names"]
    if not names:
        err("No stores found\n")
    out("".join(f"{name}\n" for name in names))


def _store_delete(tokens: list[str]) -> None:
    options = parse(tokens, ("--name", *_REMOTE), ("-y",), twice="last")
    server = _server(options)
    if not _agreed(options, f"store [{_shown(options['--name'])}]"):
        return
    name = _named_store(options["--name"])
    try:
        server.ask("store_delete", store=name)
    except AfdError as error:
        if error.code == afd_errors.OBJECT_NOT_FOUND:
            err(f"Error : Store [{name}] does not exist\n")
        raise
    out(f"Successfully deleted store [{name}]\n")


def _store_permission(tokens: list[str]) -> None:
    options = parse(tokens, ("--name", "--user", "--grant", "--revoke"))
    if tokens.count("--grant") + tokens.count("--revoke") > 1:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    name, user, right = options["--name"], options["--user"], options["--grant"] or options["--revoke"]
    if not name or not user or right not in _MASKS:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    server = AfdServer()
    with _complaint("Failed to open the store"):
        server.ask("store_open", store=name)
    operation = "store_grant" if options["--grant"] else "store_revoke"
    server.ask(operation, store=name, user=user, mask=_MASKS[right])
    out(f"Permissions for store [{name}] set  successfully\n ")


def _store_get_permissions(tokens: list[str]) -> None:
    options = parse(tokens, ("--name", *_REMOTE), twice="last")
    _server(options)
    name = options["--name"]
    if not name:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    local = AfdServer()
    with _complaint("Failed to open the store"):
        local.ask("store_open", store=name)
    answer = local.ask("store_permissions", store=name)
    out(f"PERMISSIONS FOR STORE: [{name}]\nOWNER : {answer['owner']}\nUSER\t\tACCESS\n")
    out("".join(f"{user}\t{_access(mask)}\n" for user, mask in answer["users"]))


def _access(mask: int) -> str:
    if mask >= READ | WRITE:
        return "read,write"
    return "write" if mask == WRITE else "read"


# Entries


def _entry_create(tokens: list[str]) -> None:
    options = _entry_options(tokens, ("--store", "--alias", "--cert", "--key", "--password"))
    server = _server(options)
    store, alias = options["--store"], options["--alias"]
    if not store:
        err(f"Error: The store name [{store or ''}] is invalid \n")
        raise AfdError(afd_errors.INVALID_PARAMETER)
    cert, key = _file_text(options["--cert"]), _file_text(options["--key"])
    if not cert and not key:
        err("Error: A certificate or a key must be specified. \n")
        raise AfdError(afd_errors.INVALID_PARAMETER)
    if not alias and not cert:
        err(f"Error: The alias [{alias or ''}] is invalid \n")
        raise AfdError(afd_errors.INVALID_PARAMETER)
    alias = alias or _fingerprint_alias(cert)
    with _complaint("Failed to open the store."):
        server.ask("store_open", store=store)
    if not _is_text(cert + key):
        raise AfdError(afd_errors.MINUS_ONE)
    entry = {"store": store, "alias": alias, "cert": cert, "key": key, "password": options["--password"]}
    _add(server, entry)
    out(f"Entry with alias [{alias}] in store [{store}] was created successfully \n")


def _add(server: AfdServer, entry: dict[str, Any]) -> None:
    answer = server.reply("entry_add", **entry)
    if answer.get("encrypted"):
        answer = server.reply("entry_add", **{**entry, "key": _decrypted(entry["key"])})
    afd_errors.raise_for(answer)


def _decrypted(key: str) -> str:
    """The key in clear after OpenSSL's own prompt, which it repeats once when nothing at all can be read."""
    from .. import pki

    passphrase = _passphrase() or _passphrase()
    try:
        parsed = pki.private_key(key, passphrase)
    except pki.EncryptedKeyError:
        parsed = None
    if parsed is None:
        raise AfdError(afd_errors.BAD_FORMAT)
    return pki.key_pem(parsed)


def _passphrase() -> str:
    """Asked on the controlling terminal, or without one on stderr and stdin."""
    prompt = "Enter PEM pass phrase:"
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        err(prompt)
        passphrase = read_line(1024)
        err("\n")
        return passphrase
    os.close(terminal)
    import getpass

    return getpass.getpass(prompt)


def _fingerprint_alias(cert: str) -> str:
    from .. import pki

    chain = pki.certificates(cert)
    if not chain:
        err("Error: Could not generate alias from certificate\n")
        raise AfdError(afd_errors.BAD_FORMAT)
    return pki.sha1(chain[0])


def _entry_list(tokens: list[str]) -> None:
    options = _entry_options(tokens, ("--store",), ("--text", "--aliases"))
    server = _server(options)
    store = _named_store(options["--store"])
    server.ask("store_open", store=store)
    with _complaint("Could not retrieve number of entries in store"):
        entries = server.ask("entry_list", store=store)["entries"]
    out(f"Number of entries in store :\t{len(entries)}\n")
    for entry in entries:
        out(_listed(entry, options))


def _listed(entry: dict[str, Any], options: Options) -> str:
    if options.flag("--aliases"):
        return f"{entry['alias']}\n"
    head = f"Alias :\t{entry['alias']}\nEntry type :\t{entry['type']}\n"
    if entry["cert"] and options.flag("--text"):
        return head + _certificate_text(entry["cert"])
    return f"{head}Certificate :\t{entry['cert'] or ''}\n\n"


def _entry_getcert(tokens: list[str]) -> None:
    options = _entry_options(tokens, ("--store", "--alias", "--output", "--password"), ("--text",))
    server, store, alias = _entry_asked_for(options)
    with _complaint("Failed to open the store."):
        server.ask("store_open", store=store)
    entry = server.ask("entry_get", store=store, alias=alias)
    if entry["type"] == "Secret Key":
        err(f"Error: No certificates were found for entry [{alias}] of type [Secret Key].\n")
        raise AfdError(afd_errors.INVALID_PARAMETER)
    _deliver(options, entry["cert"] or "", _certificate_text)


def _entry_getkey(tokens: list[str]) -> None:
    options = _entry_options(tokens, ("--store", "--alias", "--output", "--password"), ("--text",))
    server, store, alias = _entry_asked_for(options)
    with _complaint("Failed to open the store."):
        server.ask("store_open", store=store)
    if server.ask("entry_get", store=store, alias=alias)["type"] == "Trusted Cert":
        err(f"Error: No key was found for entry [{alias}] of type [Trusted Cert]\n")
        raise AfdError(afd_errors.INVALID_PARAMETER)
    entry = server.ask("entry_key", store=store, alias=alias, password=options["--password"])
    if entry["key"] is None:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    _deliver(options, entry["key"], _key_text)


def _entry_delete(tokens: list[str]) -> None:
    options = _entry_options(tokens, ("--store", "--alias"), ("-y",))
    server = _server(options)
    store, alias = options["--store"], options["--alias"]
    if not _agreed(options, f"entry [{_shown(alias)}] from store [{_shown(store)}]"):
        return
    if not store or not alias:
        err(f"Error : An invalid store name [{store or ''}] was specified\n ")
        raise AfdError(afd_errors.INVALID_PARAMETER)
    with _complaint("Failed to open the store"):
        server.ask("store_open", store=store)
    server.ask("entry_delete", store=store, alias=alias)
    out(f"Deleted entry with alias [{alias}] in store [{store}] successfully\n ")


def _force_refresh(tokens: list[str]) -> None:
    options = parse(tokens, _REMOTE)
    if options.dangling:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    server = _remote(options)
    with _complaint("Failed to trigger root cert refresh \n"):
        server.ask("force_refresh")


_VERBS: dict[tuple[str, ...], Callable[[list[str]], None]] = {
    ("store", "create"): _store_create,
    ("store", "list"): _store_list,
    ("store", "delete"): _store_delete,
    ("store", "permission"): _store_permission,
    ("store", "get-permissions"): _store_get_permissions,
    ("entry", "create"): _entry_create,
    ("entry", "list"): _entry_list,
    ("entry", "getcert"): _entry_getcert,
    ("entry", "getkey"): _entry_getkey,
    ("entry", "delete"): _entry_delete,
}


# Parts that several verbs share


def _entry_options(tokens: list[str], values: tuple[str, ...], flags: tuple[str, ...] = ()) -> Options:
    options = parse(tokens, (*values, *_REMOTE), flags)
    if options.dangling:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    return options


def _entry_asked_for(options: Options) -> tuple[AfdServer, str, str]:
    server = _server(options)
    store, alias = options["--store"], options["--alias"]
    if not store or not alias:
        err(f"Error: The store name [{store or ''}] or the Alias [{alias or ''}] is invalid \n")
        raise AfdError(afd_errors.INVALID_PARAMETER)
    return server, store, alias


def _server(options: Options) -> AfdServer:
    """The VECS to work on; a remote one is tried at once."""
    server = _remote(options)
    if options["--server"]:
        with _complaint("Failed to establish connection to remote server \n"):
            server.ask("login")
    return server


def _remote(options: Options) -> AfdServer:
    host, upn = options["--server"], options["--upn"]
    if bool(host) != bool(upn):
        err("Error: Error: You have to provide both server and upn \n\n")
        raise AfdError(afd_errors.INVALID_STATE)
    if not host:
        return AfdServer()
    out("Enter password:\t")
    flush()
    password = read_line(99)
    out("\n")
    return AfdServer(host, upn, password)


class _complaint:  # noqa: N801 (used as a function is)
    """Say `Error: <text>` before an error goes on its way."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, AfdError):
            err(f"Error: {self.text}\n")


def _named_store(name: str | None) -> str:
    if not name:
        err(f"Error : An invalid store name [{name or ''}] was specified \n")
        raise AfdError(afd_errors.INVALID_PARAMETER)
    return name


def _agreed(options: Options, what: str) -> bool:
    """Whether to delete: `-y`, or exactly one character read after the warning is a yes (§3.9)."""
    if options.flag("-y"):
        return True
    out(f"Warning: This operation will delete {what}\nDo you wish to continue? Y/N [N] \n")
    return read_char() in ("Y", "y")


def _shown(name: str | None) -> str:
    return "(null)" if name is None else name


def _file_text(path: str | None) -> str:
    """An input file up to its first zero byte; empty when there is no such option. Raises AfdError: not readable."""
    if path is None:
        return ""
    if not path:
        raise AfdError(afd_errors.INVALID_PARAMETER)
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        err(f"Error: Failed to open file [{path}] \n")
        raise AfdError(os_error_code(error)) from None
    return raw.split(b"\0")[0].decode("utf-8", "surrogateescape")


def _is_text(content: str) -> bool:
    """Whether it can be handed on as wide characters: DER cannot, whatever it holds."""
    try:
        content.encode()
    except UnicodeEncodeError:
        return False
    return True


def _deliver(options: Options, text: str, as_text: Callable[[str], str]) -> None:
    """Print what was asked for, and with `--output` write it with one more newline, for its owner only (§3.6)."""
    path = options["--output"]
    if path:
        _write_private(path, text + "\n")
    if options.flag("--text"):
        out(as_text(text))
    elif not path:
        out(text + "\n")


def _write_private(path: str, text: str) -> None:
    try:
        unchecked.write(path, text)
        os.chmod(path, 0o600)
    except OSError as error:
        raise AfdError(os_error_code(error)) from None


def _certificate_text(chain: str) -> str:
    """OpenSSL's text of the first certificate; nothing for what is none."""
    from .. import pki
    from ..x509text import certificate_text

    return "".join(certificate_text(pki.pem(certificate)) for certificate in pki.certificates(chain)[:1])


def _key_text(key: str) -> str:
    """OpenSSL's text of an RSA key, private numbers included; nothing for what is none."""
    from ..x509text import private_key_text

    try:
        return private_key_text(key)
    except ValueError:
        return ""
