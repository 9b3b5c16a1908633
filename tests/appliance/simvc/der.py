# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much DER as VMCA needs: names and extensions are copied byte for byte, whatever they hold."""

from collections.abc import Iterator
from dataclasses import dataclass

BOOLEAN = 0x01
OCTET_STRING = 0x04
OBJECT = 0x06
SEQUENCE = 0x30
SET = 0x31
ATTRIBUTES = 0xA0
EXTENSIONS = 0xA3

# GeneralName choices.
EMAIL = 0x81
DNS = 0x82
ADDRESS = 0x87

SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
KEY_USAGE = "2.5.29.15"
BASIC_CONSTRAINTS = "2.5.29.19"
CA_TRUE = b"\x30\x03\x01\x01\xff"
_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"


@dataclass(frozen=True)
class Extension:
    """One X.509 extension; `value` is the DER inside its OCTET STRING."""

    oid: str
    critical: bool
    value: bytes


def encoded(tag: int, content: bytes) -> bytes:
    """One element, definite length."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element; raises ValueError where the bytes are no DER."""
    position = 0
    while position < len(content):
        tag, size, start = _header(content, position)
        position = start + size
        if position > len(content):
            raise ValueError("element beyond the end")
        yield tag, content[start:position]


def inside(content: bytes, index: int = 0) -> bytes:
    """The content of one element of a sequence's content; raises ValueError when there is none."""
    for number, (_, value) in enumerate(elements(content)):
        if number == index:
            return value
    raise ValueError("element missing")


def requested_extensions(request: bytes) -> list[Extension]:
    """The extensions that a PKCS#10 request in DER asks for, in its order."""
    information = inside(inside(request))
    for tag, attributes in elements(information):
        if tag != ATTRIBUTES:
            continue
        for _, attribute in elements(attributes):
            if _object(inside(attribute)) == _EXTENSION_REQUEST:
                wanted = inside(inside(attribute, 1))
                return [_extension(item) for _, item in elements(wanted)]
    return []


def certificate_extensions(certificate: bytes) -> list[Extension]:
    """The extensions of a certificate in DER, in its order."""
    for tag, content in elements(inside(inside(certificate))):
        if tag == EXTENSIONS:
            return [_extension(item) for _, item in elements(inside(content))]
    return []


def general_names(value: bytes, choice: int) -> list[bytes]:
    """The names of one choice in a GeneralNames value."""
    return [name for tag, name in elements(inside(value)) if tag == choice]


def _extension(content: bytes) -> Extension:
    parts = list(elements(content))
    critical = any(tag == BOOLEAN and value != b"\x00" for tag, value in parts)
    return Extension(_object(parts[0][1]), critical, parts[-1][1])


def _object(content: bytes) -> str:
    numbers: list[int] = []
    number = 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def _header(content: bytes, position: int) -> tuple[int, int, int]:
    if position + 2 > len(content):
        raise ValueError("element cut short")
    tag, size = content[position], content[position + 1]
    start = position + 2
    if size < 0x80:
        return tag, size, start
    octets = size & 0x7F
    return tag, int.from_bytes(content[start : start + octets], "big"), start + octets
