"""A benchmark of a deployment beside its plan: what was predicted of each level, and where that was wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.bench.points import figures_of, points_of, shape_of
from zephyr_deploy.bench.prompts.lengths import typical
from zephyr_deploy.deploy.calibrations import keep_points
from zephyr_deploy.deploy.corrections import Corrections
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.learned import FIELDS, refusals
from zephyr_deploy.plan.memory.weigh import weigh
from zephyr_deploy.plan.speed.physics import Seen, impossible
from zephyr_deploy.plan.speed.predict import predict
from zephyr_deploy.plan.workload import Workload
from zephyr_deploy.spec.deployment import Deployment, Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.report import BenchReport, LevelReport
    from zephyr_deploy.deploy.calibrations import Calibration
    from zephyr_deploy.deploy.served import Running
    from zephyr_deploy.plan.speed.correction import Correction
    from zephyr_deploy.plan.speed.measured import Kind
    from zephyr_deploy.plan.speed.prediction import Estimate, Prediction

WORDS: dict[Kind, tuple[str, str]] = {
    "ttft": ("TTFT", " ms"),
    "itl": ("ITL", " ms"),
    "throughput": ("throughput", " tokens/s"),
}
"""By figure: how it is called, and its unit."""


def beside_plan(report: BenchReport, running: Running) -> BenchReport:
    """The report with what `plan` says of each level, by what was measured before.

    Where the speed of that card or model is not known, or several machines share the requests, nothing is predicted.
    """
    target = report.target.model_copy(update={"served": running.served})
    wish = Deployment(engine=Engine(image=running.served.image))
    correction = Corrections(wish)(running.setup)
    levels = tuple(_beside(level, typical(report.spec.prompt_tokens), running, correction) for level in report.levels)
    return report.model_copy(update={"target": target, "levels": levels})


def learn_from(report: BenchReport, running: Running) -> Calibration | None:
    """Keep the figures for the next plan; None where there are none that say something of one engine.

    Raises:
        CapacityError, ConfigError: they cannot be written.
    """
    if running.machines > 1:
        return None
    try:
        refused = {one.point for one in refusals(running.setup, points_of(report))}
    except ConfigError:  # of that card or model no speed is known
        return None
    points = tuple(point for point in points_of(report) if point not in refused)
    return keep_points(running.served, report.target.name, points, report.started_at)


def _beside(level: LevelReport, prompt_tokens: int, running: Running, correction: Correction | None) -> LevelReport:
    shape = shape_of(level, prompt_tokens)
    if shape is None or level.concurrency is None or running.machines > 1:
        return level
    asked = Workload(input_tokens=shape[0], output_tokens=shape[1], concurrency=level.concurrency)
    room = weigh(running.setup, running.served.prefill_tokens or shape[0]).kv_tokens
    try:
        predicted = predict(
            running.setup,
            asked,
            kv_tokens=max(room, sum(shape)),
            prefill_tokens=running.served.prefill_tokens,
            correction=correction,
        )
    except ConfigError:  # of that card or model no speed is known
        return level
    remarks = (*_off(level, predicted), *_impossible(level, level.concurrency, shape, running))
    return level.model_copy(update={"predicted": predicted, "remarks": remarks})


def _off(level: LevelReport, predicted: Prediction) -> Iterator[str]:
    for kind, value in figures_of(level).items():
        name, unit = WORDS[kind]
        estimate: Estimate = getattr(predicted, FIELDS[kind])
        if not estimate.low <= value <= estimate.high:
            yield f"{name} was {value:.3g}{unit}; {estimate.low:.3g} to {estimate.high:.3g} was planned."


def _impossible(level: LevelReport, at_once: int, shape: tuple[int, int], running: Running) -> Iterator[str]:
    """What no such cards can show."""
    figures = {FIELDS[kind]: value for kind, value in figures_of(level).items()}
    seen = Seen(at_once, *shape, **figures)
    for why in impossible(seen, running.setup):
        yield f"This cannot be: {why}. Are answers cached, or several tokens guessed at a time (speculation)?"
