# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""openssl: proof that a key and a certificate belong together. Keys go through stdin, never on argv or the disk."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from ipaddress import ip_address
from typing import Any, NamedTuple

from .. import paths, pem
from ..errors import NodeError
from ..process import Runner

# One form for all versions since 1.0.2: order as in the certificate, RFC 2253 escapes, UTF-8 as it is.
_NAMES = "esc_2253,utf8,sep_comma_plus"
_LINE = re.compile(r"^(subject|issuer|serial|notBefore|notAfter)=[ \t]*(.*?)[ \t\r]*$", re.MULTILINE)
_SAN = re.compile(r"Subject Alternative Name:[^\n]*\n\s*([^\n]*)")
_RDN = re.compile(r"(?:^|[,+])([A-Za-z0-9.]+)=((?:\\.|[^\\,+])*)")
_KINDS = {"DNS": "dns", "IP Address": "ip", "email": "email"}


class Facts(NamedTuple):
    """What a certificate says. Dates are UTC; `names` are the SAN's (kind, value) pairs in their order."""

    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    names: list[tuple[str, str]]

    @property
    def common_name(self) -> str | None:
        """The first CN of the subject."""
        return next((value for kind, value in self.rdns() if kind == "CN"), None)

    def rdns(self) -> list[tuple[str, str]]:
        """The subject as (attribute type, value) pairs in its order, values without escapes."""
        return [(kind, _unescaped(value)) for kind, value in _RDN.findall(self.subject)]

    def of_kind(self, kind: str) -> list[str]:
        """The SAN's names of one kind: `dns`, `ip` (canonical), `email`."""
        return [value for each, value in self.names if each == kind]

    def to_dict(self) -> dict[str, Any]:
        """The facts as they are shown, in a diff for example: strings, dates in ISO 8601."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "serial": self.serial,
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
            "subject_alternative_names": [f"{kind}:{value}" for kind, value in self.names],
        }


class Openssl:
    """Works with OpenSSL 1.0.2 and later."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def public_key_of_key(self, key: str) -> str:
        """The public key (SubjectPublicKeyInfo PEM) of a private key given as PEM. Raises NodeError, never quoting it.

        The empty pass phrase makes an encrypted key fail instead of asking on a terminal.
        """
        argv = [paths.openssl(), "pkey", "-pubout", "-passin", "pass:"]
        return self._public_key(argv, key, "The private key cannot be read; it must be PEM and unencrypted.")

    def public_key_of_cert(self, certificate: str) -> str:
        """The public key (SubjectPublicKeyInfo PEM) of a certificate given as PEM. Raises NodeError."""
        argv = [paths.openssl(), "x509", "-noout", "-pubkey"]
        return self._public_key(argv, certificate, "The certificate cannot be read.")

    def key_matches(self, certificate: str, key: str) -> bool:
        """Whether a certificate (PEM, the first block) was made for a private key (PEM). Raises NodeError."""
        return self.public_key_of_cert(certificate) == self.public_key_of_key(key)

    def facts(self, certificate: str) -> Facts:
        """What a certificate (PEM) says. Raises NodeError when openssl cannot read it."""
        argv = [paths.openssl(), "x509", "-noout", "-subject", "-issuer", "-serial", "-startdate", "-enddate"]
        # The SAN comes from the text form: OpenSSL 1.0.2 has no -ext.
        argv += ["-text", "-certopt", "no_pubkey,no_sigdump,no_header", "-nameopt", _NAMES]
        completed = self._runner.run(argv, stdin=certificate.encode())
        lines = dict(_LINE.findall(completed.stdout))
        try:
            return Facts(
                lines["subject"],
                lines["issuer"],
                lines["serial"].lower(),
                _date(lines["notBefore"]),
                _date(lines["notAfter"]),
                _names(completed.stdout),
            )
        except (KeyError, ValueError) as error:
            raise NodeError("The certificate cannot be read.", openssl=completed.stderr.strip()[-400:]) from error

    def subject_alternative_names(self, certificate: str) -> list[str]:
        """The names in a certificate's SAN, in order and without their kind. Raises NodeError."""
        return [value for _kind, value in self.facts(certificate).names]

    def not_after(self, certificate: str) -> datetime:
        """When a certificate ends, in UTC. Raises NodeError."""
        return self.facts(certificate).not_after

    def _public_key(self, argv: list[str], material: str, failure: str) -> str:
        completed = self._runner.run(argv, stdin=material.encode(), secret=True)
        try:
            return pem.public_keys(completed.stdout)[0]
        except (pem.PemError, IndexError) as error:
            raise NodeError(failure, openssl=completed.stderr.strip()[-400:]) from error


def _names(text: str) -> list[tuple[str, str]]:
    found = _SAN.search(text)
    entries = [entry.strip().partition(":") for entry in found.group(1).split(", ")] if found else []
    return [_name(_KINDS.get(kind, kind), value) for kind, _colon, value in entries]


def _name(kind: str, value: str) -> tuple[str, str]:
    """IPv6 addresses are printed in several ways; one is kept."""
    return (kind, str(ip_address(value))) if kind == "ip" else (kind, value)


def _date(text: str) -> datetime:
    return datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=timezone.utc)


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value)
