"""Which lines of a local service's log are wanted: what the node's program does there, on a file here."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.logs import Entry, Picker
from zephyr_deploy.engines.llamacpp.spec import SPEC
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.providers.local.logfile import OWN_LINE, tail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zephyr_deploy.providers.logs import LogQuery


class LocalLines:
    """Reads lines in order and picks those that are wanted.

    A line without a time of its own, of a library, has the time of the last one before it that has.

    Raises:
        ConfigError: there is no such phase.
    """

    def __init__(self, query: LogQuery) -> None:
        self._query = query
        self._at = datetime.min.replace(tzinfo=timezone.utc)
        milestones = [(name, pattern.pattern) for name, pattern in SPEC.milestones.items()]
        try:
            self._picker = Picker(query.grep or "", query.phase or "", milestones)
        except NodeError as error:
            raise ConfigError(error.message, hint=error.hint) from error

    def last(self, path: Path, end: int) -> list[str]:
        """The last that are wanted of the first ``end`` bytes; they are read whole only where lines are chosen."""
        count = self._query.lines
        if self._picker.all and self._query.since is None:
            return tail(path, count, end)
        return list(deque(filter(self.wanted, _upto(path, end)), maxlen=count))

    def wanted(self, line: str) -> bool:
        """Whether this line is one of them; ask for every line, in order."""
        if OWN_LINE.match(line):
            self._at = datetime.fromisoformat(line[:19]).replace(tzinfo=timezone.utc)
        wanted = self._picker.wants(Entry(line))
        return wanted and (self._query.since is None or self._at >= self._query.since)


def _upto(path: Path, end: int) -> Iterator[str]:
    """The lines within the first ``end`` bytes."""
    with path.open("rb") as file:
        for line in file:
            yield line.decode(errors="replace").rstrip("\n")
            end -= len(line)
            if end <= 0:
                return
