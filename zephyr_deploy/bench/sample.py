"""What the load generator writes down of one request."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from operator import sub
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zephyr_deploy.errors import ZephyrError

NO_LAG = -1
NO_COUNT = 0


class TokenEvent(NamedTuple):
    """A token-bearing event; ``tokens`` is None where the server does not say how many it carries."""

    at_ns: int
    tokens: int | None
    lag_ns: int | None = None
    """How long after the kernel's stamp, which ``at_ns`` is, we read it; None: ``at_ns`` is when we read it."""


class Events:
    """The token-bearing events of one answer, in their order: a list of `TokenEvent`, kept as columns.

    An event takes 24 bytes that way, and figures are made of whole columns.
    """

    __slots__ = ("_gaps_ns", "_lags", "_tokens", "at_ns")

    def __init__(self, events: Iterable[TokenEvent] = ()) -> None:
        self.at_ns = array("q")
        """When each came, as `TokenEvent.at_ns`."""
        self._tokens, self._lags = array("q"), array("q")
        self._gaps_ns: Sequence[int] = ()
        for event in events:
            self.add(*event)

    def add(self, at_ns: int, tokens: int | None = None, lag_ns: int | None = None) -> None:
        """One more; the arguments as in `TokenEvent`."""
        self.at_ns.append(at_ns)
        self._tokens.append(tokens or NO_COUNT)
        self._lags.append(NO_LAG if lag_ns is None else lag_ns)

    def extend(self, at_ns: Sequence[int], lags_ns: Sequence[int]) -> None:
        """Some more, of which the server does not say how many tokens they carry; a lag of `NO_LAG` is none."""
        self.at_ns += array("q", at_ns)  # half of what it takes to extend one number by number
        self._lags += array("q", lags_ns)
        self._tokens += array("q", bytes(len(at_ns) * self._tokens.itemsize))

    def counts(self) -> Iterator[int]:
        """The tokens of each: 1 where the server does not say."""
        return (count or 1 for count in self._tokens)

    def gap_tokens(self) -> Sequence[int]:
        """The tokens of the later event of each gap; empty: one each, or nobody knows."""
        tokens = self._tokens[1:]
        return [count or 1 for count in tokens] if max(tokens, default=1) > 1 else []

    def gaps_ns(self) -> Sequence[int]:
        """Between each and the next; kept, as several figures are made of them."""
        if len(self._gaps_ns) + 1 < len(self.at_ns):
            self._gaps_ns = list(map(sub, self.at_ns[1:], self.at_ns))
        return self._gaps_ns

    def lags_ns(self) -> Sequence[int]:
        """Of those that carry the kernel's stamp."""
        return [lag for lag in self._lags if lag != NO_LAG] if NO_LAG in self._lags else self._lags

    def columns(self) -> tuple[array[int], array[int], array[int]]:
        """All there is: what `of` takes."""
        return self.at_ns, self._tokens, self._lags

    @classmethod
    def of(cls, at_ns: array[int], tokens: array[int], lags: array[int]) -> Events:
        """From columns of 64-bit numbers, as `columns` gives them."""
        events = cls()
        events.at_ns, events._tokens, events._lags = at_ns, tokens, lags
        return events

    def __len__(self) -> int:
        return len(self.at_ns)

    def __getitem__(self, place: int) -> TokenEvent:
        lag_ns = self._lags[place]
        return TokenEvent(self.at_ns[place], self._tokens[place] or None, None if lag_ns == NO_LAG else lag_ns)

    def __iter__(self) -> Iterator[TokenEvent]:
        return map(self.__getitem__, range(len(self)))

    def __repr__(self) -> str:
        return f"Events({list(self)})"


@dataclass(slots=True)
class Sample:
    """One request, in nanoseconds of ``time.perf_counter_ns``; clients fill it as things happen.

    It is written to, not returned, so that a request cut off by its deadline keeps what it had.
    """

    taken_ns: int
    """When a worker took it up; by a timetable: when it was due, or as soon after as not too many were under way."""
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
    events: Events = field(default_factory=Events)
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    """By the server's own count."""
    text: str = ""
    """What a complete answer says."""
    finish: str = ""
    """Why it ended, in TGI's words; empty: it is not complete."""
    ended_ns: int = 0
    """When it was over, well or badly."""
    failure: ZephyrError | None = None
    """None: a complete answer."""

    @property
    def tokens(self) -> int:
        """Output tokens: the server's count, else the sum over the events (1 each where unknown)."""
        if self.generated_tokens is not None:
            return self.generated_tokens
        return sum(self.events.counts())
