# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else happens to nodes: slow services, full disks, wrong clocks, and people."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import matrix
import pytest
from collection import road
from controller import Controller
from controllers import Blow, Cell, ControllerKilled, Ensemble, SessionsKilled
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from drive import Refusal
from evidence import wait_until
from invariant import check, health
from misfortunes import OFF, Clock, DiskFault, Fault, Killed, PowerLoss, ServiceFault, ToolFault, mend
from moments import STATE_DIR, Hold, Moment, newest
from simvc.lab.node import Node
from site_under_proof import Act, Site, story

VECS = "/usr/lib/vmware-vmafd/bin/vecs-cli"
ENTRY = "--store MACHINE_SSL_CERT --alias __MACHINE_CERT"


@pytest.fixture(autouse=True)
def mended(site: Site) -> Iterator[None]:
    """However a test ends, the next one gets a node that is well."""
    yield
    mend(site.node)
    if site.drive.outcome() in ("open", "stuck"):
        site.drive.finish()
    site.before = health(site.node)


def held(site: Site, moment: Moment) -> tuple[str, Hold]:
    """A swap that stands still at the moment, and the certificate that it brings."""
    new = site.drive.stage()
    hold = Hold(site.node, moment)
    site.drive.swap(sha256=new)
    hold.wait()
    return new, hold


def ended(site: Site, hold: Hold) -> str:
    hold.release()
    site.drive.end()
    return site.drive.outcome()


def test_the_matrix_strikes_before_and_after_every_step_of_the_road(site: Site) -> None:
    anatomy = matrix.dissect(site)
    struck = {(case.step, case.when) for case in matrix.cases(anatomy)}
    assert struck == {(step, when) for step in road() for when in ("before", "after")}
    assert {case.kind for case in matrix.cases(anatomy)} >= {
        "power loss", "power loss, self-heal", "process killed", "tool fails", "tool lies", "tool hangs",
    }  # fmt: skip


def test_a_step_that_leaves_no_line_is_noticed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "road", lambda: [*road(), "a new step"])
    with pytest.raises(matrix.Forgotten, match="a new step"):
        matrix.dissect(site)


class TestServices:
    @pytest.mark.parametrize("how", ["late:1.5", "rc5:1"])
    def test_one_that_comes_late_is_no_failure(self, site: Site, how: str) -> None:
        assert site.prove([Act(Moment("begin", "start"), ServiceFault("vmware-vpxd", how))]) == "new"

    def test_one_that_was_stopped_before_stays_stopped(self, site: Site) -> None:
        site.node.run(["service-control", "--stop", "vsphere-ui"])
        site.before = health(site.node)
        assert "vsphere-ui" not in site.before.census["Running"]
        new = site.drive.rotate()
        assert check(site.node, site.before, new) == "new"
        site.node.run(["service-control", "--start", "vsphere-ui"])

    def test_one_that_does_not_come_back_brings_the_old_certificate_back_and_fails_the_run(
        self, site: Site, controller: Controller
    ) -> None:
        site.node.knobs(**{"service.vmware-vpxd.start": ["fail", "fail", "fail"]})
        forced = '{"machine_ssl_force": true, "machine_ssl_force_reason": "proof", "machine_ssl_settle_timeout": 6}'
        run = controller.playbook("rotate", "-e", forced)
        assert run.rc != 0
        assert run.stats[site.node.name]["failures"] == 1
        assert any("Not running again by the deadline: vmware-vpxd" in message for message in run.failures())
        assert site.drive.outcome() == "rolled_back"
        assert site.judge(newest(site.node)[0]["new_sha256"]) == "old"


class TestDisk:
    @pytest.mark.parametrize("kind", ["disk full", "state folder read-only"])
    def test_unusable_before_the_window_refuses_in_words(self, site: Site, kind: str) -> None:
        new = site.drive.stage()
        stops = len(site.node.tool_calls("service-control", "--stop"))
        DiskFault(kind).strike(site.node)
        with pytest.raises(Refusal, match=r"cannot be (used|written)|No space|Read-only"):
            site.drive.swap(sha256=new)
            site.drive.end()
            raise Refusal(story(site.node))
        assert len(site.node.tool_calls("service-control", "--stop")) == stops
        mend(site.node)
        site.drive.finish()
        assert site.judge(new) == "old"

    @pytest.mark.parametrize(
        ("kind", "step"),
        [
            ("disk full", "replace"),
            pytest.param("disk full", "arm", marks=pytest.mark.slow),
            pytest.param("disk full", "stop", marks=pytest.mark.slow),
            pytest.param("state folder read-only", "stop", marks=pytest.mark.slow),
            pytest.param("state folder read-only", "start", marks=pytest.mark.slow),
        ],
    )
    def test_unusable_in_the_window_loses_nothing(self, site: Site, kind: str, step: str) -> None:
        new, hold = held(site, Moment("begin", step))
        DiskFault(kind).strike(site.node)
        hold.release()
        site.drive.end()
        mend(site.node)
        site.drive.finish()
        site.judge(new)


