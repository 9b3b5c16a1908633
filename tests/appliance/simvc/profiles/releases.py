# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases.

The census of 8.0.3 is a captured one (field notes §1.3). No 7.0 and no 9.0 census was ever published: those two are the
8.0.3 one less, or plus, what changed between the releases, and nothing may depend on their exact names.
"""

from .model import Profile, Service

_DESCRIPTIONS = {
    "applmgmt": "VMware Appliance Management Service",
    "lookupsvc": "VMware Lookup Service",
    "lwsmd": "Likewise Service Manager",
    "observability": "VMware VCSA Observability Service",
    "observability-vapi": "VMware VCSA Observability VAPI Service",
    "pschealth": "VMware Platform Services Controller Health Monitor",
    "vc-ws1a-broker": "VMware Workspace ONE Access Broker",
    "vcf-fleet-agent": "VMware Cloud Foundation Fleet Agent",
    "vlcm": "VMware vCenter Lifecycle Manager API",
    "vmafdd": "VMware Authentication Framework",
    "vmcad": "VMware Certificate Service",
    "vmcam": "VMware vSphere Authentication Proxy",
    "vmdird": "VMware Directory Service",
    "vmonapi": "VMware Service Lifecycle Manager API",
    "vmware-analytics": "VMware Analytics Service",
    "vmware-certificateauthority": "VMware Certificate Authority Service",
    "vmware-certificatemanagement": "VMware Certificate Management Service",
    "vmware-cis-license": "VMware License Service",
    "vmware-content-library": "VMware Content Library Service",
    "vmware-eam": "VMware ESX Agent Manager",
    "vmware-envoy": "VMware Envoy Proxy",
    "vmware-envoy-hgw": "VMware Envoy Hybrid Gateway",
    "vmware-envoy-sidecar": "VMware Envoy Sidecar Proxy",
    "vmware-hvc": "VMware Hybrid VC Service",
    "vmware-imagebuilder": "VMware Image Builder Manager",
    "vmware-infraprofile": "VMware Infraprofile Service",
    "vmware-netdumper": "VMware vSphere ESXi Dump Collector",
    "vmware-perfcharts": "VMware Performance Charts",
    "vmware-pod": "VMware Patching and Host Management Service",
    "vmware-postgres-archiver": "VMware Postgres Archiver",
    "vmware-rbd-watchdog": "VMware vSphere Auto Deploy Waiter",
    "vmware-rhttpproxy": "VMware HTTP Reverse Proxy",
    "vmware-sca": "VMware Service Control Agent",
    "vmware-sps": "VMware vSphere Profile-Driven Storage Service",
    "vmware-stsd": "VMware Security Token Service",
    "vmware-topologysvc": "VMware Topology Service",
    "vmware-trustmanagement": "VMware Trust Management Service",
    "vmware-updatemgr": "VMware Update Manager",
    "vmware-vapi-endpoint": "VMware vAPI Endpoint",
    "vmware-vcha": "VMware vCenter High Availability",
    "vmware-vdtc": "VMware vSphere Distributed Tracing Collector",
    "vmware-vmon": "VMware Service Lifecycle Manager",
    "vmware-vpostgres": "VMware Postgres",
    "vmware-vpxd": "VMware vCenter Server",
    "vmware-vpxd-svcs": "VMware vCenter-Services",
    "vmware-vsan-health": "VMware VSAN Health Service",
    "vmware-vsm": "VMware vService Manager",
    "vsphere-ui": "VMware vSphere Client",
    "vstats": "VMware vStats Service",
    "vtsdb": "VMware vTsdb Service",
    "wcp": "Workload Control Plane",
}

_RUNNING_8_0_3 = """
applmgmt lookupsvc lwsmd observability observability-vapi pschealth vc-ws1a-broker vlcm vmafdd vmcad vmdird
vmware-analytics vmware-certificateauthority vmware-certificatemanagement vmware-cis-license
vmware-content-library vmware-eam vmware-envoy vmware-envoy-hgw vmware-envoy-sidecar vmware-hvc
vmware-infraprofile vmware-perfcharts vmware-pod vmware-postgres-archiver vmware-rhttpproxy vmware-sca
vmware-sps vmware-stsd vmware-topologysvc vmware-trustmanagement vmware-updatemgr vmware-vapi-endpoint
vmware-vdtc vmware-vmon vmware-vpostgres vmware-vpxd vmware-vpxd-svcs vmware-vsan-health vmware-vsm vsphere-ui
vstats vtsdb wcp
"""
_STOPPED_8_0_3 = """
vmcam vmonapi vmware-imagebuilder vmware-netdumper vmware-rbd-watchdog vmware-vcha
"""

_RUNNING = frozenset(_RUNNING_8_0_3.split())
_STOPPED = frozenset(_STOPPED_8_0_3.split())

_NEW_IN_8_0 = {"vc-ws1a-broker", "vmware-envoy-hgw", "vmware-envoy-sidecar"}
_GONE_IN_9_0 = {"vmware-vsm", "vmware-imagebuilder", "vmware-netdumper", "vmware-rbd-watchdog"}


def _services(automatic: frozenset[str], manual: frozenset[str]) -> tuple[Service, ...]:
    """In the order of the tool, which is the alphabet's."""
    return tuple(
        Service(name, _DESCRIPTIONS[name], "AUTOMATIC" if name in automatic else "MANUAL")
        for name in sorted(automatic | manual)
    )


PROFILES = {
    release.name: release
    for release in (
        Profile("7.0", "7.0.3.01400", "21477706", "3.0", "3.7", _services(_RUNNING - _NEW_IN_8_0, _STOPPED)),
        Profile("8.0u3", "8.0.3.00000", "24022515", "4.0", "3.10", _services(_RUNNING, _STOPPED)),
        Profile(
            "9.0",
            "9.0.0.0",
            "24755230",
            "5.0",
            "3.11",
            _services((_RUNNING - _GONE_IN_9_0) | {"vcf-fleet-agent"}, _STOPPED - _GONE_IN_9_0),
        ),
    )
}
