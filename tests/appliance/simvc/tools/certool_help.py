# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool's help: the reference fixes its groups, options and width (vmware-cli.md §1.1); the words are ours."""

import textwrap

_WIDTH = 80
_COLUMN = 26

_GENERAL = {
    "--help arg": "help, or the help of one group: init, functions, config, files",
    "--server arg (=localhost)": "the VMCA server to work with",
    "--srp-upn arg": "UPN to log in with instead of the machine account",
    "--srp-pwd arg": "password of that UPN; asked for when left out",
    "--version": "show the server's version",
    "--viewerror arg (=0)": "accepted, shows nothing",
}

_INIT = {
    "--gencsr": "make a key pair and a certificate request from a config file",
    "--initcsr": "the old name of --gencsr",
    "--selfca": "make a self-signed root and give it to VMCA",
    "--rootca": "give VMCA the certificate chain and key of a CA",
    "--getdc": "show the default domain of the directory",
    "--WaitVMDIR": "wait until the directory answers",
    "--WaitVMCA": "wait until VMCA answers and has a root",
    "--publish-roots": "publish the CA certificates to the directory now",
    "--predate arg (=4320)": "minutes by which a root starts before now",
    "--port arg (=389)": "LDAP port",
    "--wait arg (=3)": "minutes to wait at most",
}

_FUNCTIONS = {
    "--genkey": "make a key pair; needs --privkey and --pubkey",
    "--gencert": "have VMCA issue a certificate; needs --privkey and --cert",
    "--getrootca": "show the CA certificate, and save it with --cert",
    "--viewcert": "show the certificate in --cert",
    "--revokecert": "revoke the certificate in --cert",
    "--enumcert": "list certificates; --filter=active, revoked or all",
    "--status": "tell whether the certificate in --cert is valid",
    "--genCIScert": "issue a solution user's certificate and store it in VECS",
    "--gencrl": "have VMCA make a new CRL",
    "--getcrl": "save the CRL to --crl",
    "--viewcrl": "show the CRL in --crl",
    "--genselfcacert": "make a self-signed CA in --outcert and --outprivkey",
    "--gencsrfromcert": "make a request that repeats the certificate in --cert",
    "--enableserveroption": "switch a server option on; names it with --option",
    "--disableserveroption": "switch a server option off",
    "--getserveroption": "list the server options that are on",
    "--filter arg": "which certificates --enumcert lists",
    "--FQDN arg": "DNS name for --genCIScert",
    "--option arg": "server option: multiplesan",
}

_CONFIG = {
    "--Country arg": "subject C, two characters",
    "--Name arg": "subject CN",
    "--DomainComponent arg": "subject DC",
    "--Organization arg": "subject O",
    "--OrgUnit arg": "subject OU",
    "--State arg": "subject ST",
    "--Locality arg": "subject L",
    "--IPAddress arg": "SAN, IP addresses",
    "--Email arg": "SAN, e-mail addresses",
    "--Hostname arg": "SAN, DNS names",
}

_FILES = {
    "--config arg (=certool.cfg)": "config file with the fields of a request",
    "--privkey arg": "private key",
    "--pubkey arg": "public key",
    "--cert arg": "certificate",
    "--csrfile arg": "certificate request",
    "--crl arg": "CRL",
    "--currcrl arg": "CRL that is known already",
    "--outprivkey arg": "private key that is written",
    "--outcert arg": "certificate that is written",
}

_GROUPS = {
    "init": ("certool initialization options", _INIT),
    "functions": ("certool functions", _FUNCTIONS),
    "config": ("certool config file parameters", _CONFIG),
    "files": ("certool files", _FILES),
}


def help_text(group: str) -> str:
    """What `--help=<group>` prints; any other group is answered with the general help."""
    title, options = _GROUPS.get(group, ("certool general options", _GENERAL))
    return f"{title}:\n" + "".join(_lines(option, words) for option, words in options.items()) + "\n"


def _lines(option: str, words: str) -> str:
    head = f"  {option} "
    first, *more = textwrap.wrap(words, _WIDTH - _COLUMN)
    if len(head) > _COLUMN:
        more.insert(0, first)
        return head.rstrip() + "\n" + "".join(f"{'':{_COLUMN}}{line}\n" for line in more)
    return f"{head:{_COLUMN}}{first}\n" + "".join(f"{'':{_COLUMN}}{line}\n" for line in more)
