"""Drives any load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.bench.load.closed import closed_loop
from zephyr_deploy.bench.load.open import open_loop

if TYPE_CHECKING:
    from zephyr_deploy.bench.load.board import Board
    from zephyr_deploy.bench.load.client import LoadClient
    from zephyr_deploy.bench.load.plan import Course
    from zephyr_deploy.bench.sample import Sample


async def drive(course: Course, client: LoadClient, board: Board, *, deadline_s: float, most: int) -> list[Sample]:
    """Run a course to its end: its requests, in the order in which they were begun.

    Args:
        course: What is sent, and when.
        client: By what.
        board: Where others can see how far it is, and end it early; then what was under way is left out.
        deadline_s: For each request.
        most: Conversations of an open loop that may be under way at a time.
    """
    if course.starts_ns is None:
        return await closed_loop(
            client, course.conversations, workers=course.workers, deadline_s=deadline_s, board=board
        )
    return await open_loop(
        client, course.conversations, course.starts_ns, deadline_s=deadline_s, most=most, board=board
    )