@pytest.fixture
def clock(site: Site) -> Iterator[Clock]:
    site.drive.clock = Clock(site.node)
    yield site.drive.clock
    site.drive.clock = None


class TestClock:
    @pytest.mark.parametrize("offset", ["-400d", "+400d"])
    def test_that_steps_in_the_window_changes_nothing(self, site: Site, clock: Clock, offset: str) -> None:
        new, hold = held(site, Moment("begin", "replace"))
        clock.step(offset)
        assert ended(site, hold) == "committed"
        records = newest(site.node)
        days = (datetime.fromisoformat(records[-1]["at"]) - datetime.fromisoformat(records[0]["at"])).days
        assert abs(days) >= 399, "the step did not come through to the swap"
        told = site.drive.call("machine_ssl_swap", state="status")["swap"]
        assert 0 < told["window_seconds"] < 120
        assert site.judge(new) == "new"

    @pytest.mark.parametrize("offset", ["-400d", "+400d"])
    def test_that_steps_before_an_interrupted_swap_is_resumed(self, site: Site, clock: Clock, offset: str) -> None:
        new, hold = held(site, Moment("done", "stop"))
        hold.kill()
        clock.step(offset)
        site.drive.swap("resumed")
        site.drive.end()
        assert site.drive.outcome() == "committed"
        assert site.judge(new) == "new"

    def test_a_clock_that_has_stepped_back_hides_no_swap_and_no_backup(self, site: Site) -> None:
        earlier = site.drive.rotate()
        _rename_into_the_future(site.node)
        before = health(site.node)
        assert before.stored == earlier
        new = site.drive.rotate()
        told = site.drive.call("machine_ssl_swap", state="status")["swap"]
        assert (told["state"], told["new"]["sha256"]) == ("committed", new)
        assert check(site.node, before, new) == "new"
        site.before = health(site.node)
        site.drive.swap("rolled_back")
        site.drive.end()
        assert health(site.node).stored == earlier


def _rename_into_the_future(node: Node) -> None:
    """As if the clock had been a year ahead until now."""
    later = 'mv "$name" "$(( ${name%%T*} + 10000 ))T${name#*T}"'
    for folder in ("journal", "backup"):
        script = f"cd {STATE_DIR}/{folder} && for name in 2*; do {later}; done"
        node.run(["bash", "-c", script], check=True)


class TestPeople:
    @pytest.mark.parametrize("step", ["arm", "replace"])
    def test_a_second_run_is_refused_in_words(self, site: Site, step: str) -> None:
        new, hold = held(site, Moment("begin", step))
        with pytest.raises(Refusal, match="Another run owns this node's window"):
            site.drive.swap(sha256="ab" * 32)
        assert ended(site, hold) == "committed"
        assert site.judge(new) == "new"

    def test_the_same_run_again_follows_the_first(self, site: Site) -> None:
        new, hold = held(site, Moment("done", "stop"))
        journals = site.drive.journals()
        again = site.drive.swap(sha256=new)
        assert again["started"]
        assert site.drive.journals() == journals
        assert ended(site, hold) == "committed"
        assert site.judge(new) == "new"

    def test_a_pair_staged_by_another_in_the_window_is_never_brought_in(self, site: Site) -> None:
        new, hold = held(site, Moment("done", "core"))
        site.drive.stage()
        assert ended(site, hold) == "rolled_back"
        assert site.judge(new) == "old"

    @pytest.mark.parametrize(
        ("by_hand", "moment"),
        [
            (f"{VECS} entry delete {ENTRY} -y", Moment("done", "core")),
            pytest.param(f"{VECS} entry delete {ENTRY} -y", Moment("done", "replace"), marks=pytest.mark.slow),
            pytest.param("service-control --start --all", Moment("done", "core"), marks=pytest.mark.slow),
            pytest.param("service-control --stop --all", Moment("done", "replace"), marks=pytest.mark.slow),
        ],
    )
    def test_a_person_who_works_by_hand_meanwhile_loses_no_pair(self, site: Site, by_hand: str, moment: Moment) -> None:
        new, hold = held(site, moment)
        site.node.ssh(by_hand)
        hold.release()
        site.drive.end()
        site.drive.finish()
        site.judge(new)


class TestController:
    """One of each; all of them at every step are a part of `make faults`."""

    @pytest.mark.parametrize(
        ("blow", "moment"),
        [
            (ControllerKilled(whole=True), Moment("done", "replace")),
            (SessionsKilled(pipelining=False, retries=3), Moment("done", "stop")),
        ],
        ids=str,
    )
    def test_the_node_goes_on_without_it(self, site: Site, controller: Controller, blow: Blow, moment: Moment) -> None:
        assert Ensemble([site], controller).play(blow, [Cell(str(moment.step), "after", moment)]) == []


