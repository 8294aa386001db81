"""What one run shows: said minus true, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, fields
from statistics import median
from typing import TYPE_CHECKING

from clients import Load, percentiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clients import Said
    from ground_truth import Log, Served
    from measure import Cost

    Ticks = tuple[float, float]
    """Busy and idle seconds of all processors."""

NS_PER_MS, NS_PER_S = 1e6, 1e9

Held = dict[str, float]
"""Tokens a second, by client."""


@dataclass(frozen=True)
class Scenario:
    """A load, and how much of the machine others are made to take."""

    load: Load
    noise: float = 0.0
    """Share of each processor."""
    cores: int = 0
    """So many processors whole."""

    def __str__(self) -> str:
        load = self.load
        what = f"open loop, {load.rate:g} a second" if load.rate else f"closed loop, {load.concurrency} at once"
        share = f", {self.noise:.0%} of the machine taken" if self.noise else ""
        return what + share + (f", {self.cores} of the processors taken" if self.cores else "")


@dataclass(frozen=True)
class Figures:
    """Times in milliseconds where the name does not differ; None: this client does not say, or it has no meaning."""

    ttft_p50: float
    """The p50 that it reports less the p50 of the same requests in the log; so are the next ones."""
    ttft_p99: float
    gap_p50: float | None
    gap_p99: float | None
    request_p99: float | None
    """p99 of the absolute error of single requests' TTFT."""
    each_gap_p99: float | None
    """p99 of the absolute error of single gaps."""
    cpu_s_per_1k: float
    """CPU seconds of the whole command for 1,000 tokens."""
    cpu_s: float
    peak_mib: float
    start_s: float
    """From the start of the command to its first request."""
    load_s: float
    """From the first byte of the first measured request to the last token."""
    rate: float | None
    """Requests a second as they came."""
    rate_off: float | None
    """That less the rate asked for, as a share of it."""
    late_p50: float | None
    """Arrivals behind a timetable of the rate asked for, which begins so that the most punctual one is on time."""
    late_p99: float | None
    server_late_p50: float
    """The server's own lateness, which is no error of the client."""
    server_late_p99: float
    others: float
    """Share of all processors that was taken by what is neither the client nor the server."""
    answered: int
    """Measured requests that got a whole answer."""
    verdict: str | None
    """What the client says of itself."""


def figures(said: Said, log: Log, cost: Cost, scenario: Scenario, ticks: tuple[Ticks, Ticks]) -> Figures:
    """Of one run."""
    counted = [one for one in log.served if not said.requests.keys().isdisjoint((one.number, one.id, one.prompt))]
    served = [request for request in counted or log.served[said.warmup :] if request.end == "complete"]
    ttft, gap = percentiles(one.ttft_ms for one in served), percentiles(gap for one in served for gap in one.gaps_ms)
    request_errors, gap_errors = _errors(said, log)
    (busy, idle), (busy_after, idle_after) = ticks
    whole = busy_after - busy + idle_after - idle
    rate, late = _arrivals(served, scenario.load.rate)
    tokens = sum(len(one.sent_ns) for one in log.served)
    return Figures(
        ttft_p50=said.ttft_ms[50] - ttft[50],
        ttft_p99=said.ttft_ms[99] - ttft[99],
        gap_p50=said.gap_ms and said.gap_ms[50] - gap[50],
        gap_p99=said.gap_ms and said.gap_ms[99] - gap[99],
        request_p99=percentiles(request_errors)[99] if request_errors else None,
        each_gap_p99=percentiles(gap_errors)[99] if gap_errors else None,
        cpu_s_per_1k=cost.cpu_s / tokens * 1000,
        cpu_s=cost.cpu_s,
        peak_mib=cost.peak_mib,
        start_s=(log.served[0].first_byte_ns - cost.began_ns) / NS_PER_S,
        load_s=(max(one.sent_ns[-1] for one in served) - min(one.first_byte_ns for one in served)) / NS_PER_S,
        rate=rate,
        rate_off=rate / scenario.load.rate - 1 if rate and scenario.load.rate else None,
        late_p50=percentiles(late)[50] if late else None,
        late_p99=percentiles(late)[99] if late else None,
        server_late_p50=log.own.late_p50_ns / NS_PER_MS,
        server_late_p99=log.own.late_p99_ns / NS_PER_MS,
        others=max(0.0, (busy_after - busy - cost.cpu_s - log.own.cpu_s) / whole),
        answered=len(served),
        verdict=said.verdict,
    )


def _errors(said: Said, log: Log) -> tuple[list[float], list[float]]:
    """Of each request's TTFT and of each gap."""
    by_key: dict[int | str, Served] = {one.prompt: one for one in log.served}
    by_key.update({one.id: one for one in log.served if one.id})
    by_key.update({one.number: one for one in log.served})
    pairs = [(by_key[key], ttft, gaps) for key, (ttft, gaps) in said.requests.items()]
    return (
        [abs(ttft - one.ttft_ms) for one, ttft, _ in pairs],
        [
            abs(a - b)
            for one, _, gaps in pairs
            if len(gaps) == len(one.gaps_ms)
            for a, b in zip(gaps, one.gaps_ms, strict=True)
        ],
    )


def _arrivals(served: Sequence[Served], rate: float | None) -> tuple[float | None, list[float]]:
    if rate is None:
        return None, []
    came = sorted(one.first_byte_ns for one in served)
    off = [at - number * NS_PER_S / rate for number, at in enumerate(came)]
    return (len(came) - 1) * NS_PER_S / (came[-1] - came[0]), [(at - min(off)) / NS_PER_MS for at in off]


def medians(runs: Sequence[Figures]) -> Figures:
    """Figure by figure; of words each that was said."""
    values = {}
    for one in fields(Figures):
        known = [value for run in runs if (value := getattr(run, one.name)) is not None]
        words = ", ".join(dict.fromkeys(value for value in known if isinstance(value, str)))
        values[one.name] = words or (median(known) if known else None)
    return Figures(**values)
