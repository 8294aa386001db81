"""What a level does, made before it begins: its conversations, and when each of them starts. Pure, and seeded."""

from __future__ import annotations

from itertools import islice, takewhile
from random import Random
from typing import TYPE_CHECKING, Protocol

from zephyr_deploy.bench.load import timetables
from zephyr_deploy.bench.load.plan import Course, for_count, for_time
from zephyr_deploy.bench.loads import Closed, Open, Ramp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from zephyr_deploy.bench.asks import Conversation
    from zephyr_deploy.bench.loads import Load, Replay
    from zephyr_deploy.bench.prompts.traces import Arrival
    from zephyr_deploy.bench.spec import BenchSpec


class Talks(Protocol):
    """Where conversations come from."""

    def __call__(self, series: str, arrivals: Sequence[Arrival] | None = None) -> Iterator[Conversation]:
        """Those of a series: endless, or one for each of ``arrivals``, as long as that says."""


def warmup_course(spec: BenchSpec, load: Load, talks: Talks, series: str) -> Course:
    """What is sent before a level, and waited for.

    Of an open loop that is one conversation, which shows whether the server answers; its warm-up is of its timetable.
    """
    many, workers = spec.warmup_at(load), 1
    if isinstance(load, Closed):
        workers = load.concurrency
    elif isinstance(load, Open):
        many = min(many, 1)
    return Course(for_count(talks(f"{series}/warmup"), many), workers=workers, total=many)


def measured_course(
    spec: BenchSpec, load: Load, talks: Talks, series: str, trace: Callable[[Replay], Sequence[Arrival]]
) -> Course:
    """The level itself; ``trace`` reads the one of a replay.

    Raises:
        UsageError: there is no such trace.
    """
    total, seconds = spec.requests_at(load), spec.seconds_at(load)
    random = Random(f"{spec.seed}/{series}/times")  # noqa: S311 - to be repeated, not to be secret
    if isinstance(load, Closed):
        endless = talks(f"{series}/measured")
        some = for_count(endless, total) if total is not None else for_time(endless, seconds or 0.0)
        return Course(some, workers=load.concurrency, total=total, seconds=seconds)
    if isinstance(load, Open):
        return _of_rate(spec, load, talks(f"{series}/measured"), random)
    if isinstance(load, Ramp):
        mean_per_s = (load.from_per_s + load.to_per_s) / 2
        over = seconds if total is None else total / mean_per_s
        times = timetables.ramp(load.from_per_s, load.to_per_s, over or 0.0, random)
        return _of_times(times, talks(f"{series}/measured"))
    arrivals = [
        arrival for arrival in islice(trace(load), total) if seconds is None or arrival.at_s / load.speed < seconds
    ]
    return _of_times((arrival.at_s / load.speed for arrival in arrivals), talks(f"{series}/measured", arrivals))


def _of_rate(spec: BenchSpec, load: Open, talks: Iterator[Conversation], random: Random) -> Course:
    """The warm-up runs into the level without a pause: what is measured meets a server at work."""
    warmup, total, seconds = spec.warmup_at(load), spec.requests_at(load), spec.seconds_at(load)
    times = {
        "constant": lambda: timetables.constant(load.rate_per_s),
        "poisson": lambda: timetables.poisson(load.rate_per_s, random),
        "bursty": lambda: timetables.bursty(load.rate_per_s, load.burstiness, random),
    }[load.arrivals]()
    if total is not None:
        return _of_times(islice(times, warmup + total), talks, warmup)
    begin = warmup / load.rate_per_s
    starts = list(takewhile(lambda at: at < begin + (seconds or 0.0), times))
    return _of_times(starts, talks, sum(at < begin for at in starts))


def _of_times(times_s: Iterable[float], talks: Iterator[Conversation], warmup: int = 0) -> Course:
    starts = timetables.in_ns(times_s)
    return Course(for_count(talks, len(starts)), starts_ns=starts, warmup=warmup, total=len(starts))
