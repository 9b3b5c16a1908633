# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of certool (vmware-cli.md §1.2)."""

from .program_options import FLAG, NUMBER, OPTIONAL, TEXT, Kind, Values, parse_command_line

# Keys of the config file, which are options of the command line, too.
CONFIG_KEYS = (
    "Country",
    "Name",
    "DomainComponent",
    "Organization",
    "OrgUnit",
    "State",
    "Locality",
    "IPAddress",
    "Email",
    "Hostname",
)

_FLAGS = (
    "version",
    "initcsr",
    "gencsr",
    "selfca",
    "rootca",
    "getdc",
    "WaitVMDIR",
    "WaitVMCA",
    "publish-roots",
    "genkey",
    "gencert",
    "getrootca",
    "revokecert",
    "viewcert",
    "enumcert",
    "genCIScert",
    "status",
    "gencrl",
    "getcrl",
    "viewcrl",
    "genselfcacert",
    "gencsrfromcert",
    "enableserveroption",
    "disableserveroption",
    "getserveroption",
    "PKCS12",
    "prv",
    "trs",
    "rvk",
    "all",
)

_TEXTS = (
    "server",
    "srp-upn",
    "srp-pwd",
    "config",
    "privkey",
    "cert",
    "pubkey",
    "csrfile",
    "FQDN",
    "password",
    "user",
    "domain",
    "crl",
    "currcrl",
    "outprivkey",
    "outcert",
    "filter",
    "option",
)

_NUMBERS = ("viewerror", "port", "wait", "InitVMCA", "predate")

_DEFAULTS: dict[str, str | int] = {
    "server": "localhost",
    "config": "certool.cfg",
    "domain": "VSPHERE.LOCAL",
    "port": 389,
    "wait": 3,
    "InitVMCA": 3,
    "predate": 4320,
}

CONFIG_OPTIONS = dict.fromkeys(CONFIG_KEYS, TEXT)

OPTIONS: dict[str, Kind] = {
    "help": OPTIONAL,
    **CONFIG_OPTIONS,
    **dict.fromkeys(_FLAGS, FLAG),
    **dict.fromkeys(_TEXTS, TEXT),
    **dict.fromkeys(_NUMBERS, NUMBER),
}


def parse_arguments(argv: list[str]) -> Values:
    """The options given on the command line; raises program_options.ParseError."""
    values = Values(OPTIONS, _DEFAULTS)
    values.store(parse_command_line(argv, OPTIONS))
    return values
