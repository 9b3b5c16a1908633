# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The 32-bit error numbers of the VMAFD tools and their text (vmware-cli.md §0.5)."""

from __future__ import annotations

import errno

from .knobs import knob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE_NOT_FOUND = 2
ACCESS_DENIED = 5
BAD_FORMAT = 11
INVALID_DATA = 13
INVALID_PARAMETER = 87
OPEN_FAILED = 110
LABEL_TOO_LONG = 154
ALREADY_EXISTS = 183
FILE_INVALID = 1006
CANNOT_CONNECT_VMAFD = 1021
NOT_FOUND = 1168
IMPLEMENTATION_LIMIT = 1292
NO_LOGON_SERVERS = 1311
NO_SUCH_USER = 1317
WRONG_PASSWORD = 1323
PASSWORD_RESTRICTION = 1325
LOGON_FAILURE = 1326
GENERIC_NOT_MAPPED = 1360
OBJECT_NOT_FOUND = 4312
INVALID_STATE = 5023
VMDIR_CANNOT_CONNECT = 9126
VMDIR_SERVER_DOWN = 9127
VMDIR_INVALID_CREDENTIAL = 9234
CERT_IO_FAILURE = 90017
PRIVATE_KEY_MISMATCH = 90018
NOT_JOINED = 90021
OPTION_UNKNOWN = 100001
OPTION_INVALID = 100002
RPC_INVAL_NET_ADDR = 0x16C9A02B
RPC_CONNECT_REJECTED = 0x16C9A042
RPC_AUTH_METHOD = 0x16C9A0F6
MINUS_ONE = 0xFFFFFFFF

# LDAP result codes reach the tools' exit status unchanged.
LDAP_OPERATIONS_ERROR = 1
LDAP_NO_SUCH_OBJECT = 32
LDAP_INVALID_CREDENTIALS = 49
LDAP_INSUFFICIENT_ACCESS = 50
LDAP_UNWILLING_TO_PERFORM = 53
LDAP_ALREADY_EXISTS = 68

_RPC = {
    RPC_INVAL_NET_ADDR: "Failed to connect to the remote host, reason = rpc_s_inval_net_addr (0x16c9a02b).",
    RPC_CONNECT_REJECTED: "Failed to connect to the remote host, reason = rpc_s_connect_rejected (0x16c9a042).",
    RPC_AUTH_METHOD: "Access denied, reason = rpc_s_auth_method (0x16c9a0f6).",
}

_VECS = {
    CERT_IO_FAILURE: "Not able to decode certificate",
    PRIVATE_KEY_MISMATCH: "Private key does not match certificate",
    90019: "DC Name Required.",
    NOT_JOINED: "The system is not joined to a domain",
}

_VMAFD = {
    1000: "Configuration is invalid.",
    # Win32 calls 1006 ERROR_FILE_INVALID; the VMAFD table, which is asked first, knows another 1006.
    FILE_INVALID: "No object ID has been generated.",
    CANNOT_CONNECT_VMAFD: "Cannot connect to vmafd service.",
}

_WIN32 = {
    2: "ERROR_FILE_NOT_FOUND",
    5: "ERROR_ACCESS_DENIED",
    11: "ERROR_BAD_FORMAT",
    13: "ERROR_INVALID_DATA",
    20: "ERROR_BAD_UNIT",
    21: "ERROR_NOT_READY",
    32: "ERROR_SHARING_VIOLATION",
    50: "ERROR_NOT_SUPPORTED",
    53: "ERROR_BAD_NETPATH",
    68: "ERROR_TOO_MANY_NAMES",
    87: "ERROR_INVALID_PARAMETER",
    110: "ERROR_OPEN_FAILED",
    123: "ERROR_INVALID_NAME",
    154: "ERROR_LABEL_TOO_LONG",
    170: "ERROR_BUSY",
    183: "ERROR_ALREADY_EXISTS",
    1168: "ERROR_NOT_FOUND",
    1311: "ERROR_NO_LOGON_SERVERS",
    1317: "ERROR_NO_SUCH_USER",
    1323: "ERROR_WRONG_PASSWORD",
    1325: "ERROR_PASSWORD_RESTRICTION",
    1326: "ERROR_LOGON_FAILURE",
    1360: "ERROR_GENERIC_NOT_MAPPED",
    4312: "ERROR_OBJECT_NOT_FOUND",
    5023: "ERROR_INVALID_STATE",
    MINUS_ONE: "-1",
}

# The words of the OpenLDAP client library; 110 and its neighbours are unknown to it.
_LDAP = {
    1: "Operations error",
    2: "Protocol error",
    5: "Compare False",
    11: "Administrative limit exceeded",
    13: "Confidentiality required",
    20: "Type or value exists",
    21: "Invalid syntax",
    32: "No such object",
    49: "Invalid credentials",
    50: "Insufficient access",
    53: "Server is unwilling to perform",
    68: "Already exists",
    MINUS_ONE: "Can't contact LDAP server",
}
_LDAP_EXTENSION = range(0x1000, 0x4000)

_VMDIR_CODES = range(9000, 10000)
_VMDIR_TO_LDAP = {VMDIR_SERVER_DOWN: MINUS_ONE, VMDIR_INVALID_CREDENTIAL: LDAP_INVALID_CREDENTIALS}

# HEAD takes these for its own single-sign-on errors and finds no text (§0.2, last row).
_MASKED = range(1301, 1400)


class AfdError(Exception):
    """An operation ended with a 32-bit error number, `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def raise_for(answer: dict[str, Any]) -> dict[str, Any]:
    """Give a daemon's answer back, or raise its error."""
    if answer["code"]:
        raise AfdError(answer["code"])
    return answer


def os_error_code(error: OSError) -> int:
    """The number a failed file operation becomes: Win32 where the tools map it, else errno as it is."""
    mapped = {errno.ENOENT: FILE_NOT_FOUND, errno.EACCES: ACCESS_DENIED, errno.EPERM: ACCESS_DENIED}
    number = error.errno or errno.EIO
    return mapped.get(number, number)


def error_text(code: int) -> str:
    """The text after `Error <n>:`; it may have three lines."""
    if code in _MASKED and knob("afd.mask_13xx_text", True):
        return "<invalid SSOERROR code>"
    fixed = _RPC.get(code) or _VECS.get(code) or _VMAFD.get(code)
    if fixed:
        return fixed
    if code in _VMDIR_CODES:
        code = _VMDIR_TO_LDAP.get(code, LDAP_OPERATIONS_ERROR)
    ldap = "Unknown (extension) error" if code in _LDAP_EXTENSION else _LDAP.get(code)
    win32 = f"Operation failed with error {_WIN32[code]} ({code})" if code in _WIN32 else None
    if ldap and win32:
        return f"Possible errors: \nLDAP error: {ldap} \nWin Error: {win32}"
    return ldap or win32 or f"Error {code}."
