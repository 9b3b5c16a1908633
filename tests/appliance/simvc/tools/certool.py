# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool: keys, requests and certificates (vmware-cli.md §1).

Several commands of one call run in a fixed order and stop at the first error; then the status block is printed.
"""

from __future__ import annotations

from .. import console
from ..vmca_errors import ARGUMENT_ERROR, UNKNOWN, VmcaError, message
from . import certool_local, certool_server
from .certool_client import Server
from .certool_config import read_config
from .certool_credentials import credentials
from .certool_options import parse_arguments
from .program_options import ParseError, Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[[Values, Server], None]

_UNREADABLE_CONFIG = "Unable to read the config file"

_PREDATE_MAX = 10080


def main(argv: list[str]) -> int:
    """Run one call; the 32-bit error number is the result, 0 for success."""
    try:
        values = parse_arguments(argv)
        if not argv or "help" in values:
            from .certool_help import help_text

            console.out(help_text(values.text("help")))
            return 0
        return _reported(values)
    except ParseError as error:
        console.flush()
        console.err(f"error: {error}\n")
        return UNKNOWN


def _reported(values: Values) -> int:
    try:
        _run(values)
    except VmcaError as error:
        console.out(f"Status : Failed\nError Code : {error.code}\nError Message : {message(error.code)}\n")
        return error.code
    console.out("Status : Success\n")
    return 0


def _run(values: Values) -> None:
    server = Server(values.text("server"), credentials(values))
    for flags, command in _DISPATCH:
        if any(flag in values for flag in flags):
            command(values, server)


def _require(values: Values, names: tuple[str, ...], complaint: str) -> None:
    if not all(name in values for name in names):
        console.out(complaint)
        raise VmcaError(ARGUMENT_ERROR)


def _selfca(values: Values, server: Server) -> None:
    read_config(values.text("config"), values)
    if not 0 <= values.number("predate") <= _PREDATE_MAX:
        console.out(f"Invalid start time predate specified it should be between {_PREDATE_MAX} and 0 \n")
        raise VmcaError(ARGUMENT_ERROR)
    certool_server.self_signed_root(values, server)


def _rootca(values: Values, server: Server) -> None:
    _require(
        values,
        ("privkey", "cert"),
        "To upload a Root CA Cert, we need both Cert and Private Key.\n\n"
        "Example: certool --rootca --cert=root.cert --privkey=privatekey.pem\n\n",
    )
    certool_server.install_root(values, server)


def _gencsr(values: Values, _: Server) -> None:
    if "initcsr" in values:
        console.out("This is deprecated. Use gencsr instead.\n")
    _require(
        values,
        ("privkey", "pubkey", "csrfile"),
        "To create a CSR we need a private key path.\n\n"
        "Example : certool --gencsr --privkey=<filename> --pubkey=<filename> --csrfile=<filename>\n",
    )
    read_config(values.text("config"), values)
    certool_local.request_with_new_key(values)


def _gencert(values: Values, server: Server) -> None:
    _require(
        values,
        ("privkey", "cert"),
        "Error : To generate a certificate we need access to a private key."
        "Example : certool --gencert --privkey=<filename> --cert=<filename>\n",
    )
    read_config(values.text("config"), values, _UNREADABLE_CONFIG)
    certool_server.signed_certificate(values, server)


def _genkey(values: Values, _: Server) -> None:
    _require(
        values,
        ("privkey", "pubkey"),
        "Error : To generate a key pair we need public and private key files names to write to."
        "Example : certool --genkey --privkey=<filename> --pubkey=<filename>\n",
    )
    certool_local.key_pair(values)


def _revokecert(values: Values, server: Server) -> None:
    _require(
        values,
        ("cert",),
        "Error : To revoke a cert, you need a path to the certificate"
        "Example : certool --revokecert --cert=<filename>\n",
    )
    certool_server.revoke(values, server)


def _viewcert(values: Values, _: Server) -> None:
    _require(
        values,
        ("cert",),
        "Error : To view a cert, you need a path to the certificateExample : certool --viewcert --cert=<filename>\n",
    )
    certool_local.view_certificate(values)


def _enumcert(values: Values, server: Server) -> None:
    _require(
        values,
        ("filter",),
        "Error : To enum certs, you need to specify certificate statusExample: certool --enumcert --filter=revoked\n",
    )
    certool_server.enumerate_certificates(values, server)


def _genciscert(values: Values, server: Server) -> None:
    _require(
        values,
        ("privkey", "cert"),
        "Error : To generate a certificate we need access to a private key."
        "Example : certool --genCIScert --privkey=<filename> --cert=<filename>\n",
    )
    certool_server.solution_user_certificate(values, server)


def _status(values: Values, server: Server) -> None:
    _require(
        values,
        ("cert",),
        "Error : To check the status of a cert, you need a path to the certificate"
        "Example : certool --status --cert=<filename>\n",
    )
    certool_server.print_status(values, server)


def _getcrl(values: Values, server: Server) -> None:
    _require(
        values,
        ("crl",),
        "Error : to download a CRL file, you need a path to the CRL fileExample : certool --getcrl --crl=<filename>\n",
    )
    certool_server.download_crl(values, server)


def _viewcrl(values: Values, _: Server) -> None:
    _require(
        values,
        ("crl",),
        "Error : CRL file Path is missingExample : certool --viewcrl --crl=<filename> \n",
    )
    certool_local.view_crl(values)


def _genselfcacert(values: Values, _: Server) -> None:
    example = "Example : certool --genselfcacert --outprivkey=<filename> --outcert=<filename>\n"
    _require(values, ("outprivkey",), f"Error : No private key file specified.\n{example}")
    _require(values, ("outcert",), f"Error : No certficate file specified.\n{example}")
    read_config(values.text("config"), values, _UNREADABLE_CONFIG)
    certool_local.self_signed_certificate(values)


def _gencsrfromcert(values: Values, _: Server) -> None:
    example = "Example : certool --gencsrfromcert --privkey=<filename> --cert=<filename> --csrfile=<filename>\n"
    _require(values, ("privkey",), f"Error : No private key file specified.\n{example}")
    _require(values, ("csrfile",), f"Error : No output csr file specified.\n{example}")
    _require(values, ("cert",), f"Error : No certficate file specified.\n{example}")
    certool_local.request_like_certificate(values)


def _server_option(operation: str, flag: str) -> Command:
    complaint = f"Error : No server option specified.\nExample : certool --{flag} --option=multiplesan\n"

    def command(values: Values, server: Server) -> None:
        _require(values, ("option",), complaint)
        certool_server.change_option(operation, values, server)

    return command


_DISPATCH: tuple[tuple[tuple[str, ...], Command], ...] = (
    (("selfca",), _selfca),
    (("rootca",), _rootca),
    (("gencsr", "initcsr"), _gencsr),
    (("getdc",), certool_server.print_domain),
    (("WaitVMCA",), certool_server.wait_for_vmca),
    (("WaitVMDIR",), certool_server.wait_for_vmdir),
    (("publish-roots",), certool_server.publish_roots),
    (("version",), certool_server.print_version),
    (("gencert",), _gencert),
    (("genkey",), _genkey),
    (("revokecert",), _revokecert),
    (("viewcert",), _viewcert),
    (("getrootca",), certool_server.print_root),
    (("enumcert",), _enumcert),
    (("genCIScert",), _genciscert),
    (("status",), _status),
    (("getcrl",), _getcrl),
    (("gencrl",), certool_server.regenerate_crl),
    (("viewcrl",), _viewcrl),
    (("genselfcacert",), _genselfcacert),
    (("gencsrfromcert",), _gencsrfromcert),
    (("enableserveroption",), _server_option("option_set", "enableserveroption")),
    (("disableserveroption",), _server_option("option_unset", "disableserveroption")),
    (("getserveroption",), certool_server.print_options),
)
