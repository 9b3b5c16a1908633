# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate store in memory behind the vecs-cli command line, which can be told to lie, hang or fail.

It knows only what these tests need; the vendor's real behaviour is the simulated appliance's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.vcfleet.certs.plugins.module_utils.node import pem
from ansible_collections.vcfleet.certs.plugins.module_utils.node.context import Context
from ansible_collections.vcfleet.certs.plugins.module_utils.node.process import Completed, Runner
from ansible_collections.vcfleet.certs.plugins.module_utils.node.tools.toolbox import Toolbox
from scripted import listing, vecs_error

Entry = tuple[str, str, str]  # type, certificates, key
Trick = Callable[[str], Any]


class Store:
    """`trick(verb)` is asked before each command: None lets it happen, a dict answers instead, an error is raised."""

    def __init__(self, **entries: Entry) -> None:
        self.stores: dict[str, dict[str, Entry]] = {
            "MACHINE_SSL_CERT": dict(entries),
            "TRUSTED_ROOTS": {},
            "TRUSTED_ROOT_CRLS": {},
            "BACKUP_STORE": {},
        }
        self.trick: Trick = lambda verb: None
        self.calls: list[str] = []
        self.history: list[dict[str, Any]] = []
        self.timeout = 120.0

    def run(self, argv: list[str], timeout: float | None = None, stdin: bytes = b"", **more: Any) -> Completed:
        if Path(argv[0]).name == "openssl":
            return Runner().run(argv, timeout, stdin, **more)
        words = argv[1:3]
        verb = " ".join(words)
        options = dict(zip(argv[3::2], argv[4::2], strict=False))
        if "--store" in options:
            self.calls.append(f"{verb} {options['--store']}")
        answer = self.trick(verb)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            answer = getattr(self, "_" + "_".join(words))(options)
        if isinstance(answer, str):
            answer = {"stdout": answer}
        return Completed(
            argv,
            answer.get("rc", 0),
            answer.get("stdout", ""),
            answer.get("stderr", ""),
            0.01,
            more.get("secret", False),
        )

    def context(self, check_mode: bool = False) -> Context:
        return Context(check_mode, Toolbox(self))  # type: ignore[arg-type]

    def _store_list(self, options: dict[str, str]) -> str:
        return "\n".join(self.stores) + "\n"

    def _entry_list(self, options: dict[str, str]) -> Any:
        entries = self.stores.get(options["--store"])
        if entries is None:
            return vecs_error(4312)
        return listing(*((alias, kind, certificates) for alias, (kind, certificates, _key) in entries.items()))

    def _entry_getkey(self, options: dict[str, str]) -> Any:
        found = self.stores[options["--store"]].get(options["--alias"])
        return vecs_error(4312) if found is None else found[2] + "\n\n"

    def _entry_delete(self, options: dict[str, str]) -> str:
        self.stores[options["--store"]].pop(options["--alias"], None)
        return f"Deleted entry with alias [{options['--alias']}] in store [{options['--store']}] successfully\n "

    def _entry_create(self, options: dict[str, str]) -> Any:
        entries, alias = self.stores[options["--store"]], options["--alias"]
        if alias in entries:
            return vecs_error(183)
        certificates = "".join(pem.certificates(Path(options["--cert"]).read_text()))
        key = Path(options["--key"]).read_text() if "--key" in options else ""
        entries[alias] = ("Private Key" if key else "Trusted Cert", certificates, key.strip())
        return f"Entry with alias [{alias}] in store [{options['--store']}] was created successfully \n"
