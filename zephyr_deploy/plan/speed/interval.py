"""The interval that holds four of five measurements: from the errors of publications that were held out of the fit."""

from __future__ import annotations

from typing import Literal

from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.constants import Speed, speed
from zephyr_deploy.plan.speed.eras import ERAS, EXTRAPOLATED
from zephyr_deploy.plan.speed.resolve import kernels_of

HELD = 0.8
"""Share of measurements that an interval is made to hold."""
FEW, MANY = 2, 8
"""Shards."""
MOST_SHARDS = 8
"""More were not measured."""

Figure = Literal["ttft", "itl", "throughput"]


def features(figure: str, era: str, shards: int, weights: str) -> tuple[str, ...]:
    """The classes that a figure belongs to, each of which widens or narrows its interval."""
    crowd = "one" if shards < FEW else "few" if shards < MANY else "many"
    form = (
        "int4"
        if weights.startswith("int4")
        else "fp8"
        if weights.startswith("fp8")
        else weights.split("-", maxsplit=1)[0]
    )
    return f"figure.{figure}", f"era.{era}", f"shards.{crowd}", f"weights.{form}"


def half_width(setup: Setup, figure: Figure, constants: Speed | None = None) -> float:
    """Half of the interval of a figure, in logarithms: it reaches from value * exp(-h) to value * exp(h)."""
    interval = (constants or speed()).interval
    kernels = kernels_of(setup.weights, setup.gpu, setup.model.quantization)
    found = interval["half_width"]
    for name in features(figure, ERAS[setup.engine], setup.shards, kernels):
        found *= interval.get(name, 1.0)
    for name in beyond(setup):
        found *= interval[f"beyond.{name}"]
    return found


def beyond(setup: Setup) -> tuple[str, ...]:
    """In what a setup lies outside of all that was measured."""
    return tuple(
        name
        for name, holds in (
            ("card", setup.gpu.key not in speed().sustained),
            ("engine", setup.engine in EXTRAPOLATED),
            ("shards", setup.shards > MOST_SHARDS),
            ("experts", setup.model.experts > 0),
            ("nf4", setup.weights == "nf4"),
        )
        if holds
    )


WORDS = {
    "card": "no measurement of this card has been published: its compute is taken for that of others",
    "engine": "hardly any measurement of this engine's version has been published: it is taken for as fast as vLLM",
    "shards": "no measurement with more than 8 shards has been published",
    "experts": "no mixture of experts was measured: its experts are taken for equally likely",
    "nf4": "no measurement of NF4 weights has been published",
}
"""What is said to people, by what `beyond` finds."""
