# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assessment: when a node is due, what it will get, and every finding, by one thing wrong on a healthy node."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.vcfleet.certs.plugins.plugin_utils import assess as assess_module
from ansible_collections.vcfleet.certs.plugins.plugin_utils import gates
from ansible_collections.vcfleet.certs.plugins.plugin_utils.findings import render
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan import make_plan, seal
from ansible_collections.vcfleet.certs.plugins.plugin_utils.plan_drift import Present, apply_plan
from ansible_collections.vcfleet.certs.plugins.plugin_utils.policy import Policy
from ansible_collections.vcfleet.certs.plugins.plugin_utils.selection import Selection
from ansible_collections.vcfleet.certs.plugins.plugin_utils.x509 import X509Error
from cryptography.x509.oid import NameOID

Survey = dict[str, Any]
Assess = Callable[..., dict[str, Any]]


@pytest.fixture
def assess(survey: Survey, now: datetime) -> Assess:
    """Assess the healthy survey, or one given, by a policy given as the module's option."""

    def run(survey: Survey = survey, at: datetime = now, **policy: Any) -> dict[str, Any]:
        before = copy.deepcopy(survey)
        assessment = assess_module.assess(survey, Policy.from_options(policy), at)
        assert survey == before, "the survey was changed"
        assert json.loads(json.dumps(assessment)) == assessment, "not plain data"
        return assessment

    return run


def severities(assessment: dict[str, Any]) -> dict[str, str]:
    return {finding["id"]: finding["severity"] for finding in assessment["findings"]}


class TestVerdict:
    def test_one_that_ended_five_minutes_ago_has_ended(self, assess: Assess, now: datetime) -> None:
        ended = assess(at=now + timedelta(days=30, minutes=5))

        assert ended["reasons"] == ["It ended 2026-12-22T16:00:00Z."]
        assert ended["current"]["days_left"] < 0
        assert assess(at=now + timedelta(days=30, minutes=-5))["current"]["days_left"] >= 0

    def test_a_healthy_node_near_its_end_is_rotated(self, assess: Assess) -> None:
        assessment = assess()

        assert assessment["verdict"] == "rotate" and assessment["due"] is True
        assert assessment["findings"] == []
        assert assessment["reasons"] == ["30.0 of 730 days are left (4% of the lifetime), and 33% or less is due."]

    def test_one_that_is_not_due_is_kept(self, assess: Assess, authority: Any, make_survey: Any) -> None:
        survey = make_survey(authority.root(), authority.leaf(begins=-10, ends=720))

        assessment = assess(survey)

        assert assessment["verdict"] == "keep" and assessment["due"] is False
        assert "so it is not due" in assessment["reasons"][0]

    @pytest.mark.parametrize(
        ("policy", "due"),
        [
            ({}, True),
            ({"lifetime_fraction": 0.04}, False),
            ({"lifetime_fraction": 0.0411}, True),
            ({"lifetime_fraction": 0, "days_left": 30}, True),
            ({"lifetime_fraction": 0, "days_left": 29}, False),
            ({"lifetime_fraction": 0.01, "days_left": 60}, True),
            ({"lifetime_fraction": 0}, False),
            ({"lifetime_fraction": 0, "force": True, "force_reason": "key may be known"}, True),
        ],
    )
    def test_due_by_fraction_or_by_days(self, assess: Assess, policy: dict[str, Any], due: bool) -> None:
        assert assess(**policy)["due"] is due

    def test_force_says_why(self, assess: Assess) -> None:
        assessment = assess(lifetime_fraction=0, force=True, force_reason="key may be known")

        assert assessment["reasons"] == ["Forced: key may be known."]

    def test_an_expired_certificate_is_due_whatever_the_policy(self, assess: Assess, now: datetime) -> None:
        assessment = assess(at=now + timedelta(days=31), lifetime_fraction=0)

        assert assessment["verdict"] == "rotate"
        assert assessment["current"]["days_left"] == -1
        assert severities(assessment) == {"machine-certificate-expired": "warn"}

    def test_a_name_that_is_wanted_and_missing_makes_it_due(self, assess: Assess) -> None:
        assessment = assess(lifetime_fraction=0, san={"dns": ["vcenter.example.com"]})

        assert assessment["reasons"] == ["It lacks vcenter.example.com."]

    def test_a_node_that_is_not_due_is_kept_whatever_was_found(self, assess: Assess, survey: Survey) -> None:
        survey["vcha"] = True

        assessment = assess(survey, lifetime_fraction=0)

        assert assessment["verdict"] == "keep"
        assert severities(assessment) == {"vcha-configured": "refuse"}

    def test_without_a_readable_certificate_nobody_can_say_that_it_is_not_due(
        self, assess: Assess, survey: Survey
    ) -> None:
        survey["machine_certificate"] = None

        assessment = assess(survey)

        assert assessment["verdict"] == "refuse" and assessment["wanted"] is None and assessment["current"] is None

    def test_every_reason_is_named_at_once(self, assess: Assess, survey: Survey) -> None:
        survey.update(vcha=True, fqdn="other.lab.example", crl_count=1000)

        text = render(assess(survey))

        for finding in ("vcha-configured", "pnid-fqdn-mismatch", "crl-bloat"):
            assert f"refuse {finding}: " in text
        assert "→ Destroy the vCenter HA cluster" in text
        assert text.startswith("refuse: ")

    def test_after_the_rotation_nothing_is_due(self, assess: Assess, authority: Any, make_survey: Any) -> None:
        """Whatever the policy asked for, a certificate that is as wanted is kept."""
        policy = {"san": {"dns": ["b.example"], "ip": ["198.18.0.11"]}, "drop_sans": ["old.example"]}
        root = authority.root()
        first = assess(make_survey(root, authority.leaf(dns=["vc01.lab.example", "old.example"])), **policy)
        wanted = first["wanted"]
        new = authority.leaf(begins=0, ends=730, dns=wanted["dns"], ip=wanted["ip"], email=wanted["email"])

        second = assess(make_survey(root, new), **policy)

        assert first["verdict"] == "rotate" and second["verdict"] == "keep"
        assert second["wanted"] == wanted
        assert second["san_changes"] == {"kept": [*wanted["dns"], *wanted["ip"]], "added": [], "dropped": []}


