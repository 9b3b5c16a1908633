# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes in a lab: what is true inside them, power, cables, faults; and that nothing is left, however a lab ends."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from simvc.lab import Lab, LabBusy, LabError, Node, down, keeper
from simvc.lab.layers import APPLIANCE, TOOLS
from simvc.lab.registry import RUN

CLI = [sys.executable, "-m", "simvc.lab"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(APPLIANCE)}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three nodes of different releases, two of them linked."""
    with Lab("1x2,1x1", profiles=("8.0u3", "9.0", "7.0")) as lab:
        yield lab


@pytest.fixture
def node(lab: Lab) -> Iterator[Node]:
    """The first node; on, connected and without faults again after the test."""
    node = lab["vc01"]
    yield node
    node.knobs(**dict.fromkeys(node.knobs()))
    if node.is_on:
        node.heal()
    else:
        node.boot()


def refuses(node: Node, port: int = 22) -> bool:
    try:
        node.certificate_served(port)
    except OSError:
        return True
    return False


# Inside a node


def test_a_node_is_the_machine_it_says(lab: Lab) -> None:
    for node, photon in zip(lab.nodes, ("4.0", "5.0", "3.0"), strict=True):
        facts = node.ssh("hostname; . /etc/os-release; echo $ID $VERSION_ID; cat /etc/vmware/deployment.node.type")
        assert facts.stdout == f"{node.name}\nphoton {photon}\nembedded"
        assert (
            node.ssh("/usr/lib/vmware-vmafd/bin/vmafd-cli get-pnid --server-name localhost").stdout == f"{node.name}\n"
        )


def test_a_node_has_one_python_and_it_is_the_releases(lab: Lab) -> None:
    for node, version in zip(lab.nodes, ("3.10", "3.11", "3.7"), strict=True):
        assert node.ssh("python3 --version").stdout.startswith(f"Python {version}.") or lab.notes
        assert node.ssh("ls /usr/bin | grep ^python3").stdout == "python3\n"
        assert node.ssh("python3 -c 'import ssl, sqlite3, ctypes'", user="operator").returncode == 0


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool != "appliancesh"])
def test_tools_are_on_their_true_paths_for_all_users(node: Node, tool: str) -> None:
    for user in ("root", "operator"):
        done = node.ssh(f"{TOOLS[tool]} --no-such-option", user=user)
        assert done.returncode not in (126, 127) and "Traceback" not in done.stderr


def test_names_are_found_forward_and_backward(lab: Lab) -> None:
    for node in lab.nodes:
        for other in lab.nodes:
            found = node.ssh(f"getent hosts {other.name}; getent hosts {other.address}").stdout
            assert found.split() == [other.address, other.name, other.plan.short] * 2
            assert (
                node.ssh(f"python3 -c 'import socket; socket.create_connection((\"{other.name}\", 443))'").returncode
                == 0
            )


def test_a_node_is_reached_by_ipv6_from_the_controllers_place(lab: Lab) -> None:
    node = lab.nodes[0]
    login = ["ssh", "-F", str(lab.ssh_config), f"root@{node.ipv6}"]
    assert lab.controller([*login, "hostname"]).stdout.split()[-1] == node.name
    probe = f"import socket; socket.create_connection(({node.ipv6!r}, 443), 5)"
    assert lab.controller(["python3", "-c", probe]).returncode == 0


def test_a_linked_group_begins_with_all_its_roots(lab: Lab) -> None:
    roots = "/usr/lib/vmware-vmafd/bin/vecs-cli entry list --store TRUSTED_ROOTS | grep ^Alias | sort"
    first, second, lone = (node.ssh(roots).stdout for node in lab.nodes)
    assert first == second and first.count("\n") == 2 and lone.count("\n") == 1 and lone not in first


def test_the_environment_of_a_non_login_shell_is_bare(node: Node) -> None:
    assert node.ssh("env | grep -c ^VMWARE_").stdout == "0\n"
    assert node.ssh("bash -lc 'echo $VMWARE_PYTHON_PATH'").stdout == "/usr/lib/vmware/site-packages\n"


def test_nodes_and_controller_have_no_way_out(lab: Lab) -> None:
    assert lab.nodes[0].ssh("ip route").stdout.count("\n") == 1
    assert lab.controller(["ip", "route"]).stdout.count("\n") == 1
    reach = [sys.executable, "-c", f"import socket; socket.create_connection(('{lab.nodes[2].address}', 443), 5)"]
    assert lab.controller(reach).returncode == 0


def test_the_inventory_groups_nodes_by_sso_domain(lab: Lab) -> None:
    vcenters = yaml.safe_load(lab.inventory())["vcenters"]
    groups = {name: list(group["hosts"]) for name, group in vcenters["children"].items()}
    assert groups == {
        "vsphere_local": ["vc01.lab.example", "vc02.lab.example"],
        "vsphere2_local": ["vc03.lab.example"],
    }
    command = ["ssh", *shlex.split(vcenters["vars"]["ansible_ssh_common_args"])]
    host = vcenters["children"]["vsphere2_local"]["hosts"]["vc03.lab.example"]["ansible_host"]
    command += ["-i", vcenters["vars"]["ansible_ssh_private_key_file"], f"root@{host}", "hostname"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == "vc03.lab.example\n"


# Power and cables


def test_the_disk_outlives_a_power_loss_and_memory_does_not(node: Node) -> None:
    boot = "cat /proc/sys/kernel/random/boot_id"
    before = node.ssh(boot).stdout
    certificate = node.certificate_served()
    node.ssh("echo x >/var/lib/kept; echo x >/run/gone; echo x >/dev/shm/gone; sync")
    node.power_off()
    assert not node.is_on and refuses(node)
    node.boot()
    assert node.ssh("cat /var/lib/kept; rm /var/lib/kept; ls /run/gone /dev/shm/gone").stdout == "x\n"
    assert node.ssh(boot).stdout != before
    assert node.certificate_served() == certificate


def test_a_power_loss_can_lose_what_was_not_synced(node: Node) -> None:
    node.ssh("cd /var/lib; echo old >file; sync; echo new >file.new; mv file.new file")
    node.power_off(lose_unsynced=True)
    node.boot()
    assert node.ssh("cat /var/lib/file; rm /var/lib/file").stdout == "old\n"


def test_a_running_node_cannot_be_switched_on(node: Node) -> None:
    with pytest.raises(LabError, match="not off"):
        node.boot()


def test_a_cut_cable(node: Node) -> None:
    node.cut()
    assert refuses(node, 443)
    assert node.run(["hostname"]).stdout == f"{node.name}\n"
    node.heal()
    assert not refuses(node, 443)


def test_a_killed_session_does_not_hurt_the_next(node: Node) -> None:
    session = subprocess.Popen([*node.ssh_command(), "sleep 60"], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 10
    # Another that is about to end may be there as well, and counts.
    while session.poll() is None:
        node.kill_sessions()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert session.returncode == 255
    session.stderr.close()
    assert node.ssh("true").returncode == 0


def test_a_full_disk(node: Node) -> None:
    node.fill_disk()
    assert "No space left on device" in node.ssh("echo x >/var/lib/x").stderr
    node.free_disk()
    assert node.ssh("echo x >/var/lib/x; rm /var/lib/x").stderr == ""


# Faults of tools

CERTOOL = "/usr/lib/vmware-vmca/bin/certool"
VERSION = f"{CERTOOL} --version; echo $?"


def test_an_answer_instead_of_the_work_for_some_calls(node: Node) -> None:
    node.add_fault("certool", "answer", match="--version", stdout="garbage\n", stderr="oops\n", rc=7, skip=1, times=1)
    answers = [node.ssh(VERSION) for _ in range(3)]
    assert [done.stdout == "garbage\n7\n" for done in answers] == [False, True, False]
    assert [done.stderr for done in answers] == ["", "oops\n", ""]
    assert node.ssh(f"{CERTOOL} --help").stdout != "garbage\n"


def test_the_work_is_done_but_another_answer_given(node: Node) -> None:
    genkey = f"{CERTOOL} --genkey --privkey=/root/k --pubkey=/root/p"
    node.add_fault("certool", "answer", match="--genkey", stdout="Status : Failed\n", rc=1, run_first=True)
    assert node.ssh(genkey + "; echo $?; head -1 /root/p; rm /root/k /root/p").stdout.splitlines() == [
        "Status : Failed",
        "1",
        "-----BEGIN RSA PUBLIC KEY-----",
    ]


def test_a_tool_that_is_killed_hangs_or_is_slow(node: Node) -> None:
    node.add_fault("certool", "kill", times=1)
    assert node.ssh(VERSION).stdout == "137\n"
    killed = node.tool_calls("certool")[-1]
    assert (killed.end, killed.rc) == (None, None)
    node.clear_faults()
    node.add_fault("certool", "hang")
    assert node.ssh(f"timeout 1 {CERTOOL} --version; echo $?").stdout == "124\n"
    node.clear_faults()
    node.add_fault("certool", "slow", seconds=1)
    assert node.ssh(VERSION).stdout.endswith("\n0\n")
    slow = node.tool_calls("certool")[-1]
    assert slow.seconds >= 1


def test_a_tool_that_is_missing(node: Node) -> None:
    node.add_fault("certool", "missing")
    done = node.ssh(VERSION)
    assert done.stdout == "127\n" and done.stderr.endswith(f"{CERTOOL}: No such file or directory\n")
    node.clear_faults()
    node.remove_tool("certool")
    assert node.ssh(VERSION).stdout == "127\n"
    node.restore_tool("certool")
    assert node.ssh(VERSION).stdout.endswith("\n0\n")


def test_a_tool_that_takes_the_node_down(node: Node) -> None:
    node.add_fault("certool", "power_loss", match="--genkey", run_first=True, lose_unsynced=True)
    assert node.ssh(f"{CERTOOL} --genkey --privkey=/root/k --pubkey=/root/p").returncode == 255
    node.wait_until_off(10)
    node.boot()
    assert node.ssh("ls /root/k").returncode == 2


def test_a_fault_of_a_tool_that_does_not_exist_is_refused(node: Node) -> None:
    with pytest.raises(KeyError):
        node.add_fault("cert-tool", "hang")


# Snapshots


def test_a_snapshot_stays_while_nothing_lasting_changes(node: Node) -> None:
    before = node.snapshot()
    node.ssh(
        "service-control --stop --all; service-control --start --all; /usr/lib/vmware-vmafd/bin/vecs-cli store list"
    )
    node.power_off()
    node.boot()
    assert node.snapshot() == before
    assert len(before) > 200


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        ("echo x >/root/x", "rm /root/x"),
        ("chmod 755 /root/.ssh", "chmod 700 /root/.ssh"),
        ("echo '#' >>/usr/lib/vmware-vmca/share/config/certool.cfg", "true"),
        ("chsh -s /bin/sh operator", "chsh -s /bin/bash operator"),
        (
            "/usr/lib/vmware-vmafd/bin/vecs-cli store create --name X",
            "/usr/lib/vmware-vmafd/bin/vecs-cli store delete --name X -y",
        ),
    ],
)
def test_a_snapshot_shows_a_lasting_change(node: Node, change: str, undo: str) -> None:
    before = node.snapshot()
    node.ssh(change)
    assert node.snapshot() != before
    node.ssh(undo)


# The end of a lab


def nothing_is_left_of(folder: Path) -> bool:
    """No process, loop device, folder or registered lab."""
    processes = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False).stdout
    loops = subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=True).stdout
    registered = [path.read_text() for path in RUN.glob("*.lab")]
    return not (processes or str(folder) in loops or folder.exists() or str(folder) in registered)


def wait_until_nothing_is_left_of(folder: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not nothing_is_left_of(folder):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False)


def test_up_keeps_nodes_until_down(tmp_path: Path) -> None:
    folder, inventory = tmp_path / "lab", tmp_path / "inventory.yml"
    up = cli("up", "--nodes", "1", "--dir", str(folder), "--inventory", str(inventory))
    assert up.returncode == 0, up.stderr
    line = next(line for line in up.stdout.splitlines() if line.startswith("    ssh "))
    done = subprocess.run([*shlex.split(line), "id -u; hostname"], capture_output=True, text=True, check=False)
    assert done.stdout == "0\nvc01.lab.example\n"
    assert inventory.exists()
    again = cli("up", "--nodes", "1", "--dir", str(folder))
    assert (again.returncode, again.stderr) == (1, f"simvc.lab: a lab runs in {folder} already\n")
    assert Lab.attach(folder)["vc01"].ssh("true").returncode == 0
    assert cli("down", "--dir", str(folder)).stdout == "ended\n"
    assert nothing_is_left_of(folder) and not inventory.exists()
    assert cli("down", "--dir", str(folder)).stdout == f"nothing runs in {folder}\n"


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6, 1.0, 2.0])
def test_a_launcher_killed_at_any_moment_leaves_nothing(tmp_path: Path, seconds: float) -> None:
    folder = tmp_path / "lab"
    launcher = subprocess.Popen(
        [*CLI, "up", "--nodes", "2", "--dir", str(folder)], env=ENVIRONMENT, stdout=subprocess.PIPE
    )
    time.sleep(seconds)
    launcher.kill()
    launcher.communicate()
    wait_until_nothing_is_left_of(folder)


@pytest.mark.parametrize("cleaner", ["down", "up"])
def test_a_killed_keeper_takes_the_nodes_with_it_and_the_next_command_cleans(tmp_path: Path, cleaner: str) -> None:
    folder = tmp_path / "lab"
    with Lab("1x1", folder=folder) as lab:
        assert lab._keeper
        lab._keeper.send_signal(signal.SIGKILL)
        lab._keeper.wait()
        deadline = time.monotonic() + 5
        while str(folder) in subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=True).stdout:
            assert time.monotonic() < deadline
        assert folder.exists()
        if cleaner == "down":
            assert down(folder)
        else:
            with Lab("1x1", folder=tmp_path / "other"):
                pass
        assert nothing_is_left_of(folder)


def test_a_switch_that_is_still_in_the_hosts_network_kills_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(keeper.os, "kill", lambda pid, _: killed.append(pid))
    keeper._kill_processes_in_network(os.getppid())
    assert killed == []


def test_what_a_controller_left_behind_ends_with_the_lab(tmp_path: Path) -> None:
    with Lab("1x1", folder=tmp_path / "lab") as lab:
        left = subprocess.Popen(lab.controller_command(["sleep", "60"]))
        lab.controller(["true"])
    assert left.wait(5) == -signal.SIGKILL


def test_a_folder_of_something_else_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(LabBusy, match="is not empty and not a lab's"):
        Lab("1x1", folder=tmp_path).start()
    with pytest.raises(LabBusy):
        down(tmp_path)
    assert (tmp_path / "precious").exists()
