# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool without a server: grammar, help, missing arguments, keys, requests (vmware-cli.md §1.1 to §1.7, §2)."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from simvc.certool_bench import CONFIG, SUCCESS, Certool, failed
from simvc.samples import pair
from simvc.tools import certool_credentials
from simvc.tools.certool_help import help_text
from simvc.tools.certool_options import parse_arguments
from simvc.vmca_errors import VmcaError

ARGUMENTS = "Invalid arguments found"


# Grammar


@pytest.mark.parametrize("argv", [[], ["--help"], ["--help=bogus"], ["--help", "--genkey"]])
def test_help_is_all_that_is_printed(certool: Certool, argv: list[str]) -> None:
    assert certool(*argv) == (0, help_text("general"), "")


@pytest.mark.parametrize("group", ["init", "functions", "config", "files"])
def test_help_of_a_group(certool: Certool, group: str) -> None:
    assert certool(f"--help={group}") == (0, help_text(group), "")


def test_help_is_wrapped_to_eighty_columns() -> None:
    assert max(len(line) for line in help_text("functions").splitlines()) <= 80


@pytest.mark.parametrize(
    "argv", [["foo"], ["\u2013-gencert", "x"], ["--server", "x"], ["--viewerror", "70012"], ["--all", "--PKCS12"]]
)
def test_nothing_to_do_is_a_success(certool: Certool, argv: list[str]) -> None:
    assert certool(*argv) == (0, SUCCESS, "")


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--waitVMCA"], "unrecognised option '--waitVMCA'"),
        (["--dataencipherment"], "unrecognised option '--dataencipherment'"),
        (["--genkey=1"], "option '--genkey' does not take any arguments"),
        (["--wait=abc"], "the argument ('abc') for option '--wait' is invalid"),
    ],
)
def test_parser_errors_have_no_status_block(certool: Certool, argv: list[str], text: str) -> None:
    assert certool(*argv) == (213, "", f"error: {text}\n")


# Missing arguments (§1.5)

EXAMPLE = "Example : certool --genselfcacert --outprivkey=<filename> --outcert=<filename>\n"
FROM_CERT = "Example : certool --gencsrfromcert --privkey=<filename> --cert=<filename> --csrfile=<filename>\n"
NEED_KEY = "Error : To generate a certificate we need access to a private key."
NEED_PAIR = "Error : To generate a key pair we need public and private key files names to write to."
NEED_CSR = (
    "To create a CSR we need a private key path.\n\n"
    "Example : certool --gencsr --privkey=<filename> --pubkey=<filename> --csrfile=<filename>\n"
)
NEED_ROOT = (
    "To upload a Root CA Cert, we need both Cert and Private Key.\n\n"
    "Example: certool --rootca --cert=root.cert --privkey=privatekey.pem\n\n"
)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--gencert"], f"{NEED_KEY}Example : certool --gencert --privkey=<filename> --cert=<filename>\n"),
        (["--gencert", "--cert=c"], f"{NEED_KEY}Example : certool --gencert --privkey=<filename> --cert=<filename>\n"),
        (["--genCIScert"], f"{NEED_KEY}Example : certool --genCIScert --privkey=<filename> --cert=<filename>\n"),
        (
            ["--genkey", "--privkey=k"],
            f"{NEED_PAIR}Example : certool --genkey --privkey=<filename> --pubkey=<filename>\n",
        ),
        (["--gencsr", "--privkey=k", "--pubkey=p"], NEED_CSR),
        (["--initcsr"], f"This is deprecated. Use gencsr instead.\n{NEED_CSR}"),
        (["--rootca", "--cert=c"], NEED_ROOT),
        (
            ["--viewcert"],
            "Error : To view a cert, you need a path to the certificate"
            "Example : certool --viewcert --cert=<filename>\n",
        ),
        (
            ["--revokecert"],
            "Error : To revoke a cert, you need a path to the certificate"
            "Example : certool --revokecert --cert=<filename>\n",
        ),
        (
            ["--status"],
            "Error : To check the status of a cert, you need a path to the certificate"
            "Example : certool --status --cert=<filename>\n",
        ),
        (
            ["--enumcert"],
            "Error : To enum certs, you need to specify certificate status"
            "Example: certool --enumcert --filter=revoked\n",
        ),
        (
            ["--getcrl"],
            "Error : to download a CRL file, you need a path to the CRL file"
            "Example : certool --getcrl --crl=<filename>\n",
        ),
        (["--viewcrl"], "Error : CRL file Path is missingExample : certool --viewcrl --crl=<filename> \n"),
        (["--genselfcacert", "--privkey=k", "--cert=c"], f"Error : No private key file specified.\n{EXAMPLE}"),
        (["--genselfcacert", "--outprivkey=k"], f"Error : No certficate file specified.\n{EXAMPLE}"),
        (["--gencsrfromcert"], f"Error : No private key file specified.\n{FROM_CERT}"),
        (["--gencsrfromcert", "--privkey=k"], f"Error : No output csr file specified.\n{FROM_CERT}"),
        (["--gencsrfromcert", "--privkey=k", "--csrfile=r"], f"Error : No certficate file specified.\n{FROM_CERT}"),
        (
            ["--enableserveroption"],
            "Error : No server option specified.\nExample : certool --enableserveroption --option=multiplesan\n",
        ),
        (
            ["--disableserveroption"],
            "Error : No server option specified.\nExample : certool --disableserveroption --option=multiplesan\n",
        ),
    ],
)
def test_missing_arguments(certool: Certool, argv: list[str], complaint: str) -> None:
    assert certool(*argv) == failed(70003, ARGUMENTS, complaint)
    assert list(certool.folder.iterdir()) == []


