# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMCA itself: first boot, roots that come and go, what it signs, what it keeps (vmware-cli.md §1.6, §1.9, §8)."""

import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from simvc import pki
from simvc.certool_bench import CONFIG, SUCCESS, Certool, failed
from simvc.daemons import vmcad
from simvc.ipc import Peer
from simvc.private_node import PrivateNode
from simvc.samples import pair
from simvc.vmca_authority import Authority
from simvc.vmca_errors import VmcaError
from simvc.vmca_register import Register

ADD = "VMCAAddRootCertificatePrivate() failed"
SIGN = "VMCAGetSignedCertificatePrivate() failed"
USING = "Using config file : m.cfg\n"


class Ca(NamedTuple):
    """A certificate with its key, able to sign others."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def pem(self) -> str:
        return pki.pem(self.certificate)

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def authority(name: str, issuer: Ca | None = None, *, ca: bool = True, age: timedelta = timedelta(days=1)) -> Ca:
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.now(UTC) - age
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=100))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Ca(builder.sign(issuer.key if issuer else key, SHA256()), key)


@pytest.fixture
def node() -> Iterator[PrivateNode]:
    """A node of one's own, for tests that change its root."""
    with PrivateNode() as node:
        node.first_boot("vmcad", "vmafdd")
        node.start("vmdird", "vmafdd", "vmcad")
        yield node


@pytest.fixture
def own(node: PrivateNode, tmp_path: Path) -> Certool:
    """certool on a node of one's own."""
    return Certool(node, tmp_path)


def vmca_folder(node: PrivateNode) -> Path:
    return node.root / "var/lib/vmware/vmca"


def install(certool: Certool, chain: str, key: str) -> tuple[int, str, str]:
    certool.write("root.pem", chain)
    certool.write("root.key", key)
    return certool("--rootca", "--cert=root.pem", "--privkey=root.key")


# First boot


def test_first_boot_root() -> None:
    with PrivateNode() as node:
        node.first_boot("vmcad")
        root = x509.load_pem_x509_certificate((vmca_folder(node) / "root.cer").read_bytes())
        assert stat.S_IMODE((vmca_folder(node) / "privatekey.pem").stat().st_mode) == 0o600
    subject = [rdn.rfc4514_string() for rdn in root.subject.rdns]
    place = ["C=US", "ST=California", "O=vc01.lab.example", "OU=VMware Engineering"]
    assert subject == ["CN=CA", "DC=vsphere", "DC=local", *place]
    assert root.subject == root.issuer
    assert root.not_valid_after_utc - root.not_valid_before_utc == timedelta(days=3650)
    assert (datetime.now(UTC) - root.not_valid_before_utc).days == 703
    order = [x509.SubjectKeyIdentifier, x509.SubjectAlternativeName, x509.KeyUsage, x509.BasicConstraints]
    assert [extension.oid for extension in root.extensions] == [kind.oid for kind in order]
    names = root.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["email@acme.com", "127.0.0.1"]
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)


def test_first_boot_keeps_a_root_that_is_there() -> None:
    with PrivateNode() as node:
        node.first_boot("vmcad")
        before = (vmca_folder(node) / "root.cer").read_bytes()
        node.first_boot("vmcad")
        assert (vmca_folder(node) / "root.cer").read_bytes() == before


def test_first_boot_machine_certificate(appliance: PrivateNode) -> None:
    entry = appliance.ask("vmafdd", {"op": "entry_get", "store": "MACHINE_SSL_CERT", "alias": "__MACHINE_CERT"})
    leaf = x509.load_pem_x509_certificate(entry["cert"].encode())
    assert [rdn.rfc4514_string() for rdn in leaf.subject.rdns] == ["CN=vc01.lab.example", "C=US"]
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment, usage.key_agreement) == (True, True, True)
    order = [x509.KeyUsage, x509.SubjectAlternativeName, x509.AuthorityKeyIdentifier, x509.AuthorityInformationAccess]
    assert [extension.oid for extension in leaf.extensions] == [kind.oid for kind in order]
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=730)


