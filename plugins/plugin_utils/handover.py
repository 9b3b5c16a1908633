# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. What a swap leaves to people: all that holds the old thumbprint and does not renew it by itself.

The list is that of the field notes, §4. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

ANCHOR, CONSUMER = "anchor", "consumer"


@dataclass(frozen=True)
class Holder:
    """`kind` is anchor (inside vCenter) or consumer (outside); `holds` says which form of the thumbprint it keeps.

    `todo` has the places {pnid}, {sso_domain}, {old_sha1}, {new_sha1} and {new_sha256}; SHA-1 stands there as tools
    print it, upper case with colons.
    """

    kind: str
    holder: str
    holds: str
    todo: str


HOLDERS = (
    Holder(
        ANCHOR,
        "lookup service registrations of this node (sslTrust)",
        "the old certificate",
        "On the node: python /usr/lib/vmware-lookupsvc/tools/ls_update_certs.py"
        " --url https://{pnid}/lookupservice/sdk --fingerprint {old_sha1} --certfile NEW_CERTIFICATE.pem"
        " --user administrator@{sso_domain} --password PASSWORD"
        " (the tool takes the password on its command line: use a short-lived one)",
    ),
    Holder(ANCHOR, "vCenter extension com.vmware.vsan.health", "SHA-1", "Set its thumbprint to {new_sha1}"),
    Holder(
        ANCHOR,
        "Auto Deploy, /var/lib/rbd/db, where the service starts automatically",
        "SHA-1",
        "Run autodeploy-register -R with -T {new_sha1}",
    ),
    Holder(
        ANCHOR,
        "linked vCenter Servers that keep sessions to this node",
        "the old certificate, until they reconnect",
        "Restart the services of members that still report this node's old certificate",
    ),
    Holder(
        CONSUMER,
        "NSX, Aria and VCF Operations, Horizon",
        "SHA-256 or SHA-1",
        "Accept the new thumbprint in the product",
    ),
    Holder(
        CONSUMER,
        "Site Recovery, vSphere Replication",
        "what the lookup service says",
        "Update the lookup service first, then reconnect the sites",
    ),
    Holder(CONSUMER, "backup software", "SHA-1", "Accept the new certificate before the next job"),
    Holder(
        CONSUMER,
        "Kubernetes (CAPV, CSI, CPI, EKS Anywhere) and scripts that pin the certificate",
        "SHA-1 or SHA-256",
        "Pin SHA-256 {new_sha256}",
    ),
)


def handover(pnid: str, sso_domain: str, old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
    """What to do about each holder: {"pnid", "old", "new", "holders": [{"kind", "holder", "holds", "todo"}]}.

    `old` and `new` have the thumbprints "sha1" and "sha256", in hex without colons.
    """
    places = {
        "pnid": pnid,
        "sso_domain": sso_domain,
        "old_sha1": with_colons(old["sha1"]),
        "new_sha1": with_colons(new["sha1"]),
        "new_sha256": new["sha256"],
    }
    return {
        "pnid": pnid,
        "old": {name: old[name] for name in ("sha1", "sha256")},
        "new": {name: new[name] for name in ("sha1", "sha256")},
        "holders": [{**asdict(holder), "todo": holder.todo.format(**places)} for holder in HOLDERS],
    }


def untold(survey: Mapping[str, Any]) -> dict[str, Any]:
    """The swap that came to its end when nobody followed it any more, after a dead controller or at boot; or {}."""
    swap = survey.get("last_swap") or {}
    stored = (survey.get("machine_certificate") or {}).get("sha256")
    if swap.get("state") != "committed" or swap["handed_over"] or swap["new"]["sha256"] != stored:
        return {}
    return dict(swap)


def with_colons(digest: str) -> str:
    """A thumbprint as the vendor's tools print it."""
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)).upper()
