# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores and entries, certificates as PEM; never a key."""

from __future__ import annotations

from typing import Any

from .. import paths
from ..context import Context
from ..errors import ToolError
from ..parallel import each_at_once
from ..tools.vecs import Entry, Vecs, known_store

_CRL_TIMEOUT = 10.0


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: stores (all when empty), crl_timeout (seconds, 0 skips).

    `stores` maps a store's name to {"entries": [{"alias", "type", "chain", "sha256"}], "skipped": reason or null}.
    """
    vecs = context.toolbox.vecs
    there = vecs.stores()
    wanted = [known_store(name, there) for name in options.get("stores") or there]
    timeout = options.get("crl_timeout")
    limit = _CRL_TIMEOUT if timeout is None else float(timeout)
    tasks = {name: _reader(vecs, name, limit) for name in wanted}
    return {"changed": False, "stores": each_at_once(tasks)}


def _reader(vecs: Vecs, store: str, crl_timeout: float) -> Any:
    if store == paths.CRL_STORE:
        return lambda: _crl_store(vecs, crl_timeout)
    return lambda: _read([shown(entry) for entry in vecs.entries(store)])


def _crl_store(vecs: Vecs, timeout: float) -> dict[str, Any]:
    """Listing it has been seen to take an hour (field notes §1.7): skipped, or given up after `timeout` seconds."""
    if timeout <= 0:
        return _read([], "crl_timeout is 0")
    try:
        return _read([shown(entry) for entry in vecs.entries(paths.CRL_STORE, timeout)])
    except ToolError as error:
        if error.rc is not None:
            raise
        return _read([], f"it could not be listed within {timeout:g} seconds")


def _read(entries: list[dict[str, Any]], skipped: str | None = None) -> dict[str, Any]:
    return {"entries": entries, "skipped": skipped}


def shown(entry: Entry) -> dict[str, Any]:
    """An entry as a result has it."""
    return {"alias": entry.alias, "type": entry.type, "chain": entry.chain, "sha256": entry.sha256}
