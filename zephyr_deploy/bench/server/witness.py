"""Who watches the server while levels run, and what they have seen of one. The seam between watchers and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.server.gpus import GpuReading
    from zephyr_deploy.bench.server.readings import Reading
    from zephyr_deploy.bench.server.view import ServerMachine


class Seen(NamedTuple):
    """What one watcher has seen of one machine over a level."""

    readings: Sequence[Reading] = ()
    """Of its metrics, in order: the last one before the level, those within, the first one after it."""
    gpus: Sequence[GpuReading] = ()
    notes: tuple[str, ...] = ()
    """What went wrong, in whole sentences."""
    machine: str = ""
    """Its name, where there are several."""
    beyond_ms: float | None = None
    """With a tunnel: the round trip from its near to its far end."""


class Witness(Protocol):
    """Watches one machine, from a process or a thread of its own; nothing of it raises."""

    def mark(self) -> None:
        """Take a reading now; returns when there is one, or after a few seconds without."""

    def seen(self, began_ns: int, ended_ns: int) -> Seen:
        """What was seen between two instants of ``time.perf_counter_ns``, with a reading on either side."""

    def about(self) -> ServerMachine:
        """What it has learned of the machine."""

    def close(self) -> None:
        """End it."""


def mark(witnesses: Sequence[Witness]) -> None:
    """Have each take a reading now; to be called right before and right after the measured part of a level."""
    for witness in witnesses:
        witness.mark()
