"""The planner's advice for the GPUs that a node has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import Problem
from zephyr_deploy.plan.flags.advise import advise
from zephyr_deploy.plan.flags.possible import kind_of
from zephyr_deploy.plan.gpus import MIB, Gpu, known_as
from zephyr_deploy.plan.memory.misfit import remedies
from zephyr_deploy.plan.memory.room import lacking_bytes
from zephyr_deploy.plan.setup import Setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.plan.flags.advice import Advice
    from zephyr_deploy.plan.kinds import ServerName
    from zephyr_deploy.plan.machine import GpuFacts
    from zephyr_deploy.plan.model.facts import ModelFacts
    from zephyr_deploy.spec.deployment import Deployment

GB = 1e9
MOST_REMEDIES = 3
"""So many ways out are named."""


def card_of(facts: GpuFacts) -> Gpu | None:
    """The card as the catalogue has it, with the memory that its driver reports; an unknown one by its driver alone.

    None where neither says how much memory there is: a driver reports none where CPU and GPU share it.
    """
    mib = facts.memory_bytes // MIB
    known = known_as(facts.name, facts.memory_bytes / 2**30 if mib else None)
    if known:
        return known.model_copy(update={"memory_mib": mib}) if mib else known
    if not mib:
        return None
    return Gpu(
        key=facts.name.lower().replace(" ", "-"),
        name=facts.name,
        models=(),
        memory_gb=max(1, round(facts.memory_bytes / GB)),
        memory_mib=mib,
        architecture="",
        compute_capability=facts.compute_capability,
        source="nvidia-smi",
        seen=True,
    )


def advice_on(deployment: Deployment, card: Gpu, model: ModelFacts, engine: ServerName, gpus: int) -> Advice:
    """What the engine should be told on so many cards of that kind."""
    return advise(setup_on(deployment, card, model, engine, gpus), deployment)


def setup_on(deployment: Deployment, card: Gpu, model: ModelFacts, engine: ServerName, gpus: int) -> Setup:
    """The setup that a deployment means on so many cards of that kind."""
    said = deployment.engine
    return Setup(
        model=model,
        engine=engine,
        gpu=card,
        shards=gpus,
        weights=kind_of(model, card, engine, said.quantize),
        quantize=said.quantize,
        kv_cache_dtype=said.kv_cache_dtype,
        memory_fraction=said.memory_fraction,
    )


def problems_of(advice: Advice) -> Iterator[Problem]:
    """Why it must not be started: the engine would refuse it, or it does not fit; with what would fit instead."""
    yield from advice.problems
    if advice.fits or any(problem.setting == "machine.gpu" for problem in advice.problems):
        return
    setup, serve = advice.setup, advice.serve
    tokens = (serve.max_batch_prefill_tokens or 0, serve.max_total_tokens or 0)
    many = f"{setup.shards} x " if setup.shards > 1 else ""
    share = f" with engine.memory_fraction = {setup.memory_fraction:g}" if setup.memory_fraction else ""
    reason = (
        f"{setup.model.id} in {setup.form.name} with requests of {tokens[1]} tokens lacks "
        f"{lacking_bytes(setup, *tokens) / GB:.1f} GB on {many}{setup.gpu.name}{share}"
    )
    ways = [f"{remedy.setting} = {remedy.value}" for remedy in remedies(setup, *tokens)][:MOST_REMEDIES]
    yield Problem("machine.gpu", reason, f"It fits with {', or '.join(ways)}." if ways else "Take larger GPUs.")
