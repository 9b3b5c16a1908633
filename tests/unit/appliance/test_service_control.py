# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""service-control and the services behind it, on a node in a lab."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simvc.lab import Lab, Node
from simvc.tools import service_control

# As captured on a healthy 8.0.3 (field notes §1.3).
RUNNING = (
    "applmgmt lookupsvc lwsmd observability observability-vapi pschealth vc-ws1a-broker vlcm vmafdd vmcad vmdird "
    "vmware-analytics vmware-certificateauthority vmware-certificatemanagement vmware-cis-license "
    "vmware-content-library vmware-eam vmware-envoy vmware-envoy-hgw vmware-envoy-sidecar vmware-hvc "
    "vmware-infraprofile vmware-perfcharts vmware-pod vmware-postgres-archiver vmware-rhttpproxy vmware-sca "
    "vmware-sps vmware-stsd vmware-topologysvc vmware-trustmanagement vmware-updatemgr vmware-vapi-endpoint "
    "vmware-vdtc vmware-vmon vmware-vpostgres vmware-vpxd vmware-vpxd-svcs vmware-vsan-health vmware-vsm vsphere-ui "
    "vstats vtsdb wcp"
)
STOPPED = "vmcam vmonapi vmware-imagebuilder vmware-netdumper vmware-rbd-watchdog vmware-vcha"
HEALTHY = f"Running:\n {RUNNING}\nStopped:\n {STOPPED}\n"
PLEASE_WAIT = "Operation not cancellable. Please wait for it to finish...\n"
ALL_DOWN = "Stopped:\n " + " ".join(sorted(f"{RUNNING} {STOPPED}".split())) + "\n"


@pytest.fixture(scope="module")
def running() -> Iterator[Node]:
    with Lab("1x1", legacy_store=True) as lab:
        yield lab.nodes[0]


@pytest.fixture
def node(running: Node) -> Iterator[Node]:
    """A healthy node; all knobs are put back after the test, and all services."""
    yield running
    running.knobs(**dict.fromkeys(running.knobs()))
    running.run(["service-control", "--stop", "--all"])
    running.run(["service-control", "--start", "--all"])
    assert control(running, "--status") == (0, HEALTHY, "")


def control(node: Node, *arguments: str) -> tuple[int, str, str]:
    done = node.run(["service-control", *arguments])
    return done.returncode, done.stdout, done.stderr


def sections(node: Node) -> dict[str, list[str]]:
    lines = control(node, "--status", "--all")[1].splitlines()
    return {title.rstrip(":"): names.split() for title, names in zip(lines[::2], lines[1::2], strict=True)}


WORDS = ["--start", "--stop", "--status", "--list", "--list-services", "--all", "--ignore", "vmafdd", "vpxd", "a b", ""]
RARE_WORDS = ["--sta", "--vmon-profile", "--vmon-profile=ALL", "--all=1", "-h", "-x", "-", "--"]


@given(st.lists(st.sampled_from([*WORDS, *WORDS, *RARE_WORDS]), max_size=5))
def test_what_argparse_is_not_asked_for_is_what_it_would_say(argv: list[str]) -> None:
    assert asked(service_control.parse, argv) == asked(service_control.parse_by_argparse, argv)


def asked(parse: Callable[[list[str]], service_control.Options], argv: list[str]) -> object:
    try:
        return vars(parse(argv))
    except SystemExit as end:
        return end.code


def test_a_healthy_node_shows_the_captured_census(node: Node) -> None:
    assert control(node, "--status", "--all") == (0, HEALTHY, "")


def test_stop_and_start_of_everything(node: Node) -> None:
    code, out, err = control(node, "--stop", "--all")
    assert (code, err) == (0, "")
    assert out.startswith(PLEASE_WAIT)
    assert out.endswith(
        "Performing stop operation on profile: ALL...\nSuccessfully stopped profile: ALL.\n"
        + "".join(stopped(name) for name in ("vmcad", "vmdird", "vmafdd", "lwsmd"))
    )
    assert control(node, "--status", "--all") == (0, ALL_DOWN, "")
    for port in (443, 5480, 7444):
        with pytest.raises(ConnectionRefusedError):
            node.certificate_served(port)
    code, out, err = control(node, "--start", "--all")
    assert (code, err) == (0, "")
    assert out.startswith(PLEASE_WAIT + "".join(started(name) for name in ("lwsmd", "vmafdd", "vmdird", "vmcad")))
    assert "Performing start operation on profile: ALL...\nSuccessfully started profile: ALL.\n" in out
    assert control(node, "--status", "--all") == (0, HEALTHY, "")


def started(name: str) -> str:
    return f"Performing start operation on service {name}...\nSuccessfully started service {name}\n"


