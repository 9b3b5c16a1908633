# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""service-control in the dialects that were captured (field notes §1); what it does is vmon's work.

Knobs: `service_control.dialect` (6.5, 6.7, 8.0), `.section_order` (list of states), `.hide_sections` (list), `.wrap`
(columns), `.indent` (before the names), `.rc` (honest, zero, inverted: no public table of exit codes exists).
"""

from __future__ import annotations

import sys

from .. import ipc, paths
from ..knobs import knob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_USAGE = (
    "service-control [-h] [--start] [--stop] [--status] [--list] [--list-services] [--vmon-profile VMON_PROFILE] "
    "[--all] [--ignore] ..."
)
_FLAGS = {
    "--start": "Perform start operation",
    "--stop": "Perform stop operation",
    "--status": "Perform status operation",
    "--list": "List all controllable services. Soon to be deprecated",
    "--list-services": "List all controllable services",
    "--all": "All core and management services",
    "--ignore": "Continue on errors",
}
_OPERATIONS = ("--start", "--stop", "--status", "--list", "--list-services")
_SECTIONS = ("Running", "StartPending", "StopPending", "Stopped")
_PAST = {"start": "started", "stop": "stopped"}
_ING = {"start": "starting", "stop": "stopping"}
_NOT_ALLOWED = "Operation not allowed in current service state"

# vMon's own name where it is not the long one less "vmware-" (field notes §1.5).
_SHORT = {
    "vmware-stsd": "sts",
    "vmware-rbd-watchdog": "rbd",
    "vmware-vpostgres": "vmware-vpostgres",
    "vmware-postgres-archiver": "vmware-postgres-archiver",
}


class Failed(Exception):
    """An operation failed; the message is what follows `Service-control failed. `."""


def main(argv: list[str]) -> int:
    options = parse(argv)
    try:
        _run(options)
    except Failed as failure:
        print(f"Service-control failed. {failure}", file=sys.stderr)
        return _rc(1)
    return _rc(0)


class Options:
    """What a command line asks for."""

    def __init__(self, flags: set[str], services: list[str], profile: str | None = None) -> None:
        self.operations = [name for name in _OPERATIONS if name in flags]
        self.all = "--all" in flags
        self.ignore = "--ignore" in flags
        self.services = services
        self.profile = profile


def parse(argv: list[str]) -> Options:
    """Options in full and names behind them are what they are; anything else is for argparse to say.

    Importing argparse takes as long as a whole call without it (ipc.py).
    """
    flags = [word for word in argv if word in _FLAGS]
    services = argv[len(flags) :]
    if argv[: len(flags)] == flags and not any(word.startswith("-") for word in services):
        return Options(set(flags), services)
    return parse_by_argparse(argv)


def parse_by_argparse(argv: list[str]) -> Options:
    """Raises SystemExit after the help, or after what is wrong with the command line."""
    import argparse

    parser = argparse.ArgumentParser(prog="service-control", usage=_USAGE)
    for flag, text in _FLAGS.items():
        if flag == "--all":  # as the help has it, in front of this one
            parser.add_argument("--vmon-profile", help="Operate on the services of this vMon profile")
        parser.add_argument(flag, action="append_const", const=flag, dest="flags", help=text)
    parser.add_argument("services", nargs="*", help=argparse.SUPPRESS)
    found = parser.parse_args(argv)
    return Options(set(found.flags or ()), found.services, found.vmon_profile)


def _run(options: Options) -> None:
    if len(options.operations) != 1:
        raise Failed("Error Exactly one operation must be specified.")
    operation = options.operations[0].removeprefix("--")
    if operation in ("list", "list-services"):
        _list()
    elif operation == "status":
        _status(options.services)
    else:
        _Change(operation, options).run()


def _list() -> None:
    for service in _vmon("services")["services"]:
        print(f"{service['name']} ({service['description']})")


def _status(services: list[str]) -> None:
    names = _resolve(services, _vmon("services")["services"]) if services else []
    states = _vmon("states")["states"]
    shown = {name: state for name, state in states.items() if not names or name in names}
    hidden = knob("service_control.hide_sections", [])
    for section in knob("service_control.section_order", _SECTIONS):
        members = [name for name, state in shown.items() if state == section]
        if members and section not in hidden:
            sys.stdout.write(_section(section, " ".join(members)))


def _section(title: str, names: str) -> str:
    if _dialect() == "6.5":
        return f"{title}: {names}\n"
    indent = knob("service_control.indent", " ")
    width = knob("service_control.wrap", None)
    lines = [names]
    if width:
        import textwrap

        lines = textwrap.wrap(names, width, break_on_hyphens=False, break_long_words=False)
    return "".join([f"{title}:\n", *(f"{indent}{line}\n" for line in lines)])


class _Change:
    """One start or stop: services of the operating system one by one, those of vMon as one profile."""

    def __init__(self, operation: str, options: Options) -> None:
        self.operation = operation
        self.ignore = options.ignore
        self.all = options.all
        self.profile = options.profile
        listing = _vmon("services")
        self.names = _resolve(options.services, listing["services"])
        self.core, self.leaves = listing["core"], listing["leaves"]

    def run(self) -> None:
        self._announce()
        if self.names:
            self._each(self.names)
        elif self.operation == "start":
            self._each(self._of_os(self.core))
            # A profile that failed may still come up by itself, so that the rest must not be missing then.
            try:
                self._profile()
            finally:
                self._each(self._of_os(self.leaves))
        else:
            self._each(self._of_os(self.leaves))
            self._profile()
            self._each(self._of_os(self.core[::-1]))

    def _of_os(self, names: list[str]) -> list[str]:
        """Without --all only the profile is meant."""
        return names if self.all or self.profile else []

    def _announce(self) -> None:
        if _dialect() != "6.5":
            _say("Operation not cancellable. Please wait for it to finish...")
            return
        of_os = not self.names and bool(self.all)
        _say(
            f"Perform {self.operation} operation. vmon_profile={None if self.names else self._profile_name()}, "
            f"svc_names={self.names or None}, include_coreossvcs={of_os}, include_leafossvcs={of_os}"
        )

    def _each(self, names: list[str]) -> None:
        for name in names:
            self._before(name)
            outcome = self._ask(self.operation, names=[name], ha=bool(self.profile))[name]
            if outcome == "skipped":
                _say(f"Service {name} startup type is not automatic. Skip")
            elif outcome == "ok":
                _say(f"Successfully {_PAST[self.operation]} service {name}")
            else:
                self._fail(_single_failure(self.operation, name, outcome))

    def _before(self, name: str) -> None:
        if _dialect() != "6.5":
            _say(f"Performing {self.operation} operation on service {name}...")
        elif name in self.core:
            _say(f"Service {name} does not seem to be registered with vMon...")
            _say(f"Running command: ['/sbin/service', u'{name}', 'status']")

    def _profile(self) -> None:
        if _dialect() != "6.5":
            _say(f"Performing {self.operation} operation on profile: {self._profile_name()}...")
        results = self._ask(f"{self.operation}_profile")
        bad = {name: outcome for name, outcome in results.items() if outcome in ("failed", "busy")}
        if bad:
            self._fail(self._profile_failure(bad))
        elif _dialect() != "6.5":
            _say(f"Successfully {_PAST[self.operation]} profile: {self._profile_name()}.")

    def _profile_failure(self, bad: dict[str, str]) -> str:
        names = ", ".join(short_name(name) for name in bad)
        code, reason = (5, f" Error: {_NOT_ALLOWED}") if "busy" in bad.values() else (4, "")
        return (
            f"Error: Failed to {self.operation} services in profile {self._profile_name()}. "
            f"RC={code}, stderr=Failed to {self.operation} {names} services.{reason}"
        )

    def _profile_name(self) -> str:
        return self.profile or "ALL"

    def _ask(self, operation: str, **arguments: Any) -> dict[str, str]:
        answer = _vmon(operation, **arguments)
        if answer["code"]:
            raise Failed("Error: Operation not permitted")
        results: dict[str, str] = answer["results"]
        return results

    def _fail(self, message: str) -> None:
        if not self.ignore:
            raise Failed(message)
        _say(message)


def _single_failure(operation: str, name: str, outcome: str) -> str:
    if outcome == "busy":
        return f"Error: Failed to {operation} {short_name(name)} services. Error: {_NOT_ALLOWED}"
    details = {
        "detail": [
            {
                "id": f"install.ciscommon.service.fail{operation}",
                "translatable": f"An error occurred while {_ING[operation]} service '%(0)s'",
                "args": [name],
                "localized": f"An error occurred while {_ING[operation]} service '{name}'",
            }
        ],
        "componentKey": None,
        "resolution": None,
        "problemId": None,
    }
    import json

    text = json.dumps(details, indent=4)
    print(f"\nError executing {operation} on service {name}. Details {text}", file=sys.stderr)
    return f"Error: {text}"


def short_name(name: str) -> str:
    """As vMon calls the service in its messages."""
    return _SHORT.get(name, name.removeprefix("vmware-"))


def _resolve(names: list[str], services: list[dict[str, str]]) -> list[str]:
    """Long names of services given by their long or short ones."""
    known = {}
    for service in services:
        known[short_name(service["name"])] = known[service["name"]] = service["name"]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Failed(f"Error: Invalid service name(s): {' '.join(unknown)}")
    return [known[name] for name in names]


def _vmon(operation: str, **arguments: Any) -> dict[str, Any]:
    try:
        # A start of everything may be made to last as long as a real one.
        return ipc.call(paths.VMON_SOCKET, {"op": operation, **arguments}, timeout=7200)
    except OSError as error:
        raise Failed("Error: Failed to connect to the service manager") from error


def _dialect() -> str:
    return str(knob("service_control.dialect", "8.0"))


def _say(text: str) -> None:
    print(text, flush=True)


def _rc(rc: int) -> int:
    kind = knob("service_control.rc", "honest")
    return {"zero": 0, "inverted": 1 - rc}.get(kind, rc)
