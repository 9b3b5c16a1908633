# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of a release."""

from dataclasses import dataclass

# Handled by the operating system one by one, in this order, before the vMon profile (field notes §1.4).
CORE_SERVICES = ("lwsmd", "vmafdd", "vmdird", "vmcad")


@dataclass(frozen=True)
class Service:
    """One service of the census; its start type is AUTOMATIC, MANUAL or DISABLED (field notes §1.5)."""

    name: str
    description: str
    start_type: str = "AUTOMATIC"


@dataclass(frozen=True)
class Profile:
    """One release."""

    name: str
    version: str
    build: str
    photon: str
    python: str
    services: tuple[Service, ...]

    def service(self, name: str) -> Service | None:
        return next((service for service in self.services if service.name == name), None)
