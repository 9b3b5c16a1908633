# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool against a running VMCA: transcripts of vmware-cli.md §1.6 to §1.9 and §11.2."""

import os
import re
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from simvc.certool_bench import CONFIG, SUCCESS, Certool, failed
from simvc.private_node import PrivateNode
from simvc.samples import pair
from simvc.tools import certool as tool
from simvc.tools import certool_server

NO_FILE = "Operation failed with error = ERROR_FILE_NOT_FOUND (2)"
EXISTS = "Operation failed with error = ERROR_ALREADY_EXISTS (183)"
REJECTED = "Failed to connect to the remote host, reason = rpc_s_connect_rejected (0x16c9a042)."
NO_HOST = "Failed to connect to the remote host, reason = rpc_s_inval_net_addr (0x16c9a02b)."
NO_AUTH = "Access denied, reason = rpc_s_auth_method (0x16c9a0f6)."
USING = "Using config file : m.cfg\n"
SIGN = "VMCAGetSignedCertificatePrivate() failed"


def certificate(certool: Certool, name: str = "cert") -> x509.Certificate:
    return x509.load_pem_x509_certificate(certool.path(name).read_bytes())


def root_of(node: PrivateNode) -> x509.Certificate:
    return x509.load_pem_x509_certificate((node.root / "var/lib/vmware/vmca/root.cer").read_bytes())


# gencert: what it gives


def test_gencert(certool: Certool, appliance: PrivateNode) -> None:
    assert certool.gencert(f"{CONFIG}Email = a@b.c\nIPAddress = 10.0.0.1\n") == (0, USING + SUCCESS, "")
    text = certool.path("cert").read_text()
    assert text.count("BEGIN CERTIFICATE") == 1
    assert text.endswith("-----END CERTIFICATE-----\n\n")
    leaf, root = certificate(certool), root_of(appliance)
    leaf.verify_directly_issued_by(root)
    assert leaf.version == x509.Version.v3
    assert leaf.serial_number >> 63 == 1
    assert leaf.signature_hash_algorithm.name == "sha256"
    subject = [rdn.rfc4514_string() for rdn in leaf.subject.rdns]
    rest = ["C=US", "ST=California", "L=Palo Alto", "O=VMware", "OU=VMware Engineering"]
    assert subject == ["CN=vc01.lab.example", *rest]
    backdated = datetime.now(UTC) - timedelta(minutes=10)
    assert abs(leaf.not_valid_before_utc - backdated) < timedelta(seconds=30)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=730)


def test_gencert_extensions(certool: Certool, appliance: PrivateNode) -> None:
    certool.gencert()
    extensions = certificate(certool).extensions
    assert [(extension.oid, extension.critical) for extension in extensions] == [
        (x509.KeyUsage.oid, False),
        (x509.SubjectAlternativeName.oid, False),
        (x509.SubjectKeyIdentifier.oid, False),
        (x509.AuthorityKeyIdentifier.oid, False),
        (x509.AuthorityInformationAccess.oid, False),
    ]
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.content_commitment, usage.key_encipherment) == (True, True, True)
    assert not (usage.data_encipherment or usage.key_agreement or usage.key_cert_sign or usage.crl_sign)
    authority = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    root_id = root_of(appliance).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert authority.key_identifier == root_id
    assert (authority.authority_cert_issuer, authority.authority_cert_serial_number) == (None, None)
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert [item.access_location.value for item in access] == ["https://vc01.lab.example/afd/vecs/ssl"]


def test_gencert_overwrites_and_keeps_the_mode(certool: Certool) -> None:
    certool.write("cert", "old" * 9999)
    certool.path("cert").chmod(0o600)
    assert certool.gencert().rc == 0
    assert certool.path("cert").read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert stat.S_IMODE(certool.path("cert").stat().st_mode) == 0o600


def test_gencert_of_the_same_request_again(certool: Certool) -> None:
    certool.gencert()
    first = certificate(certool)
    certool.gencert()
    assert certificate(certool).serial_number != first.serial_number
    assert certool("--status", "--cert=cert") == (0, f"Certificate : ACTIVE\n{SUCCESS}", "")


@pytest.mark.parametrize("key", ["Country", "Name", "Organization", "OrgUnit", "State", "Locality", "Hostname"])
def test_any_single_key_may_be_missing(certool: Certool, key: str) -> None:
    content = "".join(line for line in CONFIG.splitlines(keepends=True) if not line.startswith(key))
    assert certool.gencert(content) == (0, USING + SUCCESS, "")


