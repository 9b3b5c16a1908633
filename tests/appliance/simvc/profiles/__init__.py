# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between releases of the appliance: operating system, Python, build, services and their start types."""

from .model import CORE_SERVICES, Profile, Service
from .releases import PROFILES

__all__ = ["CORE_SERVICES", "PROFILES", "Profile", "Service", "profile"]


def profile(name: str) -> Profile:
    """The release of that name.

    Raises KeyError for a name that is not in PROFILES.
    """
    return PROFILES[name]