@pytest.mark.parametrize("minutes", ["-1", "10081"])
def test_selfca_wants_a_week_of_predate_at_most(certool: Certool, minutes: str) -> None:
    certool.write("m.cfg", CONFIG)
    before = "Using config file : m.cfg\nInvalid start time predate specified it should be between 10080 and 0 \n"
    assert certool("--selfca", "--config=m.cfg", f"--predate={minutes}") == failed(70003, ARGUMENTS, before)


# Config files


@pytest.mark.parametrize(
    ("flags", "glued"),
    [
        (["--gencert", "--privkey=k", "--cert=c"], "Unable to read the config file"),
        (["--genselfcacert", "--outprivkey=k", "--outcert=c"], "Unable to read the config file"),
        (["--gencsr", "--privkey=k", "--pubkey=p", "--csrfile=r"], ""),
        (["--selfca"], ""),
    ],
)
def test_config_that_cannot_be_used(certool: Certool, flags: list[str], glued: str) -> None:
    before = f"Failed to open config file: nope.cfg\nExiting ...{glued}"
    assert certool(*flags, "--config=nope.cfg") == failed(70003, ARGUMENTS, before)
    certool.write("wide.cfg", CONFIG.encode("utf-16"))
    wide = "uses UTF16 encoding, certool supports only UTF8 or ASCII encoding for config files"
    before = f"Config file: wide.cfg{wide}\nExiting ...{glued}"
    assert certool(*flags, "--config=wide.cfg") == failed(70003, ARGUMENTS, before)


def test_config_defaults_to_the_current_folder(certool: Certool) -> None:
    certool.write("certool.cfg", CONFIG)
    done = certool("--gencsr", "--privkey=k", "--pubkey=p", "--csrfile=r")
    assert done == (0, f"Using config file : certool.cfg\n{SUCCESS}", "")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Bogus = 1\n", "unrecognised option 'Bogus'"),
        ("Country US\n", "the options configuration file contains an invalid line 'Country US'"),
        ("Name = A\nName = B\n", "option 'Name' cannot be specified more than once"),
    ],
)
def test_config_is_named_before_it_is_parsed(certool: Certool, content: str, text: str) -> None:
    certool.write("bad.cfg", content)
    done = certool("--gencsr", "--privkey=k", "--pubkey=p", "--csrfile=r", "--config=bad.cfg")
    assert done == (213, "Using config file : bad.cfg\n", f"error: {text}\n")