@pytest.mark.parametrize("what", ["subject", "dns", "curve"])
def test_an_odd_root_among_the_trusted_is_in_nobodys_way(
    assess: Assess, survey: Survey, authority: Any, what: str
) -> None:
    survey["trusted_roots"].append({"alias": "odd", "chain": [authority.odd()[what]]})

    assert assess(survey)["verdict"] == "rotate"


@pytest.mark.parametrize("what", ["subject", "dns", "curve"])
def test_an_odd_machine_certificate_is_told_in_words(assess: Assess, survey: Survey, authority: Any, what: str) -> None:
    survey["machine_certificate"]["chain"] = [authority.odd()[what]]

    with pytest.raises(X509Error):
        assess(survey)


class TestWhen:
    """The calendar's part in the verdict. `now` is a Sunday, 17:00 in Berlin; 30 of 730 days are left."""

    WINDOWS = {"windows": [{"cron": "0 22 * * sat", "duration": "4h", "timezone": "Europe/Berlin"}]}
    WAITS = "Due, waits for the window that opens at Sat 2026-11-28 22:00 CET: no window is open now."

    def test_a_due_node_outside_its_window_is_kept(self, assess: Assess) -> None:
        assessment = assess(**self.WINDOWS)

        assert assessment["verdict"] == "keep" and assessment["due"] is True
        assert assessment["reasons"] == [
            "30.0 of 730 days are left (4% of the lifetime), and 33% or less is due.",
            self.WAITS,
        ]
        assert assessment["when"]["window"] == {
            "open_now": False,
            "closes_at": None,
            "next_opens_at": "2026-11-28T21:00:00Z",
        }
        assert assessment["wanted"] is not None

    def test_in_its_window_it_is_rotated(self, assess: Assess, now: datetime) -> None:
        assessment = assess(at=now + timedelta(days=6, hours=6), **self.WINDOWS)

        assert assessment["verdict"] == "rotate" and len(assessment["reasons"]) == 1

    @pytest.mark.parametrize(
        ("calendar", "words"),
        [
            ({}, ""),
            (WINDOWS, "waits for the window that opens at Sat 2026-11-28 22:00 CET: no window is open now."),
            (
                {"freezes": [{"from": "2026-11-20", "until": "2027-12-01", "reason": "a long one"}]},
                "waits until Thu 2027-12-02 00:00 UTC: frozen until Thu 2027-12-02 00:00 UTC (a long one).",
            ),
            (
                {"backoff": "24h"},
                "waits until Mon 2026-11-23 10:00 UTC: the last attempt, of Sun 2026-11-22 10:00 UTC, was rolled back"
                " less than 1d ago (policy.backoff).",
            ),
        ],
    )
    def test_what_it_would_wait_for_is_known_before_it_is_due(
        self, assess: Assess, survey: Survey, calendar: dict[str, Any], words: str
    ) -> None:
        began = "2026-11-22T10:00:00.000+00:00"
        survey["last_swap"] = {"id": "x", "state": "rolled_back", "started_at": began, "sentence": "It was put back."}
        assessment = assess(survey, lifetime_fraction=0, **calendar)

        assert assessment["verdict"] == "keep" and assessment["due"] is False
        assert assessment["waits"] == words
        assert assess_module.why_waits(assessment, forced=False) == ([f"Planned, {words}"] if words else [])
        frozen = bool(assessment["when"]["freeze"])
        assert bool(assess_module.why_waits(assessment, forced=True)) is frozen
        assert ("Force does not go before a freeze." in assess_module.why_waits(assessment, forced=True)) is frozen

    def test_a_plan_for_saturday_that_is_applied_on_thursday_waits(
        self, assess: Assess, survey: Survey, now: datetime
    ) -> None:
        """Due on Saturday, in its window, by its days left; on Thursday neither due nor in a window."""
        saturday, thursday = now + timedelta(days=6, hours=6), now + timedelta(days=4)
        policy = {**self.WINDOWS, "lifetime_fraction": 0, "days_left": 24}
        group = {"name": "g", "nodes": ["vc01"], "verdict": "rotate", "reasons": ["Due."]}
        planned, early = (
            {"vc01": {"survey": survey, "assessment": assess(survey, at=at, **policy)}} for at in (saturday, thursday)
        )
        reviewed = seal(make_plan(planned, [group]), thursday, 72)

        for records, at, turns in ((early, thursday, []), (planned, saturday, ["vc01"])):
            present = Present(records, [group], Selection(), ["vc01"], at)
            assert apply_plan(reviewed, present)["groups"]["g"]["turns"] == turns

    def test_a_node_that_waits_is_kept_whatever_was_found(self, assess: Assess, survey: Survey) -> None:
        survey["vcha"] = True

        assessment = assess(survey, **self.WINDOWS)

        assert assessment["verdict"] == "keep"
        assert severities(assessment) == {"vcha-configured": "refuse"}

    @pytest.mark.parametrize(("rule", "verdict"), [("refuse", "refuse"), ("rotate", "rotate")])
    def test_the_deadline_is_a_reason_and_refusing_a_finding(
        self, assess: Assess, now: datetime, rule: str, verdict: str
    ) -> None:
        assessment = assess(at=now + timedelta(days=28), deadline=rule, **self.WINDOWS)

        assert assessment["verdict"] == verdict
        assert assessment["when"]["deadline"] == {"at": "2026-12-21T16:00:00Z", "near": True, "rule": rule}
        assert "as policy.deadline says" in assessment["reasons"][-1]
        assert severities(assessment) == ({"not-now": "refuse"} if rule == "refuse" else {})

    def test_force_in_a_freeze_is_refused(self, assess: Assess) -> None:
        freezes = [{"from": "2026-11-20", "until": "2026-12-01", "reason": "month end"}]

        assessment = assess(freezes=freezes, force=True, force_reason="key may be known")

        assert assessment["verdict"] == "refuse" and assessment["when"]["freeze"] == "month end"
        assert assessment["reasons"][0] == "Forced: key may be known."
        assert "Frozen until Wed 2026-12-02 00:00 UTC (month end)" in assessment["findings"][0]["message"]
        assert "machine_ssl_freezes" in assessment["findings"][0]["remedy"]

    def test_jitter_says_since_when(self, assess: Assess) -> None:
        """The share of vc01.lab.example is 0.694."""
        policy = {"lifetime_fraction": 0, "days_left": 29}

        assert assess(**policy)["due"] is False
        assessment = assess(jitter=1, **policy)

        assert assessment["verdict"] == "rotate" and assessment["when"]["due_at"] == "2026-11-03T12:52:27Z"
        assert assessment["reasons"] == [
            "30.0 of 730 days are left (4% of the lifetime), and it is due since 2026-11-03T12:52:27Z, 20.1 days sooner"
            " by its jitter."
        ]
        assert assessment["when"]["jitter_days"] == pytest.approx(29 * 0.6941, abs=0.01)

    def test_jitter_says_until_when_it_is_not_due(self, assess: Assess) -> None:
        assessment = assess(jitter=1, lifetime_fraction=0, days_left=10)

        assert assessment["verdict"] == "keep"
        assert assessment["reasons"][0].endswith(
            f", so it is not due before {assessment['when']['due_at']}, 6.9 days sooner by its jitter."
        )

    def test_what_cannot_wait_is_due(self, assess: Assess) -> None:
        assessment = assess(lifetime_fraction=0, next_run="15d")

        assert assessment["verdict"] == "rotate"
        assert "but it cannot wait. The second run from now that could rotate it is on" in assessment["reasons"][0]
        assert assess(lifetime_fraction=0, next_run="14d")["due"] is False

    def test_after_a_failure_it_backs_off(self, assess: Assess, survey: Survey) -> None:
        began = "2026-11-22T10:00:00.000+00:00"
        survey["last_swap"] = {"id": "x", "state": "rolled_back", "started_at": began, "sentence": "It was put back."}

        assert assess(survey)["verdict"] == "rotate"
        assessment = assess(survey, backoff="24h")

        assert assessment["verdict"] == "keep" and assessment["when"]["backoff_until"] == "2026-11-23T10:00:00Z"

    def test_without_a_certificate_there_is_no_when(self, assess: Assess, survey: Survey) -> None:
        survey["machine_certificate"] = None

        assessment = assess(survey, **self.WINDOWS)

        assert assessment["verdict"] == "refuse" and assessment["when"] is None


