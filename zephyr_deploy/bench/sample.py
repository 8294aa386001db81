"""What the load generator writes down of one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zephyr_deploy.errors import ZephyrError


class TokenEvent(NamedTuple):
    """A token-bearing event; ``tokens`` is None where the server does not say how many it carries."""

    at_ns: int
    tokens: int | None
    lag_ns: int | None = None
    """How long after the kernel's stamp, which ``at_ns`` is, we read it; None: ``at_ns`` is when we read it."""


@dataclass(slots=True)
class Sample:
    """One request, in nanoseconds of ``time.perf_counter_ns``; clients fill it as things happen.

    It is written to, not returned, so that a request cut off by its deadline keeps what it had.
    """

    taken_ns: int
    """When a worker took it up."""
    number: int = 0
    """Of the level's requests, in the order in which they were begun."""
    conversation: int = 0
    """Which of the level's conversations it belongs to."""
    turn: int = 0
    """Which turn of that it is, from 0."""
    due_ns: int | None = None
    """When the timetable wanted it sent; None: there is none (a closed loop)."""
    sent_ns: int | None = None
    """First byte of the request sent."""
    connect_ns: int | None = None
    """How long a new connection took, with its TLS; None: an open one was used, or the client does not say."""
    rtt_ns: int | None = None
    """The smallest round trip that TCP saw on the connection; None where the system or the client does not say."""
    events: list[TokenEvent] = field(default_factory=list)
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    """By the server's own count."""
    text: str = ""
    """What a complete answer says."""
    ended_ns: int = 0
    """When it was over, well or badly."""
    failure: ZephyrError | None = None
    """None: a complete answer."""

    @property
    def tokens(self) -> int:
        """Output tokens: the server's count, else the sum over the events (1 each where unknown)."""
        if self.generated_tokens is not None:
            return self.generated_tokens
        return sum(event.tokens or 1 for event in self.events)
