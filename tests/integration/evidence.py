# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Witnesses that are not the product: openssl, /proc, the nodes' disks and their log of vendor tools."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simvc.lab.lab import Lab
from simvc.lab.node import Node

Snapshot = dict[str, tuple[str, str]]

KEY = re.compile(rb"-----BEGIN (?:RSA |EC |ENCRYPTED )?PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)-----END")
STATE_DIR = "/var/lib/vcfleet"

# Where keys may be (issue: VECS, the staging folder, the backup folder), and VMCA's own.
KEY_PLACES = (f"{STATE_DIR}/staging/", f"{STATE_DIR}/backup/", "/var/lib/vmware/vmafd/", "/var/lib/vmware/vmca/")

# Nodes refresh roots and revocation lists on their own, every minute; who compares states lets that be over soon.
SOON_AT_REST = {"vecs.sync_interval": 1}

SEARCHED = ("etc", "home", "opt", "root", "run", "storage", "tmp", "var", "dev/shm")


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """The names of what differs between two snapshots."""
    return sorted(name for name in {**before, **after} if before.get(name) != after.get(name))


def snapshots(lab: Lab) -> dict[str, Snapshot]:
    """The lasting state of every node."""
    return {node.name: node.snapshot() for node in lab.nodes}


def at_rest(lab: Lab, timeout: float = 30.0) -> dict[str, Snapshot]:
    """The lasting state of every node, once linked nodes have told each other all they know. Raises TimeoutError."""
    deadline = time.monotonic() + timeout
    before = snapshots(lab)
    while time.monotonic() < deadline:
        time.sleep(2.5)
        now = snapshots(lab)
        if now == before:
            return now
        before = now
    raise TimeoutError("the nodes' state does not come to rest")


def served(lab: Lab, port: int = 443) -> dict[str, str]:
    """The SHA-256 of what every node presents."""
    return {node.name: node.certificate_served(port) for node in lab.nodes}


def certificate_facts(lab: Lab, node: Node, port: int = 443) -> dict[str, str]:
    """What openssl says of the certificate presented: subject, issuer, notBefore, notAfter, san, verified."""
    handshake = lab.controller(["openssl", "s_client", "-connect", f"{node.address}:{port}", "-servername", node.name])
    leaf = handshake.stdout
    fields = ("-subject", "-issuer", "-enddate", "-startdate")
    told = _openssl(["x509", "-noout", "-nameopt", "RFC2253", *fields], leaf)
    facts = dict(line.split("=", 1) for line in told.splitlines())
    facts["san"] = _openssl(["x509", "-noout", "-ext", "subjectAltName"], leaf).split("\n", 1)[1].strip()
    root = node.root / "var/lib/vmware/vmca/root.cer"
    facts["verified"] = _openssl(["verify", "-CAfile", str(root)], leaf).strip().rpartition(": ")[2]
    return facts


def _openssl(arguments: list[str], text: str) -> str:
    return subprocess.run(["openssl", *arguments], input=text, capture_output=True, text=True, check=True).stdout


def stops(lab: Lab) -> int:
    """How often something was told to stop services, on all nodes, so far."""
    return sum(len(node.tool_calls("service-control", "--stop")) for node in lab.nodes)


@dataclass(frozen=True)
class Window:
    """From the first service stopped to all of them back, by the node's clock, and the vendor tools' share of it."""

    begin: float
    end: float
    tools: float

    @property
    def overhead(self) -> float:
        """Seconds in which no vendor tool ran although the services were down."""
        return self.end - self.begin - self.tools


def window(node: Node, since: float = 0.0) -> Window:
    """The last window of a node: from the stop of everything to the end of the look that saw all services again."""
    calls = [call for call in node.tool_calls() if call.start >= since and call.end is not None]
    stop = [
        call for call in calls if call.tool == "service-control" and "--stop" in call.argv and "--all" in call.argv
    ][-1]
    start = [
        call for call in calls if call.tool == "service-control" and "--start" in call.argv and "--all" in call.argv
    ]
    begin = stop.start
    # A call's start is known to 10 ms, its end to the microsecond.
    after = (start[-1].end or 0) - 0.02
    looks = [
        call for call in calls if call.tool == "service-control" and "--status" in call.argv and call.start >= after
    ]
    end = looks[0].end if looks else start[-1].end
    assert end is not None
    spans = [(call.start, call.end or end) for call in calls if call.start < end and (call.end or end) > begin]
    return Window(begin, end, _covered(spans, begin, end))


