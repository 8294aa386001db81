"""Reads what Ansible prints (its callback ``ansible.builtin.default``): where it is, what failed and why."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

TASK = re.compile(r"^TASK \[(?:(\w+) : )?(.+)\] \*+$")
FAILED = re.compile(r"^(?:fatal|failed): \[([^\]]+)\].*?=> (\{.*\})$")
RECAP = re.compile(r"^(\S+) +: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)")
USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
LONGEST = 600
"""Of a reason, in characters: a module may repeat all that apt said."""


@dataclass(frozen=True)
class Failure:
    """Why a task failed on a machine."""

    task: str
    reason: str
    unreachable: bool = False


@dataclass
class Played:
    """What was read so far; ``code`` is the exit status, once there is one."""

    code: int | None = None
    task: str = ""
    """The last that was begun."""
    changed: dict[str, int] = field(default_factory=dict)
    """How many tasks have changed each machine; known at the end."""
    last: str = ""
    """The last line that says something."""
    _failures: dict[str, Failure] = field(default_factory=dict)
    _good: set[str] = field(default_factory=set)

    @property
    def failures(self) -> dict[str, Failure]:
        """By machine, why it ended there; a failure that was rescued is none."""
        return {host: failure for host, failure in self._failures.items() if host not in self._good}

    def read(self, line: str) -> None:
        """Take in one line."""
        line = line.rstrip()
        self.last = line or self.last
        if found := TASK.match(line):
            self.task = found[2]
        elif found := FAILED.match(line):
            self._failures[found[1]] = _failure(self.task, found[2])
        elif found := RECAP.match(line):
            self.changed[found[1]] = int(found[2])
            if found[3] == found[4] == "0":
                self._good.add(found[1])


def _failure(task: str, text: str) -> Failure:
    try:
        said = json.loads(text)
    except ValueError:
        return Failure(task, _short(text))
    reason = str(said.get("msg", "")).strip()
    if not reason or reason == "non-zero return code":
        output = (said.get("stderr") or said.get("stdout") or f"exit code {said.get('rc')}").strip()
        reason = output.splitlines()[-1]
    return Failure(task, _short(reason), unreachable=bool(said.get("unreachable")))


def _short(text: str) -> str:
    """One paragraph of bounded length; a mirror's address may hold a password, which is for no message."""
    text = USERINFO.sub("", " ".join(text.split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
