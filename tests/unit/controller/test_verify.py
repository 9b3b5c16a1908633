# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verification, and the probe with real TLS servers on the loopback."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import tls, x509
from ansible_collections.vcfleet.certs.plugins.plugin_utils.verify import Probe, complaints, failures, notes, verify
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

WANTED = {"cn": "vc01.lab.example", "dns": ["vc01.lab.example"], "ip": ["198.18.0.11"], "email": []}


@pytest.fixture
def issued(authority: Any) -> tuple[str, str]:
    """A root and a new leaf that is as wanted."""
    return authority.root(), authority.leaf(begins=-0.01, ends=730, ip=["198.18.0.11"])


def test_a_certificate_that_is_as_wanted(issued: tuple[str, str], now: datetime) -> None:
    root, leaf = issued

    found = verify(leaf, [root], now, WANTED)

    assert found["ok"] is True and failures(found) == []
    assert found["chain"] == ["CN=vc01.lab.example,C=US", x509.facts(root)["subject"]]
    assert found["certificate"]["sha256"] == x509.facts(leaf)["sha256"]
    assert found["served"] == {}
    assert {check["id"] for check in found["checks"]} == {
        "cn", "pnid-first", "san-dns", "san-ip", "san-email", "chain", "key", "signature",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "check", "words"),
    [
        ({"cn": "VC01.lab.example"}, {"cn", "pnid-first"}, "wanted is VC01.lab.example"),
        ({"dns": ["vc01.lab.example", "b.example"]}, {"san-dns"}, "lacks b.example"),
        ({"ip": []}, {"san-ip"}, "has 198.18.0.11 unasked"),
        ({"email": ["a@b.example"]}, {"san-email"}, "lacks a@b.example"),
    ],
)
def test_names_that_differ(
    issued: tuple[str, str], now: datetime, wanted: dict[str, Any], check: set[str], words: str
) -> None:
    root, leaf = issued

    found = verify(leaf, [root], now, {**WANTED, **wanted})

    assert not found["ok"] and any(words in message for message in failures(found))
    assert {each["id"] for each in found["checks"] if not each["ok"]} == check


def test_the_pnid_must_be_the_first_name(authority: Any, now: datetime) -> None:
    root = authority.root()
    leaf = authority.leaf(ends=700, dns=["b.example", "vc01.lab.example"])
    wanted = {**WANTED, "dns": ["vc01.lab.example", "b.example"], "ip": []}

    found = verify(leaf, [root], now, wanted)

    assert [each["id"] for each in found["checks"] if not each["ok"]] == ["pnid-first"]


@pytest.mark.parametrize("pnid", ["2001:db8::11", "2001:DB8:0:0::11", "192.0.2.11"])
def test_a_pnid_that_is_an_address_has_no_spelling_in_the_certificate(authority: Any, now: datetime, pnid: str) -> None:
    root = authority.root()
    leaf = authority.leaf(cn=pnid, ends=700, dns=[], ip=[pnid])

    found = verify(leaf, [root], now, {"cn": pnid, "dns": [], "ip": [pnid], "email": []})

    assert failures(found) == []


def test_a_certificate_that_does_not_chain(issued: tuple[str, str], authority: Any, now: datetime) -> None:
    found = verify(issued[1], [authority.root("other")], now)

    assert not found["ok"] and found["chain"] == []
    assert "No trusted root has issued" in failures(found)[0]


def test_one_that_has_ended(issued: tuple[str, str], now: datetime) -> None:
    found = verify(issued[1], [issued[0]], now + timedelta(days=800))

    assert any("ended" in message for message in failures(found))