def seen_at_the_gate(node: Node) -> set[str]:
    """The members whose replication the node had asked for twice, or more often, when its last window opened."""
    opened = window(node).begin
    calls = [call for call in node.tool_calls("vdcrepadmin", "showpartnerstatus") if call.start < opened]
    times = Counter(call.argv[call.argv.index("-h") + 1] for call in calls)
    return {member for member, number in times.items() if number >= 2 and member != "localhost"}


def _covered(spans: Iterable[tuple[float, float]], begin: float, end: float) -> float:
    """Seconds between begin and end in which at least one span runs."""
    total, reached = 0.0, begin
    for start, stop in sorted(spans):
        low, high = max(start, reached), min(stop, end)
        if high > low:
            total += high - low
            reached = high
    return total


# ---- Secrets ---------------------------------------------------------------------------------------------------------


@dataclass
class Watch:
    """What was seen while something ran: every command line of the machine, and files with private keys."""

    command_lines: set[str] = field(default_factory=set)
    key_files: set[str] = field(default_factory=set)
    samples: int = 0
    searches: int = 0


@contextmanager
def watched(lab: Lab, controller_folders: Iterable[Path]) -> Iterator[Watch]:
    """Sample the process list every few milliseconds, and search the disks of nodes and controller all the while."""
    seen = Watch()
    over = threading.Event()
    threads = [
        threading.Thread(target=_sample_processes, args=(seen, over)),
        threading.Thread(target=_search_disks, args=(lab, list(controller_folders), seen, over)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _sample_processes(seen: Watch, over: threading.Event) -> None:
    """The host's /proc shows the processes of the nodes, too."""
    while not over.wait(0.02):
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.command_lines.add(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
        seen.samples += 1


def _search_disks(lab: Lab, folders: list[Path], seen: Watch, over: threading.Event) -> None:
    while not over.wait(0.2):
        for node in lab.nodes:
            seen.key_files |= {f"{node.name}:{name}" for name in key_files(node)}
        for folder in folders:
            seen.key_files |= {f"controller:{path}" for path in _with_keys(folder)}
        seen.searches += 1


def key_files(node: Node) -> set[str]:
    """The files of a node that hold a private key, but for the places where one may be."""
    root = node.root
    found = {"/" + str(path.relative_to(root)) for top in SEARCHED for path in _with_keys(root / top)}
    return {name for name in found if not name.startswith(KEY_PLACES)}


def _with_keys(folder: Path) -> Iterator[Path]:
    """Files below a folder that hold a private key; other file systems (interpreters that the lab shows) left out."""
    command = ["find", str(folder), "-xdev", "-type", "f", "-size", "-4096k", "-exec"]
    search = [*command, "grep", "-lE", "BEGIN (RSA |EC |ENCRYPTED )?PRIVATE KEY", "{}", "+"]
    found = subprocess.run(search, capture_output=True, check=False).stdout.decode(errors="replace")
    yield from map(Path, found.splitlines())


def private_keys(node: Node) -> list[str]:
    """The base64 text of every private key that a node's own places hold now, in one line each."""
    root = node.root
    found = []
    for place in KEY_PLACES:
        for path in (root / place.lstrip("/")).rglob("*"):
            if path.is_file():
                found += [match.group(1).decode() for match in KEY.finditer(path.read_bytes())]
    return ["".join(body.split()) for body in found]


def wait_until(condition: Any, timeout: float = 60.0) -> None:
    """Poll a condition. Raises TimeoutError."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{condition} did not come true within {timeout} s")
        time.sleep(0.05)