def request_from(certool: Certool, content: str | bytes, *more: str) -> x509.CertificateSigningRequest:
    certool.write("m.cfg", content)
    done = certool("--gencsr", "--privkey=k", "--pubkey=p", "--csrfile=r", "--config=m.cfg", *more)
    assert done == (0, f"Using config file : m.cfg\n{SUCCESS}", "")
    return x509.load_pem_x509_csr(certool.path("r").read_bytes())


@pytest.mark.parametrize("content", [CONFIG.encode("utf-8-sig"), CONFIG.replace("\n", "\r\n").encode()])
def test_config_with_mark_or_crlf(certool: Certool, content: bytes) -> None:
    assert subject(request_from(certool, content))[0] == "CN=vc01.lab.example"


@pytest.mark.parametrize("content", ["", "#", "x"])
def test_config_too_short_to_tell_its_encoding_is_empty(certool: Certool, content: str) -> None:
    assert subject(request_from(certool, content)) == []


def test_a_folder_is_an_empty_config(certool: Certool) -> None:
    certool.path("folder").mkdir()
    done = certool("--gencsr", "--privkey=k", "--pubkey=p", "--csrfile=r", "--config=folder")
    assert done == (0, f"Using config file : folder\n{SUCCESS}", "")


def test_command_line_wins(certool: Certool) -> None:
    assert subject(request_from(certool, "Name = file\nState = CA\n", "--Name=mine")) == ["CN=mine", "ST=CA"]


# Subject (§2.3)


def subject(request: x509.CertificateSigningRequest) -> list[str]:
    return [rdn.rfc4514_string() for rdn in request.subject.rdns]


@pytest.mark.parametrize(
    ("content", "rdns"),
    [
        (
            "Hostname = h\nOrgUnit = U\nOrganization = O\nLocality = L\nState = S\nCountry = US\n"
            "DomainComponent = vsphere.local\nName = N\n",
            ["CN=N", "DC=vsphere", "DC=local", "C=US", "ST=S", "L=L", "O=O", "OU=U"],
        ),
        ("Organization = Acme, Inc.", ["O=Acme", "O=\\ Inc."]),
        ("OrgUnit = ,a,,b,", ["OU=a", "OU=b"]),
        ("Country = US,DE", ["C=US", "C=DE"]),
        ("Name = a,b", ["CN=a\\,b"]),
        ("DomainComponent = a.b.c", ["DC=a", "DC=b.c"]),
        ("DomainComponent = dc=a.b,dc=c", ["DC=a", "DC=b", "DC=c"]),
        ("OrgUnit =\nName = x", ["CN=x"]),
        ("Name = J\u00fcrgen", ["CN=J\u00fcrgen"]),
    ],
)
def test_subject(certool: Certool, content: str, rdns: list[str]) -> None:
    assert subject(request_from(certool, content)) == rdns


def test_string_types(certool: Certool) -> None:
    request = request_from(certool, "Name = N\nDomainComponent = d\nCountry = US\nOrganization = O")
    kinds = {attribute.rfc4514_attribute_name: attribute._type.name for attribute in request.subject}
    assert kinds == {"CN": "UTF8String", "DC": "IA5String", "C": "PrintableString", "O": "UTF8String"}