def test_foreign_names_are_accepted(certool: Certool) -> None:
    assert certool.gencert("Name = not a host\nHostname = elsewhere.example").rc == 0


def test_gencert_before_genkey_in_one_call(certool: Certool) -> None:
    certool.key("key")
    old = certool.path("key").read_bytes()
    certool.write("m.cfg", CONFIG)
    argv = ("--genkey", "--gencert", "--privkey=key", "--pubkey=p", "--cert=cert", "--config=m.cfg")
    assert certool(*argv) == (0, USING + SUCCESS, "")
    assert certool.path("key").read_bytes() != old
    certool.write("old", old)
    certool("--gencsr", "--privkey=x", "--pubkey=y", "--csrfile=r", "--config=m.cfg")
    assert certificate(certool).public_key() != certool_key(certool, "key")
    assert certificate(certool).public_key() == certool_key(certool, "old")


def certool_key(certool: Certool, name: str) -> rsa.RSAPublicKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(certool.path(name).read_bytes(), None).public_key()


# gencert: what it refuses


def test_gencert_without_its_key(certool: Certool) -> None:
    certool.write("m.cfg", CONFIG)
    argv = ("--gencert", "--privkey=nokey", "--cert=c", "--config=m.cfg")
    assert certool(*argv) == failed(2, NO_FILE, USING)


@pytest.mark.parametrize("content", ["", "garbage", pair("ec", curve=True).key_pem, pair("x").pem])
def test_gencert_with_a_key_that_is_none(certool: Certool, content: str) -> None:
    certool.write("key", content)
    assert certool.gencert() == failed(70009, "Key I/O failure", USING)


def test_gencert_with_pkcs1_without_its_last_newline(certool: Certool) -> None:
    certool.write("key", pair("x").pkcs1_pem.rstrip("\n"))
    assert certool.gencert().rc == 0


def test_gencert_with_a_large_key(certool: Certool) -> None:
    key = rsa.generate_private_key(65537, 3072)
    certool.write("key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert certool.gencert().rc == 0
    assert certificate(certool).public_key().key_size == 3072


def test_encrypted_key_is_asked_about_on_stderr_where_no_terminal_is(certool: Certool) -> None:
    certool.write("key", pair("x").encrypted_key_pem("secret"))
    rc, out, err = certool.gencert()
    assert (rc, out) == failed(70009, "Key I/O failure", USING)[:2]
    assert err == "Enter PEM pass phrase:\n" * 2  # OpenSSL 3 asks again when stdin is at its end
    argv = ("--gencert", "--privkey=key", "--cert=c", "--config=m.cfg")
    assert certool(*argv, stdin="secret\n") == (0, USING + SUCCESS, "Enter PEM pass phrase:\n")
    wrong = certool(*argv, stdin="wrong\n")
    assert (wrong.rc, wrong.err) == (121, "Enter PEM pass phrase:\n")


def test_the_key_is_read_before_the_fields_are_judged(certool: Certool) -> None:
    certool.write("key", "garbage")
    assert certool.gencert("Country = USA") == failed(70009, "Key I/O failure", USING)
    certool.path("key").unlink()
    assert certool.gencert("Country = USA") == failed(70012, "Invalid CSR field", USING)


def test_a_field_error_needs_no_server(certool: Certool) -> None:
    certool.key()
    certool.write("m.cfg", "Country = USA\n")
    argv = ("--gencert", "--privkey=key", "--cert=c", "--config=m.cfg", "--server=no.such.host.invalid")
    assert certool(*argv) == failed(70012, "Invalid CSR field", USING)


def test_long_name(certool: Certool) -> None:
    rc, out, err = certool.gencert(f"Name = {'n' * 65}\n")
    assert (rc, err) == (124, "")
    middle = r"[^\n]*:string too long:[^\n]*maxsize=64\n"
    block = "Status : Failed\nError Code : 70012\nError Message : Invalid CSR field\n"
    assert re.fullmatch(f"{USING}{middle}{block}", out)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("Hostname = a.example,b.example\nName = x", 70061, "Invalid Subject Alternate Name specified."),
        ("Hostname = *.example\nName = x", 70061, "Invalid Subject Alternate Name specified."),
        ("Name = *.example", 70060, "Invalid Subject Name specified"),
        ("Name = a*b", 70060, "Invalid Subject Name specified"),
        ("", 70012, "Invalid CSR field"),
    ],
)
def test_signing_errors_masked_and_not(
    certool: Certool, appliance: PrivateNode, content: str, code: int, message: str
) -> None:
    certool.write("cert", "survives")
    masked = failed(70095, "Request does not comply with policy", f"{USING}Error: 70095, {SIGN}")
    assert certool.gencert(content) == masked
    assert masked.rc == 207
    appliance.knobs({"vmca.mask_signing_errors": False})
    assert certool.gencert(content) == failed(code, message, f"{USING}Error: {code}, {SIGN}")
    assert certool.path("cert").read_text() == "survives"


