# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSSL's own text of certificates, CRLs and keys: the bytes of X509_print and its siblings (vmware-cli.md §3.5)."""

import os

# Names in the compat form, `CN=x, O=y`; no configuration of the node may change a letter.
_COMPAT = ("-noout", "-text", "-nameopt", "compat")
_OPENSSL = "/usr/bin/openssl"
_ENVIRONMENT = {"LC_ALL": "C", "OPENSSL_CONF": "/dev/null"}


def certificate_text(pem: str) -> str:
    """The text of the first certificate of a PEM text, one newline at its end; ValueError when it cannot be read."""
    return _openssl(pem, "x509", "-inform", "PEM", *_COMPAT)


def crl_text(pem: str) -> str:
    """The text of the first CRL of a PEM text, one newline at its end; ValueError when it cannot be read."""
    return _openssl(pem, "crl", "-inform", "PEM", *_COMPAT)


def private_key_text(pem: str) -> str:
    """The text of an unencrypted RSA key, its parts in clear; ValueError when it cannot be read as one (§3.7)."""
    return _openssl(pem, "rsa", "-inform", "PEM", "-noout", "-text")


def _openssl(pem: str, *arguments: str) -> str:
    """What openssl says to a PEM text. To import subprocess takes as long as openssl itself (ipc.py)."""
    with (
        open(os.memfd_create("question"), "w+b", buffering=0) as question,
        open(os.memfd_create("answer"), "w+b", buffering=0) as answer,
    ):
        question.write(pem.encode("utf-8", "surrogateescape"))
        question.seek(0)
        streams = [
            (os.POSIX_SPAWN_DUP2, question.fileno(), 0),
            (os.POSIX_SPAWN_DUP2, answer.fileno(), 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        child = os.posix_spawn(_OPENSSL, ["openssl", *arguments], _ENVIRONMENT, file_actions=streams)
        if os.waitpid(child, 0)[1]:
            raise ValueError(f"openssl {arguments[0]} cannot read it")
        answer.seek(0)
        return answer.read().decode("utf-8", "surrogateescape")