def stopped(name: str) -> str:
    return f"Performing stop operation on service {name}...\nSuccessfully stopped service {name}\n"


def test_one_service_of_the_operating_system(node: Node) -> None:
    assert control(node, "--stop", "vmdird") == (0, PLEASE_WAIT + stopped("vmdird"), "")
    assert control(node, "--status", "vmdird") == (0, "Stopped:\n vmdird\n", "")
    assert control(node, "--start", "vmdird") == (0, PLEASE_WAIT + started("vmdird"), "")
    assert control(node, "--status", "vmdird", "lwsmd") == (0, "Running:\n lwsmd vmdird\n", "")


def test_a_service_answers_to_its_short_name(node: Node) -> None:
    assert control(node, "--stop", "sts", "eam") == (
        0,
        PLEASE_WAIT + stopped("vmware-stsd") + stopped("vmware-eam"),
        "",
    )


@pytest.mark.parametrize("arguments", [[], ["--all"], ["--start", "--stop", "--all"], ["vmafdd"]])
def test_exactly_one_operation(node: Node, arguments: list[str]) -> None:
    expected = "Service-control failed. Error Exactly one operation must be specified.\n"
    assert control(node, *arguments) == (1, "", expected)


def test_a_name_that_is_no_service_changes_nothing(node: Node) -> None:
    code, out, err = control(node, "--stop", "vmafdd", "vmca")
    assert (code, out) == (1, "") and err.startswith("Service-control failed. ") and err.endswith("vmca\n")
    assert control(node, "--status") == (0, HEALTHY, "")


@pytest.mark.parametrize("option", ["--list", "--list-services"])
def test_the_list_names_every_service_with_what_it_is(node: Node, option: str) -> None:
    lines = control(node, option)[1].splitlines()
    assert "vmafdd (VMware Authentication Framework)" in lines
    assert [line.split()[0] for line in lines] == sorted(f"{RUNNING} {STOPPED}".split())


def test_without_all_only_the_profile_is_meant(node: Node) -> None:
    control(node, "--stop")
    assert {"vmafdd", "vmdird", "vmcad", "lwsmd"} < set(sections(node)["Running"])
    assert {"vmware-vpxd", "vmware-rhttpproxy"} < set(sections(node)["Stopped"])


def test_start_of_everything_leaves_manual_services_alone(node: Node) -> None:
    control(node, "--start", "vmware-netdumper")
    control(node, "--stop", "vmware-eam")
    assert "vmware-netdumper" in sections(node)["Running"]
    control(node, "--stop", "--all")
    control(node, "--start", "--all")
    assert control(node, "--status") == (0, HEALTHY, "")


def test_a_start_that_seems_to_fail_and_heals_by_itself(node: Node) -> None:
    node.knobs(**{"service.vmware-eam.start": ["rc5:8"], "service.vsphere-ui.start": ["rc5:8"]})
    control(node, "--stop", "--all")
    code, out, err = control(node, "--start", "--all")
    assert code == 1
    assert "Performing start operation on profile: ALL...\n" in out
    assert err == (
        "Service-control failed. Error: Failed to start services in profile ALL. RC=5, stderr=Failed to start eam, "
        "vsphere-ui services. Error: Operation not allowed in current service state\n"
    )
    assert sections(node)["StartPending"] == ["vmware-eam", "vsphere-ui"]
    wait_for_health(node)


def test_a_start_that_reports_success_too_early(node: Node) -> None:
    node.knobs(**{"service.vmware-vpxd.start": ["late:8"]})
    control(node, "--stop", "--all")
    assert control(node, "--start", "--all")[0] == 0
    assert sections(node)["StartPending"] == ["vmware-vpxd"]
    wait_for_health(node)


def test_a_start_that_never_ends_is_broken_off_by_stop_all(node: Node) -> None:
    node.knobs(**{"service.vmware-sps.start": ["never"]})
    control(node, "--stop", "--all")
    control(node, "--start", "--all")
    code, _, err = control(node, "--start", "vmware-sps")
    assert code == 1 and "Operation not allowed in current service state" in err
    assert sections(node)["StartPending"] == ["vmware-sps"]
    control(node, "--stop", "--all")
    assert control(node, "--status") == (0, ALL_DOWN, "")


def test_a_profile_that_fails(node: Node) -> None:
    node.knobs(**{"service.vmware-vpxd-svcs.start": ["fail"]})
    control(node, "--stop", "--all")
    code, _, err = control(node, "--start", "--all")
    expected = "Error: Failed to start services in profile ALL. RC=4, stderr=Failed to start vpxd-svcs services.\n"
    assert (code, err) == (1, f"Service-control failed. {expected}")


