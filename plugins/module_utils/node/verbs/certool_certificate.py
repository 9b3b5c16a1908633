# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate signed by VMCA for a key on the node; one that matches key and wanted content is kept."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .. import config, pem
from ..context import Context
from ..errors import NodeError
from ..files import absolute, create_private, fresh_beside, private_folder, publish, read_text, taken_back_on_failure
from ..keys import public_key, read_chain
from ..tools.openssl import Facts, Openssl

_MAX_AGE = 86400


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: key_path, cert_path, config or config_path, expect, max_age (seconds), force.

    `reasons` lists why a new certificate was (in check mode: would be) issued; empty when the old one is kept.
    """
    key, cert = absolute(options, "key_path"), absolute(options, "cert_path")
    text = _config_text(options)
    request = config.parse(text)
    _refuse(config.lacking(options.get("expect"), request.common_name, request.names), "The certool config")
    if context.check_mode and not key.exists():
        # In check mode the task before this one has only said that it would make the key.
        return _answer(options, None, {}, _planned(request), ["there is no key yet"])
    public = public_key(context.toolbox.openssl, key)
    chain, facts = _present(cert, context.toolbox.openssl)
    reasons = _reasons(options, request, public, chain, facts, context.toolbox.openssl)
    before = _shown(chain, facts)
    if not reasons:
        return _answer(options, chain, before, before, reasons)
    if context.check_mode:
        return _answer(options, None, before, _planned(request), reasons)
    with taken_back_on_failure(cert.parent):
        private_folder(cert.parent)
        chain, facts = _issue(key, cert, text, request, public, context)
    return _answer(options, chain, before, _shown(chain, facts), reasons)


def _config_text(options: dict[str, Any]) -> str:
    if bool(options.get("config")) == bool(options.get("config_path")):
        raise NodeError("Exactly one of config and config_path must be given.", "Give the other up.")
    if options.get("config"):
        return str(options["config"])
    return read_text(absolute(options, "config_path"), "The certool config")


def _present(cert: Path, openssl: Openssl) -> tuple[list[str] | None, Facts | None]:
    """What stands in the file now; a damaged certificate counts as none, it is no use to anybody."""
    try:
        chain = read_chain(cert)
        return chain, openssl.facts(chain[0])
    except NodeError:
        return None, None


def _reasons(
    options: dict[str, Any],
    request: config.Request,
    public: str,
    chain: list[str] | None,
    facts: Facts | None,
    openssl: Openssl,
) -> list[str]:
    """Each reason to have a new certificate issued; the one place that decides about idempotence."""
    if chain is None or facts is None:
        return ["there is no certificate"]
    now = datetime.now(timezone.utc)
    max_age = options.get("max_age")
    reasons = _unlike(request, facts)
    if options.get("force"):
        reasons.append("force is set")
    if openssl.public_key_of_cert(chain[0]) != public:
        reasons.append("it belongs to another key")
    if not facts.not_before <= now < facts.not_after:
        reasons.append("it is not valid now")
    if (now - facts.not_before).total_seconds() > (_MAX_AGE if max_age is None else max_age):
        reasons.append("it is older than max_age")
    return reasons


def _unlike(request: config.Request, facts: Facts) -> list[str]:
    """In which points a certificate is not what the config asks for."""
    reasons = []
    if set(request.rdns()) != {rdn for rdn in facts.rdns() if rdn[0] != "DC"}:
        reasons.append("its subject is another")
    for kind, wanted in request.names.items():
        if {config.canonical(kind, name) for name in wanted} != set(facts.of_kind(kind)):
            reasons.append(f"its {kind} names are others")
    return reasons


def _issue(
    key: Path, cert: Path, text: str, request: config.Request, public: str, context: Context
) -> tuple[list[str], Facts]:
    """Have it issued beside the old one, prove it, then rename it into place: a failure leaves the old one alone."""
    openssl = context.toolbox.openssl
    with fresh_beside(cert) as fresh, fresh_beside(cert.with_name("certool.cfg")) as used_config:
        create_private(used_config, text.encode())
        chain = context.toolbox.certool.gencert(key, fresh, used_config)
        facts = openssl.facts(chain[0])
        if openssl.public_key_of_cert(chain[0]) != public:
            raise NodeError(
                "VMCA issued a certificate for another key.", "Look at vmcad's log on the node; nothing was put to use."
            )
        wanted = {"cn": request.common_name, **request.names}
        _refuse(config.lacking(wanted, facts.common_name, _names(facts)), "The certificate that VMCA issued")
        publish(fresh, cert)
    return chain, facts


def _refuse(missing: list[str], what: str) -> None:
    if missing:
        raise NodeError(
            f"{what} is not as wanted: " + "; ".join(missing) + ".",
            "Make config and expect agree; VMCA may drop or refuse names by its own rules.",
            missing=missing,
        )


def _names(facts: Facts) -> dict[str, list[str]]:
    return {kind: facts.of_kind(kind) for kind in ("dns", "ip", "email")}


def _shown(chain: list[str] | None, facts: Facts | None) -> dict[str, Any]:
    return dict(facts.to_dict(), sha256=pem.sha256(chain[0])) if chain and facts else {}


def _planned(request: config.Request) -> dict[str, Any]:
    """What the new certificate will say; what only VMCA knows is left out."""
    return {
        "subject": ",".join("=".join(rdn) for rdn in request.rdns()),
        "subject_alternative_names": [f"{kind}:{name}" for kind, names in request.names.items() for name in names],
    }


def _answer(
    options: dict[str, Any],
    chain: list[str] | None,
    before: dict[str, Any],
    after: dict[str, Any],
    reasons: list[str],
) -> dict[str, Any]:
    answer = {
        "changed": bool(reasons),
        "reasons": reasons,
        "cert_path": options["cert_path"],
        "diff": {"before": before, "after": after},
    }
    if chain:
        answer.update(certificate="".join(chain), sha256=pem.sha256(chain[0]))
    return answer
