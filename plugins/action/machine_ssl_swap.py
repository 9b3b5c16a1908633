# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from ansible.errors import AnsibleError
from ansible.utils.display import Display
from ansible_collections.vcfleet.certs.plugins.plugin_utils.documented_action import Refused
from ansible_collections.vcfleet.certs.plugins.plugin_utils.node_action import NodeAction, NodeUnreachable
from ansible_collections.vcfleet.certs.plugins.plugin_utils.patience import Overdue, at_most
from ansible_collections.vcfleet.certs.plugins.plugin_utils.progress import Story
from ansible_collections.vcfleet.certs.plugins.plugin_utils.settings import OF_THE_SWAP
from ansible_collections.vcfleet.certs.plugins.plugin_utils.stage import Stage

Answer = TypeVar("Answer")

display = Display()

# One question waits this long on the node for news: few round trips, and a sign of life for who watches.
WAIT = 20.0
# A node that does not answer at all when the swap is to begin is given up soon: nothing may be under way there.
FIRST_CONTACT = 60.0
# What an answer may take besides the waiting and the vendor tools: a node that starts its services is slow.
ANSWER = 60.0
# How many calls of vendor tools, one after the other, the question that begins a swap stands for.
TOOL_CALLS = 4
PAUSE = 3.0

_GOES_ON = (
    "What has begun goes on without us and ends or undoes itself. Ask how it went with machine_ssl_swap and"
    " state=status, or simply rotate again."
)

HEALTHY_ENDS = {
    "swapped": ("committed",),
    "rolled_back": ("committed",),
    "resumed": ("committed", "rolled_back", "refused"),
    "restarted": ("committed",),
}


# What is known of a node that did not answer.
_CONTACT_LOST = {
    "state": "contact_lost",
    "sentence": "The connection was lost when the node was to begin. What it has begun it finishes or undoes by itself:"
    " run again to see how it went.",
}


class ActionModule(Stage, NodeAction):
    """Starts the swap or restart on the node, where it runs on its own, and tells its journal until the end."""

    def from_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A swap needs an assessed and staged node; the other states ask for less, and may know less."""
        known = {
            "lease": record.get("lease"),
            "pnid": record["survey"]["pnid"],
            "node_type": record["survey"]["node_type"],
            **{name: record["settings"][name] for name in OF_THE_SWAP},
        }
        if self._task.args.get("state") != "swapped":
            return known
        # Check mode issues no certificate, so there may be none to name.
        staged = record.get("staged", {}).get("sha256")
        return {**known, "sha256": staged, "replaces": record["assessment"]["current"]["sha256"]}

    def parts(self, record: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
        """The swap, or the one of an earlier run that was brought to its end, or the restart; check mode begins none.

        An earlier run's restart is not noted: nobody has to be told of another certificate. What could not be brought
        to its end has come further than the survey knows.
        """
        if "swap" not in told or self._task.check_mode:
            return {}
        state, swap = self._task.args.get("state"), told["swap"]
        if state not in ("resumed", "restarted"):
            return {"swap": swap}
        if told.get("failed"):
            known = state == "resumed" and "id" in swap
            return {"survey": {**record["survey"], "journal": swap}} if known else {}
        if state == "resumed" and swap.get("intent") == "restart":
            return {}
        return {state: swap}

    def _shown(self, result: dict[str, Any]) -> dict[str, Any]:
        """A failed swap says in its details how far it came, or that nobody knows."""
        details = result.get("details", {})
        if details.get("unreachable"):
            return super()._shown({**result, "details": {**details, "swap": _CONTACT_LOST}})
        return super()._shown(result)

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        self._until = time.monotonic() + options["follow_timeout"]
        if options["state"] == "swapped" and not self._task.check_mode:
            # Whatever becomes of us, it cannot be said any more that nothing was begun.
            self.note(swap={})
        # Asked again when its answer was lost, the node knows by the name of the call what it has begun for it.
        question = dict(options, call=uuid.uuid4().hex)
        started = self._insist(
            lambda: self.call_node(self.module_name, question, self._task.check_mode),
            deadline=min(self._until, time.monotonic() + FIRST_CONTACT),
            patience=ANSWER + TOOL_CALLS * options["tool_timeout"],
        )
        if not started["started"]:
            if options["state"] == "rolled_back" and not started["changed"]:
                self._say(f"nothing to put back: {started['swap']['sentence']}")
            return {name: fact for name, fact in started.items() if name != "started"}
        swap = self._follow(options, started["cursor"])
        return _result(options, swap)

    def _follow(self, options: dict[str, Any], cursor: dict[str, Any]) -> dict[str, Any]:
        """Tell the news until nobody owns the window any more; returns the swap's status."""
        story = Story()
        question = {"state_dir": options["state_dir"], "lease": options.get("lease"), "wait": WAIT}
        while True:
            ask = partial(self.call_node, "swap_follow", dict(question, cursor=cursor))
            news = self._insist(ask, self._until, patience=WAIT + ANSWER)
            for record in news["records"]:
                for line in story.lines(record):
                    self._say(line)
                cursor = {"journal": record["journal"], "n": record["n"]}
            if not news["alive"]:
                return dict(news["swap"])
            if time.monotonic() > self._until:
                told = {"changed": True, "swap": news["swap"]}
                raise Refused(f"{news['swap']['sentence']} Nobody waits for it any longer", _GOES_ON, told)
            if not news["records"]:
                self._say(f"… {story.step or ''}")

    def _insist(self, ask: Callable[[], dict[str, Any]], deadline: float, patience: float) -> dict[str, Any]:
        """Ask again over a new connection until there is an answer: the node goes on meanwhile.

        One answer may take `patience` seconds, but not much longer than there is time to follow the swap.
        """
        told = False
        while True:
            try:
                return _in_time(ask, min(patience, max(self._until - time.monotonic(), WAIT) + PAUSE))
            except NodeUnreachable as lost:
                if time.monotonic() + PAUSE > deadline:
                    raise NodeUnreachable(f"{str(lost).strip().rstrip('.')}. {_GOES_ON}") from None
                if not told:
                    self._say("connection lost; the node goes on by itself, and we try to reach it again")
                told = True
                time.sleep(PAUSE)
                with contextlib.suppress(AnsibleError):
                    _in_time(self.reset_connection, WAIT)

    def _say(self, line: str) -> None:
        display.display(f"  {self._node}  {time.strftime('%H:%M:%S')}  {line}")

    @property
    def _node(self) -> str:
        return str(self._task.delegate_to or self.task_vars.get("inventory_hostname", "node"))


def _in_time(work: Callable[[], Answer], seconds: float) -> Answer:
    """A connection that is silent for longer counts as lost."""
    try:
        with at_most(seconds):
            return work()
    except Overdue:
        raise NodeUnreachable(f"No answer within {seconds:.0f} s") from None


def _result(options: dict[str, Any], swap: dict[str, Any]) -> dict[str, Any]:
    state = swap["state"]
    if state in HEALTHY_ENDS[options["state"]]:
        return {"changed": state != "refused", "swap": swap}
    remedy = (
        "Nothing was changed; put the reason right and run again" if state == "refused" else _REMEDIES.get(state, "")
    )
    if swap["instructions"]:
        remedy = "Type on the node, in this order:\n  " + "\n  ".join(swap["instructions"])
    raise Refused(swap["sentence"], remedy, {"changed": state != "refused", "swap": swap})


_REMEDIES = {
    "rolled_back": "The node is as it was before. See the journal on the node, and run again",
    "interrupted": "Run again, or use machine_ssl_swap with state=resumed: it finishes or undoes what was begun",
    "stuck": "A person is needed",
}