# rootca


def test_rootca_rotates_the_files(node: PrivateNode, own: Certool) -> None:
    folder = vmca_folder(node)
    names = ("root.cer", "privatekey.pem")
    first = [(folder / name).read_bytes() for name in names]
    one, two = authority("one"), authority("two")
    assert install(own, one.pem, one.key_pem) == (0, SUCCESS, "")
    assert [(folder / f"{name}.0").read_bytes() for name in names] == first
    assert install(own, two.pem, two.key_pem) == (0, SUCCESS, "")
    assert [(folder / f"{name}.1").read_bytes() for name in names] == first
    assert pki.certificates((folder / "root.cer.0").read_text()) == [one.certificate]
    assert stat.S_IMODE((folder / "privatekey.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "privatekey.pem.1").stat().st_mode) == 0o600
    assert own.gencert().rc == 0
    leaf = x509.load_pem_x509_certificate(own.path("cert").read_bytes())
    leaf.verify_directly_issued_by(two.certificate)


def test_the_oldest_root_is_dropped(node: PrivateNode, own: Certool) -> None:
    folder = vmca_folder(node)
    for number in range(33):
        (folder / f"root.cer.{number}").write_text(str(number))
    ca = authority("next")
    assert install(own, ca.pem, ca.key_pem) == (0, SUCCESS, "")
    assert (folder / "root.cer.32").read_text() == "31"
    assert not (folder / "root.cer.33").exists()


def test_rootca_back_from_the_rotated_files(node: PrivateNode, own: Certool) -> None:
    folder = vmca_folder(node)
    before = (folder / "root.cer").read_text()
    ca = authority("one")
    install(own, ca.pem, ca.key_pem)
    argv = (f"--cert={folder / 'root.cer.0'}", f"--privkey={folder / 'privatekey.pem.0'}")
    assert own("--rootca", *argv) == (0, SUCCESS, "")
    assert (folder / "root.cer").read_text() == before


@pytest.mark.parametrize(
    ("chain", "code", "message"),
    [
        ("junk", 11, "Operation failed with error = ERROR_BAD_FORMAT (11)"),
        ("root first", 70063, "Invalid Certificate Chain was gives as input"),
        ("strangers", 70063, "Invalid Certificate Chain was gives as input"),
        ("no root", 70062, "Certificate Chain is not complete"),
        ("lone leaf", 70062, "Certificate Chain is not complete"),
    ],
)
def test_chains_refused_before_anything_is_sent(certool: Certool, chain: str, code: int, message: str) -> None:
    root = authority("root")
    middle = authority("middle", root)
    leaf = authority("leaf", middle, ca=False)
    texts = {
        "junk": "junk",
        "root first": root.pem + middle.pem,
        "strangers": authority("other").pem + root.pem,
        "no root": leaf.pem + middle.pem,
        "lone leaf": leaf.pem,
    }
    assert install(certool, texts[chain], root.key_pem) == failed(code, message)


def test_rootca_missing_files(certool: Certool) -> None:
    missing = "Operation failed with error = ERROR_FILE_NOT_FOUND (2)"
    assert certool("--rootca", "--cert=none", "--privkey=none") == failed(2, missing)
    certool.write("root.pem", authority("root").pem)
    assert certool("--rootca", "--cert=root.pem", "--privkey=none") == failed(2, missing)


def test_rootca_refused_by_the_server(appliance: PrivateNode, certool: Certool) -> None:
    before = (vmca_folder(appliance) / "root.cer").read_bytes()
    root, other = authority("root"), authority("other")
    mismatch = failed(70037, "Cert/Key pair does not match", f"Error: 70037, {ADD}")
    assert install(certool, root.pem, other.key_pem) == mismatch
    leaf = authority("leaf", root, ca=False)
    no_ca = failed(70011, "Not a CA Cert", f"Error: 70011, {ADD}")
    assert install(certool, leaf.pem + root.pem, leaf.key_pem) == no_ca
    assert (vmca_folder(appliance) / "root.cer").read_bytes() == before
    assert not (vmca_folder(appliance) / "root.cer.0").exists()


def test_subordinate_ca_answers_with_its_chain(own: Certool) -> None:
    root = authority("root")
    middle = authority("middle", root)
    issuing = authority("issuing", middle)
    assert install(own, issuing.pem + middle.pem + root.pem, issuing.key_pem) == (0, SUCCESS, "")
    assert own.gencert().rc == 0
    text = own.path("cert").read_text()
    assert text.endswith("-----END CERTIFICATE-----\n\n") and "\n\n-----BEGIN" not in text
    leaf, *chain = pki.certificates(text)
    assert chain == [issuing.certificate, middle.certificate]
    leaf.verify_directly_issued_by(issuing.certificate)
    own("--getrootca", "--cert=all")
    assert len(pki.certificates(own.path("all").read_text())) == 3


# Time


def test_validity_ends_with_the_root(own: Certool) -> None:
    root = authority("short")
    install(own, root.pem, root.key_pem)
    assert own.gencert().rc == 0
    leaf = x509.load_pem_x509_certificate(own.path("cert").read_bytes())
    assert leaf.not_valid_after_utc == root.certificate.not_valid_after_utc


def test_a_root_of_five_minutes_cannot_sign_yet(node: PrivateNode, own: Certool) -> None:
    root = authority("fresh", age=timedelta(minutes=5))
    install(own, root.pem, root.key_pem)
    assert own.gencert().rc == 207
    node.knobs({"vmca.mask_signing_errors": False})
    assert own.gencert() == failed(70034, "Start Time Error", f"{USING}Error: 70034, {SIGN}")


def sign(node: PrivateNode, certool: Certool, start: float, end: float) -> int:
    certool.write("m.cfg", CONFIG)
    certool("--gencsr", "--privkey=k", "--pubkey=p", "--csrfile=r", "--config=m.cfg")
    request = {"op": "sign", "machine": True, "request": certool.path("r").read_text(), "start": start, "end": end}
    return int(node.ask("vmcad", request)["code"])


def test_times_that_vmca_refuses(appliance: PrivateNode, certool: Certool) -> None:
    appliance.knobs({"vmca.mask_signing_errors": False})
    now = int(time.time())
    day = 86400
    assert sign(appliance, certool, now - 13 * day, now + day) == 0
    assert sign(appliance, certool, now - 15 * day, now + day) == 70002
    assert sign(appliance, certool, now, now + 3650 * day) == 0
    assert sign(appliance, certool, now, now + 3650 * day + 1) == 70002


def test_knobs_of_the_leaf(appliance: PrivateNode, certool: Certool) -> None:
    appliance.knobs({"vmca.leaf_validity_days": 3650, "vmca.aia_path": "/afd/vecs/ca", "vmca.multiplesan": True})
    assert certool.gencert("Name = x\nHostname = a.example,b.example").rc == 0
    leaf = x509.load_pem_x509_certificate(certool.path("cert").read_bytes())
    root = pki.certificates((vmca_folder(appliance) / "root.cer").read_text())[0]
    assert leaf.not_valid_after_utc == root.not_valid_after_utc
    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert access[0].access_location.value == "https://vc01.lab.example/afd/vecs/ca"
    assert certool("--getserveroption") == (0, f"multiplesan\n{SUCCESS}", "")


def test_server_option_beats_the_knob(node: PrivateNode, own: Certool) -> None:
    node.knobs({"vmca.multiplesan": True})
    assert own("--disableserveroption", "--option=multiplesan").rc == 0
    assert own("--getserveroption") == (0, SUCCESS, "")


# What only administrators may ask for


@pytest.mark.parametrize(
    ("extension", "code"),
    [
        (x509.BasicConstraints(ca=True, path_length=None), 0),
        (x509.BasicConstraints(ca=False, path_length=None), 0),
        (x509.KeyUsage(False, False, False, True, False, False, False, False, False), 70012),
        (x509.KeyUsage(False, False, False, False, False, True, False, False, False), 0),
    ],
)
def test_purposes(appliance: PrivateNode, extension: x509.ExtensionType, code: int) -> None:
    appliance.knobs({"vmca.mask_signing_errors": False})
    builder = x509.CertificateSigningRequestBuilder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]))
    request = builder.add_extension(extension, critical=True).sign(pair("x").key, SHA256())
    text = request.public_bytes(Encoding.PEM).decode()
    now = int(time.time())
    answer = appliance.ask("vmcad", {"op": "sign", "machine": True, "request": text, "start": now, "end": now + 60})
    assert answer["code"] == code


