"""What would fit where a setup does not: each way computed, none guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from zephyr_deploy.plan.flags.possible import forms, kind_of, kv_cache_dtypes, shard_counts
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.memory.breakdown import Memory
from zephyr_deploy.plan.memory.room import LEAST_PREFILL, has_room, longest_total, most_prefill
from zephyr_deploy.plan.memory.weigh import weigh
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.weights import FORMS
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.plan.gpus import Gpu
    from zephyr_deploy.plan.kinds import WeightKind

MOST_SHARDS = 16
Change = Literal["prefill", "context", "kv_cache", "quantize", "repository", "shards", "gpu"]
SETTINGS: dict[Change, str] = {
    "prefill": "limits.max_batch_prefill_tokens",
    "context": "limits.max_total_tokens",
    "kv_cache": "engine.kv_cache_dtype",
    "quantize": "engine.quantize",
    "repository": "model.id",
    "shards": "engine.num_shard",
    "gpu": "machine.gpu",
}


class Remedy(Frozen):
    """One change with which it fits, all else being equal."""

    change: Change
    setting: str
    """In zephyr.toml."""
    value: str
    setup: Setup
    prefill_tokens: int
    total_tokens: int
    memory: Memory
    what: str
    """In a sentence."""


def remedies(
    setup: Setup,
    prefill_tokens: int,
    total_tokens: int,
    *,
    cards: Sequence[Gpu] | None = None,
    upto: int = MOST_SHARDS,
) -> tuple[Remedy, ...]:
    """What would fit, the smallest change first; empty where it fits already, or where nothing helps alone.

    Args:
        setup: What does not fit.
        prefill_tokens: Prompt tokens of a step.
        total_tokens: Of the longest request.
        cards: Cards that may be taken instead; None: every one that is known.
        upto: The most of them that may share the model.
    """
    if has_room(setup, prefill_tokens, total_tokens):
        return ()
    tokens = (prefill_tokens, total_tokens)
    if total_tokens > setup.model.max_positions:  # then nothing else helps
        return tuple(_shorter(setup, *tokens))
    return (
        *_fewer_prompt_tokens(setup, *tokens),
        *_shorter(setup, *tokens),
        *_smaller_cache(setup, *tokens),
        *_quantized(setup, *tokens),
        *_prequantized(setup, *tokens),
        *_more_shards(setup, *tokens, upto),
        *_another_card(setup, *tokens, tuple(gpus().values()) if cards is None else cards),
    )


def _remedy(change: Change, value: str, what: str, setup: Setup, tokens: tuple[int, int]) -> Remedy:
    prefill_tokens, total_tokens = tokens
    memory = weigh(setup, prefill_tokens)
    return Remedy(
        change=change,
        setting=SETTINGS[change],
        value=value,
        setup=setup,
        prefill_tokens=prefill_tokens,
        total_tokens=total_tokens,
        memory=memory,
        what=f"{what}: {memory.kv_tokens} tokens have room.",
    )


def _fewer_prompt_tokens(setup: Setup, prefill: int, total: int) -> Iterator[Remedy]:
    fewer = most_prefill(setup, prefill, total)
    if prefill > LEAST_PREFILL and has_room(setup, fewer, total):
        what = f"Compute {fewer} prompt tokens in a step instead of {prefill}"
        yield _remedy("prefill", str(fewer), what, setup, (fewer, total))


def _shorter(setup: Setup, prefill: int, total: int) -> Iterator[Remedy]:
    shorter = longest_total(setup, prefill)
    if 0 < shorter < total:
        what = f"Take requests of at most {shorter} tokens instead of {total}"
        yield _remedy("context", str(shorter), what, setup, (prefill, shorter))


def _smaller_cache(setup: Setup, prefill: int, total: int) -> Iterator[Remedy]:
    if setup.kv_cache_dtype:
        return
    for dtype in kv_cache_dtypes(setup.model, setup.gpu, setup.engine)[:1]:
        smaller = setup.model_copy(update={"kv_cache_dtype": dtype})
        if has_room(smaller, prefill, total):
            what = "Keep keys and values in 8 bits"
            yield _remedy("kv_cache", dtype, what, smaller, (prefill, total))


def _quantized(setup: Setup, prefill: int, total: int) -> Iterator[Remedy]:
    """The first that fits, in the order of bits: the next is smaller yet, and loses more."""
    smaller = [form for form in forms(setup.model, setup.gpu, setup.engine) if _bits(form[0]) < setup.form.bits]
    for kind, quantize in sorted(smaller, key=lambda form: -_bits(form[0])):
        quantized = setup.model_copy(update={"weights": kind, "quantize": quantize})
        if quantize and has_room(quantized, prefill, total):
            what = f"Quantize the weights while loading, to {FORMS[kind].name}"
            yield _remedy("quantize", quantize, what, quantized, (prefill, total))
            return


def _prequantized(setup: Setup, prefill: int, total: int) -> Iterator[Remedy]:
    """The same weights in 4 bits, for which somebody has to have published another repository."""
    if setup.model.quantization or not forms(setup.model, setup.gpu, setup.engine):
        return
    four = setup.model_copy(update={"weights": "int4", "quantize": None})
    if has_room(four, prefill, total):
        what = f"Serve a repository of this model that is quantized already, to {FORMS['int4'].name}"
        yield _remedy("repository", "an AWQ or GPTQ version", what, four, (prefill, total))


def _more_shards(setup: Setup, prefill: int, total: int, upto: int) -> Iterator[Remedy]:
    for shards in shard_counts(setup.model, upto, setup.engine):
        shared = setup.model_copy(update={"shards": shards})
        if shards > setup.shards and has_room(shared, prefill, total):
            what = f"Share the model among {shards} GPUs"
            yield _remedy("shards", str(shards), what, shared, (prefill, total))
            return


def _another_card(setup: Setup, prefill: int, total: int, cards: Sequence[Gpu]) -> Iterator[Remedy]:
    for gpu in sorted(cards, key=lambda card: (card.memory_mib, card.key)):
        if gpu.memory_mib <= setup.gpu.memory_mib:
            continue
        kind = kind_of(setup.model, gpu, setup.engine, setup.quantize)
        if (kind, setup.quantize) not in forms(setup.model, gpu, setup.engine):
            continue
        there = setup.model_copy(update={"gpu": gpu, "weights": kind})
        if has_room(there, prefill, total):
            many = f"{setup.shards} x " if setup.shards > 1 else ""
            yield _remedy("gpu", gpu.key, f"Take {many}{gpu.name}", there, (prefill, total))
            return


def _bits(kind: WeightKind) -> float:
    return FORMS[kind].bits
