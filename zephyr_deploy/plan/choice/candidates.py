"""Every setup that a wish leaves open: cards, counts, engines, and forms of the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_args

from zephyr_deploy.plan.choice.siblings import siblings
from zephyr_deploy.plan.flags.possible import card_refusal, forms, shard_refusal
from zephyr_deploy.plan.gpus import gpus, meant
from zephyr_deploy.plan.kinds import ServerName
from zephyr_deploy.plan.setup import Setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.plan.gpus import Gpu
    from zephyr_deploy.plan.model.facts import ModelFacts
    from zephyr_deploy.spec.deployment import Deployment

COUNTS = (1, 2, 4, 8)
"""GPUs of one machine, as clouds sell them."""
ENGINES: tuple[ServerName, ...] = get_args(ServerName)


class Candidate(NamedTuple):
    """A setup, or why there is none."""

    setup: Setup
    altered: bool
    """Whether the weights are others than those that the user named: quantized, now or by somebody else."""
    refused: str = ""
    """Why the engine does not take it; empty: it does."""


def candidates(wish: Deployment, model: ModelFacts) -> list[Candidate]:
    """What there is to choose from; settings that the wish has are the same in all of them.

    Args:
        wish: What the user has said. Another engine than the planner's is taken for unsaid.
        model: The one that the user means; its quantized siblings are weighed, too, if no quantization is said.

    Raises:
        ConfigError: nobody knows such a GPU.
    """
    cards = meant(wish.machine.gpu) if wish.machine.gpu else tuple(gpus().values())
    models = (model, *siblings(model)) if wish.engine.quantize is None else (model,)
    return [
        candidate
        for one in models
        for engine in engines_of(wish)
        for gpu in cards
        for count in counts_of(wish)
        for candidate in _forms(wish, one, engine, gpu, count, altered=one is not model)
    ]


def engines_of(wish: Deployment) -> tuple[ServerName, ...]:
    """Those that the wish leaves open, the preferred one first."""
    return tuple(name for name in ENGINES if name == wish.engine.name) or ENGINES


def counts_of(wish: Deployment) -> tuple[int, ...]:
    """Of GPUs."""
    said = wish.engine.num_shard or wish.machine.gpus
    return (said,) if said else COUNTS


def _forms(
    wish: Deployment, model: ModelFacts, engine: ServerName, gpu: Gpu, count: int, *, altered: bool
) -> Iterator[Candidate]:
    said = wish.engine
    possible = [form for form in forms(model, gpu, engine) if said.quantize in {None, form[1]}]
    refused = card_refusal(gpu, engine) or shard_refusal(model, count, engine) or ""
    if not possible:
        refused = refused or f"it does not load such weights on {gpu.name}"
    for kind, told in possible or [("16bit", said.quantize)]:
        setup = Setup(
            model=model,
            engine=engine,
            gpu=gpu,
            shards=count,
            weights=kind,
            quantize=told,
            kv_cache_dtype=said.kv_cache_dtype,
            memory_fraction=said.memory_fraction,
        )
        yield Candidate(setup, altered or (told is not None and told != said.quantize), refused)
