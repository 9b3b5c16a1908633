# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vdcadmintool (vmware-cli.md §6.2): a menu on stderr over the local directory server; always exit 0."""

from __future__ import annotations

from .. import ipc, paths
from ..afd_errors import VMDIR_CANNOT_CONNECT, AfdError, raise_for
from ..console import err, out, read_line
from ..directory_states import NORMAL, READ_ONLY, STATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MENU = """\


==================
Please select:
0. exit
1. Test LDAP connectivity
2. Force start replication cycle
3. Reset account password
4. Set log level and mask
5. Set vmdir state
6. Get vmdir state
7. Get vmdir log level and mask
==================

"""

# A choice is read into a buffer of three bytes, so longer input is taken in pieces.
_CHOICE = 2
_ANSWER = 255


def main(argv: list[str]) -> int:
    """Loop over the menu until 0, something unknown, or the end of stdin."""
    while True:
        choice = _asked(_MENU, _CHOICE).strip()
        action = _ACTIONS.get(int(choice)) if choice.isdigit() else None
        if action is None:
            return 0
        action()


def _asked(prompt: str, limit: int = _ANSWER) -> str:
    err(prompt)
    return read_line(limit)


def _vmdir(op: str, **arguments: Any) -> dict[str, Any]:
    try:
        return raise_for(ipc.call(paths.VMDIR_SOCKET, {"op": op, **arguments}))
    except OSError:
        raise AfdError(VMDIR_CANNOT_CONNECT) from None


def _test_ldap() -> None:
    host = _asked("  Please enter LDAP server host: ")
    user = _asked("  Please enter LDAP server SASL user UPN: ")
    password = _asked("  Please enter password: ")
    try:
        accepted = not ipc.call(paths.VMDIR_SOCKET, {"op": "authenticate", "user": user, "password": password})["code"]
    except OSError:
        accepted = False
    out(f"VmDirSafeLDAPBind to ({host}) {'passed' if accepted else 'failed'}\n")


def _replicate() -> None:
    _asked(" Enter hostname to start replication cycle: ")
    try:
        _vmdir("replicate_now")
    except AfdError as error:
        out(f"VdcadminReplNow: VmDirReplNow() call failed with error: {error.code}\n")
        return
    out("VmDirReplNow passed\n")


def _reset_password() -> None:
    account = _asked("  Please enter account UPN : ")
    try:
        password = _vmdir("password_reset", account=account)["password"]
    except AfdError as error:
        out(f"VmDirForceResetPassword failed ({error.code})\n")
        return
    out(f"New password is -\n{password}\n")


def _set_log() -> None:
    _asked("  Log level (ERROR|WARNING|INFO|VERBOSE|DEBUG): ")
    _asked("  Log mask : ")


def _get_log() -> None:
    out("Log level INFO\n\nLog mask (4294967295)\n\n")


def _set_state() -> None:
    asked = _asked("Enter state (NORMAL|READ_ONLY): ")
    state = {"NORMAL": NORMAL, "READ_ONLY": READ_ONLY}.get(asked.upper())
    if state is None:
        out("\n SetVmDirState failed: \n")
        return
    try:
        _vmdir("state_set", state=state)
    except AfdError as error:
        out(f"\n SetVmDirState failed: VmDirSetState() failed. error({error.code})\n")
        return
    out(f"\n\n State of Vmdir set to {asked}\n\n")


def _get_state() -> None:
    try:
        state = _vmdir("state_get")["state"]
    except AfdError as error:
        out(f"\n GetVmDirState failed: VmDirGetState() failed. error({error.code})\n")
        return
    out(f"\n\n VmDir State is - {STATES[state]}\n\n")


_ACTIONS: dict[int, Callable[[], None]] = {
    1: _test_ldap,
    2: _replicate,
    3: _reset_password,
    4: _set_log,
    5: _set_state,
    6: _get_state,
    7: _get_log,
}