def change(**parts: Any) -> Callable[[Survey], None]:
    return lambda survey: survey.update(parts)


def unreadable(part: str, message: str = "it was not to be had") -> Callable[[Survey], None]:
    def spoil(survey: Survey) -> None:
        survey[part] = None
        survey["problems"].append({"part": part, "message": message, "remedy": "Mend it."})

    return spoil


def census(running: list[str], pending: list[str] | None = None) -> Callable[[Survey], None]:
    return change(census={"running": running, "stopped": [], "start_pending": pending or [], "stop_pending": []})


def disk(total: int, free: int, inodes: int = 100_000) -> Callable[[Survey], None]:
    return change(disk=[{"path": "/storage/log", "total": total, "free": free, "inodes_free": inodes}])


def dns(addresses: list[str], reverse: dict[str, list[str]]) -> Callable[[Survey], None]:
    return change(dns={"addresses": addresses, "reverse": reverse})


def clock(ahead: float) -> Callable[[Survey], None]:
    return change(clock={"epoch": 1000.0 + ahead, "asked": 999.5, "answered": 1000.0})


def key_does_not_match(survey: Survey) -> None:
    survey["machine_certificate"]["key_matches"] = False


WHOLE = ["vmafdd", "vmcad", "vmdird", "vmware-envoy", "vmware-rhttpproxy", "vmware-vpxd"]

