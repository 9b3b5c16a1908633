# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The 32-bit error numbers of certool and VMCA with their messages (vmware-cli.md §1.4, §1.10), mistakes included."""

FILE_NOT_FOUND = 2
ACCESS_DENIED = 5
BAD_FORMAT = 11
NOT_SUPPORTED = 50
INVALID_PARAMETER = 87
ALREADY_EXISTS = 183
CANNOT_CONNECT_VMAFD = 1021
SERVER_DOWN = 0xFFFFFFFF

ROOT_CA_MISSING = 70000
INVALID_TIME_SPECIFIED = 70002
ARGUMENT_ERROR = 70003
TIME_OUT = 70004
CERT_DECODE_FAILURE = 70008
KEY_IO_FAILURE = 70009
CERT_IO_FAILURE = 70010
NOT_CA_CERT = 70011
INVALID_CSR_FIELD = 70012
INVALID_KEY_LENGTH = 70015
CRL_ERROR = 70018
CRL_LOCAL_ERROR = 70021
START_TIME = 70034
PRIVATE_KEY_MISMATCH = 70037
KRB_ACCESS_DENIED = 70042
INVALID_SUBJECT = 70060
INVALID_SAN = 70061
INCOMPLETE_CHAIN = 70062
INVALID_CHAIN = 70063
KEY_DECODE_FAILURE = 70065
POLICY_VALIDATION = 70095
UNKNOWN = 70101

INVALID_NET_ADDRESS = 0x16C9A02B
CONNECT_REJECTED = 0x16C9A042
AUTH_METHOD = 0x16C9A0F6

_VMCA = {
    ROOT_CA_MISSING: "The Root CA certificate is missing or failed to Initialize",
    70001: "Root CA Certificate is already present, Please use --force if you want to overwrite.",
    INVALID_TIME_SPECIFIED: "Invalid time specified for the Certififcate",
    ARGUMENT_ERROR: "Invalid arguments found",
    TIME_OUT: "Time out occurred before specified Event.",
    70005: "Unable to allocate Memory",
    70006: "Unable decode CSR",
    70007: "Key Creation failure",
    CERT_DECODE_FAILURE: "Cert Decode failure",
    KEY_IO_FAILURE: "Key I/O failure",
    CERT_IO_FAILURE: "Cert I/O failure",
    NOT_CA_CERT: "Not a CA Cert",
    INVALID_CSR_FIELD: "Invalid CSR field",
    INVALID_KEY_LENGTH: "Key length has to be between 2048(2KB) and 16384(16KB)",
    CRL_ERROR: "CRL update failed",
    CRL_LOCAL_ERROR: "Failed in File I/O, Please Check Path / Permission",
    START_TIME: "Start Time Error",
    70035: "End Time Error",
    PRIVATE_KEY_MISMATCH: "Cert/Key pair does not match",
    KRB_ACCESS_DENIED: "Kerb access denied",
    70048: "This is already revoked cert",
    INVALID_SUBJECT: "Invalid Subject Name specified",
    INVALID_SAN: "Invalid Subject Alternate Name specified.",
    INCOMPLETE_CHAIN: "Certificate Chain is not complete",
    INVALID_CHAIN: "Invalid Certificate Chain was gives as input",
    70064: "Could not create the CSR from the certificate",
    KEY_DECODE_FAILURE: "Could not decode the Private Key from the given format",
    70067: "CSR CN does not match to hostname",
    70068: "CSR SAN does not match to hostname",
    70069: "CSR SAN has an invalid ip",
    70078: "Server is unavailable/shutdown",
    POLICY_VALIDATION: "Request does not comply with policy",
    UNKNOWN: "Certificate Server Unknown Error",
}

_RPC = {
    INVALID_NET_ADDRESS: "Failed to connect to the remote host, reason = rpc_s_inval_net_addr (0x16c9a02b).",
    CONNECT_REJECTED: "Failed to connect to the remote host, reason = rpc_s_connect_rejected (0x16c9a042).",
    AUTH_METHOD: "Access denied, reason = rpc_s_auth_method (0x16c9a0f6).",
}

_WIN32 = {
    FILE_NOT_FOUND: "ERROR_FILE_NOT_FOUND",
    ACCESS_DENIED: "ERROR_ACCESS_DENIED",
    BAD_FORMAT: "ERROR_BAD_FORMAT",
    13: "ERROR_INVALID_DATA",
    20: "ERROR_BAD_UNIT",
    21: "ERROR_NOT_READY",
    26: "ERROR_NOT_DOS_DISK",
    28: "ERROR_OUT_OF_PAPER",
    30: "ERROR_READ_FAULT",
    36: "ERROR_SHARING_BUFFER_EXCEEDED",
    NOT_SUPPORTED: "ERROR_NOT_SUPPORTED",
    INVALID_PARAMETER: "ERROR_INVALID_PARAMETER",
    ALREADY_EXISTS: "ERROR_ALREADY_EXISTS",
    CANNOT_CONNECT_VMAFD: "ERROR_CHILD_MUST_BE_VOLATILE",
    4312: "ERROR_OBJECT_NOT_FOUND",
    SERVER_DOWN: "-1",
}


class VmcaError(Exception):
    """A command or an operation ended with a 32-bit error number, `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def message(code: int) -> str:
    """The text behind `Error Message : `."""
    known = _VMCA.get(code) or _RPC.get(code)
    return known or f"Operation failed with error = {_WIN32.get(code, 'ERROR_UNKNOWN')} ({code})"
