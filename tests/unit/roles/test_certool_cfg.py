# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certool.cfg is rendered from scratch: nine keys of vmware-cli.md §2.2 at most, nothing of the vendor's template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import yaml
from hypothesis import given
from hypothesis import strategies as st

VARS = Path(__file__).resolve().parents[3] / "roles/machine_ssl/vars/main.yml"
TEMPLATE = yaml.safe_load(VARS.read_text())["__machine_ssl_certool_cfg"]
KEYS = ("Country", "Name", "Organization", "OrgUnit", "State", "Locality", "IPAddress", "Email", "Hostname")
FIELDS = ("country", "organization", "organizational_unit", "state", "locality")

words = st.text("abcdefghijklmnopqrstuvwxyzABCÄé -", min_size=1, max_size=20).map(str.strip).filter(bool)
names = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z]{2,5}){1,2}", fullmatch=True), max_size=4)


def render(wanted: dict[str, Any]) -> str:
    """As Ansible does: blocks eat the newline behind them, and the last newline stays."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(TEMPLATE)
    return template.render(__machine_ssl_wanted=wanted)


def wanted(cn: str = "vc01.lab.example", **more: Any) -> dict[str, Any]:
    subject = {**dict.fromkeys(FIELDS), **more.pop("subject", {})}
    return {"cn": cn, "dns": [cn], "ip": [], "email": [], "subject": subject, **more}


def test_the_least() -> None:
    assert render(wanted()) == "Name = vc01.lab.example\nHostname = vc01.lab.example\n"


def test_everything() -> None:
    subject = dict(zip(FIELDS, ("CH", "Example AG", "IT", "Zürich", "Zürich")))
    rendered = render(
        wanted(
            dns=["vc01.lab.example", "vc.example"], ip=["198.18.0.11", "2001:db8::1"], email=["a@b.c"], subject=subject
        )
    )
    assert rendered == (
        "Country = CH\nName = vc01.lab.example\nOrganization = Example AG\nOrgUnit = IT\nState = Zürich\n"
        "Locality = Zürich\nIPAddress = 198.18.0.11,2001:db8::1\nEmail = a@b.c\n"
        "Hostname = vc01.lab.example,vc.example\n"
    )


@given(
    cn=names.filter(bool).map(lambda each: each[0]), more=names, subject=st.dictionaries(st.sampled_from(FIELDS), words)
)
def test_the_tools_own_grammar_reads_back_what_was_wanted(cn: str, more: list[str], subject: dict[str, str]) -> None:
    rendered = render(wanted(cn, dns=[cn, *more], subject=subject))
    read = dict(line.split(" = ", 1) for line in rendered.splitlines())
    assert set(read) <= set(KEYS)
    assert read["Name"] == cn
    assert read["Hostname"].split(",") == [cn, *more]
    assert {value for key, value in read.items() if key not in ("Name", "Hostname")} == set(subject.values())
