"""From what was written down of each request to the figures of a level. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.failures import kind_of
from zephyr_deploy.bench.rates import intervals_of_rates
from zephyr_deploy.bench.report import CountedBy, LevelReport, RequestRecord
from zephyr_deploy.bench.selfcheck import check
from zephyr_deploy.bench.slo import goodput_of
from zephyr_deploy.bench.stats import spread_by_request, spread_of
from zephyr_deploy.bench.steady import steady_of
from zephyr_deploy.bench.timeline import timeline_of
from zephyr_deploy.bench.times import (
    e2e_ms,
    e2e_sched_ms,
    icl_ms,
    itl_ms,
    known,
    late_ms,
    ntpot_ms,
    tpot_ms,
    ttft_ms,
    ttft_sched_ms,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from decimal import Decimal

    from zephyr_deploy.bench.loads import Load
    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.slo import Slo
    from zephyr_deploy.bench.stats import Spread
    from zephyr_deploy.bench.watch import LoopWatch

NS_PER_MS = 1e6
NS_PER_S = 1e9


def spread_with_intervals(figure: Callable[[Sample], float | None], samples: Iterable[Sample]) -> Spread | None:
    """The spread of what each sample has one of; those that could not be measured are left out."""
    return spread_by_request([[value] for sample in samples if (value := figure(sample)) is not None])


def counted_by(samples: Sequence[Sample]) -> CountedBy:
    """Who counted the output tokens: the server, or we its events."""
    by_server = sum(sample.generated_tokens is not None for sample in samples)
    if by_server == len(samples):
        return "server"
    return "mixed" if by_server else "events"


def usd_per_million(price_per_hour_usd: Decimal | None, tokens_per_s: float) -> float | None:
    """Price of a million output tokens at this throughput; None without a price or without tokens."""
    if price_per_hour_usd is None or tokens_per_s <= 0:
        return None
    return float(price_per_hour_usd) / 3600 / tokens_per_s * 1e6


def record_of(sample: Sample, began_ns: int) -> RequestRecord:
    """What a report keeps of a request; times count from ``began_ns``."""

    def since(at_ns: int | None) -> float | None:
        return None if at_ns is None else (at_ns - began_ns) / NS_PER_MS

    return RequestRecord(
        number=sample.number,
        conversation=sample.conversation,
        turn=sample.turn,
        due_ms=since(sample.due_ns),
        sent_ms=since(sample.sent_ns),
        ended_ms=(sample.ended_ns - began_ns) / NS_PER_MS,
        connect_ms=None if sample.connect_ns is None else sample.connect_ns / NS_PER_MS,
        ttft_ms=ttft_ms(sample),
        e2e_ms=e2e_ms(sample),
        prompt_tokens=sample.prompt_tokens,
        output_tokens=sample.tokens,
        gaps_us=tuple([(gap + 500) // 1000 for gap in sample.events.gaps_ns()]),
        gap_tokens=tuple(sample.events.gap_tokens()),
        failure=None if sample.failure is None else kind_of(sample.failure),
    )


def level_of(
    load: Load,
    warmup: Sequence[Sample],
    measured: Sequence[Sample],
    watch: LoopWatch,
    price_per_hour_usd: Decimal | None,
    *,
    slo: Slo | None = None,
) -> LevelReport:
    """The figures of one level; ``warmup`` is only counted, ``measured`` is in the order in which it was begun."""
    good = [sample for sample in measured if sample.failure is None]
    began = min((sample.taken_ns if sample.due_ns is None else sample.due_ns for sample in measured), default=0)
    seconds = max((sample.ended_ns for sample in measured), default=0) / NS_PER_S - began / NS_PER_S
    rates = {
        "requests_per_s": len(good) / seconds if seconds > 0 else 0.0,
        "output_tokens_per_s": sum(sample.tokens for sample in good) / seconds if seconds > 0 else 0.0,
    }
    log = tuple(record_of(sample, began) for sample in measured)
    timeline = timeline_of(log)
    times = times_of(good, several=any(record.gap_tokens for record in log))
    ttft, itl, e2e = times["ttft_ms"], times["itl_ms"], times["e2e_ms"]
    return LevelReport(
        load=load,
        requests=len(measured),
        succeeded=len(good),
        **failures_of(measured),
        warmup_requests=len(warmup),
        warmup_errors=sum(sample.failure is not None for sample in warmup),
        seconds=seconds,
        **rates,
        intervals=intervals_of_rates(load, timeline, log, rates),
        steady=steady_of(load, timeline, log),
        goodput=None if slo is None else goodput_of(slo, log, seconds),
        prompt_tokens=spread_of([sample.prompt_tokens for sample in good if sample.prompt_tokens is not None]),
        output_tokens=spread_of([sample.tokens for sample in good]),
        tokens_counted_by=counted_by(good),
        finished=dict(Counter(sample.finish for sample in good if sample.finish)),
        **times,
        connect_ms=spread_of([s.connect_ns / NS_PER_MS for s in good if s.connect_ns is not None]),
        rtt_ms=spread_of([s.rtt_ns / NS_PER_MS for s in good if s.rtt_ns is not None]),
        usd_per_million_output_tokens=usd_per_million(price_per_hour_usd, rates["output_tokens_per_s"]),
        late_ms=spread_of(known(late_ms(sample) for sample in measured)),
        client=check(watch, good, ttft=ttft, itl=itl, e2e=e2e),
        log=log,
    )


def times_of(good: Sequence[Sample], *, several: bool) -> dict[str, Spread | None]:
    """The spreads of all times that users feel, by their names in a report; ``several``: an event may carry so many."""
    icl = spread_by_request([icl_ms(sample) for sample in good])
    return {
        "ttft_ms": spread_with_intervals(ttft_ms, good),
        "itl_ms": spread_by_request([itl_ms(sample) for sample in good]) if several else icl,
        "icl_ms": icl,
        "tpot_ms": spread_with_intervals(tpot_ms, good),
        "ntpot_ms": spread_with_intervals(ntpot_ms, good),
        "e2e_ms": spread_with_intervals(e2e_ms, good),
        "ttft_sched_ms": spread_with_intervals(ttft_sched_ms, good),
        "e2e_sched_ms": spread_with_intervals(e2e_sched_ms, good),
    }


def failures_of(samples: Sequence[Sample]) -> dict[str, Any]:
    """Failed requests by kind, and the first message of each kind."""
    failures = [sample.failure for sample in samples if sample.failure is not None]
    return {
        "errors": dict(Counter(kind_of(failure) for failure in failures)),
        "error_examples": {kind_of(failure): failure.message for failure in reversed(failures)},
    }
