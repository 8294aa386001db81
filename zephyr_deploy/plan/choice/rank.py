"""The cheapest setup that is fast enough, and why each of the others is not it."""

from __future__ import annotations

from itertools import groupby
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.plan.choice.candidates import ENGINES
from zephyr_deploy.plan.choice.judge import Correct, Judged, judge, uncorrected, usd_per_million
from zephyr_deploy.plan.choice.outcome import Option, Verdict
from zephyr_deploy.plan.prices import Price, cheapest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from zephyr_deploy.plan.choice.candidates import Candidate
    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.plan.workload import Slo, Workload

ALIKE = 0.1
"""Throughputs that differ by a smaller share are taken for the same: predictions are off by more."""

Failed = tuple[Verdict, str]
"""Why one is not the best, for programs and for people."""


class Weighed(NamedTuple):
    """A candidate, what it comes to and what it costs."""

    candidate: Candidate
    judged: Judged
    price: Price | None
    usd_per_million: float | None
    max_usd: float | None
    """What the machine may cost an hour."""
    by_price: bool
    """Whether prices decide; else none is known of any candidate."""

    @property
    def setup(self) -> Setup:
        """The candidate's."""
        return self.candidate.setup

    @property
    def machine(self) -> tuple[str, int]:
        """GPU and count."""
        return self.setup.gpu.key, self.setup.shards

    @property
    def too_dear(self) -> bool:
        """Whether it costs more than the user wants to pay."""
        return self.max_usd is not None and self.price is not None and self.price.usd_per_hour > self.max_usd

    @property
    def will_do(self) -> bool:
        """Whether it is taken, fits, and is fast enough."""
        return not self.candidate.refused and self.judged.meets

    @property
    def possible(self) -> bool:
        """Whether it could be the answer."""
        priced = self.price is not None or not self.by_price
        return self.will_do and priced and not self.too_dear


def weigh_all(
    found: Sequence[Candidate],
    prices: Iterable[Price],
    workload: Workload,
    slo: Slo,
    *,
    max_usd: float | None = None,
    correct: Correct = uncorrected,
) -> list[Weighed]:
    """Judge every candidate; the cheapest that could be the answer first, and behind them those that came near.

    Args:
        found: The candidates.
        prices: Of machines; where none is known of any candidate, GPU-hours are counted instead.
        workload: What is asked of them.
        slo: How fast that is to be.
        max_usd: What the machine may cost an hour.
        correct: What one's own measurements say.
    """
    known = tuple(prices)
    places = {(one.setup.gpu.key, one.setup.shards) for one in found}
    machines = {place: cheapest(known, *place) for place in places}
    by_price = any(machines.values())
    weighed = []
    for candidate in found:
        setup = candidate.setup
        judged = _refused() if candidate.refused else judge(setup, workload, slo, correction=correct(setup))
        price = machines[setup.gpu.key, setup.shards]
        cost = usd_per_million(price, judged.prediction)
        weighed.append(Weighed(candidate, judged, price, cost, max_usd, by_price))
    return list(_in_order(weighed))


def options(weighed: Sequence[Weighed], best: Weighed | None, tried: Mapping[int, Failed]) -> tuple[Option, ...]:
    """Those worth telling, each with the reason why it is not the best.

    Args:
        weighed: In order.
        best: The one that was taken; None: there is none.
        tried: By the place in ``weighed``, why those that were looked at in full will not do with their settings.
    """
    return tuple(
        option(one, *(tried.get(place) or _verdict(one, best))) for place, one in _worth_telling(weighed, best)
    )


def _worth_telling(weighed: Sequence[Weighed], best: Weighed | None) -> Iterator[tuple[int, Weighed]]:
    """All ways on the machine that was chosen, and the nearest on each other one: there are hundreds more."""
    told: set[tuple[str, int]] = set()
    chosen = best.machine if best else None
    for place, one in enumerate(weighed):
        if one is not best and (one.machine == chosen or one.machine not in told):
            told.add(one.machine)
            yield place, one


