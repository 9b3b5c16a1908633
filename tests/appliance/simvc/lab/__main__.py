# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m simvc.lab up|down`: nodes for people."""

import argparse
import shlex
import sys
import time
from pathlib import Path

from ..profiles import PROFILES
from .interpreters import NoInterpreter
from .lab import Lab, LabError, down
from .node import NodeNotReady
from .plan import ADMINISTRATOR_PASSWORD, BadPlan
from .registry import LabBusy

DEFAULT_FOLDER = Path("/tmp/simvc-lab")

_PHASES = {
    "start-all": "service_control.start_all_seconds",
    "stop-all": "service_control.stop_all_seconds",
}


def main() -> int:
    arguments = _parser().parse_args()
    try:
        return int(arguments.run(arguments) or 0)
    except (BadPlan, LabBusy, LabError, NodeNotReady, NoInterpreter) as error:
        print(f"simvc.lab: {error}", file=sys.stderr)
        return 1


def _up(arguments: argparse.Namespace) -> None:
    begun = time.monotonic()
    lab = Lab(
        _groups(arguments),
        profiles=tuple(arguments.profile or ["8.0u3"]),
        python=arguments.python,
        shell=arguments.shell,
        legacy_store=arguments.legacy_store,
        knobs=dict(arguments.duration),
        folder=arguments.dir,
        inventory=arguments.inventory,
    )
    with lab:
        for note in lab.notes:
            print(f"note: {note}")
        _show(lab)
        print(f"{len(lab.nodes)} nodes are up after {time.monotonic() - begun:.1f} s; end them with")
        print(f"    python -m simvc.lab down --dir {shlex.quote(str(lab.folder))}", flush=True)
        lab.detach()


def _show(lab: Lab) -> None:
    for node in lab.nodes:
        print(f"{node.name}  {node.plan.sso_domain}  profile {node.plan.profile}  {node.address}")
        print(f"    {shlex.join(node.ssh_command())}")
    if any(node.plan.shell == "appliance" for node in lab.nodes):
        print("root's own login shell is the appliance shell (as user root); the lines above are root with bash.")
    print(f"administrator@<SSO domain> has the password {ADMINISTRATOR_PASSWORD}")
    if lab.inventory_path:
        print(f"Ansible inventory: {lab.inventory_path}")


def _down(arguments: argparse.Namespace) -> None:
    print("ended" if down(arguments.dir) else f"nothing runs in {arguments.dir}")


def _status(arguments: argparse.Namespace) -> None:
    _show(Lab.attach(arguments.dir))


def _groups(arguments: argparse.Namespace) -> str:
    """--groups as it stands; --nodes cut into linked groups of --linked, by default one linked group of all."""
    if arguments.groups:
        return str(arguments.groups)
    nodes = arguments.nodes or arguments.linked or 3
    size = 1 if arguments.standalone else arguments.linked or nodes
    rest = nodes % size
    return ",".join([*([f"{nodes // size}x{size}"] if nodes >= size else []), *([f"1x{rest}"] if rest else [])])


def _duration(text: str) -> tuple[str, float]:
    """`start-all=30`, `stop-all=5`, `vmware-vpxd=20` (its start) or `vmware-vpxd.stop=3` as a knob."""
    name, _, seconds = text.partition("=")
    try:
        value = float(seconds)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=SECONDS") from None
    if name in _PHASES:
        return _PHASES[name], value
    service, _, phase = name.partition(".")
    return f"service.{service}.{phase or 'start'}_seconds", value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simvc.lab", description="Simulated vCenter Server nodes.")
    commands = parser.add_subparsers(required=True, metavar="up|down|status")
    up = commands.add_parser("up", help="start nodes and keep them running")
    up.set_defaults(run=_up)
    up.add_argument("--nodes", type=int, metavar="N", help="how many (default 3, all in one linked group)")
    linked = up.add_mutually_exclusive_group()
    linked.add_argument("--linked", type=int, metavar="M", help="in linked groups of M nodes")
    linked.add_argument("--groups", metavar="NxM,...", help="N linked groups of M nodes, ...: 2x3,1x1")
    linked.add_argument("--standalone", action="store_true", help="every node by itself")
    up.add_argument("--profile", action="append", metavar="|".join(PROFILES), help="release; again: dealt in turn")
    up.add_argument("--python", metavar="VERSION|PATH", help="the nodes' own Python (default: the release's)")
    up.add_argument("--shell", choices=["appliance", "bash"], default="appliance", help="root's login shell")
    up.add_argument("--legacy-store", action="store_true", help="with STS_INTERNAL_SSL_CERT and port 7444")
    up.add_argument("--duration", action="append", type=_duration, default=[], metavar="NAME=SECONDS",
                    help="start-all, stop-all, SERVICE or SERVICE.stop")  # fmt: skip
    up.add_argument("--inventory", type=Path, metavar="PATH", help="write an Ansible inventory there")
    for name, run, text in (("down", _down, "end the nodes, leave nothing"), ("status", _status, "how to reach them")):
        command = commands.add_parser(name, help=text)
        command.set_defaults(run=run)
        command.add_argument("--dir", type=lambda p: Path(p).absolute(), default=DEFAULT_FOLDER, metavar="LABDIR")
    up.add_argument("--dir", type=lambda p: Path(p).absolute(), default=DEFAULT_FOLDER, metavar="LABDIR")
    return parser


if __name__ == "__main__":
    sys.exit(main())
