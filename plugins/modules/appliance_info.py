# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: appliance_info
short_description: Survey a vCenter Server appliance
version_added: 0.1.0
description:
  - Reads everything that a rotation of the machine certificate needs to know about a node, in one round trip, and
    changes nothing.
  - A part that cannot be read is V(null) and has an item in RV(appliance.problems). The module itself fails only when
    it cannot work on the node at all.
author:
  - The vcfleet.certs authors (@vcfleet)
options:
  ca:
    description:
      - Also ask the certificate authority of the node (VMCA) for its root. Takes C(vmcad) up and running.
      - When V(false), RV(appliance.vmca_root) is V(null).
    type: bool
    default: true
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
  - vcfleet.certs.node.state
seealso:
  - module: vcfleet.certs.machine_ssl_assess
"""

EXAMPLES = r"""
- name: Survey a node
  vcfleet.certs.appliance_info:
  register: node

- name: Show when its machine certificate was surveyed and for which name
  ansible.builtin.debug:
    msg: "{{ node.appliance.pnid }} at {{ node.appliance.surveyed_at }}"
"""

RETURN = r"""
appliance:
  description: The survey.
  type: dict
  returned: success
  contains:
    schema:
      description: Version of this record's form.
      type: int
      sample: 1
    surveyed_at:
      description: When the node was read, by its own clock, in UTC.
      type: str
      sample: "2026-11-22T15:55:02Z"
    hostname:
      description: The host name.
      type: str
      sample: vc01
    fqdn:
      description: The fully qualified name that the node gives itself.
      type: str
      sample: vc01.lab.example
    pnid:
      description: The primary network identifier, byte for byte as the node holds it.
      type: str
      sample: vc01.lab.example
    dns:
      description: What the node's resolver says about the PNID.
      type: dict
      contains:
        addresses:
          description: The addresses of the PNID.
          type: list
          elements: str
          sample: [198.18.0.11]
        reverse:
          description: The names of each address.
          type: dict
          sample: {"198.18.0.11": ["vc01.lab.example"]}
    node_type:
      description: V(embedded), or on 6.x V(infrastructure) or V(management).
      type: str
      sample: embedded
    version:
      description: Version of vCenter Server.
      type: str
      sample: 8.0.3.00400
    build:
      description: Build of vCenter Server.
      type: str
      sample: "24322831"
    os:
      description: The operating system.
      type: str
      sample: VMware Photon OS/Linux 4.0
    python:
      description: Version of the Python that did the survey.
      type: str
      sample: 3.10.13
    sso_domain:
      description: The SSO domain.
      type: str
      sample: vsphere.local
    site:
      description: The SSO site.
      type: str
      sample: default-site
    machine_id:
      description: The machine's identifier in the SSO domain.
      type: str
      sample: 6ad5b2a3-9c5e-4a7c-8a5f-64bb2f1d6c11
    vmca_root:
      description: The certificate authority's certificate and its issuers as PEM, signing certificate first.
      type: list
      elements: str
      sample: ["-----BEGIN CERTIFICATE-----\nMIID...\n-----END CERTIFICATE-----\n"]
    machine_certificate:
      description: The machine certificate as the certificate store holds it.
      type: dict
      contains:
        alias:
          description: Its alias in C(MACHINE_SSL_CERT).
          type: str
          sample: __MACHINE_CERT
        type:
          description: The entry's type.
          type: str
          sample: Private Key
        chain:
          description: PEM, leaf first.
          type: list
          elements: str
          sample: ["-----BEGIN CERTIFICATE-----\nMIID...\n-----END CERTIFICATE-----\n"]
        sha256:
          description: SHA-256 of the DER of the certificate, lower hex without colons.
          type: str
          sample: 8d4b4b7a2b8f0b6b51d8d1f6c6d8d7a9e0b9f4f3c2a1908f7e6d5c4b3a291807
        key_matches:
          description: Whether the entry's private key belongs to its certificate, proven on the node.
          type: bool
          sample: true
    trusted_roots:
      description: The entries of C(TRUSTED_ROOTS).
      type: list
      elements: dict
      contains:
        alias:
          description: The alias.
          type: str
          sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b
        chain:
          description: PEM.
          type: list
          elements: str
          sample: ["-----BEGIN CERTIFICATE-----\nMIID...\n-----END CERTIFICATE-----\n"]
    legacy_certificate:
      description: The entry of the legacy store C(STS_INTERNAL_SSL_CERT). V(null) where there is none.
      type: dict
      sample: null
    stores:
      description: The names of all certificate stores.
      type: list
      elements: str
      sample: [MACHINE_SSL_CERT, TRUSTED_ROOTS, TRUSTED_ROOT_CRLS, machine]
    backup_store:
      description: What is left in C(BACKUP_STORE), which raises alarms when it expires.
      type: list
      elements: dict
      sample: []
    crl_count:
      description: Number of revocation lists. Hundreds of them let the database start for an hour.
      type: int
      sample: 2
    census:
      description: The services by state, each list sorted.
      type: dict
      contains:
        running:
          description: Services that run.
          type: list
          elements: str
          sample: [applmgmt, vmafdd, vmcad, vmdird, vmware-vpxd]
        stopped:
          description: Services that do not run.
          type: list
          elements: str
          sample: [vmcam, vmware-vcha]
        start_pending:
          description: Services on their way up.
          type: list
          elements: str
          sample: []
        stop_pending:
          description: Services on their way down.
          type: list
          elements: str
          sample: []
    disk:
      description: The file systems that a rotation needs, in bytes.
      type: list
      elements: dict
      sample: [{"path": "/storage/log", "total": 10434699264, "free": 8589934592, "inodes_free": 651520}]
    clock:
      description: The node's clock, framed by the controller's just before the question and just after the answer.
      type: dict
      sample: {"epoch": 1795362902.31, "asked": 1795362902.07, "answered": 1795362902.94}
    vcha:
      description: Whether vCenter HA is configured.
      type: bool
      sample: false
    journal:
      description: The status of an unfinished swap or restart as M(vcfleet.certs.machine_ssl_swap) returns it. V(null)
        without one.
      type: dict
      sample: null
    last_swap:
      description: The status of the newest swap, whether it has ended or not. V(null) when there was none.
      type: dict
      sample: null
    last_window_seconds:
      description: The window of the newest swap that replaced a certificate, in seconds. V(null) when there was none.
      type: float
      sample: null
    last_restart:
      description: The status of the newest restart of the services by M(vcfleet.certs.machine_ssl_swap), whether it has
        ended or not. V(null) when there was none since the newest swap.
      type: dict
      sample: null
    login_shell:
      description: The login shell of root.
      type: str
      sample: /bin/appliancesh
    login_shell_before:
      description: The login shell that M(vcfleet.certs.appliance_shell) has yet to put back. V(null) without one.
      type: str
      sample: null
    problems:
      description: What could not be read.
      type: list
      elements: dict
      contains:
        part:
          description: The part of the survey that is V(null) because of it.
          type: str
          sample: vmca_root
        message:
          description: What went wrong.
          type: str
          sample: "certool --getrootca: the certificate authority does not answer"
        remedy:
          description: What to do about it.
          type: str
          sample: Start it with `service-control --start vmcad`.

commands:
  description: The commands that were run on the node. Secrets are never among their arguments.
  type: list
  elements: dict
  returned: when Ansible runs with C(-v) or more
  contains:
    argv:
      description: The command and its arguments.
      type: list
      elements: str
      sample: [/bin/service-control, --status, --all]
    rc:
      description: Its exit status, which says little. Many of the vendor's tools exit with 0 when they fail.
      type: int
      sample: 0
    times:
      description: How often it was run in this way, one after the other.
      type: int
      sample: 1
    seconds:
      description: How long it took.
      type: float
      sample: 0.412

remedy:
  description: What to do about the failure. It is the last part of RV(ignore:msg), too.
  type: str
  returned: failure
  sample: Start it with `service-control --start vmafdd`.
details:
  description: The evidence for the failure, such as the command that failed, its exit status and its output without
    secrets.
  type: dict
  returned: failure
  sample: {"argv": ["/usr/lib/vmware-vmafd/bin/vecs-cli", "store", "list"], "rc": 253, "code": 1021, "stdout": "",
    "stderr": "vecs-cli failed. Error 1021: Cannot connect to vmafd service. "}
"""
