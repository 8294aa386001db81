"""What measurements of a running engine say of one setup: its constants, and how far predictions were off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.plan.memory.weigh import weigh
from zephyr_deploy.plan.speed.correction import Correction, Spreads
from zephyr_deploy.plan.speed.interval import half_width
from zephyr_deploy.plan.speed.measured import Kind, Point
from zephyr_deploy.plan.speed.physics import Seen, impossible
from zephyr_deploy.plan.speed.predict import predict
from zephyr_deploy.plan.speed.prediction import Estimate
from zephyr_deploy.plan.speed.solve import solve, spread_of, unsure_at
from zephyr_deploy.plan.workload import Workload
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.plan.speed.solve import Predict, Solved

FIELDS: dict[Kind, str] = {"ttft": "ttft_ms", "itl": "itl_ms", "throughput": "output_tokens_per_s"}
"""Of `Prediction`."""
LOADS = (1, 8, 32)
"""Requests at a time for which a correction's interval holds; the widest of them counts."""
INPUT_TOKENS, OUTPUT_TOKENS = 512, 128


class Compared(Frozen):
    """A figure that was measured, beside what was predicted of it."""

    point: Point
    before: Estimate
    """By what was known before."""
    after: Estimate
    """By that together with what was measured."""


class Refused(Frozen):
    """A figure that cannot be, and why."""

    point: Point
    why: str


class Learned(Frozen):
    """What came of a few measurements."""

    correction: Correction
    compared: tuple[Compared, ...]
    """Empty: nothing was learned."""
    refused: tuple[Refused, ...] = ()


def refusals(setup: Setup, points: Iterable[Point]) -> tuple[Refused, ...]:
    """Those that no such cards can show.

    Raises:
        ConfigError: the speed of that card or model cannot be computed.
    """
    checked = ((point, impossible(_seen(point), setup)) for point in points)
    return tuple(Refused(point=point, why="; ".join(why)) for point, why in checked if why)


def _seen(point: Point) -> Seen:
    load = {name: float(getattr(point, name)) for name in ("concurrency", "input_tokens", "output_tokens")}
    return Seen(**load, **{FIELDS[point.kind]: point.value})


def learn(
    setup: Setup,
    points: Iterable[Point],
    *,
    prefill_tokens: int | None = None,
    source: str = "",
    before: Correction | None = None,
) -> Learned:
    """The most likely constants of a setup.

    Args:
        setup: What was measured.
        points: What was found; what cannot be is refused.
        prefill_tokens: Prompt tokens of one step at most; None: whole prompts.
        source: What was measured and when, for people.
        before: What was known before; None: what published measurements say.

    Raises:
        ConfigError: the speed of that card or model cannot be computed.
    """
    given = tuple(points)
    refused = refusals(setup, given)
    measured = tuple(point for point in given if not any(point == other.point for other in refused))
    of = _Answers(setup, prefill_tokens)
    found = solve(measured, of.value)
    correction = found.correction.model_copy(update={"spread": _spreads(setup, found, of.value), "source": source})
    return Learned(
        correction=correction,
        compared=tuple(
            Compared(
                point=point,
                before=of.estimate(point, before),
                after=of.estimate(point, correction),
            )
            for point in measured
        ),
        refused=refused,
    )


class _Answers:
    """What is predicted of points of one setup."""

    def __init__(self, setup: Setup, prefill_tokens: int | None) -> None:
        self._setup, self._prefill = setup, prefill_tokens
        self._room = weigh(setup, prefill_tokens or INPUT_TOKENS).kv_tokens

    def value(self, point: Point, correction: Correction) -> float:
        return self.estimate(point, correction).value

    def estimate(self, point: Point, correction: Correction | None) -> Estimate:
        """What runs has room for one request, whatever was weighed."""
        asked = Workload(
            input_tokens=point.input_tokens, output_tokens=point.output_tokens, concurrency=point.concurrency
        )
        room = max(self._room, point.input_tokens + point.output_tokens)
        found = predict(self._setup, asked, kv_tokens=room, prefill_tokens=self._prefill, correction=correction)
        estimate: Estimate = getattr(found, FIELDS[point.kind])
        return estimate


def _spreads(setup: Setup, found: Solved, answer: Predict) -> Spreads:
    widest: dict[str, float] = {}
    for kind in FIELDS:
        at = (
            Point(kind=kind, concurrency=load, input_tokens=INPUT_TOKENS, output_tokens=OUTPUT_TOKENS, value=1)
            for load in LOADS
        )
        unsure = max(unsure_at(point, found, answer) for point in at)
        widest[kind] = spread_of(unsure, half_width(setup, kind))
    return Spreads(**widest)
