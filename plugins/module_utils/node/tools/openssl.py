# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""openssl: proof that a key and a certificate belong together. Keys go through stdin, never on argv or the disk."""

from __future__ import annotations

from .. import paths, pem
from ..errors import NodeError
from ..process import Runner


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

    def _public_key(self, argv: list[str], material: str, failure: str) -> str:
        completed = self._runner.run(argv, stdin=material.encode(), secret=True)
        try:
            return pem.public_keys(completed.stdout)[0]
        except (pem.PemError, IndexError) as error:
            raise NodeError(failure, openssl=completed.stderr.strip()[-400:]) from error