def option(one: Weighed, verdict: Verdict, why: str) -> Option:
    """A weighed candidate in figures alone."""
    setup, judged = one.setup, one.judged
    known = judged.prediction
    return Option(
        model=setup.model.id,
        engine=setup.engine,
        gpu=setup.gpu.key,
        gpus=setup.shards,
        weights=setup.weights,
        quantize=setup.quantize,
        kv_cache_dtype=setup.kv_cache_dtype,
        price=one.price,
        ttft_ms=judged.ttft_ms if known else None,
        itl_ms=judged.itl_ms if known else None,
        output_tokens_per_s=known.output_tokens_per_s.value if known else None,
        usd_per_million_tokens=one.usd_per_million,
        chance=judged.chance,
        missing_bytes=judged.missing_bytes,
        verdict=verdict,
        why=why,
    )


def _refused() -> Judged:
    return Judged(0, None, inf, inf, None, inf, "")


def _in_order(weighed: Iterable[Weighed]) -> Iterator[Weighed]:
    for _, alike in groupby(sorted(weighed, key=_order), _order):
        group = list(alike)
        fastest = max(map(_speed, group))
        yield from sorted(group, key=lambda one: _among(one, fastest))


def _order(one: Weighed) -> tuple[float, ...]:
    """What quantized weights lose in answers is not weighed: of two with one price, they come second."""
    judged = one.judged
    return (
        not one.possible,
        bool(one.candidate.refused),
        judged.missing_bytes / one.setup.gpu.memory_bytes,
        0 if one.possible else judged.over,
        one.price.usd_per_hour if one.price else inf,
        one.setup.shards,
        one.candidate.altered,
    )


def _among(one: Weighed, fastest: float) -> tuple[float, ...]:
    """Of those with one price: the fastest, which costs least by the token; of many as fast, the preferred engine."""
    as_fast = _speed(one) >= (1 - ALIKE) * fastest
    return not as_fast, ENGINES.index(one.setup.engine) if as_fast else 0, -_speed(one)


def _speed(one: Weighed) -> float:
    return one.judged.prediction.output_tokens_per_s.value if one.judged.prediction else 0.0


def _verdict(one: Weighed, best: Weighed | None) -> Failed:
    judged = one.judged
    if one.candidate.refused:
        return "refused", f"{one.setup.engine} refuses: {one.candidate.refused}"
    if not judged.meets:
        missed: Verdict = "no-room" if judged.missing_bytes else "too-slow" if judged.prediction else "unknown-speed"
        return missed, judged.why
    if one.price is None:
        return _more_gpus(one, best) if not one.by_price else ("unpriced", "no price is known")
    if one.too_dear:
        return "too-dear", f"${one.price.usd_per_hour:.2f} an hour is over ${one.max_usd:.2f}"
    return _dearer(one, one.price, best)


def _dearer(one: Weighed, price: Price, best: Weighed | None) -> Failed:
    """Why one that would do is not the best."""
    if best and best.price and price.usd_per_hour > best.price.usd_per_hour:
        return "dearer", f"dearer: ${price.usd_per_hour:.2f} against ${best.price.usd_per_hour:.2f}"
    if best and one.candidate.altered and not best.candidate.altered:
        return "worse", "the same price, and the weights would be quantized"
    return "worse", _slower(one, best)


def _more_gpus(one: Weighed, best: Weighed | None) -> Failed:
    """The same where no price is known."""
    if best and one.setup.shards > best.setup.shards:
        return "dearer", f"more GPUs: {one.setup.shards} against {best.setup.shards}"
    return "worse", _slower(one, best)


def _slower(one: Weighed, best: Weighed | None) -> str:
    if best and 0 < _speed(one) < (1 - ALIKE) * _speed(best):
        return f"slower for as much: {_speed(one):.0f} tokens/s against {_speed(best):.0f}"
    return "as good, for as much"
