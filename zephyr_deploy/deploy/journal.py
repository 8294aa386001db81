"""What was about to be done, written before it is done, and what came of it, written after.

A `kill -9` between the two leaves an intent without a result; the next verb sees it and looks at the
world before it does anything. The journal is a help, never the truth: the truth is what providers find.
"""

from __future__ import annotations

import os
import secrets
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError

from zephyr_deploy.paths import deployment_dir, private_dir
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from pathlib import Path

Stage = Literal["intent", "done", "failed"]


class Entry(Frozen):
    """One line of the journal; ``facts`` never holds a secret."""

    at: datetime
    run: str
    """Which call of a verb this belongs to."""
    step: str
    stage: Stage
    facts: dict[str, str] = Field(default_factory=dict)


class Journal:
    """The append-only journal of one deployment, one JSON object a line; ``run`` names the call of a verb."""

    def __init__(self, name: str, run: str | None = None) -> None:
        self.path: Path = deployment_dir(name) / "journal.jsonl"
        self.run = run or secrets.token_hex(4)

    def intend(self, step: str, **facts: str) -> None:
        """Write, and bring to the disk, what is about to be done."""
        self._append(step, "intent", facts)

    def done(self, step: str, **facts: str) -> None:
        """Write what came of it."""
        self._append(step, "done", facts)

    def failed(self, step: str, **facts: str) -> None:
        """Write that it failed, and why."""
        self._append(step, "failed", facts)

    def entries(self) -> list[Entry]:
        """Every entry that can be read; a line cut short by a crash is passed over."""
        try:
            lines = self.path.read_text().splitlines()
        except FileNotFoundError:
            return []
        return [entry for entry in map(_parse, lines) if entry]

    def unfinished(self) -> list[Entry]:
        """Intents of earlier runs that nothing was written after."""
        open_steps: dict[tuple[str, str], Entry] = {}
        for entry in self.entries():
            if entry.stage == "intent":
                open_steps[entry.run, entry.step] = entry
            else:
                open_steps.pop((entry.run, entry.step), None)
        return list(open_steps.values())

    def _append(self, step: str, stage: Stage, facts: dict[str, str]) -> None:
        private_dir(self.path.parent)
        entry = Entry(at=datetime.now(timezone.utc), run=self.run, step=step, stage=stage, facts=facts)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, entry.model_dump_json().encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _parse(line: str) -> Entry | None:
    try:
        return Entry.model_validate_json(line)
    except ValidationError:
        return None