FROM_THE_SURVEY = [
    # P5
    ("pnid-missing", "refuse", change(pnid=None)),
    ("pnid-missing", "refuse", unreadable("pnid")),
    ("pnid-fqdn-mismatch", "refuse", change(fqdn="vc02.lab.example")),
    ("pnid-dns-mismatch", "refuse", dns([], {})),
    ("pnid-dns-mismatch", "refuse", unreadable("dns", "The name vc01.lab.example cannot be resolved.")),
    ("pnid-dns-mismatch", "refuse", dns(["198.18.0.11"], {"198.18.0.11": ["vc02.lab.example"]})),
    ("dns-reverse-missing", "warn", dns(["198.18.0.11"], {"198.18.0.11": []})),
    ("pnid-case", "warn", change(fqdn="VC01.lab.example")),
    ("pnid-case", "warn", dns(["198.18.0.11"], {"198.18.0.11": ["vc01.LAB.example"]})),
    ("node-type-unknown", "refuse", change(node_type=None)),
    ("node-type-unknown", "refuse", change(node_type="toaster")),
    ("node-type-management", "refuse", change(node_type="management")),
    # P9
    ("vmafdd-down", "refuse", census([name for name in WHOLE if name != "vmafdd"])),
    ("services-missing", "refuse", census([name for name in WHOLE if name != "vmcad"])),
    ("services-missing", "refuse", census([name for name in WHOLE if name != "vmdird"])),
    ("services-missing", "warn", census([name for name in WHOLE if name != "vmware-vpxd"])),
    ("services-missing", "warn", census([name for name in WHOLE if "proxy" not in name and "envoy" not in name])),
    ("services-pending", "warn", census(WHOLE, ["vmware-eam"])),
    # P10, P12
    ("vcha-configured", "refuse", change(vcha=True)),
    ("auto-renew-version", "info", change(version="8.0.3.00400")),
    ("auto-renew-version", "warn", change(version="9.0.2.0")),
    ("auto-renew-version", "warn", change(version="9.1.0.0")),
    # P13
    ("disk-low", "refuse", disk(1000, 100)),
    ("disk-low", "refuse", disk(1000, 900, inodes=0)),
    ("disk-low", "warn", disk(1000, 150)),
    # P14
    ("clock-offset", "refuse", clock(61)),
    ("clock-offset", "refuse", clock(-62)),
    ("clock-offset", "warn", clock(6)),
    # P15
    ("crl-bloat", "warn", change(crl_count=31)),
    ("crl-bloat", "refuse", change(crl_count=101)),
    ("crl-bloat", "refuse", unreadable("crl_count", "vecs-cli entry list: did not end in 10 s")),
    ("machine-certificate-missing", "refuse", change(machine_certificate=None)),
    ("machine-certificate-missing", "refuse", unreadable("machine_certificate")),
    ("key-mismatch", "refuse", key_does_not_match),
    ("journal-unfinished", "warn", change(journal={"id": "x", "state": "interrupted", "sentence": "Swap x stopped."})),
    ("last-swap-failed", "warn", change(last_swap={"id": "x", "state": "rolled_back", "sentence": "Put back."})),
    ("last-swap-failed", "warn", change(last_swap={"id": "x", "state": "refused", "sentence": "Stopped."})),
    ("services-restarted", "info", change(last_restart={"id": "x", "state": "committed", "sentence": "Restarted."})),
    ("last-restart-failed", "warn", change(last_restart={"id": "x", "state": "rolled_back", "sentence": "Not all."})),
    ("last-restart-failed", "warn", change(last_restart={"id": "x", "state": "refused", "sentence": "Not begun."})),
    ("legacy-store", "info", change(legacy_certificate={"alias": "__MACHINE_CERT", "chain": []})),
    ("backup-store-leftovers", "info", change(backup_store=[{"alias": "bkp___MACHINE_CERT", "not_after": "2027"}])),
    ("vmca-root-untrusted", "refuse", change(trusted_roots=[])),
    ("survey-incomplete", "refuse", unreadable("census")),
    ("survey-incomplete", "refuse", unreadable("vmca_root")),
    ("survey-incomplete", "refuse", unreadable("vcha")),
    ("survey-incomplete", "warn", unreadable("site")),
]


