# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a lab: the layer over /usr that all nodes share, what a node's disk first holds, and its keys."""

import compileall
import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

from ..profiles import Profile, profile
from . import interpreters
from .plan import LabPlan, NodePlan, identity

HERE = Path(__file__).parent
APPLIANCE = HERE.parent.parent

# Where the lab's own code is inside a node; no tool of the appliance lives there.
INSIDE = "/usr/lib/simvc"

# True path of each simulated tool, by the name under which simvc.tools knows it (vmware-cli.md §0.4).
TOOLS = {
    "certool": "/usr/lib/vmware-vmca/bin/certool",
    "vecs-cli": "/usr/lib/vmware-vmafd/bin/vecs-cli",
    "vmafd-cli": "/usr/lib/vmware-vmafd/bin/vmafd-cli",
    "dir-cli": "/usr/lib/vmware-vmafd/bin/dir-cli",
    "vdcrepadmin": "/usr/lib/vmware-vmdir/bin/vdcrepadmin",
    "vdcadmintool": "/usr/lib/vmware-vmdir/bin/vdcadmintool",
    "service-control": "/usr/bin/service-control",
    "appliancesh": "/usr/bin/appliancesh",
}

_FROM_HOST = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "services", "protocols", "ssl/openssl.cnf")
_STORAGE = (
    "archive",
    "autodeploy",
    "core",
    "db",
    "dblog",
    "imagebuilder",
    "log/vmware",
    "netdump",
    "seat",
    "updatemgr",
)
_EMPTY = (
    "etc/systemd/system",
    "home/operator/.ssh",
    "root/.ssh",
    "opt",
    "tmp",
    "usr",
    "var/lib",
    "var/log",
    "var/tmp/vmware",
)
_MODES = {"etc/shadow": 0o600, "etc/sudoers": 0o440, "root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}
_DISK_SIZE = 256 * 2**20


def build(lab: Path, plan: LabPlan, address_of: dict[str, str], ipv6_of: dict[str, str], jump_address: str) -> None:
    """Write everything that the nodes of `plan` start from into the folder `lab`."""
    # The nodes see this code read-only, so that they could not keep what they compile.
    compileall.compile_dir(APPLIANCE / "simvc", quiet=2)
    (lab / "root").mkdir()
    _make_key(lab / "id_ed25519", "simvc")
    _base(lab / "base/usr")
    _skeleton(lab / "skeleton", (lab / "id_ed25519.pub").read_text())
    _blank_disk(lab / "blank.img")
    hosts = "127.0.0.1 localhost\n" + "".join(f"{address_of[n.name]} {n.name} {n.short}\n" for n in plan.nodes)
    known_hosts = ""
    for node in plan.nodes:
        folder = lab / "nodes" / node.name
        _node(folder, plan, node, address_of, ipv6_of, hosts)
        subprocess.run(["cp", "--sparse=always", lab / "blank.img", folder / "disk.img"], check=True)
        host_key = (folder / "seed/etc/ssh/ssh_host_ed25519_key.pub").read_text()
        known_hosts += f"{address_of[node.name]},{ipv6_of[node.name]},{node.name} {host_key}"
    if plan.jump_host:
        known_hosts += f"{jump_address} {_jump_host(lab, hosts)}"
    (lab / "known_hosts").write_text(known_hosts)
    (lab / "ssh_config").write_text(
        f"IdentityFile {lab}/id_ed25519\nIdentitiesOnly yes\nIdentityAgent none\n"
        f"StrictHostKeyChecking yes\nUserKnownHostsFile {lab}/known_hosts\n"
    )


def _jump_host(lab: Path, hosts: str) -> str:
    """What the jump host's SSH server starts from; returns its public key. It forwards, and that is all."""
    folder = lab / "jump"
    folder.mkdir()
    _make_key(folder / "host_key", "root@jump")
    (folder / "hosts").write_text(hosts)
    (folder / "shadow").write_text((HERE / "skeleton/etc/shadow").read_text())
    (folder / "shadow").chmod(0o600)
    (folder / "sshd_config").write_text(
        f"HostKey {folder}/host_key\nAuthorizedKeysFile {lab}/id_ed25519.pub\nPermitRootLogin yes\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nForceCommand /bin/false\n"
        "UsePAM no\nUseDNS no\nStrictModes no\nPidFile none\nMaxStartups 200:30:400\nMaxSessions 100\n"
        "KexAlgorithms curve25519-sha256\n"
    )
    return (folder / "host_key.pub").read_text()


def _base(usr: Path) -> None:
    """Shims of the tools on their true paths, the launcher of daemons, and no Python of the host's in sight."""
    python = os.path.realpath(sys.executable)
    if interpreters.prefix(python) is None:
        python = f"{INSIDE}/python/{Path(python).name}"
    for name, path in TOOLS.items():
        body = f"from simvc.tools.entry import run\nrun({name!r}, sys.argv[1:])\n"
        _program(usr / path.removeprefix("/usr/"), python, body)
    run_module = "import runpy\nsys.argv.pop(0)\nrunpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)\n"
    _program(usr / "lib/simvc/run", python, run_module)
    shutil.copy(HERE / "init.sh", usr / "lib/simvc/init")
    for host in Path("/usr/bin").glob("python3*"):
        _whiteout(usr / "bin" / host.name)
    template = APPLIANCE / "simvc/data/certool.cfg"
    if template.exists():
        _copy(template, usr / "lib/vmware-vmca/share/config/certool.cfg")


def _program(path: Path, python: str, body: str) -> None:
    # Hardly any tool needs packages, so that looking there comes last.
    search = f"['{INSIDE}/lib', *sys.path, '{INSIDE}/site', '{INSIDE}/plat']"
    head = f"#!{python} -ISB\nimport sys\nsys.path[:] = {search}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + body)
    path.chmod(0o755)


def _whiteout(path: Path) -> None:
    """Hide a file of the lower layer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))


def _binds(node: NodePlan) -> str:
    """Folders of the host that show inside a node, read-only: the lab's code, its Python and the node's Python."""
    binds = {
        f"{INSIDE}/lib": str(APPLIANCE),
        f"{INSIDE}/site": sysconfig.get_path("purelib"),
        f"{INSIDE}/plat": sysconfig.get_path("platlib"),
    }
    lab_python = os.path.realpath(sys.executable)
    for python in (lab_python, node.python):
        prefix = interpreters.prefix(python)
        if prefix:
            binds[str(prefix)] = str(prefix)
    if interpreters.prefix(lab_python) is None:
        binds[f"{INSIDE}/python/{Path(lab_python).name}"] = lab_python
    return "".join(f"{source}\t{target}\n" for target, source in binds.items())


def _skeleton(root: Path, authorized_key: str) -> None:
    """What every node's disk first holds."""
    shutil.copytree(HERE / "skeleton", root)
    for folder in _EMPTY:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for folder in _STORAGE:
        (root / "storage" / folder).mkdir(parents=True)
    (root / "var/log/vmware").symlink_to("/storage/log/vmware")
    (root / "var/run").symlink_to("/run")
    (root / "var/lib/sshd").mkdir()
    for name in ("lastlog", "wtmp", "btmp"):
        (root / "var/log" / name).touch()
    for name in _FROM_HOST:
        if os.path.exists(f"/etc/{name}"):
            _copy(Path("/etc") / name, root / "etc" / name)
    for home in ("root", "home/operator"):
        keys = root / home / ".ssh/authorized_keys"
        keys.write_text(authorized_key)
        keys.chmod(0o600)
        keys.parent.chmod(0o700)
    for path in (root / "home/operator", *(root / "home/operator").rglob("*")):
        os.chown(path, 1100, 1100)
    for name, mode in _MODES.items():
        (root / name).chmod(mode)


def _node(
    folder: Path,
    plan: LabPlan,
    node: NodePlan,
    address_of: dict[str, str],
    ipv6_of: dict[str, str],
    hosts: str,
) -> None:
    """This node's share: what only its own disk holds, how it boots, and its knobs, which are not on the disk."""
    release = profile(node.profile)
    group = plan.group(node.sso_domain)
    seed = {
        "etc/hostname": node.name + "\n",
        "etc/hosts": hosts.replace("localhost\n", "localhost.localdomain localhost\n"),
        "etc/os-release": _os_release(release),
        "etc/photon-release": f"VMware Photon OS {release.photon}\n",
        "etc/vmware/deployment.node.type": "embedded",
        "etc/vmware/.buildInfo": _build_info(release),
        "etc/applmgmt/appliance/update.conf": _update_conf(release),
        "etc/simvc/identity.json": json.dumps(identity(node, group, address_of), indent=1) + "\n",
    }
    for name, text in seed.items():
        path = folder / "seed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "seed/etc/simvc/identity.json").chmod(0o600)
    if node.shell == "bash":
        users = (HERE / "skeleton/etc/passwd").read_text().replace("/bin/appliancesh", "/bin/bash", 1)
        (folder / "seed/etc/passwd").write_text(users)
    (folder / "seed/etc/ssh").mkdir()
    _make_key(folder / "seed/etc/ssh/ssh_host_ed25519_key", f"root@{node.name}")
    addresses = {"ADDRESS": address_of[node.name], "IPV6": ipv6_of[node.name]}
    boot = {"NAME": node.name, **addresses, "PYTHON": node.python}
    (folder / "boot.env").write_text("".join(f"{key}={value}\n" for key, value in boot.items()))
    (folder / "binds").write_text(_binds(node))
    (folder / "disk").mkdir()
    (folder / "outside/log").mkdir(parents=True)
    (folder / "outside/faults").mkdir()
    for shared in ("outside/log", "outside/faults"):
        (folder / shared).chmod(0o1777)
    (folder / "outside/log/tools.jsonl").touch()
    # Tools that any user calls, with any umask, write there.
    (folder / "outside/log/tools.jsonl").chmod(0o666)
    (folder / "outside/knobs.json").write_text(json.dumps(node.knobs))


def _os_release(release: Profile) -> str:
    return (
        f'NAME="VMware Photon OS"\nVERSION="{release.photon}"\nID=photon\nVERSION_ID={release.photon}\n'
        f'PRETTY_NAME="VMware Photon OS/Linux"\nANSI_COLOR="1;34"\n'
        'HOME_URL="https://vmware.github.io/photon/"\nBUG_REPORT_URL="https://github.com/vmware/photon/issues"\n'
    )


def _build_info(release: Profile) -> str:
    return (
        f"CLOUDVM_NAME:VMware-vCenter-Server-Appliance\nCLOUDVM_VERSION:{release.version}\n"
        f"BUILDNUMBER:{release.build}\nSUMMARY:VMware vCenter Server {release.version}\n"
    )


def _update_conf(release: Profile) -> str:
    return json.dumps({"product": "VMware vCenter Server", "version": release.version, "build": release.build}) + "\n"


def _blank_disk(path: Path) -> None:
    """An empty file system; a small journal and lazy tables keep the copies of it small."""
    with open(path, "wb") as file:
        file.truncate(_DISK_SIZE)
    options = ["-q", "-m", "0", "-J", "size=4", "-N", "16384", "-E", "lazy_itable_init=1,nodiscard"]
    subprocess.run(["mkfs.ext4", *options, path], check=True)


def _make_key(path: Path, comment: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path], check=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copyfile(source, target)
