# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key pair made by `certool --genkey`; an existing one is kept unless told otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import pem
from ..context import Context
from ..errors import NodeError
from ..files import (
    absolute,
    check_private_folder,
    create_private,
    fresh_beside,
    private_folder,
    publish,
    read_text,
    taken_back_on_failure,
    tighten,
    write_private,
)
from ..keys import is_public_key_of, public_key


def run(options: dict[str, Any], context: Context) -> dict[str, Any]:
    """Options: key_path, public_key_path, regenerate. `public_key_sha256` is that of the SubjectPublicKeyInfo's DER."""
    key, public = absolute(options, "key_path"), absolute(options, "public_key_path")
    if key == public:
        raise NodeError("key_path and public_key_path are the same file.", "Give each its own.", path=str(key))
    before = _kept(key, context, bool(options.get("regenerate")))
    if before is not None:
        return _answer(options, before, before, changed=_mend(key, public, before, context))
    old = _fingerprint_or_none(key, context)
    if context.check_mode:
        check_private_folder(key.parent)
        return _answer(options, old, None, changed=True)
    with taken_back_on_failure(key.parent):
        private_folder(key.parent)
        new = _generate(key, public, context)
    return _answer(options, old, new, changed=True)


def _kept(key: Path, context: Context, regenerate: bool) -> str | None:
    """The public key of the private key that stays, None when there is to be a new one.

    A damaged key is an error, not a reason to overwrite it: it may be the only copy of something.
    """
    if regenerate or not key.exists():
        return None
    return public_key(context.toolbox.openssl, key)


def _mend(key: Path, public: Path, wanted: str, context: Context) -> bool:
    """A kept key is made private, and its public half written anew when missing or another's; True for a change."""
    changed = tighten(key, context.check_mode)
    if public.exists() and is_public_key_of(read_text(public, "The public key"), wanted):
        return changed
    if not context.check_mode:
        write_private(public, wanted.encode())
    return True


def _generate(key: Path, public: Path, context: Context) -> str:
    """Make a pair beside the old one, prove it, then rename both into place: a failure leaves the old pair alone."""
    with fresh_beside(key) as fresh_key, fresh_beside(public) as fresh_public:
        create_private(fresh_key)
        create_private(fresh_public)
        context.toolbox.certool.genkey(fresh_key, fresh_public)
        made = public_key(context.toolbox.openssl, fresh_key)
        if not is_public_key_of(read_text(fresh_public, "The public key"), made):
            raise NodeError(
                "certool made a public key that does not belong to its private key.",
                "Look for a full disk (`df`) and run again; the old pair, if any, is as it was.",
            )
        publish(fresh_public, public)
        publish(fresh_key, key)
    return made


def _fingerprint_or_none(key: Path, context: Context) -> str | None:
    """For the diff only: what a regenerated key replaces may be damaged."""
    try:
        return public_key(context.toolbox.openssl, key)
    except NodeError:
        return None


def _answer(options: dict[str, Any], before: str | None, after: str | None, changed: bool) -> dict[str, Any]:
    answer = {
        "changed": changed,
        "key_path": options["key_path"],
        "public_key_path": options["public_key_path"],
        "diff": {
            "before": {"public_key_sha256": pem.sha256(before) if before else None},
            "after": {"public_key_sha256": pem.sha256(after) if after else "that of a new key"},
        },
    }
    return dict(answer, public_key_sha256=pem.sha256(after)) if after else answer