def test_a_request_without_extensions_gets_none(appliance: PrivateNode) -> None:
    builder = x509.CertificateSigningRequestBuilder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]))
    text = builder.sign(pair("x").key, SHA256()).public_bytes(Encoding.PEM).decode()
    now = int(time.time())
    answer = appliance.ask("vmcad", {"op": "sign", "machine": True, "request": text, "start": now, "end": now + 60})
    assert list(pki.certificates(answer["cert"])[0].extensions) == []


# Life and death


def test_without_a_root(own: Certool, node: PrivateNode) -> None:
    node.stop("vmcad")
    (vmca_folder(node) / "root.cer").unlink()
    node.start("vmcad")
    missing = "The Root CA certificate is missing or failed to Initialize"
    assert own("--getrootca") == failed(70000, missing)
    assert own.gencert() == failed(70000, missing, f"{USING}Error: 70000, {SIGN}")
    assert own("--version").rc == 0


def test_files_changed_behind_its_back_wait_for_the_next_start(node: PrivateNode, own: Certool) -> None:
    ca = authority("other")
    (vmca_folder(node) / "root.cer").write_text(ca.pem)
    (vmca_folder(node) / "privatekey.pem").write_text(ca.key_pem)
    assert own.gencert().rc == 0
    leaf = x509.load_pem_x509_certificate(own.path("cert").read_bytes())
    assert leaf.issuer != ca.certificate.subject
    node.stop("vmcad")
    node.start("vmcad")
    assert own.gencert().rc == 0
    x509.load_pem_x509_certificate(own.path("cert").read_bytes()).verify_directly_issued_by(ca.certificate)


