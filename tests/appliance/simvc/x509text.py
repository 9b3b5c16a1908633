# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSSL's own text of certificates, CRLs and keys: the bytes of X509_print and its siblings (vmware-cli.md §3.5)."""

import subprocess

# Names in the compat form, `CN=x, O=y`; no configuration of the node may change a letter.
_COMPAT = ("-noout", "-text", "-nameopt", "compat")
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "OPENSSL_CONF": "/dev/null"}


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
    data = pem.encode("utf-8", "surrogateescape")
    done = subprocess.run(
        ["openssl", *arguments], input=data, capture_output=True, env=_ENVIRONMENT, timeout=60, check=False
    )
    if done.returncode:
        raise ValueError(done.stderr.decode("utf-8", "replace").strip())
    return done.stdout.decode("utf-8", "surrogateescape")