def test_small_keys(certool: Certool, appliance: PrivateNode) -> None:
    key = rsa.generate_private_key(65537, 1024)
    certool.write("key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    appliance.knobs({"vmca.mask_signing_errors": False})
    text = "Key length has to be between 2048(2KB) and 16384(16KB)"
    assert certool.gencert() == failed(70015, text, f"{USING}Error: 70015, {SIGN}")
    appliance.knobs({})
    assert certool.gencert().rc == 207


def test_unwritable_certificate_is_found_too_late(certool: Certool) -> None:
    certool.key()
    certool.write("m.cfg", CONFIG)
    known = certool("--enumcert", "--filter=all").err.count("\n")
    argv = ("--gencert", "--privkey=key", "--cert=none/c", "--config=m.cfg")
    assert certool(*argv) == failed(2, NO_FILE, USING)
    assert certool("--enumcert", "--filter=all").err.count("\n") == known + 1


def test_multiplesan(certool: Certool) -> None:
    content = "Name = x\nHostname = a.example,b.example"
    assert certool("--getserveroption") == (0, SUCCESS, "")
    assert certool("--enableserveroption", "--option=multiplesan") == (0, SUCCESS, "")
    assert certool("--getserveroption") == (0, f"multiplesan\n{SUCCESS}", "")
    assert certool.gencert(content).rc == 0
    assert certool.gencert("Name = x\nHostname = a.example,*.example").rc == 207
    assert certool("--disableserveroption", "--option=multiplesan") == (0, SUCCESS, "")
    assert certool.gencert(content).rc == 207


@pytest.mark.parametrize("command", ["--enableserveroption", "--disableserveroption"])
def test_unknown_server_option(certool: Certool, command: str) -> None:
    rc, out, err = certool(command, "--option=x")
    assert (rc, out) == failed(70003, "Invalid arguments found")[:2]
    assert err == "Unrecognizable server option: x\n"


# Root and certificates


def test_getrootca(certool: Certool, appliance: PrivateNode) -> None:
    certool.write("root", "old")
    rc, out, err = certool("--getrootca", "--cert=root")
    assert (rc, err) == (0, "")
    assert out.endswith(f"\nCertificate written to file : root\n{SUCCESS}")
    assert certool.path("root").read_text() == (appliance.root / "var/lib/vmware/vmca/root.cer").read_text()
    plain = certool("--getrootca").out
    assert out == plain.removesuffix(SUCCESS) + f"Certificate written to file : root\n{SUCCESS}"
    assert certool("--viewcert", "--cert=root").out == plain
    assert "BEGIN" not in plain


def test_getrootca_to_an_unwritable_file_shows_nothing(certool: Certool) -> None:
    assert certool("--getrootca", "--cert=none/root") == failed(2, NO_FILE)


def test_version(certool: Certool) -> None:
    text = "VMware Certificate Server  - Version  2.0.0 \nCopyright VMware Inc. All rights reserved.\n"
    assert certool("--version") == (0, text + SUCCESS, "")


def test_getdc(certool: Certool) -> None:
    assert certool("--getdc") == (0, f"Default Domain Name : dc=vsphere,dc=local\n{SUCCESS}", "")


@pytest.mark.parametrize("command", ["--WaitVMCA", "--WaitVMDIR"])
def test_waiting_for_what_is_there(certool: Certool, command: str) -> None:
    assert certool(command) == (0, SUCCESS, "")
    assert certool(command, "--wait=0") == failed(70003, "Invalid arguments found")
    assert certool(command, "--wait=-1") == failed(70003, "Invalid arguments found")


class Clock:
    """Time that passes while one sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(certool_server.time, "time", lambda: self.now)
        monkeypatch.setattr(certool_server.time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_waiting_prints_a_dot_a_round(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture) -> None:
    clock = Clock(monkeypatch)
    answers = iter([OSError, OSError, {"code": 0}])
    monkeypatch.setattr(certool_server.ipc, "call", lambda *_: raised_or_given(next(answers)))
    assert tool.main(["--WaitVMDIR"]) == 0
    tool.console.flush()
    assert capfdbinary.readouterr().out == f"..{SUCCESS}".encode()
    assert clock.now == 1020


def test_waiting_gives_up(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture) -> None:
    clock = Clock(monkeypatch)
    monkeypatch.setattr(certool_server.ipc, "call", lambda *_: raised_or_given(ConnectionRefusedError))
    assert tool.main(["--WaitVMCA", "--wait=1"]) == 70004
    tool.console.flush()
    timed_out = failed(70004, "Time out occurred before specified Event.", "......")
    assert capfdbinary.readouterr().out == timed_out.out.encode()
    assert clock.now == 1060


def raised_or_given(answer: type[Exception] | dict[str, int]) -> dict[str, int]:
    if isinstance(answer, dict):
        return answer
    raise answer


def test_revocation(certool: Certool, appliance: PrivateNode) -> None:
    certool.gencert()
    assert certool("--revokecert", "--cert=cert") == (0, SUCCESS, "")
    assert certool("--revokecert", "--cert=cert") == failed(183, EXISTS)
    assert certool("--status", "--cert=cert") == (0, f"Certificate : REVOKED\n{SUCCESS}", "")
    assert certool("--getcrl", "--crl=crl") == (0, SUCCESS, "")
    crl = x509.load_pem_x509_crl(certool.path("crl").read_bytes())
    assert crl.is_signature_valid(root_of(appliance).public_key())
    entry = crl.get_revoked_certificate_by_serial_number(certificate(certool).serial_number)
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.unspecified
    rc, out, err = certool("--viewcrl", "--crl=crl")
    assert (rc, err) == (0, "")
    assert out.startswith("CRL Info : \nCertificate Revocation List (CRL):\n")
    assert f"Serial Number: {entry.serial_number:X}\n" in out


def test_gencrl_counts_on(certool: Certool) -> None:
    def number() -> int:
        assert certool("--getcrl", "--crl=crl").rc == 0
        crl = x509.load_pem_x509_crl(certool.path("crl").read_bytes())
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    before = number()
    assert certool("--gencrl") == (0, SUCCESS, "")
    assert number() == before + 1


def test_getcrl_to_an_unwritable_file(certool: Certool) -> None:
    assert certool("--getcrl", "--crl=none/crl") == failed(70021, "Failed in File I/O, Please Check Path / Permission")


def test_viewcrl_of_what_is_none(certool: Certool) -> None:
    certool.write("crl", "junk")
    assert certool("--viewcrl", "--crl=crl") == failed(70018, "CRL update failed")
    assert certool("--viewcrl", "--crl=none") == failed(2, NO_FILE)


@pytest.mark.parametrize("command", ["--status", "--revokecert"])
def test_certificates_that_are_none(certool: Certool, command: str) -> None:
    certool.write("cert", "junk")
    assert certool(command, "--cert=cert") == failed(70010, "Cert I/O failure")
    assert certool(command, "--cert=none") == failed(2, NO_FILE)


def test_status_of_what_vmca_never_issued(certool: Certool) -> None:
    certool.write("cert", pair("stranger").pem)
    assert certool("--status", "--cert=cert") == (0, f"Certificate : INVALID_STATE\n{SUCCESS}", "")


def test_enumcert(certool: Certool) -> None:
    certool.gencert()
    rc, out, err = certool("--enumcert", "--filter=active")
    assert rc == 0
    count = len(err.splitlines())
    assert err.splitlines() == [str(number) for number in range(1, count + 1)]
    pem = certool.path("cert").read_text().strip()
    text = certool("--viewcert", "--cert=cert").out
    assert out.endswith(f"Cert \n{pem}\n{text}")
    assert out.count("Cert \n") == count
    certool("--revokecert", "--cert=cert")
    assert pem not in certool("--enumcert", "--filter=active").out
    assert pem in certool("--enumcert", "--filter=revoked").out
    assert pem in certool("--enumcert", "--filter=all").out


def test_enumcert_filters(certool: Certool) -> None:
    assert certool("--enumcert", "--filter=Active") == (0, SUCCESS, "")
    unsupported = "Operation failed with error = ERROR_NOT_SUPPORTED (50)"
    assert certool("--enumcert", "--filter=expired") == failed(
        50, unsupported, "This flag is not currently supported\n"
    )


# Solution users


def test_gencis_cert(certool: Certool, appliance: PrivateNode) -> None:
    certool.key()
    argv = ("--genCIScert", "--privkey=key", "--cert=cert", "--Name=sol", "--FQDN=sol.example", "--config=none.cfg")
    assert certool(*argv) == (0, SUCCESS, "")
    leaf = certificate(certool)
    machine = appliance.identity["machine_id"]
    subject = [rdn.rfc4514_string() for rdn in leaf.subject.rdns]
    assert subject == ["CN=sol", "DC=vsphere", "DC=local", "C=US", f"OU=mID-{machine}"]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["sol.example"]
    entry = appliance.ask("vmafdd", {"op": "entry_get", "store": "sol", "alias": "sol"})
    assert (entry["code"], entry["type"]) == (0, "Private Key")
    again = certool(*argv)
    assert again == (0, f"Warning : 183, Adding cert to VECS Store Failed.{SUCCESS}", "")


def test_a_solution_user_without_a_name_has_no_store(certool: Certool) -> None:
    certool.key()
    done = certool("--genCIScert", "--privkey=key", "--cert=cert")
    assert done == failed(87, "Operation failed with error = ERROR_INVALID_PARAMETER (87)")
    assert certool.path("cert").exists()


# Servers that cannot be reached (§1.8)


@pytest.mark.parametrize(
    "argv",
    [
        ["--gencert", "--privkey=key", "--cert=c", "--config=m.cfg"],
        ["--getrootca"],
        ["--version"],
        ["--publish-roots"],
        ["--getserveroption"],
    ],
)
def test_server_name_that_does_not_resolve(certool: Certool, argv: list[str]) -> None:
    certool.key()
    certool.write("m.cfg", CONFIG)
    before = USING if "--gencert" in argv else ""
    assert certool(*argv, "--server=no.such.host.invalid") == failed(382312491, NO_HOST, before)


def test_remote_server(certool: Certool, appliance: PrivateNode) -> None:
    assert certool("--version", f"--server={appliance.address}").rc == 0


def test_explicit_credentials(certool: Certool) -> None:
    who = ("--srp-upn=administrator@vsphere.local",)
    assert certool("--getserveroption", *who, "--srp-pwd=VMware1!") == (0, SUCCESS, "")
    prompt = "Enter password for administrator@vsphere.local: "
    assert certool("--getserveroption", *who, stdin="VMware1!\n") == (0, f"{prompt}\n{SUCCESS}", "")
    assert certool("--getserveroption", *who, "--srp-pwd=bad") == failed(382312694, NO_AUTH)


def test_nobody_in_particular(appliance: PrivateNode) -> None:
    assert appliance.ask("vmcad", {"op": "version"}) == {"code": 70042}


class TestDown:
    """Each daemon in turn is stopped."""

    def test_vmcad(self, certool: Certool, appliance: PrivateNode) -> None:
        certool.key()
        certool.write("m.cfg", CONFIG)
        appliance.stop("vmcad")
        try:
            glued = f"{USING}Error: 382312514, {SIGN}"
            gencert = ("--gencert", "--privkey=key", "--cert=c", "--config=m.cfg")
            assert certool(*gencert) == failed(382312514, REJECTED, glued)
            assert certool("--getrootca") == failed(382312514, REJECTED)
            assert certool("--version") == failed(382312514, REJECTED)
            assert certool("--genkey", "--privkey=k2", "--pubkey=p2") == (0, SUCCESS, "")
            assert not certool.path("c").exists()
        finally:
            appliance.start("vmcad")

    def test_vmdird(self, certool: Certool, appliance: PrivateNode) -> None:
        certool.key()
        certool.write("m.cfg", CONFIG)
        appliance.stop("vmdird")
        try:
            glued = f"{USING}Error: 382312694, {SIGN}"
            gencert = ("--gencert", "--privkey=key", "--cert=c", "--config=m.cfg")
            assert certool(*gencert) == failed(382312694, NO_AUTH, glued)
            assert failed(382312694, NO_AUTH).rc == 246
            assert certool("--getdc") == failed(4294967295, "Operation failed with error = -1 (4294967295)")
        finally:
            appliance.start("vmdird")

    def test_vmafdd(self, certool: Certool, appliance: PrivateNode) -> None:
        certool.key()
        certool.write("m.cfg", CONFIG)
        appliance.stop("vmafdd")
        try:
            assert certool.gencert().rc == 207
            assert certool("--genCIScert", "--privkey=key", "--cert=c", "--Name=x").rc == 1021 & 0xFF
        finally:
            appliance.start("vmafdd")


def test_the_umask_rules_certificates_too(certool: Certool) -> None:
    before = os.umask(0o077)
    try:
        certool.gencert()
    finally:
        os.umask(before)
    assert stat.S_IMODE(certool.path("cert").stat().st_mode) == 0o600
