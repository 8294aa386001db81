"""How much the benchmark itself stands in the way of what it measures."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.page.numbers import time
from zephyr_deploy.bench.report import ClientCheck, Verdict
from zephyr_deploy.bench.stats import percentile, spread_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.stats import Spread
    from zephyr_deploy.bench.watch import LoopWatch

NS_PER_MS = 1e6
TIMER_STEP_MS = 1.0
"""epoll's timeout has a step of 1 ms, so a timer of an idle, healthy loop may be as late as that."""
SHARE = 0.1
"""Later by more than a tenth of what is measured spoils the measurement."""
BUSY = 0.9
"""An event loop that takes this share of a core has no room left."""
LONG_S = 1.0
"""In less, the beginning and the end of a level take their share of the time."""
ENOUGH = 0.99
"""Share of stamped events from which on the kernel's stamps make the figures; the very first packets may lack one."""
LATE_NS = 1_000_000
"""From the kernel's stamp to the read; a loop with nothing else to do takes a few hundredths of a millisecond."""
MUCH_DOUBT = 0.01
"""Share of events in doubt that can reach a p99."""
OK: tuple[Verdict, str] = ("ok", "")


def check(
    watch: LoopWatch, samples: Sequence[Sample], *, ttft: Spread | None, itl: Spread | None, e2e: Spread | None
) -> ClientCheck:
    """Judge a level by the lateness of the benchmark itself; ``samples`` are its complete answers.

    The figures are

    - ``client_bottleneck`` if the process used 90 % of a core for a second or more, or the median of the lateness that
      counts is more than is allowed: the server may be faster than what is reported;
    - ``noisy`` if only the p99 is, or if more than 1 % of the events are in doubt: medians hold, p99 may not;
    - ``ok`` otherwise.

    With the kernel's stamps the lateness that counts is that of sending. In a closed loop the server has fewer
    requests at once than it should have meanwhile: a tenth of the median E2E is allowed. A timetable is not kept, and
    the times that count from it are too long by that: a tenth of the median TTFT is allowed. Without the stamps events
    are stamped when the loop comes round to them, so that its lag is the error of each: a tenth of the smaller of
    median TTFT and median ITL is allowed.
    """
    smallest = min((spread.p50 for spread in (ttft, itl) if spread is not None), default=None)
    allowed_ms = None if smallest is None else SHARE * smallest
    stamps, lags = stamps_of(samples), sorted(watch.lags_ms) or [0.0]
    p50, p99 = percentile(lags, 50), percentile(lags, 99)
    busiest = watch.busiest_share or watch.cpu_share
    if busiest >= BUSY and watch.seconds >= LONG_S:
        verdict, reason = _busy(busiest)
    elif allowed_ms is None:
        verdict, reason = OK
    elif stamps.share >= ENOUGH and e2e is not None and ttft is not None:
        by_clock = any(sample.due_ns is not None for sample in samples)
        verdict, reason = _by_stamps(stamps, SHARE * (ttft.p50 if by_clock else e2e.p50))
    else:
        verdict, reason = _by_lag(p50, p99, allowed_ms)
    return ClientCheck(
        lag_p50_ms=p50,
        lag_p99_ms=p99,
        lag_max_ms=lags[-1],
        stamped_share=stamps.share,
        read_lag_ms=stamps.read_lag_ms,
        send_late_ms=stamps.send_late_ms,
        doubt_share=stamps.doubt,
        cpu_share=watch.cpu_share,
        processes=watch.processes,
        priority=watch.priority,
        verdict=verdict,
        reason=reason,
    )


class Stamps(NamedTuple):
    """How events were stamped and requests sent."""

    share: float
    doubt: float
    read_lag_ms: Spread | None
    send_late_ms: Spread | None


def stamps_of(samples: Sequence[Sample]) -> Stamps:
    """What the samples say of their own exactness.

    An event is in doubt if it was read together with its successor, so that both have one stamp, and later than a
    loop with nothing else to do would have: perhaps it waited in the socket. A server that sends several events at
    once to a loop in time casts no doubt.
    """
    lags_ms = [lag / NS_PER_MS for lag in chain.from_iterable(sample.events.lags_ns() for sample in samples)]
    events = sum(len(sample.events) for sample in samples)
    doubtful = sum(
        not gap and (sample.events[place].lag_ns or 0) > LATE_NS
        for sample in samples
        if 0 in sample.events.gaps_ns()
        for place, gap in enumerate(sample.events.gaps_ns(), start=1)
    )
    late = [
        # a connection that was opened before the request was due made it no earlier
        max(0, sample.sent_ns - sample.taken_ns - (sample.connect_ns or 0)) / NS_PER_MS
        for sample in samples
        if sample.sent_ns is not None
    ]
    return Stamps(
        share=len(lags_ms) / events if events else 0.0,
        doubt=doubtful / events if events else 0.0,
        read_lag_ms=spread_of(lags_ms),
        send_late_ms=spread_of(late),
    )


def _busy(cpu_share: float) -> tuple[Verdict, str]:
    return "client_bottleneck", f"The client used {cpu_share:.0%} of a core; the server may be faster than this."


def _by_stamps(stamps: Stamps, allowed_ms: float) -> tuple[Verdict, str]:
    late = stamps.send_late_ms
    if late is not None and late.p50 > allowed_ms:
        why = f"Half of the requests were sent {time(late.p50)} late or later; the server may be faster."
        return "client_bottleneck", why
    if stamps.doubt > MUCH_DOUBT:
        why = f"{stamps.doubt:.1%} of the events were read late and with their successor; gaps may be wrong by that."
        return "noisy", why
    if late is not None and late.p99 > allowed_ms:
        return "noisy", f"Requests were sent up to {time(late.p99)} late (p99); rates may be too low by that."
    return OK


def _by_lag(p50: float, p99: float, allowed_ms: float) -> tuple[Verdict, str]:
    if p50 - TIMER_STEP_MS > allowed_ms:
        return "client_bottleneck", f"The client was {time(p50)} late half of the time; the server may be faster."
    if p99 - TIMER_STEP_MS > allowed_ms:
        return "noisy", f"The client was up to {time(p99)} late (p99); p99 figures may be too high by that."
    return OK