@pytest.mark.parametrize("power_loss", [False, True])
def test_what_was_issued_and_revoked_is_kept(node: PrivateNode, own: Certool, power_loss: bool) -> None:
    own.gencert()
    own("--revokecert", "--cert=cert")
    own("--enableserveroption", "--option=multiplesan")
    listed = own("--enumcert", "--filter=all")
    node.stop("vmcad", power_loss=power_loss)
    node.start("vmcad")
    assert own("--enumcert", "--filter=all") == listed
    assert own("--status", "--cert=cert").out.startswith("Certificate : REVOKED\n")
    assert own("--getserveroption").out == f"multiplesan\n{SUCCESS}"


def test_revocations_of_an_unknown_certificate(tmp_path: Path) -> None:
    register = Register(tmp_path / "certs.db")
    register.revoke("FF", "CN=CA")
    with pytest.raises(VmcaError) as caught:
        register.revoke("FF", "CN=CA")
    assert caught.value.code == 183
    assert register.status("FF", "CN=CA") == "REVOKED"
    assert register.status("FF", "CN=other") == "INVALID_STATE"


# Publication


def published(node: PrivateNode, certificate: x509.Certificate) -> dict[str, str | None] | None:
    objects = node.ask("vmdird", {"op": "ca_list"})["objects"]
    wanted = pki.directory_id(certificate)
    return next((item for item in objects if item["id"] == wanted), None)


def eventually(node: PrivateNode, certificate: x509.Certificate) -> dict[str, str | None]:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = published(node, certificate)
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("never published")


