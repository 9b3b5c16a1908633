# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that holds a lab together: it starts nodes, and whatever it started dies with it.

Started by the launcher with a pipe on its standard input: first the plan, one JSON line; then the launcher's life line.
When that closes without the word `detach`, the launcher is gone and the lab is taken down. Killing the keeper kills the
nodes (parent-death signals), their namespaces take interfaces, mounts and loop devices with them, and the folder is
removed by whoever comes next (registry.sweep).

    host namespace      simvc<N> 198.18.N.1 --+
    switch namespace    br0      198.18.N.2 --+-- v1 .. vn      no default route: the controller's place
    node namespaces                           |   eth0 198.18.N.(10+n), 2001:2:0:N::(10+n)
    jump host           eth0     198.18.N.3 --+   only where the plan has one
                        eth1     198.19.N.1 --+
    outside             eth0     198.19.N.2 --+   no other way to the nodes
"""

import contextlib
import fcntl
import json
import marshal
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
import uuid
from pathlib import Path
from typing import Any

from . import layers, registry
from .plan import LabPlan, NodePlan

# FS_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: the file system forgets what was not synced.
_FS_IOC_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = struct.pack("I", 2)

_MORTAL = ["setpriv", "--pdeathsig", "KILL"]


class Keeper:
    """One lab. Runs in one thread, since a parent-death signal is sent when the thread that forked ends."""

    def __init__(self, plan: LabPlan, folder: Path, slot: registry.Slot):
        self.plan = plan
        self.folder = folder
        self.slot = slot
        self.nodes = {node.name: node for node in plan.nodes}
        self.address_of = {node.name: slot.node_address(node.number) for node in plan.nodes}
        self.ipv6_of = {name: slot.ipv6(address) for name, address in self.address_of.items()}
        self.jump_host: subprocess.Popen[bytes] | None = None
        self.outside: subprocess.Popen[bytes] | None = None
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.switch = _spawn([*_MORTAL, "unshare", "--net", "sleep", "infinity"])

    def build(self) -> None:
        """Make the lab's files and its network."""
        layers.build(self.folder, self.plan, self.address_of, self.ipv6_of, self.slot.jump_address_outside)
        _wait_for_own_network(self.switch.pid)
        _ip(
            [
                f"link add {self.slot.interface} type veth peer name host netns {self.switch.pid}",
                f"address add {self.slot.host_address}/24 dev {self.slot.interface}",
                f"link set {self.slot.interface} up",
            ]
        )
        self._in_switch(
            "link set lo up",
            "link add br0 type bridge forward_delay 0",
            "link set host master br0 up",
            f"address add {self.slot.controller_address}/24 dev br0",
            "link set br0 up",
        )
        if socket.has_dualstack_ipv6():
            self._in_switch(f"address add {self.slot.ipv6(self.slot.controller_address)}/64 dev br0 nodad")
        if self.plan.jump_host:
            self._build_jump_host()

    def describe(self) -> dict[str, Any]:
        """What the lab's users need: the plan with addresses, and where its network is entered."""
        return {
            "plan": self.plan.as_dict(),
            "addresses": self.address_of,
            "ipv6": self.ipv6_of,
            "outside": self.outside and {"pid": self.outside.pid, "jump_host": self.slot.jump_address_outside},
            "host_address": self.slot.host_address,
            "controller_address": self.slot.controller_address,
            "socket": self.slot.socket,
            "switch": self.switch.pid,
        }

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what an API client asks; the names of the operations are the methods' names."""
        operation = request.pop("op")
        if operation not in ("boot", "power_off", "link", "pids"):
            return {"error": f"unknown operation {operation!r}"}
        return getattr(self, operation)(**request) or {}

    def boot(self, names: list[str]) -> dict[str, Any]:
        """Start nodes that are off; returns before they are up."""
        running = [name for name in names if self._is_on(name)]
        if running:
            return {"error": f"{', '.join(running)} cannot be switched on: not off"}
        started = [self.nodes[name] for name in names]
        for node in started:
            self._start(node)
        for node in started:
            self._plug_in(node)
        return {}

    def pids(self) -> dict[str, Any]:
        """The host's pid of each node's first process, and which nodes are on: a node that dies loses that first."""
        return {
            "pids": {name: self._init(name) for name in self.nodes},
            "on": [name for name in self.nodes if self._is_on(name)],
        }

    def power_off(self, name: str, silent: bool, lose_unsynced: bool) -> None:
        """As if the plug were pulled. `silent`: peers see no end of their connections."""
        if not self._is_on(name):
            return
        init = self._init(name)
        if silent:
            self.link(name, up=False)
        if lose_unsynced and init:
            _forget_unsynced(init)
        self._kill(name)

    def link(self, name: str, up: bool) -> None:
        """Plug a node's cable in or out.

        Raises OSError when the node is off.
        """
        self._in_switch(f"link set {_port(self.nodes[name])} {'up' if up else 'down'}")

    def demolish(self) -> None:
        """End everything that the lab started and remove its folder."""
        self._kill(*self.processes)
        for place in filter(None, (self.jump_host, self.outside, self.switch)):
            _kill_processes_in_network(place.pid)
            place.kill()
            place.wait()
        for name in self.processes:
            _wait_for_loop_device(self.folder / "nodes" / name / "disk.img")
        subprocess.run(["ip", "link", "delete", self.slot.interface], capture_output=True, check=False)
        registry.remove_folder(self.folder)

    def _build_jump_host(self) -> None:
        """An SSH server between the nodes' network and a place from where there is no other way to them."""
        slot, addresses = self.slot, [self.slot.jump_address, self.slot.ipv6(self.slot.jump_address)]
        self.outside = _spawn([*_MORTAL, "unshare", "--net", "sleep", "infinity"])
        serve = [
            "sh",
            str(layers.HERE / "jump-host.sh"),
            str(self.folder / "jump"),
            *addresses,
            slot.jump_address_outside,
        ]
        with open(self.folder / "jump/console.log", "ab") as console:
            namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child"]
            self.jump_host = _spawn([*_MORTAL, "unshare", *namespaces, *serve], console)
        for place in (self.outside, self.jump_host):
            _wait_for_own_network(place.pid)
        self._in_switch(
            f"link add jump type veth peer name eth0 netns {self.jump_host.pid}", "link set jump master br0 up"
        )
        _ip(
            [
                f"link add eth0 type veth peer name eth1 netns {self.jump_host.pid}",
                "link set lo up",
                f"address add {slot.outside_address}/24 dev eth0",
                "link set eth0 up",
            ],
            ["nsenter", f"--net=/proc/{self.outside.pid}/ns/net"],
        )

    def _start(self, node: NodePlan) -> None:
        folder = self.folder / "nodes" / node.name
        self._unplug(node)
        _wait_for_loop_device(folder / "disk.img")
        (folder / "outside/boot_id").write_text(f"{uuid.uuid4()}\n")
        (folder / "outside/ready").unlink(missing_ok=True)
        namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child"]
        boot = ["sh", str(layers.HERE / "node-init.sh"), str(self.folder), str(folder)]
        with open(folder / "console.log", "ab") as console:
            self.processes[node.name] = _spawn([*_MORTAL, "unshare", *namespaces, *boot], console)

    def _plug_in(self, node: NodePlan) -> None:
        pid = self.processes[node.name].pid
        _wait_for_own_network(pid)
        port = _port(node)
        self._in_switch(
            f"link add {port} type veth peer name eth0 address {node.mac} netns {pid}",
            f"link set {port} master br0 up",
        )

    def _unplug(self, node: NodePlan) -> None:
        """The cable of a node that is off goes by itself, but in the kernel's own time."""

        def is_gone() -> bool:
            with contextlib.suppress(OSError):
                self._in_switch(f"link delete {_port(node)}")
            try:
                self._in_switch(f"link show {_port(node)}")
            except OSError:
                return True
            return False

        _wait(is_gone, f"the cable of {node.name} does not go")

    def _kill(self, *names: str) -> None:
        """By the first process, since its parent then reaps it; its end is the end of all in the node."""
        for name in names:
            init = self._init(name)
            if init:
                os.kill(init, signal.SIGKILL)
            else:
                self.processes[name].kill()
        for name in names:
            self.processes[name].wait()

    def _is_on(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def _init(self, name: str) -> int | None:
        """unshare's only child."""
        if not self._is_on(name):
            return None
        pid = self.processes[name].pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None

    def _in_switch(self, *lines: str) -> None:
        _ip(list(lines), ["nsenter", f"--net=/proc/{self.switch.pid}/ns/net"])


def _spawn(argv: list[str], output: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", start_new_session=True
    )


def _ip(lines: list[str], enter: list[str] | None = None) -> None:
    batch = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(
        [*(enter or []), "ip", "-batch", "-"], input=batch, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(f"{batch}{done.stderr}")


def _port(node: NodePlan) -> str:
    return f"v{node.number}"


def _wait_for_own_network(pid: int) -> None:
    others = ("", _network(os.getpid()))
    _wait(lambda: _network(pid) not in others, f"process {pid} never got its network namespace")


def _network(pid: int) -> str:
    """The network namespace of a process; empty for one that is gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return ""


def _wait_for_loop_device(image: Path) -> None:
    """A disk may be mounted again only after the kernel let it go."""

    def is_free() -> bool:
        return str(image) not in {_read(path).strip() for path in Path("/sys/block").glob("loop*/loop/backing_file")}

    _wait(is_free, f"{image} stays in use")


def _wait(condition: Any, otherwise: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.002)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _forget_unsynced(init: int) -> None:
    disk = os.open(f"/proc/{init}/root/var", os.O_RDONLY)
    try:
        if os.major(os.fstat(disk).st_dev) != 7:
            raise RuntimeError("the node's disk is a folder (no loop devices here): it cannot lose unsynced writes")
        fcntl.ioctl(disk, _FS_IOC_SHUTDOWN, _NO_LOG_FLUSH)
    finally:
        os.close(disk)


def _kill_processes_in_network(pid: int) -> None:
    """Such as an ssh master that a controller left behind in the switch's namespace."""
    network = _network(pid)
    # A switch that never came to be is still in the host's own network, where nothing may be killed.
    if network in ("", _network(os.getpid())):
        return
    for entry in Path("/proc").glob("[0-9]*"):
        other = int(entry.name)
        if other != pid and _network(other) == network:
            with contextlib.suppress(ProcessLookupError):
                os.kill(other, signal.SIGKILL)


def _hold(keeper: Keeper) -> None:
    keeper.build()
    with socket.socket(socket.AF_UNIX) as listener:
        Path(keeper.slot.socket).unlink(missing_ok=True)
        listener.bind(keeper.slot.socket)
        listener.listen(64)
        keeper.boot(list(keeper.nodes))
        (keeper.folder / "lab.json").write_text(json.dumps(keeper.describe()))
        _tell(keeper.describe())
        _serve(keeper, listener)


def _serve(keeper: Keeper, listener: socket.socket) -> None:
    """Answer API clients until the life line closes, or one of them says stop."""
    watched: list[Any] = [listener, sys.stdin.buffer]
    while True:
        for source in select.select(watched, [], [])[0]:
            if source is listener:
                if _answer(keeper, listener):
                    return
            elif os.read(0, 6) == b"detach":
                watched.remove(source)
            else:
                return


def _answer(keeper: Keeper, listener: socket.socket) -> bool:
    """One request; True when it was the last."""
    link, _ = listener.accept()
    link.settimeout(10)
    with link, link.makefile("rwb") as stream:
        try:
            request = marshal.loads(stream.read())
            if request["op"] == "stop":
                return True
            answer = keeper.handle(request)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(OSError):
            stream.write(marshal.dumps(answer))
    return False


def _plan_line() -> bytes:
    """Not a byte more than the line, since the life line behind it is watched without a buffer."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            raise SystemExit("the launcher went away")
        line += byte
    return line


def _tell(what: dict[str, Any]) -> None:
    """One line to the launcher, if there is one still."""
    with contextlib.suppress(OSError):
        print(json.dumps(what), flush=True)


def _log_to(path: Path) -> None:
    with open(path, "wb") as log:
        os.dup2(log.fileno(), 2)


def _end(number: int, frame: Any) -> None:
    raise SystemExit(f"signal {number}")


def main() -> None:
    """`keeper FOLDER`: plan and life line on standard input, one JSON line on standard output when all nodes boot."""
    plan = LabPlan.from_dict(json.loads(_plan_line()))
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, _end)
    # The nodes' own users read some of the files made here.
    os.umask(0o022)
    folder.mkdir(parents=True, exist_ok=True)
    slot, lock = registry.claim(folder)
    (folder / registry.MARKER).write_text(plan.inventory or "")
    _log_to(folder / "keeper.log")
    keeper = Keeper(plan, folder, slot)
    try:
        _hold(keeper)
    except Exception as error:
        traceback.print_exc()
        _tell({"error": f"{type(error).__name__}: {error}"})
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        keeper.demolish()
        registry.release(slot, lock)


if __name__ == "__main__":
    main()
