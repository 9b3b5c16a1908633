# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Photon's systemd does at boot with units that somebody enabled: it starts them, each once, all at the same time.

Just enough of systemd.service(5) for that: ExecStart of a `[Service]`; the appliance's own services are vMon's.
"""

import configparser
import shlex
import subprocess
from pathlib import Path

ENABLED = Path("/etc/systemd/system/multi-user.target.wants")


def commands(folder: Path = ENABLED) -> list[list[str]]:
    """The start command of each enabled unit; one that cannot be parsed is passed over, as systemd does."""
    return [command for unit in sorted(folder.glob("*.service")) if (command := _exec_start(unit))]


def _exec_start(unit: Path) -> list[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign] # systemd heeds case
    try:
        parser.read_string(unit.read_text())
    except (OSError, configparser.Error):
        return []
    return shlex.split(parser.get("Service", "ExecStart", fallback=""))


def main() -> None:
    started = [subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) for command in commands()]
    for process in started:
        process.wait()


if __name__ == "__main__":
    main()