def test_a_new_root_is_published_with_its_crl_and_nothing_else_happens(node: PrivateNode, own: Certool) -> None:
    root = authority("root")
    issuing = authority("issuing", root)
    roots = node.ask("vmafdd", {"op": "entry_list", "store": "TRUSTED_ROOTS"})["entries"]
    install(own, issuing.pem + root.pem, issuing.key_pem)
    assert eventually(node, issuing.certificate)["crl"] is not None
    assert eventually(node, root.certificate)["crl"] is None
    assert node.ask("vmafdd", {"op": "entry_list", "store": "TRUSTED_ROOTS"})["entries"] == roots


def test_publish_roots_brings_an_unpublished_root_back(appliance: PrivateNode, certool: Certool) -> None:
    root = pki.certificates((vmca_folder(appliance) / "root.cer").read_text())[0]
    eventually(appliance, root)
    assert appliance.ask("vmdird", {"op": "ca_remove", "id": pki.directory_id(root)})["code"] == 0
    assert certool("--publish-roots") == (0, SUCCESS, "")
    eventually(appliance, root)


def test_selfca(node: PrivateNode, own: Certool) -> None:
    own.write("m.cfg", f"{CONFIG}Email = a@b.c\n")
    assert own("--selfca", "--config=m.cfg", "--predate=60") == (0, USING + SUCCESS, "")
    root = pki.certificates((vmca_folder(node) / "root.cer").read_text())[0]
    subject = [rdn.rfc4514_string() for rdn in root.subject.rdns]
    assert subject[:3] == ["CN=vc01.lab.example", "DC=vsphere", "DC=local"]
    assert [part.partition("=")[0] for part in subject[3:]] == ["C", "ST", "O", "OU"]
    names = root.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == ["a@b.c"]
    age = datetime.now(UTC) - root.not_valid_before_utc
    assert timedelta(minutes=60) <= age < timedelta(minutes=61)
    entries = node.ask("vmafdd", {"op": "entry_list", "store": "TRUSTED_ROOTS"})["entries"]
    assert pki.sha1(root) in [entry["alias"] for entry in entries]
    eventually(node, root)


def test_selfca_without_country(certool: Certool) -> None:
    certool.write("m.cfg", "Name = x\n")
    parameter = "Operation failed with error = ERROR_INVALID_PARAMETER (87)"
    before = f"{USING}Error: 87, Failed to create CSR\n"
    assert certool("--selfca", "--config=m.cfg") == failed(87, parameter, before)


# Who may do what (§1.2)


class Stranger:
    """VMCA asked by somebody who is authenticated and no CAAdmins member."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, **knobs: bool) -> None:
        monkeypatch.setattr(vmcad, "_authenticated", lambda *_: False)
        monkeypatch.setattr(vmcad, "knob", lambda name, default: knobs.get(name.rpartition(".")[2], default))
        register = Register(folder / "certs.db")
        self._vmcad = vmcad.Vmcad(Authority(folder, register), register, lambda: None)

    def code(self, operation: str) -> int:
        return int(self._vmcad.handle({"op": operation}, Peer(0))["code"])


@pytest.mark.parametrize(
    "operation",
    [
        "root_add",
        "revoke",
        "status",
        "enumerate",
        "crl_generate",
        "publish",
        "option_set",
        "option_unset",
        "option_get",
    ],
)
def test_for_administrators_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, operation: str) -> None:
    assert Stranger(monkeypatch, tmp_path).code(operation) == 5


@pytest.mark.parametrize("operation", ["sign", "root_get", "crl_get"])
def test_for_everybody_authenticated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, operation: str) -> None:
    stranger = Stranger(monkeypatch, tmp_path)
    assert stranger.code(operation) == 70000  # let in, and told that there is no CA
    assert stranger.code("version") == 0


def test_older_revisions_sign_for_administrators_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Stranger(monkeypatch, tmp_path, require_caadmins=True).code("sign") == 5
