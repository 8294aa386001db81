"""A recorded answer into token events or a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.bench.wire.body import body_of
from zephyr_deploy.bench.wire.even import evenly, tell_evenly
from zephyr_deploy.bench.wire.skim import can_skim, skim
from zephyr_deploy.bench.wire.strict import read_strictly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.wire.progress import Progress
    from zephyr_deploy.bench.wire.recording import Recording
    from zephyr_deploy.bench.wire.shapes import Shapes


def decode(recording: Recording, progress: Progress, shapes: Shapes) -> Iterator[None]:
    """Tell ``progress`` what was recorded; yields after every few reads, so that it can be done little by little.

    ``shapes`` are those of the same server's earlier answers. What is told is the same by both ways.

    Raises:
        RequestError: refused, broken off, or ended early; the subclass says which.
    """
    if even := evenly(recording, shapes):
        yield  # what is due meanwhile should not wait for all of this
        tell_evenly(even, recording.arrivals(), progress)
        return
    body = body_of(recording)
    if body is not None and can_skim(body):
        yield
        yield from skim(body, recording.arrivals(), progress, shapes)
    else:
        yield from read_strictly(recording, progress)