def test_a_single_start_that_fails_prints_its_details_twice(node: Node) -> None:
    control(node, "--stop", "vmware-vpostgres")
    node.knobs(**{"service.vmware-vpostgres.start": "fail"})
    code, out, err = control(node, "--start", "vmware-vpostgres")
    assert code == 1
    assert out == PLEASE_WAIT + "Performing start operation on service vmware-vpostgres...\n"
    assert err.startswith('\nError executing start on service vmware-vpostgres. Details {\n    "detail": [\n')
    assert '"localized": "An error occurred while starting service \'vmware-vpostgres\'"' in err
    assert "\nService-control failed. Error: {\n" in err


def test_ignore_goes_on_after_a_failure(node: Node) -> None:
    control(node, "--stop", "vmware-eam", "vmware-sca")
    node.knobs(**{"service.vmware-eam.start": ["fail"]})
    assert control(node, "--start", "--ignore", "vmware-eam", "vmware-sca")[0] == 0
    assert control(node, "--status", "vmware-eam", "vmware-sca")[1] == "Running:\n vmware-sca\nStopped:\n vmware-eam\n"


def test_nothing_starts_without_the_authentication_framework(node: Node) -> None:
    control(node, "--stop", "--all")
    assert control(node, "--start", "vmware-vpxd")[0] == 1
    assert control(node, "--start", "vmdird")[0] == 1
    assert control(node, "--start", "vmafdd", "vmdird", "vmcad")[0] == 0


def test_a_disabled_service_is_skipped(node: Node) -> None:
    control(node, "--stop", "vmware-eam")
    node.knobs(**{"service.vmware-eam.start_type": "DISABLED"})
    assert control(node, "--start", "vmware-eam")[1].endswith(
        "Service vmware-eam startup type is not automatic. Skip\n"
    )
    assert sections(node)["Stopped"][-2:] == ["vmware-rbd-watchdog", "vmware-vcha"]
    assert "vmware-eam" in sections(node)["Stopped"]


def test_the_trap_of_vcenter_ha(node: Node) -> None:
    node.knobs(**{"service_control.vcha": True})
    control(node, "--stop", "--all")
    code, out, _ = control(node, "--start", "vmafdd")
    assert (code, out.splitlines()[-1]) == (0, "Service vmafdd startup type is not automatic. Skip")
    assert control(node, "--status", "vmafdd")[1] == "Stopped:\n vmafdd\n"
    assert control(node, "--start", "--vmon-profile", "HAActive")[0] == 0
    assert control(node, "--status") == (0, HEALTHY, "")


def test_the_words_of_6_5(node: Node) -> None:
    node.knobs(**{"service_control.dialect": "6.5"})
    assert control(node, "--status", "vmware-cm")[0] == 1
    assert control(node, "--status", "vmdird") == (0, "Running: vmdird\n", "")
    assert control(node, "--stop", "vmdird")[1] == (
        "Perform stop operation. vmon_profile=None, svc_names=['vmdird'], include_coreossvcs=False, "
        "include_leafossvcs=False\n"
        "Service vmdird does not seem to be registered with vMon...\n"
        "Running command: ['/sbin/service', u'vmdird', 'status']\n"
        "Successfully stopped service vmdird\n"
    )
    assert control(node, "--stop", "--all")[1].startswith(
        "Perform stop operation. vmon_profile=ALL, svc_names=None, include_coreossvcs=True"
    )
    assert control(node, "--status")[1].startswith("Stopped: applmgmt lookupsvc ")


def test_sections_in_any_order_wrapped_or_missing(node: Node) -> None:
    node.knobs(**{"service_control.section_order": ["Stopped", "Running"], "service_control.indent": ""})
    assert control(node, "--status")[1] == f"Stopped:\n{STOPPED}\nRunning:\n{RUNNING}\n"
    node.knobs(**{"service_control.hide_sections": ["Running"], "service_control.wrap": 40})
    assert control(node, "--status")[1] == (
        "Stopped:\nvmcam vmonapi vmware-imagebuilder\nvmware-netdumper vmware-rbd-watchdog\nvmware-vcha\n"
    )


@pytest.mark.parametrize(("kind", "success", "failure"), [("zero", 0, 0), ("inverted", 1, 0)])
def test_exit_codes_that_lie(node: Node, kind: str, success: int, failure: int) -> None:
    node.knobs(**{"service_control.rc": kind})
    assert control(node, "--stop", "vmware-eam")[0] == success
    assert control(node, "--start", "no-such-service")[0] == failure


def test_only_root_may_change_services(node: Node) -> None:
    done = node.ssh("service-control --stop vmware-eam; service-control --status vmware-eam", user="operator")
    assert done.stdout.endswith("Running:\n vmware-eam\n") and "Service-control failed." in done.stderr
    assert node.ssh("sudo service-control --stop vmware-eam", user="operator").returncode == 0
    assert "vmware-eam" in sections(node)["Stopped"]


