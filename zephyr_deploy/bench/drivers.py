"""Who drives a load: this process, or as many as it takes."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

from zephyr_deploy.bench.driven import drive_here
from zephyr_deploy.bench.load.drive import drive
from zephyr_deploy.bench.priority import ahead
from zephyr_deploy.bench.processes.machine import cores, make_room, taken
from zephyr_deploy.bench.processes.parent import in_processes
from zephyr_deploy.bench.processes.share import dealt, processes_for
from zephyr_deploy.bench.rest import at_rest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from zephyr_deploy.bench.driven import Driven
    from zephyr_deploy.bench.load.board import Board
    from zephyr_deploy.bench.load.client import LoadClient
    from zephyr_deploy.bench.load.plan import Course
    from zephyr_deploy.bench.place import MeasuredFrom
    from zephyr_deploy.bench.processes.child import Place
    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.spec import BenchSpec

    Opened = Callable[[], AbstractAsyncContextManager[LoadClient]]

LOOKED_AT = 64
"""Conversations whose answers' lengths stand for those of all."""


class Driving(Protocol):
    """Drives courses."""

    place: MeasuredFrom

    async def warm_up(self, course: Course, board: Board) -> list[Sample]:
        """Run a course that is in no figure."""

    async def drive(self, course: Course, board: Board, *, connections: int) -> Driven:
        """Run a course that is measured, with so many ``connections`` opened before it."""


class Drivers:
    """Drives courses against one endpoint; ``client`` is this process's own, and ``opened`` opens one more."""

    place: MeasuredFrom = "here"

    def __init__(self, spec: BenchSpec, client: LoadClient, opened: Opened) -> None:
        self._spec, self._client, self._opened = spec, client, opened
        self._warm = 0

    async def warm_up(self, course: Course, board: Board) -> list[Sample]:
        """Run a course that is in no figure."""
        make_room(course.workers)
        spec = self._spec
        with at_rest(), ahead(wanted=spec.priority):
            samples = await drive(course, self._client, board, deadline_s=spec.deadline_s, most=spec.max_in_flight)
        self._warm = len(samples)
        return samples

    async def drive(self, course: Course, board: Board, *, connections: int) -> Driven:
        """Run a course that is measured, with so many ``connections`` opened before it.

        Raises:
            ZephyrError: a process of several failed.
        """
        spec = self._spec
        # A closed loop that ends by time has its time from the first conversation on.
        first = [] if course.starts_ns is None else list(islice(course.conversations, LOOKED_AT))
        course = replace(course, conversations=chain(first, course.conversations))
        many = spec.processes or processes_for(course, first, cores=cores(), others=taken())
        if course.starts_ns is None:
            many = min(many, course.workers)
        if many > 1:
            # Those of the warm-up are this process's own.
            connections = max(connections, min(self._warm, course.workers))
            return await in_processes(many, lambda place: self._share(course, place, connections), board)
        await self._client.ready(connections)
        return await self._here(course, self._client, board, spec.max_in_flight)

    async def _share(self, course: Course, place: Place, connections: int) -> Driven:
        """Run one process's part of it."""
        async with self._opened() as client:
            await client.ready(place.share.part(connections))
            await place.begin()
            most = max(1, place.share.part(self._spec.max_in_flight))
            return await self._here(dealt(course, place.share), client, place.board, most)

    async def _here(self, course: Course, client: LoadClient, board: Board, most: int) -> Driven:
        spec = self._spec
        return await drive_here(course, client, board, deadline_s=spec.deadline_s, most=most, priority=spec.priority)
