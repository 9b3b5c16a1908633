# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key pairs as VMCA's client library makes and writes them (vmware-cli.md §1.6), without the rest of vmca_pki: x509 is
slow to import."""

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

KEY_BITS = 2048


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """PKCS#8, no newline at its end."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().rstrip("\n")


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """SubjectPublicKeyInfo, no newline at its end."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().rstrip("\n")


def rsa_public_pem(key: rsa.RSAPrivateKey) -> str:
    """PKCS#1, with its newline."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