@pytest.mark.parametrize(
    ("finding", "severity", "spoil"),
    FROM_THE_SURVEY,
    ids=[f"{n}-{f}-{s}" for n, (f, s, _spoil) in enumerate(FROM_THE_SURVEY)],
)
def test_one_thing_wrong_is_one_finding(
    assess: Assess, survey: Survey, finding: str, severity: str, spoil: Callable[[Survey], None]
) -> None:
    spoil(survey)

    assessment = assess(survey)

    assert severities(assessment) == {finding: severity}
    assert assessment["verdict"] == ("refuse" if severity == "refuse" else "rotate")
    found = assessment["findings"][0]
    assert found["message"].endswith(".") and (found["remedy"] or severity == "info")


FINE = [
    dns(["198.18.0.11", "127.0.0.1"], {"198.18.0.11": ["vc01.lab.example"], "127.0.0.1": ["localhost"]}),
    dns(["198.18.0.11"], {"198.18.0.11": ["x.example", "vc01.lab.example"]}),
    change(fqdn="vc01"),
    change(version="8.0.2.99999"),
    change(version="9.0.1.0"),
    change(version="7.0.3.02400"),
    change(version=None),
    change(version="8.0.3²"),
    clock(4),
    change(clock={"epoch": 1.0}),
    change(crl_count=30),
    disk(1000, 201),
    change(
        node_type="infrastructure",
        census={
            "running": ["vmafdd", "vmcad", "vmdird", "vmware-rhttpproxy"],
            "stopped": [],
            "start_pending": [],
            "stop_pending": [],
        },
    ),
]