@pytest.mark.parametrize(
    "content",
    [
        'Country = "US"',
        "Country = USA",
        "Country = U",
        "Country = *!",
        f"Organization = {'o' * 65}",
        f"OrgUnit = {'o' * 65}",
        f"State = {'s' * 129}",
        f"Locality = {'l' * 129}",
        "DomainComponent = dc=",
        "DomainComponent = \u00fc",
        b"State = \xff",
    ],
)
def test_fields_that_cannot_stand_in_a_subject(certool: Certool, content: str | bytes) -> None:
    certool.write("m.cfg", content)
    done = certool("--gencsr", "--privkey=k", "--pubkey=p", "--csrfile=r", "--config=m.cfg")
    assert done == failed(70012, "Invalid CSR field", "Using config file : m.cfg\n")
    assert [entry.name for entry in certool.folder.iterdir()] == ["m.cfg"]


@pytest.mark.parametrize(
    ("content", "report"),
    [
        (f"Name = {'n' * 65}", ":string too long:../crypto/asn1/a_mbstr.c:106:maxsize=64"),
        (b"Name = \xff", ":invalid utf8string:../crypto/asn1/a_mbstr.c:85:"),
    ],
)
def test_openssl_speaks_on_stdout_about_a_bad_cn(certool: Certool, content: str | bytes, report: str) -> None:
    certool.write("m.cfg", content)
    rc, out, err = certool("--gencsr", "--privkey=k", "--pubkey=p", "--csrfile=r", "--config=m.cfg")
    assert (rc, err) == (124, "")
    head = "Using config file : m\\.cfg\n[0-9A-F]{16}:error:[0-9A-F]{8}:asn1 encoding routines:ASN1_mbstring_ncopy"
    assert re.fullmatch(f"{head}{re.escape(report)}\n(?s:.*)", out)
    assert out.endswith("\nStatus : Failed\nError Code : 70012\nError Message : Invalid CSR field\n")


@pytest.mark.parametrize("content", [f"Name = {'n' * 64}", f"State = {'s' * 128}", f"OrgUnit = {'o' * 64}"])
def test_longest_fields(certool: Certool, content: str) -> None:
    assert len(subject(request_from(certool, content))) == 1


# SAN (§2.4)


def names(request: x509.CertificateSigningRequest) -> list[str]:
    san = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert not san.critical
    return [f"{type(name).__name__}:{name.value}" for name in san.value]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            "Hostname = a.example , b.example\nIPAddress = 10.0.0.1, 10.0.0.2\nEmail = x@y.z",
            ["RFC822Name:x@y.z", "IPAddress:10.0.0.1", "IPAddress:10.0.0.2", "DNSName:a.example", "DNSName:b.example"],
        ),
        ("IPAddress = fd00::1", ["IPAddress:fd00::1"]),
        ('Hostname = a b, "c", 10.0.0.1', ["DNSName:a b", 'DNSName:"c"', "DNSName:10.0.0.1"]),
        ("Hostname = ,a,,b,", ["DNSName:a", "DNSName:b"]),
    ],
)
def test_alternative_names(certool: Certool, content: str, found: list[str]) -> None:
    assert names(request_from(certool, content)) == found


def test_no_names_no_extension(certool: Certool) -> None:
    request = request_from(certool, "Name = vc01.lab.example")
    assert [extension.oid for extension in request.extensions] == [x509.SubjectKeyIdentifier.oid]


@pytest.mark.parametrize(
    "content",
    [
        "Hostname = a, ,b",
        "IPAddress = host.example",
        "IPAddress = 10.0.0.0/8",
        "IPAddress = 10.0.0.256",
        "IPAddress = [::1]",
        "IPAddress = ::g",
        "Email = copy",
        "Email = move",
    ],
)
def test_names_that_cannot_stand(certool: Certool, content: str) -> None:
    certool.write("m.cfg", content)
    done = certool("--gencsr", "--privkey=k", "--pubkey=p", "--csrfile=r", "--config=m.cfg")
    assert done == failed(70012, "Invalid CSR field", "Using config file : m.cfg\n")