@pytest.mark.parametrize("text", ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA"])
def test_what_is_no_certificate(text: str, now: datetime) -> None:
    with pytest.raises(x509.X509Error):
        verify(text, [], now)


class TestProbe:
    def test_complaints_are_about_another_certificate_and_about_none_where_one_is_required(
        self, issued: tuple[str, str]
    ) -> None:
        def look(_host: str, port: int, *_: Any) -> list[str]:
            if port == 5480:
                raise tls.TlsError("no route to host")
            return [issued[1]]

        sha256 = x509.facts(issued[1])["sha256"]
        assert complaints(sha256, Probe("vc01", (443, 5480), required=False), look) == []
        (required,) = complaints(sha256, Probe("vc01", (443, 5480)), look)
        assert "Port 5480" in required and "no route" in required
        (other,) = complaints("ab" * 32, Probe("vc01", (443,)), look)
        assert "another certificate" in other and sha256 in other

    @pytest.mark.parametrize("required", [True, False])
    def test_a_port_that_cannot_be_reached_counts_when_it_is_required(
        self, issued: tuple[str, str], now: datetime, required: bool
    ) -> None:
        def look(*_: Any) -> list[str]:
            raise tls.TlsError("no route")

        found = verify(issued[1], [issued[0]], now, None, Probe("vc01", (443,), required=required), look)

        assert found["ok"] is not required
        assert found["served"] == {"443": None}
        assert "no route" in found["checks"][-1]["message"]
        assert notes(found) == ([] if required else [found["checks"][-1]["message"]])
        assert ("The node itself looks at its ports" in found["checks"][-1]["message"]) is not required

    @pytest.mark.parametrize("required", [True, False])
    def test_another_certificate_always_counts(self, issued: tuple[str, str], now: datetime, required: bool) -> None:
        root, leaf = issued
        presented = {443: leaf, 5480: root}

        def look(_host: str, port: int, *_: Any) -> list[str]:
            return [presented[port]]

        found = verify(leaf, [root], now, None, Probe("vc01", (443, 5480), required=required), look)

        assert failures(found) == [f"Port 5480 of vc01 presents another certificate: {x509.facts(root)['sha256']}."]
        assert found["served"] == {"443": x509.facts(leaf)["sha256"], "5480": x509.facts(root)["sha256"]}


Server = Callable[..., int]


@pytest.fixture
def server(tmp_path: Any) -> Iterator[Server]:
    """Starts TLS servers on the loopback that present a chain; `names` collects what was asked for."""
    listeners = []

    def start(chain: list[str], key: Any, names: list[Any]) -> int:
        pem = tmp_path / "pair.pem"
        pem.write_text(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode() + "".join(chain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=_serve, args=(listener, context), daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            link, _address = listener.accept()
        except OSError:
            return
        try:
            context.wrap_socket(link, server_side=True).close()
        except OSError:
            link.close()


class TestTls:
    def test_leaf_and_chain_are_seen_expired_or_not(
        self, server: Server, authority: Any, signing_key: Callable[[str], Any]
    ) -> None:
        root = authority.root()
        leaf = authority.leaf(begins=-20, ends=-10)
        names: list[Any] = []
        port = server([leaf, root], signing_key("leaf"), names)

        seen = tls.served("127.0.0.1", port, "vc01.lab.example")

        assert [x509.facts(pem)["sha256"] for pem in seen] == [x509.facts(leaf)["sha256"], x509.facts(root)["sha256"]]
        assert names == ["vc01.lab.example"]

    def test_an_address_is_never_asked_for_by_name(
        self, server: Server, authority: Any, signing_key: Callable[[str], Any]
    ) -> None:
        authority.root()
        names: list[Any] = []

        assert len(tls.served("127.0.0.1", server([authority.leaf()], signing_key("leaf"), names))) == 1
        assert names == [None]

    def test_nobody_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(tls.TlsError, match=f"127.0.0.1:{port} cannot be reached"):
            tls.served("127.0.0.1", port)

    def test_an_ipv6_address_is_told_apart_from_the_port(self) -> None:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(tls.TlsError, match=rf"\[::1\]:{port} cannot be reached"):
            tls.served("::1", port)

    def test_one_who_never_answers(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(tls.TlsError, match="timed out"):
            tls.served("127.0.0.1", listener.getsockname()[1], timeout=0.2)

    def test_one_who_speaks_no_tls(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=lambda: listener.accept()[0].sendall(b"SSH-2.0-x\r\n" * 100), daemon=True).start()
            with pytest.raises(tls.TlsError):
                tls.served("127.0.0.1", listener.getsockname()[1], timeout=5)