def test_durations_can_be_set(node: Node) -> None:
    node.knobs(**{"service_control.start_all_seconds": 1.5, "service.vmware-eam.stop_seconds": 1})
    before = time.monotonic()
    control(node, "--stop", "vmware-eam")
    assert 1 <= time.monotonic() - before < 1.5
    control(node, "--stop", "--all")
    before = time.monotonic()
    control(node, "--start", "--all")
    assert 1.5 <= time.monotonic() - before < 6


def test_a_boot_starts_what_a_hand_had_stopped(node: Node) -> None:
    control(node, "--stop", "--all")
    node.power_off()
    node.boot()
    assert control(node, "--status") == (0, HEALTHY, "")


def test_a_daemon_that_died_is_stopped(node: Node) -> None:
    node.run(["pkill", "-9", "-f", "simvc.daemons.vmcad"])
    assert control(node, "--status", "vmcad")[1] == "Stopped:\n vmcad\n"
    assert control(node, "--start", "vmcad")[0] == 0


@pytest.mark.parametrize(
    ("port", "service", "store"),
    [
        (443, "vmware-rhttpproxy", "MACHINE_SSL_CERT"),
        (5480, "applmgmt", "MACHINE_SSL_CERT"),
        (7444, "vmware-stsd", "STS_INTERNAL_SSL_CERT"),
    ],
)
def test_a_tls_port_presents_what_the_store_held_when_it_started(
    node: Node, port: int, service: str, store: str
) -> None:
    before = node.certificate_served(port)
    assert node.ssh(REPLACE.format(store=store)).stdout == "replaced\n"
    assert node.certificate_served(port) == before
    control(node, "--stop", service)
    control(node, "--start", service)
    assert node.certificate_served(port) != before


REPLACE = """
set -e
cd /root
vecs=/usr/lib/vmware-vmafd/bin/vecs-cli
certool=/usr/lib/vmware-vmca/bin/certool
sed -e 's/^Hostname.*/Hostname = vc01.lab.example/' -e '/^IPAddress/d' -e '/^Email/d' \
    /usr/lib/vmware-vmca/share/config/certool.cfg >m.cfg
$certool --genkey --privkey=m.key --pubkey=m.pub >/dev/null
$certool --gencert --privkey=m.key --cert=m.crt --config=m.cfg >/dev/null
$vecs entry delete --store {store} --alias __MACHINE_CERT -y >/dev/null
$vecs entry create --store {store} --alias __MACHINE_CERT --cert m.crt --key m.key >/dev/null
rm m.*
echo replaced
"""


def test_a_port_without_a_pair_does_not_come_up(node: Node) -> None:
    state = node.snapshot()
    export = "/usr/lib/vmware-vmafd/bin/vecs-cli entry {} --store MACHINE_SSL_CERT --alias __MACHINE_CERT {}"
    node.ssh(export.format("getcert", "--output /root/c") + ";" + export.format("getkey", "--output /root/k"))
    node.ssh(export.format("delete", "-y"))
    control(node, "--stop", "applmgmt")
    assert control(node, "--start", "applmgmt")[0] == 1
    node.ssh(export.format("create", "--cert /root/c --key /root/k") + "; rm /root/c /root/k")
    assert control(node, "--start", "applmgmt")[0] == 0
    assert {name for name, _ in state.items() ^ node.snapshot().items() if "afd.db" not in name} <= {"/root"}


def test_the_log_outside_tells_when_and_what(node: Node) -> None:
    calls = len(node.tool_calls())
    before = time.monotonic()
    control(node, "--stop", "vmware-eam")
    lasted = time.monotonic() - before
    (call,) = node.tool_calls()[calls:]
    assert (call.line, call.rc) == ("service-control --stop vmware-eam", 0)
    # The start of the process is known to 10 ms.
    assert 0 < call.seconds < lasted + 0.02
    assert abs(call.start - time.time()) < 60
    states = [event["state"] for event in node.events() if event.get("name") == "vmware-eam"]
    assert states[-2:] == ["StopPending", "Stopped"]


def test_no_private_key_is_left_by_the_ports(node: Node) -> None:
    control(node, "--stop", "--all")
    control(node, "--start", "--all")
    found = node.run(
        ["grep", "-rlIs", "PRIVATE KEY-----", "/etc", "/root/.ssh", "/tmp", "/run/vmon", "/storage", "/home"]
    )
    assert {Path(name) for name in found.stdout.split()} == {Path("/etc/ssh/ssh_host_ed25519_key")}


def wait_for_health(node: Node, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while control(node, "--status")[1] != HEALTHY:
        assert time.monotonic() < deadline
        time.sleep(0.1)
