"""The server's own figures beside a level's, as a report keeps them. Plain data."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from zephyr_deploy.spec.base import Frozen


class Series(Frozen):
    """One figure over a level, e.g. requests waiting; ``name`` is ours and the same for every engine.

    With several machines it is one of a machine, and called ``name@machine``.
    """

    name: str
    title: str
    """For people, e.g. above a chart."""
    unit: str
    """E.g. ``requests``, ``%``, ``W``, ``tokens/s``, ``ms``."""
    points: tuple[tuple[float, float], ...]
    """When, in milliseconds since the level began (as in `RequestRecord`), and how much; in their order.

    The last of what is told a second may be a little after the level. Where a level is too short for a reading within,
    they are those around it.
    """

    @property
    def mean(self) -> float | None:
        """Over time: a point counts for as long as it comes after the one before; None: there is none."""
        if not self.points:
            return None
        gaps = [later[0] - earlier[0] for earlier, later in pairwise(self.points)]
        weights = [*gaps[:1], *gaps] if sum(gaps) > 0 else [1.0] * len(self.points)
        return sum(value * weight for (_, value), weight in zip(self.points, weights, strict=True)) / sum(weights)


class Times(Frozen):
    """A time that the server itself takes of each request, over those that it counted within the level."""

    name: str
    """``queue``, ``prefill``, ``ttft``, ``inference``, …"""
    title: str
    n: int
    mean_ms: float
    p50_ms: float | None
    p99_ms: float | None
    """By linear interpolation within the server's histogram buckets; None: it has none."""


class Split(Frozen):
    """Where the mean TTFT goes: the parts add up to ``ttft_ms``. None: nobody knows; then it is in ``engine_ms``."""

    ttft_ms: float
    network_ms: float | None
    """One round trip."""
    queue_ms: float | None
    """The engine has the request and does not compute it yet."""
    engine_ms: float
    """All the rest: the HTTP server, the tokenizer, the prompt's computation, the first token's."""
    source: str
    """Who said which part, in one sentence."""


class ServerView(Frozen):
    """What the server said of itself during one level."""

    series: tuple[Series, ...] = ()
    times: tuple[Times, ...] = ()
    split: Split | None = None
    energy_j: float | None = None
    """What all GPUs took over the level, in joules, by their own power readings."""
    energy_j_per_1k_tokens: float | None = None
    """The same for 1,000 output tokens."""
    notes: tuple[str, ...] = ()
    """What could not be read, and why, in whole sentences."""

    def named(self, name: str) -> tuple[Series, ...]:
        """The series of that name: one, or one of each machine (``name@machine``)."""
        return tuple(one for one in self.series if one.name.partition("@")[0] == name)


class ClientMachine(Frozen):
    """The machine that measured."""

    system: str
    kernel: str
    cpu: str
    """Its model, as the system calls it; empty: it does not say."""
    cores: int
    """Which this process may use."""
    python: str
    load_1min: float | None
    """Load average when the benchmark began: what others took of the machine."""


class ServerMachine(Frozen):
    """What serves, as far as it says."""

    engine_version: str | None = None
    gpus: tuple[str, ...] = ()
    """Names, one a GPU."""
    driver: str | None = None
    machines: int = 1
    """Which share the requests."""


Route = Literal["loopback", "direct", "tunnel"]


class Environment(Frozen):
    """Where and how a benchmark was taken; without anything secret."""

    client: ClientMachine
    server: ServerMachine
    route: Route
    """loopback: the same machine; tunnel: through an SSH connection."""
    region: str | None = None
    """Of the cloud that the server is in; None: it is in none, or nobody knows."""
