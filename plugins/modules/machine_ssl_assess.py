# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: machine_ssl_assess
short_description: Judge whether and how to rotate a machine certificate
version_added: 0.1.0
description:
  - Decides whether the machine certificate of a node is due, what the new one will look like, and what stands in the
    way.
  - Surveys the node for that, in one round trip, or takes the survey of M(vcfleet.certs.appliance_info) and then works
    on the controller alone.
  - Does not fail because of a finding. That the verdict is V(refuse) is for the caller to act on. It fails when
    O(policy) is not usable, and then names every option that is not.
  - Notes C(survey), C(assessment) and C(settings) in the record that O(record) names.
author:
  - The vcfleet.certs authors (@vcfleet)
requirements:
  - cryptography 42 or newer on the controller
  - cronsim 2.6 or newer on the controller, for O(policy.windows) and a cron expression in O(policy.next_run)
  - tzdata on a controller whose system has no time zones
options:
  survey:
    description: RV(vcfleet.certs.appliance_info#module:appliance). Either this or O(record) is required.
    type: dict
  record:
    description:
      - The name under which this run keeps the node's record, in most cases C(inventory_hostname). The node is
        surveyed, whether or not it was before.
      - Notes there the C(settings), C(assessment), and the part of the C(survey) that later stages go by; as C(forced)
        why, where it was; as C(resumed) an earlier run's swap that has come to its end and that nobody was told about;
        and C(superseded) where it had an C(assessment) of another certificate, and that of now is not due.
    type: str
  settings:
    description:
      - What the later stages go by. Options of M(vcfleet.certs.machine_ssl_swap), C(probe) of
        M(vcfleet.certs.machine_ssl_verify), and C(resume), whether a run may bring an earlier run's swap to its end.
        All of them are checked here. Those of before when not given.
    type: dict
  at:
    description:
      - Judge as of this time, such as V(2026-11-28 22:00) in O(policy.timezone), and not as of now. So a plan can be
        made, and reviewed, before its window opens.
    type: str
  policy:
    description: The rules to judge by.
    type: dict
    default: {}
    suboptions:
      lifetime_fraction:
        description:
          - The certificate is due when this fraction of its lifetime, or less, is left. A third when left out.
        type: float
      days_left:
        description:
          - The certificate is also due when it ends in so many days or fewer, whatever the fraction says.
        type: float
        default: 0
      jitter:
        description:
          - Spreads the nodes of a fleet that was issued on one day. Each is due sooner by its own share of this
            fraction, from 0 to 1, of the time between due and end. The share comes from the PNID alone and stays the
            same.
          - No node is ever due later because of it, and none in the first half of the time until it would be due.
        type: float
        default: 0
      expiry_margin:
        description:
          - How near its end no certificate may come by waiting, as a duration. For O(policy.next_run),
            O(policy.windows), O(policy.freezes) and O(policy.backoff).
          - All durations are seconds, or numbers with V(s), V(m), V(h), V(d) or V(w) such as V(1h30m), up to a year.
        type: str
        default: 1d
      timezone:
        description: IANA name of the time zone of O(policy.next_run), and of windows and freezes that name none.
        type: str
        default: UTC
      next_run:
        description:
          - When the pipeline runs by itself, as a duration from run to run, such as V(24h), or as cron, such as
            V(0 22 * * sat).
          - The certificate is also due when the second run from now that could rotate it would come too late, which is
            nearer to its end than O(policy.expiry_margin). So one run may fail.
        type: str
      windows:
        description:
          - Maintenance windows, outside which a due node waits. Without any, the window is always open.
          - The certificate is also due when the next window would come too late.
        type: list
        elements: dict
        default: []
        suboptions:
          cron:
            description:
              - When it opens, in five fields (minute, hour, day of the month, month, day of the week) as Debian's cron
                reads them.
              - A time that a clock change skips comes right after the change, one that comes twice the first time.
            type: str
            required: true
          duration:
            description: How long it stays open, in real time.
            type: str
            required: true
          timezone:
            description: IANA name of its time zone. That of O(policy.timezone) when left out.
            type: str
      window_needs:
        description: A window that closes, or a freeze that begins, sooner than this is no time to begin.
        type: str
        default: 30m
      freezes:
        description: Times in which no node is rotated, in windows or not.
        type: list
        elements: dict
        default: []
        suboptions:
          from:
            description: The first day, such as V(2026-12-18), or a time, such as V(2026-12-18 18:00).
            type: str
            required: true
          until:
            description: The last day, which is frozen as a whole, or a time.
            type: str
            required: true
          reason:
            description: Why. It goes into the plan.
            type: str
          timezone:
            description: IANA name of its time zone. That of O(policy.timezone) when left out.
            type: str
      deadline:
        description:
          - What becomes of a node that is due and would come too late in the next window or after the freeze.
            V(rotate) rotates it now, outside windows and also in a freeze. V(refuse) refuses it, and so its linked
            group.
        type: str
        choices: [refuse, rotate]
        default: refuse
      backoff:
        description:
          - So long after the start of a swap that failed, the node is left alone, unless that brings it nearer to its
            end than O(policy.expiry_margin). V(0) is off.
        type: str
        default: '0'
      force:
        description:
          - Take the certificate for due in any case, whether or not a window is open and an attempt has just failed. In
            a freeze the node is refused all the same.
        type: bool
        default: false
      force_reason:
        description: Why. It goes into the plan and the report. Required with O(policy.force).
        type: str
      allow_custom_ca:
        description: Replace a certificate that another certificate authority than the node's VMCA has issued.
        type: bool
        default: false
      drop_sans:
        description: Subject alternative names of the current certificate that the new one need not have. All others
          are kept.
        type: list
        elements: str
        default: []
      san:
        description: Subject alternative names that the new certificate gets besides the PNID and those of the current
          one.
        type: dict
        default: {}
        suboptions:
          dns:
            description: DNS names. No wildcards, which VMCA refuses.
            type: list
            elements: str
            default: []
          ip:
            description: IP addresses.
            type: list
            elements: str
            default: []
          email:
            description: E-mail addresses.
            type: list
            elements: str
            default: []
      subject:
        description:
          - Fields of the subject, apart from the common name, which is the PNID.
          - A field that is left out is taken from the current certificate. An empty string leaves it out of the new
            one.
        type: dict
        default: {}
        suboptions:
          country:
            description: Two letters. V(US) when the current certificate has none.
            type: str
          organization:
            description: The organization.
            type: str
          organizational_unit:
            description: The organizational unit.
            type: str
          state:
            description: State or province.
            type: str
          locality:
            description: Locality.
            type: str
      disk_used_max:
        description: A file system that is fuller than this fraction stands in the way.
        type: float
        default: 0.9
      clock_offset_max:
        description: A clock that is further than this from the controller's stands in the way, in seconds.
        type: float
        default: 60
extends_documentation_fragment:
  - vcfleet.certs.attributes
  - vcfleet.certs.attributes.read_only
  - vcfleet.certs.attributes.node
  - vcfleet.certs.node
  - vcfleet.certs.node.state
  - vcfleet.certs.node.record
seealso:
  - module: vcfleet.certs.appliance_info
"""

EXAMPLES = r"""
- name: Survey the node
  vcfleet.certs.appliance_info:
  register: node

- name: Judge whether its machine certificate is due
  vcfleet.certs.machine_ssl_assess:
    survey: "{{ node.appliance }}"
    policy:
      days_left: 60
      san:
        dns: [vcenter.example.com]
      subject:
        country: CH
        organization: Example AG
      jitter: 0.25
      windows:
        - {cron: '0 22 * * sat', duration: 4h, timezone: Europe/Zurich}
      freezes:
        - {from: '2026-12-18', until: '2027-01-06', reason: end of year, timezone: Europe/Zurich}
      deadline: rotate
  register: judged

- name: Survey it, judge it by the default policy, and begin its record
  vcfleet.certs.machine_ssl_assess:
    record: "{{ inventory_hostname }}"
    settings:
      ports: [443]
      probe:
        host: vc01.lab.example

- name: Stop when something stands in the way
  ansible.builtin.assert:
    that: judged.assessment.verdict != 'refuse'
    fail_msg: "{{ judged.summary }}"
"""

RETURN = r"""
assessment:
  description: The judgement.
  type: dict
  returned: success
  contains:
    schema:
      description: Version of this record's form.
      type: int
      sample: 1
    verdict:
      description: V(rotate), V(keep) when the certificate is not due, or is due and waits for a window, the end of a
        freeze or of the backoff, V(refuse) when it is due and something stands in the way.
      type: str
      sample: rotate
    due:
      description: Whether the certificate is due.
      type: bool
      sample: true
    reasons:
      description: Why it is due, or why not.
      type: list
      elements: str
      sample: ["29.8 of 730 days are left (4% of the lifetime), and 33% or less is due."]
    waits:
      description: What the node would wait for now if its turn were planned, due or not, in words. Empty when it could
        begin. Neither O(policy.force) nor the deadline is looked at.
      type: str
      sample: "waits for the window that opens at Sat 2026-11-28 22:00 CET: no window is open now."
    when:
      description: What was known about time, in UTC. V(null) when the certificate cannot be read.
      type: dict
      contains:
        due_at:
          description: Since when, or from when on, the certificate is due by its dates, jitter included.
          type: str
          sample: "2026-10-01T04:12:09Z"
        jitter_days:
          description: How many days sooner that is because of O(policy.jitter).
          type: float
          sample: 12.34
        window:
          description: The maintenance windows around now, without freezes. V(null) when there are none.
          type: dict
          sample: {"open_now": false, "closes_at": null, "next_opens_at": "2026-11-28T21:00:00Z"}
        begin:
          description: From when to when it may begin in the window that is open. V(null) where no window or freeze
            bounds it, and where force goes before windows.
          type: dict
          sample: null
        deadline:
          description: When the certificate is too near to its end, whether waiting would bring it there, and what is
            then done.
          type: dict
          sample: {"at": "2026-12-21T15:45:02Z", "near": false, "rule": "refuse"}
        freeze:
          description: Why nothing may be rotated now. V(null) when there is no freeze.
          type: str
          sample: end of year
        backoff_until:
          description: Until when the node is left alone after a failed attempt. V(null) when it is not.
          type: str
          sample: null
    current:
      description: Facts of the current certificate. V(null) when it cannot be read.
      type: dict
      contains:
        subject:
          description: The subject as text.
          type: str
          sample: CN=vc01.lab.example,C=US
        cn:
          description: The common name.
          type: str
          sample: vc01.lab.example
        sans:
          description: The subject alternative names by kind.
          type: dict
          sample: {"dns": ["vc01.lab.example"], "ip": [], "email": [], "other": []}
        issuer:
          description: The issuer as text.
          type: str
          sample: CN=CA,DC=vsphere,DC=local,C=US,ST=California,O=vc01.lab.example,OU=VMware Engineering
        serial:
          description: The serial number in hex.
          type: str
          sample: ea02f1c4d5b6a798
        not_before:
          description: Start of validity, in UTC.
          type: str
          sample: "2024-12-22T15:45:02Z"
        not_after:
          description: End of validity, in UTC.
          type: str
          sample: "2026-12-22T15:45:02Z"
        sha1:
          description: SHA-1 of the DER, lower hex without colons. What vCenter calls the thumbprint.
          type: str
          sample: 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12
        sha1_colons:
          description: The same in upper case with colons.
          type: str
          sample: 2F:D4:E1:C6:7A:2D:28:FC:ED:84:9E:E1:BB:76:E7:39:1B:93:EB:12
        sha256:
          description: SHA-256 of the DER, lower hex without colons.
          type: str
          sample: 8d4b4b7a2b8f0b6b51d8d1f6c6d8d7a9e0b9f4f3c2a1908f7e6d5c4b3a291807
        sha256_colons:
          description: The same in upper case with colons.
          type: str
          sample: 8D:4B:4B:7A:2B:8F:0B:6B:51:D8:D1:F6:C6:D8:D7:A9:E0:B9:F4:F3:C2:A1:90:8F:7E:6D:5C:4B:3A:29:18:07
        public_key_sha256:
          description: SHA-256 of the public key's DER (SubjectPublicKeyInfo), lower hex without colons.
          type: str
          sample: 3a0c5e9f2a3c9d5a0a4b9a0e2c68f9d0a6a0b8e5c6b0d1ef6b6c4f1f5f0a9d11
        key:
          description: Algorithm and size of the key.
          type: dict
          sample: {"algorithm": "RSA", "bits": 2048}
        signature_algorithm:
          description: Algorithm of the signature.
          type: str
          sample: sha256WithRSAEncryption
        subject_fields:
          description: The fields of the subject apart from the common name, under the names of O(policy.subject).
          type: dict
          sample: {"country": "US", "organization": null, "organizational_unit": null, "state": null, "locality": null}
        ski:
          description: Subject key identifier in hex. V(null) without one.
          type: str
          sample: null
        aki:
          description: Authority key identifier in hex. V(null) without one.
          type: str
          sample: 5f2c9d0a1b3e4f60718293a4b5c6d7e8f9010203
        is_ca:
          description: Whether it is a certificate authority.
          type: bool
          sample: false
        self_signed:
          description: Whether its issuer has the name of its subject.
          type: bool
          sample: false
        lifetime_days:
          description: Days from the start to the end of validity.
          type: float
          sample: 730
        days_left:
          description: Days until the end of validity, negative after it.
          type: float
          sample: 29.8
        lifetime_fraction_left:
          description: The fraction of the lifetime that is left, from 1 to 0.
          type: float
          sample: 0.041
    wanted:
      description: What the new certificate will have. V(null) when that cannot be said.
      type: dict
      contains:
        cn:
          description: The common name, which is the PNID byte for byte.
          type: str
          sample: vc01.lab.example
        dns:
          description: DNS names, the PNID first.
          type: list
          elements: str
          sample: [vc01.lab.example, vcenter.example.com]
        ip:
          description: IP addresses.
          type: list
          elements: str
          sample: [198.18.0.11]
        email:
          description: E-mail addresses.
          type: list
          elements: str
          sample: []
        subject:
          description: The other fields of the subject. V(null) for those that are left out.
          type: dict
          sample: {"country": "CH", "organization": "Example AG", "organizational_unit": null, "state": null,
            "locality": null}
    san_changes:
      description: The subject alternative names that are kept, added and dropped.
      type: dict
      sample: {"kept": ["vc01.lab.example"], "added": ["vcenter.example.com"], "dropped": []}
    findings:
      description: What was found, the worst first.
      type: list
      elements: dict
      contains:
        id:
          description: Stable identifier of the kind of finding.
          type: str
          sample: vmca-root-expiring
        severity:
          description: V(refuse) stands in the way, V(warn) deserves a look, V(info) is good to know.
          type: str
          sample: warn
        message:
          description: What was found.
          type: str
          sample: The VMCA root ends 2027-10-01, so the new certificate will end then, too, and not after two years.
        evidence:
          description: The facts behind it.
          type: dict
          sample: {"not_after": "2027-10-01T00:00:00Z"}
        remedy:
          description: What to do about it.
          type: str
          sample: Renew the VMCA root before it ends.
summary:
  description: Verdict, reasons and findings as plain text for people.
  type: str
  returned: success
  sample: "rotate: 29.8 of 730 days are left (4% of the lifetime), and 33% or less is due."

commands:
  description: The commands that were run on the node. Secrets are never among their arguments.
  type: list
  elements: dict
  returned: when the node was surveyed and Ansible runs with C(-v) or more
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