@pytest.mark.parametrize("vary", FINE)
def test_what_is_no_finding(assess: Assess, survey: Survey, vary: Callable[[Survey], None]) -> None:
    vary(survey)

    assert assess(survey)["findings"] == []


def test_a_finding_says_why_a_part_could_not_be_read(assess: Assess, survey: Survey) -> None:
    unreadable("pnid", "vmafd-cli get-pnid: Cannot connect to vmafd service.")(survey)

    found = assess(survey)["findings"][0]

    assert found["message"] == "The node has no PNID: vmafd-cli get-pnid: Cannot connect to vmafd service."
    assert found["remedy"] == "Mend it."


def test_the_clock_is_framed_by_question_and_answer() -> None:
    assert gates.clock_offset({"epoch": 10.0, "asked": 9.0, "answered": 11.0}) == 0
    assert gates.clock_offset({"epoch": 5.0, "asked": 9.0, "answered": 11.0}) == -4
    assert gates.clock_offset({"epoch": 13.5, "asked": 9.0, "answered": 11.0}) == 2.5
    assert gates.clock_offset(None) is None


class TestAuthority:
    def test_an_expired_root(self, assess: Assess, authority: Any, make_survey: Any) -> None:
        root = authority.root(ends=-1)

        assessment = assess(make_survey(root, authority.leaf(ends=-1)))

        assert severities(assessment)["vmca-root-expired"] == "refuse"

    def test_a_root_that_ends_before_the_new_certificate_would(
        self, assess: Assess, authority: Any, make_survey: Any
    ) -> None:
        assessment = assess(make_survey(authority.root(ends=200), authority.leaf()))

        assert severities(assessment) == {"vmca-root-expiring": "warn"}

    @pytest.mark.parametrize(
        ("root_ends", "policy", "severity"),
        [
            (30, {}, "refuse"),
            (30.5, {}, "refuse"),
            (40, {"days_left": 50}, "refuse"),
            (40, {"days_left": 35}, "warn"),
            (30, {"force": True, "force_reason": "key may be known"}, "warn"),
        ],
    )
    def test_an_outage_for_nothing_is_refused(
        self, assess: Assess, authority: Any, make_survey: Any, root_ends: float, policy: Any, severity: str
    ) -> None:
        assessment = assess(make_survey(authority.root(ends=root_ends), authority.leaf(ends=30)), **policy)

        assert severities(assessment) == {"vmca-root-expiring": severity}

    @pytest.mark.parametrize(("minutes", "found"), [(9, True), (11, False)])
    def test_a_brand_new_root(
        self, assess: Assess, authority: Any, make_survey: Any, minutes: int, found: bool
    ) -> None:
        former = authority.root("former")
        leaf = authority.leaf("former")
        survey = make_survey(authority.root("new", begins=-minutes / 1440), leaf)
        survey["trusted_roots"].append({"alias": "b", "chain": [former]})

        assessment = assess(survey)

        assert ("vmca-root-new" in severities(assessment)) is found

    def test_a_custom_authority(self, assess: Assess, authority: Any, make_survey: Any) -> None:
        authority.root("corporate", subject=[(NameOID.COMMON_NAME, "Corporate CA")])
        survey = make_survey(authority.root("vmca"), authority.leaf("corporate"))

        assert severities(assess(survey)) == {"issuer-not-vmca": "refuse"}
        allowed = assess(survey, allow_custom_ca=True)
        assert severities(allowed) == {"issuer-not-vmca": "warn"} and allowed["verdict"] == "rotate"

    def test_a_former_root_of_the_same_vmca(self, assess: Assess, authority: Any, make_survey: Any) -> None:
        authority.root("former")
        leaf = authority.leaf("former")

        assert severities(assess(make_survey(authority.root("present"), leaf))) == {"issuer-former-vmca": "info"}

    def test_a_subordinate_vmca(self, assess: Assess, authority: Any, make_survey: Any) -> None:
        top = authority.root("top", subject=[(NameOID.COMMON_NAME, "Corporate CA")])
        vmca = authority.root("vmca", issuer="top")
        survey = make_survey(top, authority.leaf("vmca"))
        survey["vmca_root"] = [vmca]

        assert assess(survey)["findings"] == []