def test_names_that_do_not_fit_the_buffer_vanish(certool: Certool) -> None:
    listed = [f"host{number:03d}.lab.example" for number in range(200)]
    found = names(request_from(certool, f"Hostname = {','.join(listed)}\n"))
    # 2047 bytes of text: entries of 23 and separators of 2.
    assert found == [f"DNSName:{name}" for name in listed[:81]]


# Keys and requests


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_genkey(certool: Certool) -> None:
    assert certool("--genkey", "--privkey=k", "--pubkey=p") == (0, SUCCESS, "")
    private, public = certool.path("k").read_bytes(), certool.path("p").read_bytes()
    assert private.startswith(b"-----BEGIN PRIVATE KEY-----\n") and private.endswith(b"\n-----END PRIVATE KEY-----")
    assert public.startswith(b"-----BEGIN RSA PUBLIC KEY-----\n")
    assert public.endswith(b"\n-----END RSA PUBLIC KEY-----\n")
    key = load_pem_private_key(private, None)
    assert key.key_size == 2048
    assert key.public_key().public_numbers() == load_pem_public_key(public).public_numbers()
    assert key.public_key().public_numbers().e == 65537


@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600)])
def test_new_files_follow_the_umask(certool: Certool, mask: int, expected: int) -> None:
    before = os.umask(mask)
    try:
        certool.key()
    finally:
        os.umask(before)
    assert mode(certool.path("key")) == expected
    assert mode(certool.path("key.pub")) == expected


def test_genkey_overwrites_in_place_and_keeps_the_mode(certool: Certool) -> None:
    certool.write("key", "old" * 2000)
    certool.path("key").chmod(0o600)
    number = certool.path("key").stat().st_ino
    certool.key()
    assert (mode(certool.path("key")), certool.path("key").stat().st_ino) == (0o600, number)
    assert certool.path("key").read_text().startswith("-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize(
    ("path", "code", "name"),
    [
        ("none/p", 2, "Operation failed with error = ERROR_FILE_NOT_FOUND (2)"),
        (".", 21, "Operation failed with error = ERROR_NOT_READY (21)"),
        ("", 87, "Operation failed with error = ERROR_INVALID_PARAMETER (87)"),
    ],
)
def test_genkey_writes_the_private_key_first(certool: Certool, path: str, code: int, name: str) -> None:
    assert certool("--genkey", "--privkey=k", "--pubkey", path) == failed(code, name)
    assert certool.path("k").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert certool("--genkey", "--privkey", path, "--pubkey=p") == failed(code, name)
    assert not certool.path("p").exists()


def test_a_full_disk_goes_unnoticed(certool: Certool) -> None:
    assert certool("--genkey", "--privkey=/dev/full", "--pubkey=/dev/full") == (0, SUCCESS, "")


def test_gencsr(certool: Certool) -> None:
    certool.write("k", "old")
    request = request_from(certool, CONFIG)
    private, public, csr = (certool.path(name).read_bytes() for name in ("k", "p", "r"))
    assert private.startswith(b"-----BEGIN PRIVATE KEY-----\n") and private.endswith(b"\n-----END PRIVATE KEY-----")
    assert public.startswith(b"-----BEGIN PUBLIC KEY-----\n") and public.endswith(b"\n-----END PUBLIC KEY-----")
    assert csr.endswith(b"\n-----END CERTIFICATE REQUEST-----")
    assert request.is_signature_valid
    assert request.signature_hash_algorithm.name == "sha256"
    assert request.public_key() == load_pem_private_key(private, None).public_key()
    order = [x509.SubjectAlternativeName.oid, x509.SubjectKeyIdentifier.oid]
    assert [extension.oid for extension in request.extensions] == order


def test_initcsr_is_gencsr_with_a_warning(certool: Certool) -> None:
    certool.write("m.cfg", CONFIG)
    done = certool("--initcsr", "--privkey=k", "--pubkey=p", "--csrfile=r", "--config=m.cfg")
    head = "This is deprecated. Use gencsr instead.\nUsing config file : m.cfg\n"
    assert done == (0, head + SUCCESS, "")


