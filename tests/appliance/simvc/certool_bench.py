# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool in a folder of its own on a private node, for tests."""

from pathlib import Path

from .private_node import Done, PrivateNode

SUCCESS = "Status : Success\n"

# A config that VMCA accepts.
CONFIG = """\
Country = US
Name = vc01.lab.example
Organization = VMware
OrgUnit = VMware Engineering
State = California
Locality = Palo Alto
Hostname = vc01.lab.example
"""


class Certool:
    """certool in a folder of its own."""

    def __init__(self, node: PrivateNode, folder: Path) -> None:
        self.node = node
        self.folder = folder

    def __call__(self, *argv: str, stdin: str = "") -> Done:
        return self.node.run("certool", *argv, stdin=stdin, cwd=self.folder)

    def path(self, name: str) -> Path:
        return self.folder / name

    def write(self, name: str, content: str | bytes) -> str:
        """Make a file; the result is its name, for a command line."""
        data = content.encode() if isinstance(content, str) else content
        self.path(name).write_bytes(data)
        return name

    def key(self, name: str = "key") -> str:
        """Make a key pair `name` and `name.pub`; the result is the private key's name."""
        assert self("--genkey", f"--privkey={name}", f"--pubkey={name}.pub") == (0, SUCCESS, "")
        return name

    def gencert(self, config: str | bytes = CONFIG, *more: str) -> Done:
        """Have a certificate `cert` for the pair `key`, made when absent, by a config file `m.cfg`."""
        if not self.path("key").exists():
            self.key()
        self.write("m.cfg", config)
        return self("--gencert", "--privkey=key", "--cert=cert", "--config=m.cfg", *more)


def failed(code: int, message: str, before: str = "") -> Done:
    """How certool ends with an error: `before` is what stands on stdout in front of the status block."""
    return Done(code & 0xFF, f"{before}Status : Failed\nError Code : {code}\nError Message : {message}\n", "")