class TestWanted:
    def test_the_pnid_comes_first_byte_for_byte(self, assess: Assess, authority: Any, make_survey: Any) -> None:
        survey = make_survey(authority.root(), authority.leaf(dns=["alias.example", "vc01.lab.example"]))
        survey.update(pnid="VC01.Lab.Example", fqdn="VC01.Lab.Example")
        survey["dns"]["reverse"] = {"198.18.0.11": ["VC01.Lab.Example"]}

        wanted = assess(survey)["wanted"]

        assert wanted["cn"] == "VC01.Lab.Example"
        assert wanted["dns"] == ["VC01.Lab.Example", "alias.example"]

    def test_old_names_are_kept_in_order_and_new_ones_added(
        self, assess: Assess, authority: Any, make_survey: Any
    ) -> None:
        leaf = authority.leaf(dns=["vc01.lab.example", "b.example"], ip=["198.18.0.11"], email=["ops@lab.example"])

        assessment = assess(
            make_survey(authority.root(), leaf), san={"dns": ["c.example", "B.example"], "ip": ["2001:db8::1"]}
        )

        assert assessment["wanted"]["dns"] == ["vc01.lab.example", "b.example", "c.example"]
        assert assessment["wanted"]["ip"] == ["198.18.0.11", "2001:db8::1"]
        assert assessment["wanted"]["email"] == ["ops@lab.example"]
        assert assessment["san_changes"] == {
            "kept": ["vc01.lab.example", "b.example", "198.18.0.11", "ops@lab.example"],
            "added": ["c.example", "2001:db8::1"],
            "dropped": [],
        }
        assert severities(assessment) == {"several-dns-sans": "warn"}

    def test_a_name_goes_only_by_consent(self, assess: Assess, authority: Any, make_survey: Any) -> None:
        survey = make_survey(authority.root(), authority.leaf(dns=["vc01.lab.example", "old.example"]))

        assessment = assess(survey, drop_sans=["OLD.example"])

        assert assessment["wanted"]["dns"] == ["vc01.lab.example"]
        assert assessment["san_changes"]["dropped"] == ["old.example"]
        assert severities(assessment) == {"san-dropped": "info"}

    def test_the_pnid_never_goes(self, assess: Assess) -> None:
        assert assess(drop_sans=["vc01.lab.example"])["wanted"]["dns"] == ["vc01.lab.example"]

    @pytest.mark.parametrize(
        ("leaf", "name", "finding"),
        [
            ({"dns": ["vc01.lab.example", "*.lab.example"]}, "*.lab.example", "wildcard-san"),
            ({"uri": ["https://vc01/"]}, "https://vc01/", "san-dropped"),
            ({"dns": ["vc01.lab.example", "198.18.0.11"]}, "198.18.0.11", "san-dropped"),
        ],
    )
    def test_names_that_vmca_cannot_give_take_consent(
        self, assess: Assess, authority: Any, make_survey: Any, leaf: Any, name: str, finding: str
    ) -> None:
        survey = make_survey(authority.root(), authority.leaf(**leaf))

        refused = assess(survey)
        assert severities(refused) == {finding: "refuse"} and refused["verdict"] == "refuse"
        assert name in refused["findings"][0]["message"] and name in refused["findings"][0]["remedy"]
        allowed = assess(survey, drop_sans=[name])
        assert severities(allowed) == {"san-dropped": "info"} and allowed["wanted"]["dns"] == ["vc01.lab.example"]

    @pytest.mark.parametrize("pnid", ["198.18.0.11", "2001:DB8::11"])
    def test_a_node_without_a_name_has_its_address_as_one(
        self, assess: Assess, authority: Any, make_survey: Any, pnid: str
    ) -> None:
        survey = make_survey(authority.root(), authority.leaf(cn=pnid, dns=[pnid]))
        survey["pnid"] = pnid

        assessment = assess(survey)

        assert (assessment["wanted"]["cn"], assessment["wanted"]["ip"]) == (pnid, [pnid])
        assert assessment["wanted"]["dns"] == [] and assessment["san_changes"]["dropped"] == [pnid]
        assert severities(assessment) == {}

    def test_leftovers_of_the_template_go_and_are_named(self, assess: Assess, authority: Any, make_survey: Any) -> None:
        leaf = authority.leaf(
            cn="CA",
            dns=["vc01.lab.example", "server.acme.com"],
            ip=["127.0.0.1"],
            email=["email@acme.com"],
            fields=[(NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, "AcmeOrg")],
        )

        assessment = assess(make_survey(authority.root(), leaf))

        assert assessment["wanted"] == {
            "cn": "vc01.lab.example",
            "dns": ["vc01.lab.example"],
            "ip": [],
            "email": [],
            "subject": {**NO_SUBJECT, "country": "US"},
        }
        assert severities(assessment) == {"template-leftovers": "info", "cn-changes": "info"}
        message = assessment["findings"][0]["message"]
        for leftover in ("server.acme.com", "127.0.0.1", "email@acme.com", "AcmeOrg", "CN=CA"):
            assert leftover in message

    def test_a_pnid_that_is_an_address(self, assess: Assess, authority: Any, make_survey: Any) -> None:
        leaf = authority.leaf(cn="198.18.0.11", dns=["vc01.lab.example"], ip=["198.18.0.11"])
        survey = make_survey(authority.root(), leaf)
        survey.update(pnid="198.18.0.11")

        assessment = assess(survey)

        assert assessment["wanted"]["cn"] == "198.18.0.11"
        assert assessment["wanted"]["ip"] == ["198.18.0.11"]
        assert assessment["wanted"]["dns"] == ["vc01.lab.example"]
        assert assessment["findings"] == []

    def test_a_certificate_without_the_pnid_is_due(self, assess: Assess, authority: Any, make_survey: Any) -> None:
        survey = make_survey(authority.root(), authority.leaf(dns=["other.example"], begins=-1, ends=729))

        assert assess(survey)["reasons"] == ["It lacks vc01.lab.example."]

    def test_a_pnid_that_is_too_long_for_a_common_name(self, assess: Assess, survey: Survey) -> None:
        long = f"{'a' * 60}.example"
        survey.update(pnid=long, fqdn=long, dns={"addresses": ["198.18.0.1"], "reverse": {"198.18.0.1": [long]}})

        assert severities(assess(survey))["pnid-too-long"] == "refuse"

    def test_more_names_than_certool_has_room_for(self, assess: Assess) -> None:
        many = [f"host{number:03}.department.example.com" for number in range(80)]

        assert severities(assess(san={"dns": many}))["sans-too-long"] == "refuse"