def test_gencsr_never_notices_that_it_could_not_write(certool: Certool) -> None:
    certool.write("m.cfg", CONFIG)
    done = certool("--gencsr", "--privkey=none/k", "--pubkey=p", "--csrfile=none/r", "--config=m.cfg")
    assert done == (0, f"Using config file : m.cfg\n{SUCCESS}", "")
    assert sorted(entry.name for entry in certool.folder.iterdir()) == ["m.cfg", "p"]


# Viewing


def test_viewcert_is_openssl_text_with_compat_names(certool: Certool) -> None:
    sample = pair("vc01.lab.example")
    certool.write("c", sample.pem + pair("other").pem)
    rc, out, err = certool("--viewcert", "--cert=c")
    assert (rc, err) == (0, "")
    assert "        Subject: CN=vc01.lab.example, O=Lab\n" in out
    assert out.startswith("Certificate:\n    Data:\n        Version: 3 (0x2)\n")
    command = ["openssl", "x509", "-noout", "-text", "-nameopt", "compat"]
    text = subprocess.run(command, input=sample.pem.encode(), capture_output=True, check=True).stdout.decode()
    assert out == text + SUCCESS


@pytest.mark.parametrize("content", [b"", b"garbage", pair("x").der, pair("x").key_pem.encode()])
def test_viewcert_of_what_is_none(certool: Certool, content: bytes) -> None:
    certool.write("c", content)
    assert certool("--viewcert", "--cert=c") == failed(70010, "Cert I/O failure")


def test_viewcert_of_a_missing_file(certool: Certool) -> None:
    missing = "Operation failed with error = ERROR_FILE_NOT_FOUND (2)"
    assert certool("--viewcert", "--cert=none") == failed(2, missing)


# Certificates and requests of one's own


def test_genselfcacert(certool: Certool) -> None:
    certool.write("m.cfg", f"{CONFIG}DomainComponent = vsphere.local\nEmail = a@b.c\nIPAddress = 10.0.0.1\n")
    done = certool("--genselfcacert", "--outprivkey=k", "--outcert=c", "--config=m.cfg", "--predate=60")
    assert done == (0, f"Using config file : m.cfg\n{SUCCESS}", "")
    text = certool.path("c").read_text()
    assert text.endswith("-----END CERTIFICATE-----\n") and not text.endswith("\n\n")
    assert certool.path("k").read_text().endswith("-----END PRIVATE KEY-----")
    certificate = x509.load_pem_x509_certificate(text.encode())
    assert certificate.public_key() == load_pem_private_key(certool.path("k").read_bytes(), None).public_key()
    assert certificate.subject == certificate.issuer
    extensions = [(extension.oid, extension.critical) for extension in certificate.extensions]
    assert extensions == [
        (x509.SubjectKeyIdentifier.oid, False),
        (x509.SubjectAlternativeName.oid, False),
        (x509.KeyUsage.oid, True),
        (x509.BasicConstraints.oid, True),
    ]
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, None)
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 3650


@pytest.mark.parametrize("country", ["", "Country = USA\n", "Country = U\n"])
def test_genselfcacert_wants_two_letters(certool: Certool, country: str) -> None:
    certool.write("m.cfg", f"Name = x\n{country}")
    done = certool("--genselfcacert", "--outprivkey=k", "--outcert=c", "--config=m.cfg")
    parameter = "Operation failed with error = ERROR_INVALID_PARAMETER (87)"
    assert done == failed(87, parameter, "Using config file : m.cfg\n")


def test_genselfcacert_writes_no_key_without_its_certificate(certool: Certool) -> None:
    certool.write("m.cfg", CONFIG)
    done = certool("--genselfcacert", "--outprivkey=k", "--outcert=none/c", "--config=m.cfg")
    missing = "Operation failed with error = ERROR_FILE_NOT_FOUND (2)"
    assert done == failed(2, missing, "Using config file : m.cfg\n")
    assert not certool.path("k").exists()


