# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documented error numbers mean, and what to do about them (vmware-cli.md §0.5, §1.10, §3.2, §4)."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    meaning: str
    remedy: str = ""


# -1: unsigned from the VMAFD tools, signed from vdcrepadmin (§0.2, §0.5).
LARGEST = 0xFFFFFFFF

_START_CORE = "Start the daemon (`service-control --start {0}`) and run again."

_CODES = {
    2: Code("a file or object was not found"),
    5: Code("access denied", "Run as root; check that the machine account is a member of CAAdmins."),
    11: Code("no usable PEM certificate or RSA key in the file", "Only unencrypted RSA keys in PEM are taken."),
    13: Code("invalid data"),
    50: Code("not supported"),
    87: Code("invalid parameter"),
    170: Code("the store is in use", "Wait until the other client is done, then run again."),
    183: Code("it exists already"),
    1000: Code("the node is not configured: first boot did not end"),
    1021: Code("vmafdd does not answer", _START_CORE.format("vmafdd")),
    1311: Code("the directory cannot be reached", _START_CORE.format("vmdird")),
    1360: Code("the directory refused to log the user in, and does not say why"),
    4312: Code("the store or alias does not exist"),
    5023: Code("invalid state"),
    9126: Code("vmdird does not answer", _START_CORE.format("vmdird")),
    9127: Code("vmdird does not answer", _START_CORE.format("vmdird")),
    9234: Code("the directory refused the credentials"),
    70000: Code("VMCA has no root certificate"),
    70002: Code("the validity asked for is refused", "Check the node's clock."),
    70003: Code("invalid arguments, or a config file that cannot be read"),
    70009: Code("the private key cannot be read", "The key must be RSA, PEM and unencrypted."),
    70010: Code("the certificate cannot be read"),
    70012: Code("a field of the request is invalid", "Check the config: country, lengths, addresses."),
    70015: Code("the key must be RSA with 2048 to 16384 bits"),
    70034: Code(
        "the certificate would begin before VMCA's root does",
        "A leaf is dated back by 10 minutes: wait until the root is older than that, or set the clock right.",
    ),
    70042: Code("VMCA did not accept the machine account", "Run as root on the node itself."),
    70060: Code("the common name is refused: wildcards are not allowed"),
    70061: Code(
        "a subject alternative name is refused: a wildcard, or more than one DNS name",
        "Ask for one DNS name, or let VMCA take several (`certool --enableserveroption --option multiplesan`).",
    ),
    70078: Code("VMCA is shutting down"),
    70095: Code(
        "VMCA refused to sign the request and hides why",
        "Check for wildcards, for more than one DNS name, the node's clock and the age of VMCA's root.",
    ),
    90018: Code("the private key does not match the first certificate of the file"),
    90019: Code("the name of the domain controller is missing"),
    90021: Code("the node is not joined to a domain"),
    100001: Code("unknown command or option: this build spells it otherwise"),
    100002: Code("the options are not valid: this build spells them otherwise"),
    382312491: Code("the server's name cannot be resolved"),
    382312514: Code("vmcad does not answer", _START_CORE.format("vmcad")),
    382312694: Code("VMCA cannot authenticate: vmdird does not answer", _START_CORE.format("vmdird")),
    # The directory, or characters that the tool could not convert (§0.5, §3.8).
    LARGEST: Code(
        "vmdird does not answer, or the tool could not read what it was given as text",
        "See whether vmdird is up (`service-control --status vmdird`), then run again.",
    ),
}


def is_known(code: int) -> bool:
    return code in _CODES


def lookup(code: int) -> Code:
    """The meaning of a documented number; an unknown one means only itself."""
    known = _CODES.get(code, Code("an error without a documented meaning"))
    return Code(f"error {code}: {known.meaning}", known.remedy)