class TestRestart:
    """Of all services, which is no swap: nothing but them has moved when it is over."""

    def judge(self, site: Site, outcome: str) -> None:
        assert site.drive.outcome() == outcome, story(site.node)
        assert check(site.node, site.before, "of no certificate") == "old"

    def test_undisturbed_it_restarts_every_service(self, site: Site) -> None:
        asked = len(site.node.tool_calls("vecs-cli"))
        site.drive.swap("restarted")
        site.drive.end()
        assert len(site.node.tool_calls("vecs-cli")) == asked
        self.judge(site, "committed")

    @pytest.mark.parametrize(
        ("fault", "moment", "outcome"),
        [
            (Killed(), Moment("begin", "stop"), "rolled_back"),
            (PowerLoss(heal=True), Moment("begin", "start"), "committed"),
            pytest.param(PowerLoss(heal=False), Moment("begin", "start"), "committed", marks=pytest.mark.slow),
            pytest.param(PowerLoss(heal=True), Moment("begin", "stop"), "rolled_back", marks=pytest.mark.slow),
            pytest.param(PowerLoss(heal=True), Moment("done", "census"), "refused", marks=pytest.mark.slow),
        ],
        ids=str,
    )
    def test_whatever_dies_the_services_are_started_again(
        self, site: Site, fault: Fault, moment: Moment, outcome: str
    ) -> None:
        hold = Hold(site.node, moment)
        site.drive.swap("restarted")
        hold.wait()
        if fault.strike(site.node) == OFF:
            hold.forget()
            site.node.boot()
        else:
            hold.kill()
        if fault == PowerLoss(heal=True) and outcome != "refused":
            wait_until(lambda: site.drive.outcome() != "open")
            site.drive.end()
        else:
            site.drive.finish()
        self.judge(site, outcome)

    def test_services_that_do_not_stop_fail_it_and_run_on(self, site: Site) -> None:
        ToolFault("service-control", "--stop --all", "fails", lasting=True).strike(site.node)
        site.drive.swap("restarted")
        site.drive.end()
        self.judge(site, "rolled_back")

    def test_one_that_does_not_come_back_needs_a_person_and_what_is_printed_helps(self, site: Site) -> None:
        ServiceFault("vmware-vpxd", "fail", lasting=True).strike(site.node)
        site.drive.swap("restarted")
        site.drive.end()
        assert site.drive.outcome() == "stuck"
        mend(site.node)
        (command,) = newest(site.node)[-1]["instructions"]
        site.node.ssh(command)
        site.drive.finish()
        self.judge(site, "committed")


class TestRollBack:
    def test_on_demand_puts_the_pair_of_a_backup_back(self, site: Site) -> None:
        old = site.before.stored
        site.drive.rotate()
        site.before = health(site.node)
        assert site.drive.swap("rolled_back")["changed"]
        site.drive.end()
        assert check(site.node, site.before, old) == "new"
        assert not site.drive.swap("rolled_back", backup=_backup_of(site.node, old))["changed"]

    def test_is_refused_without_such_a_backup(self, site: Site) -> None:
        with pytest.raises(Refusal, match="There is no backup 20200101T000000Z-none"):
            site.drive.swap("rolled_back", backup="20200101T000000Z-none")

    def test_to_an_expired_certificate_is_refused_unless_forced(self, site: Site) -> None:
        backup, sha256 = _expired_backup(site.node)
        with pytest.raises(Refusal, match="expired"):
            site.drive.swap("rolled_back", backup=backup)
        assert health(site.node).stored == site.before.stored
        site.drive.swap("rolled_back", backup=backup, force=True)
        site.drive.end()
        assert check(site.node, site.before, sha256) == "new"
        site.drive.rotate()


def _backup_of(node: Node, sha256: str) -> str:
    folder = node.root / STATE_DIR[1:] / "backup"
    return max(path.name for path in folder.iterdir() if path.name.endswith(sha256[:12]))


def _expired_backup(node: Node) -> tuple[str, str]:
    """A whole backup whose certificate expired yesterday; its id, and the certificate's SHA-256."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node.name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=700))
        .not_valid_after(now - timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(node.name)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder = f"{STATE_DIR}/backup/20250101T000000000000Z-expired"
    node.run(["mkdir", "-m", "700", folder], check=True)
    _write(node, f"{folder}/machine.crt", certificate.public_bytes(serialization.Encoding.PEM))
    _write(node, f"{folder}/machine.key", private)
    _write(node, f"{folder}/about.json", b"{}")
    return Path(folder).name, certificate.fingerprint(hashes.SHA256()).hex()


def _write(node: Node, path: str, content: bytes) -> subprocess.CompletedProcess[str]:
    return node.run(["sh", "-c", f"umask 077; cat >{path}"], input=content.decode(), check=True)
