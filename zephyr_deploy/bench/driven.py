"""What driving a load leaves behind, and how one process drives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zephyr_deploy.bench.load.drive import drive
from zephyr_deploy.bench.priority import ahead
from zephyr_deploy.bench.rest import at_rest
from zephyr_deploy.bench.watch import LoopWatch, watch_loop

if TYPE_CHECKING:
    from zephyr_deploy.bench.load.board import Board
    from zephyr_deploy.bench.load.client import LoadClient
    from zephyr_deploy.bench.load.plan import Course
    from zephyr_deploy.bench.sample import Sample


@dataclass
class Driven:
    """The requests of a course that are over, in the order in which they were begun, and how its driver fared."""

    samples: list[Sample] = field(default_factory=list)
    watch: LoopWatch = field(default_factory=LoopWatch)


async def drive_here(
    course: Course, client: LoadClient, board: Board, *, deadline_s: float, most: int, priority: bool
) -> Driven:
    """Run a course in this process with nothing in its way; the arguments are those of `drive`, but for one.

    Args:
        course: What is sent, and when.
        client: By what.
        board: Where others can see how far it is, and end it early.
        deadline_s: For each request, in seconds.
        most: Conversations of an open loop that may be under way at a time.
        priority: Whether this process goes ahead of others, as far as the system allows it.
    """
    with at_rest(), ahead(wanted=priority) as found:
        async with watch_loop() as watch:
            watch.priority = found
            samples = await drive(course, client, board, deadline_s=deadline_s, most=most)
    return Driven(samples, watch)