NO_SUBJECT = dict.fromkeys(["country", "organization", "organizational_unit", "state", "locality"])


class TestSubject:
    @pytest.mark.parametrize(
        ("fields", "policy", "expected"),
        [
            ([], {}, {"country": "US"}),
            ([(NameOID.COUNTRY_NAME, "CH")], {}, {"country": "CH"}),
            (
                [(NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, "VMware"), (NameOID.LOCALITY_NAME, "Bern")],
                {"organization": "Example AG"},
                {"country": "US", "organization": "Example AG", "locality": "Bern"},
            ),
            ([(NameOID.ORGANIZATION_NAME, "VMware")], {"organization": ""}, {"country": "US"}),
            (
                [(NameOID.ORGANIZATION_NAME, "Example, Inc.")],
                {"organization": "Example Inc"},
                {"country": "US", "organization": "Example Inc"},
            ),
        ],
    )
    def test_fields_come_from_the_policy_then_the_current_certificate(
        self, assess: Assess, authority: Any, make_survey: Any, fields: Any, policy: Any, expected: Any
    ) -> None:
        survey = make_survey(authority.root(), authority.leaf(fields=fields))

        assessment = assess(survey, subject=policy)

        assert assessment["wanted"]["subject"] == {**NO_SUBJECT, **expected}
        assert assessment["findings"] == []

    def test_a_field_that_cannot_be_taken_over_is_refused(
        self, assess: Assess, authority: Any, make_survey: Any
    ) -> None:
        fields = [(NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, "Example, Inc.")]

        assessment = assess(make_survey(authority.root(), authority.leaf(fields=fields)))

        assert severities(assessment) == {"subject-unusable": "refuse"}
        assert "policy.subject.organization" in assessment["findings"][0]["remedy"]
