# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. The records of the nodes, kept on the controller for as long as the run lasts.

They are no facts: ansible-core takes those apart, word by word, for every task that has them, and puts them into fact
caches, where a later run would find them. They lie in the run's own temporary folder, which ansible-core makes before
it forks a worker for each task and host, for its user alone, and removes when it ends, unless it is killed. They hold
no secrets.

A record has `node`, its name; the parts of the stages, `settings`, `survey`, `assessment`, `staged`, `swap`,
`verification`, `handover`; what was found on the way, `linked_mode`, `forced` (why), `superseded` (another run was here
first), `resumed` (an earlier run's swap), `lease` (its owner), `restarted`; and in sentences `failure` and `not_begun`.

Of the run itself there are its plan, and rosters: lists of nodes that later plays are about, by their names.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible import constants

Record = dict[str, Any]

_FAILURE = b'"failure":'
# No record's file has such a name: those end with .json.
_PLAN, _ROSTERS = "plan", "rosters"


def load(name: str) -> Record:
    """The record that is kept under this name; {"node": name} where there is none yet."""
    return _read(_file(name), {"node": name})


def excerpt(record: Record, parts: Iterable[str]) -> Record:
    """`node` and these parts of a record, as far as it has them: of "survey.pnid" nothing else that is in `survey`."""
    found: Record = {"node": record["node"]}
    for part in parts:
        _copy(record, part.split("."), found)
    return found


def _copy(source: Mapping[str, Any], path: Sequence[str], target: dict[str, Any]) -> None:
    name, *rest = path
    if name not in source:
        return
    if not rest or not isinstance(source[name], Mapping):
        target[name] = source[name]
        return
    _copy(source[name], rest, target.setdefault(name, {}))


def load_all(names: Iterable[str]) -> dict[str, Record]:
    """The records under these names, without those that say nothing yet."""
    return {name: record for name in names if len(record := load(name)) > 1}


def surveyed(names: Iterable[str]) -> dict[str, Record]:
    """The records of the nodes among these that could be surveyed."""
    return {name: record for name in names if "survey" in (record := load(name))}


def keep(name: str, record: Mapping[str, Any]) -> None:
    """Keep it in the place of the one before. Whoever reads at the same time gets one or the other, whole."""
    _write(_file(name), record)


def failed(names: Iterable[str]) -> list[str]:
    """Those of these nodes in which something has failed so far. Asked at every turn, of the whole fleet."""
    return [name for name in names if _FAILURE in _content(name) and "failure" in load(name)]


def blame(name: str, why: str) -> None:
    """Keep why a node failed, in sentences, after what failed there before. What is said already is not said again."""
    before = load(name).get("failure", "")
    if why not in before:
        note(name, {"failure": f"{before} {why}".strip()})


def note(name: str, parts: Mapping[str, Any]) -> None:
    """Add parts to a record, each in the place of what it had by that name. One task at a time is about a node."""
    if parts:
        keep(name, {**load(name), **parts})


def keep_plan(plan: Mapping[str, Any]) -> None:
    """Keep the plan that the run goes by."""
    _write(_folder() / _PLAN, plan)


def plan() -> dict[str, Any]:
    """The plan that the run goes by; nobody is in it where there is none yet."""
    return _read(_folder() / _PLAN, {"nodes": {}, "groups": {}})


def enroll(rosters: Mapping[str, Sequence[Any]]) -> None:
    """Keep rosters, each in the place of what the run had by that name."""
    _write(_folder() / _ROSTERS, {**_rosters(), **rosters})


def roster(name: str) -> list[Any]:
    """Who is on it. Nobody, where nobody was enrolled."""
    return list(_rosters().get(name, ()))


def _rosters() -> dict[str, Any]:
    return _read(_folder() / _ROSTERS, {})


def _content(name: str) -> bytes:
    try:
        return _file(name).read_bytes()
    except FileNotFoundError:
        return b""


def _file(name: str) -> Path:
    return _folder() / f"{quote(name, safe='')}.json"


def _folder() -> Path:
    return Path(constants.DEFAULT_LOCAL_TMP) / "vcfleet-records"


def _read(file: Path, nothing: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return nothing


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as new:
        new.write(json.dumps(content, default=str))
    os.replace(new.name, file)
