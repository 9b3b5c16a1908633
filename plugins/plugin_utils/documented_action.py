# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal. What all actions of this collection share: documented options in, JSON out, one border for errors."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible_collections.vcfleet.certs.plugins.plugin_utils.argspec import argument_spec, documented_options

_UNSUPPORTED = "unsupported parameters: "


class Refused(AnsibleError):  # noqa: N818 (the name says that it is a decision)
    """The task cannot be done: `problem` says what is wrong, `remedy` what to do, `details` is JSON-safe evidence."""

    def __init__(self, problem: str, remedy: str = "", details: Mapping[str, Any] | None = None) -> None:
        self.problem = _sentence(problem)
        self.remedy = _sentence(remedy)
        super().__init__(f"{self.problem} {self.remedy}".strip())
        self.details = dict(details or {})

    def to_result(self) -> dict[str, Any]:
        """The failed task's result: {"failed", "changed", "msg", "remedy", "details"}."""
        return {
            "failed": True,
            "changed": bool(self.details.get("changed", False)),
            "msg": f"{self.problem} {self.remedy}".strip(),
            "remedy": self.remedy,
            "details": self.details,
        }


class DocumentedAction(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """An action whose options are those of the module documentation of its own name.

    A subclass does its work in `act`. What no option can say alone, such as "one of these", stands in `CONSTRAINTS`,
    in the words of ansible-core's argument validation, and options that no result may show in `SECRETS`.
    """

    _supports_check_mode = True
    _supports_async = False
    CONSTRAINTS: Mapping[str, Any] = {}
    SECRETS: Collection[str] = ()
    module_name: str
    _spec: Mapping[str, Any]

    def __init_subclass__(cls) -> None:
        """Read the documentation here: ansible-core makes the class before it forks a worker for each task and host."""
        super().__init_subclass__()
        if cls.__name__ == "ActionModule":
            # Ansible names the Python module of an action after it.
            cls.module_name = cls.__module__.rpartition(".")[2]
            cls._spec = argument_spec(documented_options(cls.module_name), cls.SECRETS)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate the options and act on them. A refusal becomes a failed result; nothing else is caught."""
        super().run(tmp, task_vars)
        self.task_vars = task_vars or {}
        try:
            return self._shown(self.act(self.options()))
        except Refused as refusal:
            return self._shown(refusal.to_result())

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """The work: validated options in, the task's result out. Raises Refused."""
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        """The task's arguments, validated, with the documented defaults, as plain JSON types.

        Raises Refused with all that is wrong with them at once.
        """
        found = ArgumentSpecValidator(self._spec, **self.CONSTRAINTS).validate(plain(self.arguments()))
        if found.error_messages:
            problems = [_UNSUPPORTED * isinstance(error, UnsupportedError) + error.msg for error in found.errors]
            raise Refused(
                f"{self.module_name}: {'; '.join(problems)}",
                f"See `ansible-doc vcfleet.certs.{self.module_name}`",
                {"problems": problems},
            )
        return dict(found.validated_parameters)

    def arguments(self) -> dict[str, Any]:
        """What is validated: the task's arguments."""
        return dict(self._task.args)

    def _shown(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result as it leaves: plain, and with nothing in it that is a secret, wherever it may come from."""
        secrets = {str(self._task.args[name]) for name in self.SECRETS if self._task.args.get(name)}
        return dict(remove_values(plain(result), secrets) if secrets else plain(result))


def plain(value: Any) -> Any:
    """The same value in JSON's own types: ansible-core 2.19 and later hand out tagged subclasses of them."""
    return json.loads(json.dumps(value, default=str))


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text[-1] in ".!?:" else f"{text}."
