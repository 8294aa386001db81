"""Which part of a load a process drives, and how many processes a load takes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zephyr_deploy.bench.asks import Conversation
    from zephyr_deploy.bench.load.plan import Course
    from zephyr_deploy.bench.sample import Sample

T = TypeVar("T")

NS_PER_S = 1e9
STREAMS = 512
"""Streams up to which one process reads each of them in time: at 50 tokens a second each it takes a third of a core."""
TOKENS_PER_S = 25_000
"""The same as a rate of tokens, which an open loop cannot exceed for long."""
ON_A_BUSY_MACHINE = 0.5
"""Share of those that is left to a process where others take part of the processors."""
BUSY = 0.25
"""Share of all processors taken by others from which on a machine is busy."""


@dataclass(frozen=True)
class Share:
    """Every ``of``-th thing, from ``index`` on; the whole where nothing is said."""

    index: int = 0
    of: int = 1

    def deal(self, things: Iterable[T]) -> Iterator[T]:
        """This process's of things that are dealt out in turn."""
        return islice(things, self.index, None, self.of)

    def part(self, whole: int) -> int:
        """This process's part of a number; the parts of all add up to it."""
        return whole // self.of + (self.index < whole % self.of)

    def renumber(self, samples: Iterable[Sample]) -> None:
        """Give each the number of its conversation among those of all processes."""
        for sample in samples:
            sample.conversation = sample.conversation * self.of + self.index


def dealt(course: Course, share: Share) -> Course:
    """One process's part of a course, numbered from 0."""
    return replace(
        course,
        conversations=share.deal(course.conversations),
        workers=share.part(course.workers),
        starts_ns=None if course.starts_ns is None else course.starts_ns[share.index :: share.of],
    )


def processes_for(course: Course, conversations: Sequence[Conversation], *, cores: int, others: float) -> int:
    """How many processes drive a course: one as long as that is enough, and never more than there are cores.

    Args:
        course: The course.
        conversations: Some of it, which say how long the answers of all may be.
        cores: That this process may use.
        others: Share of all of them that others take, from 0 to 1.
    """
    room = ON_A_BUSY_MACHINE if others >= BUSY else 1.0
    tokens_per_s = 0.0
    if course.starts_ns and conversations:
        tokens = sum(turn.output_tokens for conversation in conversations for turn in conversation)
        rate_per_s = len(course.starts_ns) / max(course.starts_ns[-1] / NS_PER_S, 1.0)
        tokens_per_s = rate_per_s * tokens / len(conversations)
    needed = ceil(max(course.workers / (STREAMS * room), tokens_per_s / (TOKENS_PER_S * room)))
    return max(1, min(needed, cores))
