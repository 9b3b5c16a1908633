# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks the swap on purpose, one way at a time, in a copy; ends with 1 if the tests do not notice one of them.

mutation.py [NAME...]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NODE = "plugins/module_utils/node"
PYTEST = ["-m", "pytest", "--quiet", "-x", "-p", "no:cacheprovider", "--ansible-unit-inject-only"]
UNIT = [f"tests/unit/node/test_{name}.py" for name in ("detach", "journal", "files", "swap", "restart")]
MATRIX = ["tests/faults/prove.py", "--no-controllers", "--every", "9", "--rounds", "4", "--nodes", "2", "--seed", "1"]


@dataclass(frozen=True)
class Mutation:
    """One text of one file of the node package is replaced by another."""

    name: str
    file: str
    text: str
    instead: str


MUTATIONS = (
    Mutation("the backup is never completed", "pair.py",
             'create_private(backup.folder / "about.json"', 'create_private(backup.folder / "about.txt"'),
    Mutation("the backup has the key of nobody", "pair.py",
             'create_private(pair.key, key.strip().encode() + b"\\n")', 'create_private(pair.key, b"")'),
    Mutation("a journal line is not fsynced", "journal.py", "        os.fsync(file.fileno())\n", ""),
    Mutation("the journal's folder is not fsynced", "journal.py", "        sync(folder)\n", ""),
    Mutation("the certificate is replaced before the storage is up", "swap.py",
             "(Stop(), StartCore(), Replace(),", "(Stop(), Replace(), StartCore(),"),
    Mutation("services start before the certificate is replaced", "swap.py",
             "Replace(), Mirror(), Start(), Served())", "Start(), Replace(), Mirror(), Served())"),
    Mutation("an exit status of 0 counts as started", "swap.py",
             "if world.wait_until(lambda: self.check(world), world.settings.settle_timeout / START_ATTEMPTS):\n"
             "                return dict(command, ",
             'if command.get("rc") == 0:\n                return dict(command, '),
    Mutation("what was written is not read back", "swap.py",
             "    if not pair.is_held_by(entry):\n        found = ", "    if False:\n        found = "),
    Mutation("the old pair is never put back", "swap.py",
             'world.journal.write("turn", goal=OLD, **explain(error))',
             'world.journal.write("turn", goal=NEW, **explain(error))'),
    Mutation("the staged pair is not proved", "swap.py",
             "(Prove(), MakeBackup(), TakeCensus(), Arm())", "(MakeBackup(), TakeCensus(), Arm())"),
    Mutation("everybody gets the lock", "lock.py",
             "fcntl.flock(descriptor, kind | fcntl.LOCK_NB)", "pass"),
    Mutation("the swap is not detached", "detach.py", "        os.setsid()\n", ""),
    Mutation("the census is ignored", "swap.py", "return world.census <= world.look()", "return True"),
    Mutation("the staged key goes too early", "swap.py",
             'return {"new_sha1": pem.sha1(pair.chain[0])}',
             'clear_staging(world.state)\n        return {"new_sha1": pem.sha1(pair.chain[0])}'),
    Mutation("the staged key stays after the commit", "swap.py",
             '        clear_staging(world.state)\n        return {"pruned"', '        return {"pruned"'),
    Mutation("what VECS holds may be lost after the commit", "swap.py",
             "        world.toolbox.vecs.settle()\n        clear_staging(world.state)\n        return",
             "        clear_staging(world.state)\n        return"),
    Mutation("a store without an entry is not mended first", "swap.py",
             "    _put_entry_back_in_place(world)\n    carry_through(world)", "    carry_through(world)"),
    Mutation("the self-heal stays armed", "swap.py",
             "    with suppress(OSError):\n        disarm(world.state)\n", ""),
    Mutation("a restart bears with what went on running", "restart.py",
             "            if not _still_up(world):\n                return command\n", "            return command\n"),
    Mutation("an interrupted restart counts as a whole one", "restart.py",
             'if world.goal == NEW and not world.journal.did("stop"):', "if False:"),
    Mutation("an interrupted restart stops the services again", "restart.py",
             "    try:\n        walk(world, (Start(),))", "    try:\n        walk(world, (StopAll(), Start()))"),
)  # fmt: skip


def main() -> int:
    wanted = [each for each in MUTATIONS if not sys.argv[1:] or each.name in sys.argv[1:]]
    if noticed_by(None):
        raise SystemExit("the tests fail although nothing is broken: they prove nothing so")
    unnoticed = []
    for mutation in wanted:
        caught = noticed_by(mutation)
        print(f"{caught or 'UNNOTICED':<28} {mutation.name}", flush=True)
        unnoticed += [] if caught else [mutation.name]
    print(f"{len(wanted) - len(unnoticed)} of {len(wanted)} ways to break the swap were noticed")
    return 1 if unnoticed else 0


def noticed_by(mutation: Mutation | None) -> str:
    """Which tests fail with the mutation, empty when none does. Raises LookupError when it does not apply any more."""
    with tempfile.TemporaryDirectory(prefix="vcfleet-mutation-") as folder:
        copy = Path(folder) / "ansible_collections/vcfleet/certs"
        for part in ("plugins", "tests/unit", "tests/appliance", "tests/integration", "tests/faults"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("galaxy.yml", "pyproject.toml"):
            shutil.copy(ROOT / part, copy / part)
        if mutation:
            path = copy / NODE / mutation.file
            path.write_text(broken(path.read_text(), mutation))
        if not _passes([*PYTEST, *UNIT], copy):
            return "unit tests"
        return "" if _passes(MATRIX, copy) else "matrix"


def broken(source: str, mutation: Mutation) -> str:
    """The source with the mutation. Raises LookupError when its text is not there exactly once."""
    if source.count(mutation.text) != 1:
        raise LookupError(
            f"{mutation.name}: {mutation.file} has {source.count(mutation.text)} times: {mutation.text!r}"
        )
    return source.replace(mutation.text, mutation.instead)


def _passes(arguments: list[str], copy: Path) -> bool:
    environment = {**os.environ, "VCFLEET_COLLECTION": str(copy)}
    environment.pop("ANSIBLE_COLLECTIONS_PATH", None)
    command = [sys.executable, "-B", *arguments]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
