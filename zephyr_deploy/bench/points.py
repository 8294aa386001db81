"""From the figures of a level to points that the planner's constants can be solved from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.bench.prompts.lengths import typical
from zephyr_deploy.plan.speed.measured import Point

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.report import BenchReport, LevelReport
    from zephyr_deploy.plan.speed.measured import Kind

WELL = 0.9
"""A level of which a smaller share succeeded shows an engine in trouble, and not its speed."""
ROUNDS = 4
"""Requests a worker from which on a level's start and end, when fewer run, weigh little in its throughput."""


def points_of(report: BenchReport) -> tuple[Point, ...]:
    """What a report says of the engine's speed; figures that the client itself may have held up are left out.

    Nothing where prompts begin alike: a prefix cache may have read part of them before.
    """
    if report.spec.shared_prefix or report.spec.turns > 1:
        return ()
    return tuple(point for level in report.levels for point in _of_level(level, typical(report.spec.prompt_tokens)))


def figures_of(level: LevelReport) -> dict[Kind, float]:
    """What can be predicted of a level, as it was measured."""
    figures: dict[Kind, float] = {"throughput": level.output_tokens_per_s}
    if level.ttft_ms is not None:
        figures["ttft"] = level.ttft_ms.p50
    if level.tpot_ms is not None:
        figures["itl"] = (
            level.tpot_ms.p50
        )  # the mean of each answer: a gap by itself is a step, with or without prompts
    return {kind: value for kind, value in figures.items() if value > 0}


def shape_of(level: LevelReport, prompt_tokens: int) -> tuple[int, int] | None:
    """Tokens of a request of that level: as the server counted them, or else asked for; None: nothing came back."""
    if level.output_tokens is None or level.output_tokens.p50 < 1:
        return None
    prompt = level.prompt_tokens.p50 if level.prompt_tokens else prompt_tokens
    return max(1, round(prompt)), round(level.output_tokens.p50)


def _of_level(level: LevelReport, prompt_tokens: int) -> Iterator[Point]:
    shape, concurrency = shape_of(level, prompt_tokens), level.concurrency
    if (
        shape is None
        or concurrency is None
        or level.succeeded < WELL * level.requests
        or level.client.verdict == "client_bottleneck"
    ):
        return
    for kind, value in figures_of(level).items():
        # how long a first token takes under load hangs on which requests happen to meet
        if kind == "ttft" and concurrency > 1:
            continue
        if kind == "throughput" and level.requests < ROUNDS * concurrency:
            continue
        yield Point(
            kind=kind,
            concurrency=concurrency,
            input_tokens=shape[0],
            output_tokens=shape[1],
            value=value,
        )