def test_gencsrfromcert(certool: Certool) -> None:
    certool.write("m.cfg", CONFIG)
    certool("--genselfcacert", "--outprivkey=k", "--outcert=c", "--config=m.cfg")
    assert certool("--gencsrfromcert", "--privkey=k", "--cert=c", "--csrfile=r") == (0, SUCCESS, "")
    text = certool.path("r").read_bytes()
    assert text.endswith(b"-----END CERTIFICATE REQUEST-----\n")
    request, certificate = x509.load_pem_x509_csr(text), x509.load_pem_x509_certificate(certool.path("c").read_bytes())
    assert request.subject == certificate.subject
    for kind in (x509.SubjectAlternativeName, x509.KeyUsage):
        wanted = certificate.extensions.get_extension_for_class(kind)
        assert request.extensions.get_extension_for_class(kind).value == wanted.value
    assert [extension.oid for extension in request.extensions] == [
        x509.SubjectAlternativeName.oid,
        x509.KeyUsage.oid,
        x509.BasicConstraints.oid,
    ]


def test_gencsrfromcert_with_bad_files(certool: Certool) -> None:
    certool.write("c", pair("x").pem)
    certool.write("junk", "junk")
    command = ("--gencsrfromcert", "--csrfile=r")
    assert certool(*command, "--cert=junk", "--privkey=junk") == failed(70008, "Cert Decode failure")
    unreadable = "Could not decode the Private Key from the given format"
    assert certool(*command, "--cert=c", "--privkey=junk") == failed(70065, unreadable)


# Credentials (§1.3)


def test_password_prompt_at_the_end_of_stdin(certool: Certool) -> None:
    before = "Enter password for administrator@vsphere.local: \nError : Invalid password\n"
    done = certool("--genkey", "--privkey=k", "--pubkey=p", "--srp-upn=administrator@vsphere.local")
    assert done == failed(70003, ARGUMENTS, before)
    assert not certool.path("k").exists()


def test_password_prompt_for_a_local_command(certool: Certool) -> None:
    done = certool("--genkey", "--privkey=k", "--pubkey=p", "--srp-upn=a@b", stdin="anything\n")
    assert done == (0, f"Enter password for a@b: \n{SUCCESS}", "")


def test_password_of_thirty_two_characters_fills_the_buffer(certool: Certool) -> None:
    done = certool("--srp-upn=a@b", stdin="p" * 40 + "\n")
    assert done == (0, f"Enter password for a@b: {SUCCESS}", "")


def test_only_root_has_the_machine_account(monkeypatch: pytest.MonkeyPatch) -> None:
    values = parse_arguments(["--version"])
    monkeypatch.setattr(certool_credentials.os, "geteuid", lambda: 0)
    assert certool_credentials.credentials(values) == {"machine": True}
    monkeypatch.setattr(certool_credentials.os, "geteuid", lambda: 1000)
    assert certool_credentials.credentials(values) == {}


def test_empty_password_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    values = parse_arguments(["--srp-upn=a@b", "--srp-pwd", ""])
    monkeypatch.setattr(certool_credentials.console, "read_char", lambda: "")
    with pytest.raises(VmcaError):
        certool_credentials.credentials(values)


@pytest.mark.parametrize(("typed", "password"), [("ab\n", "ab"), ("ab\bc\n", "a"), ("x" * 40, "x" * 32)])
def test_typed_password(monkeypatch: pytest.MonkeyPatch, typed: str, password: str) -> None:
    characters = iter(typed)
    monkeypatch.setattr(certool_credentials.console, "read_char", lambda: next(characters))
    values = parse_arguments(["--srp-upn=a@b"])
    assert certool_credentials.credentials(values) == {"upn": "a@b", "password": password}
