# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linked group as one of its nodes knows it: members, partners, replication, states."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..context import Context
from ..errors import NodeError, ToolError
from ..parallel import each_at_once
from ..survey import addresses_of
from ..tools.dircli import Listed
from ..tools.sso import Login
from ..tools.toolbox import Toolbox
from ..tools.vdcrepadmin import Server

_MEMBER_TIMEOUT = 20.0
_DIRECTORY, _MANAGEMENT = "directory", "management"


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: sso_user, sso_password, member_timeout (seconds for one other member).

    `linked_mode` is {"node", "sso_domain", "site", "state", "partners", "replication": [PartnerStatus], "members":
    [{"name", "addresses", "type", "site", "partners", "reachable", "state", "problem"}]}, members in the order of their
    names.

    The first call goes alone: were all of them to take a wrong password along, the account would be locked.
    """
    login = Login(options["sso_user"], options["sso_password"])
    tools = context.toolbox
    servers = tools.vdcrepadmin.servers(login)
    told = each_at_once(_questions(tools, login))
    members = _members(servers, told["nodes"])
    timeout = float(options.get("member_timeout") or _MEMBER_TIMEOUT)
    _look_at(members, tools, login, told, timeout)
    return {
        "changed": False,
        "linked_mode": {
            "node": told["pnid"],
            "sso_domain": servers[0].domain.lower(),
            "site": members.get(told["pnid"].lower(), {}).get("site"),
            "state": told["state"],
            "partners": told["partners"],
            "replication": [status.to_dict() for status in told["replication"]],
            "members": [members[key] for key in sorted(members)],
        },
    }


def _questions(tools: Toolbox, login: Login) -> dict[str, Any]:
    return {
        "pnid": tools.vmafd.pnid,
        "partners": partial(tools.vdcrepadmin.partners, login),
        "replication": partial(tools.vdcrepadmin.partner_status, login),
        "nodes": partial(tools.dircli.nodes, login),
        "state": partial(tools.dircli.state, login),
    }


def _members(servers: list[Server], nodes: list[Listed]) -> dict[str, dict[str, Any]]:
    """Everybody whom one of the two lists names, by the name in lower case."""
    members = {server.name.lower(): _member(server.name, server.site, _DIRECTORY) for server in servers}
    for node in nodes:
        kind = _MANAGEMENT if node.type.lower() == _MANAGEMENT else _DIRECTORY
        member = members.setdefault(node.name.lower(), _member(node.name, node.site, kind))
        member["partners"] = node.partners
    return members


def _member(name: str, site: str | None, kind: str) -> dict[str, Any]:
    unseen: dict[str, Any] = {"partners": [], "addresses": [], "reachable": None, "state": None, "problem": None}
    return {"name": name, "type": kind, "site": site, **unseen}


def _look_at(
    members: dict[str, dict[str, Any]], tools: Toolbox, login: Login, told: dict[str, Any], timeout: float
) -> None:
    """Ask every other directory node for its state: one that was lost years ago is still on both lists."""
    here = told["pnid"].lower()
    others = [key for key, member in members.items() if key != here and member["type"] == _DIRECTORY]
    seen = each_at_once({key: partial(_seen, tools, login, members[key]["name"], timeout) for key in others})
    for key, found in seen.items():
        members[key].update(found)
    if here in members:
        members[here].update(reachable=True, state=told["state"])
    found_by = each_at_once({key: partial(_addresses, member["name"]) for key, member in members.items()})
    for key, addresses in found_by.items():
        members[key]["addresses"] = addresses


def _addresses(name: str) -> list[str]:
    """None of them is no failure: the state tells who cannot be reached."""
    try:
        return addresses_of(name)
    except NodeError:
        return []


def _seen(tools: Toolbox, login: Login, name: str, timeout: float) -> dict[str, Any]:
    try:
        return {"reachable": True, "state": tools.dircli.state(login, name, timeout)}
    except ToolError as error:
        return {"reachable": False, "problem": error.meaning}
