"""The time of a step: what must be read, computed and sent, at the rates that cards reach.

Every formula is written with ``+ - * / **`` and the `Extremes` that it is given: it takes plain numbers here, and
arrays of measurements in ``benchmarks/planner/fit.py``. What is fitted is what runs. Times are in seconds.
The sources of the formulas are in docs/explanation/planner.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Extremes(NamedTuple):
    """``max`` and ``min`` of two: Python's, or numpy's of arrays."""

    larger: Callable[[float, float], float]
    smaller: Callable[[float, float], float]


PLAIN = Extremes(max, min)


class Work(NamedTuple):
    """What a setup has to do, and the datasheet of what does it. Bytes, operations and seconds."""

    layers: float
    hidden: float
    attention: float
    """Query heads times their width: what a token's attention multiplies with each token before it."""
    body: float
    """Parameters that one token passes through, without embedding and head."""
    experts: float
    """Parameters of all experts; 0: dense."""
    chosen: float
    """Share of the experts that one token passes through."""
    head: float
    """Parameters of the output head."""
    weight_bytes: float
    """Of a parameter of the body."""
    kv_bytes: float
    """Of a token, in one shard."""
    window: float
    """Tokens that windowed layers look back on at most."""
    windowed: float
    """Share of the layers that are windowed."""
    multi_head: float
    """1 where every query head has keys and values of its own, else 0."""
    shards: float
    bandwidth: float
    """Of a card's memory, bytes a second."""
    compute: float
    """Of a card in the type that it multiplies in, operations a second."""
    link: float
    """Between cards, in one direction, bytes a second."""


class Coefficients(NamedTuple):
    """What an engine on a card makes of the datasheet: the constants of the fit that apply to one setup."""

    bandwidth_use: float
    """Share of the memory's bandwidth at which weights are read."""
    kv_use: float
    """The same for keys and values."""
    compute_use: float
    """Share of the compute that a long prompt reaches."""
    fill_tokens: float
    """Tokens that a product costs beyond its own: tiles that are not full, and how short ones start and end."""
    pass_tokens: float
    """Tokens that one pass over the weights serves: kernels for 4 bits read them again for each few."""
    launch_s: float
    """To start the kernels of a layer."""
    eager_s: float
    """CPU time of a layer where an engine has no CUDA graphs; 0 where it has."""
    host_s: float
    """Of a step, outside the GPU."""
    sequence_s: float
    """Of a step, outside the GPU, for each sequence in it."""
    first_s: float
    """From a request to its first step, and from the first token to the client."""
    stall: float
    """Share of the others' prompts that a running request waits for; the rest is computed beside its steps."""
    lockstep: float
    """1 where requests of one length that came together stay together, round after round, else 0."""
    reduce_s: float
    """Latency of one all-reduce between two cards."""
    rank_s: float
    """What each further card adds to it."""
    link_use: float
    """Share of the link's bandwidth that an all-reduce reaches."""
    multi_head_use: float
    """The same against `kv_use` where each query head has keys and values of its own, which is read in longer runs."""
    sharpness: float
    """How well reading weights and multiplying with them overlap: of the longer one alone where it is large."""


class Batch(NamedTuple):
    """What one step computes."""

    sequences: float
    """That decode, one token each."""
    context: float
    """Tokens before each of them."""
    tokens: float = 0.0
    """Of prompts."""
    prompt: float = 1.0
    """How long the prompts are that they belong to."""


REDUCES = 2
"""All-reduces of a layer: behind attention and behind the MLP (Megatron-LM, arXiv 1909.08053)."""
BYTES_16BIT = 2
MOST_PASSES = 16
"""Beyond, weights of 4 bits are expanded once for all tokens: from 256 on in vLLM (awq.py)."""
EAGER_SHARPNESS = 4
"""Of the CPU that starts kernels, and the GPU that runs them."""


def step(work: Work, use: Coefficients, batch: Batch, of: Extremes) -> float:
    """Seconds of one step."""
    return hosted(work, use, gpu_step(work, use, batch, of), batch.sequences)


def hosted(work: Work, use: Coefficients, gpu_s: float, sequences: float) -> float:
    """Seconds of a step whose part on the GPUs takes ``gpu_s``."""
    # without CUDA graphs, the CPU starts each kernel, and a short step waits for it
    floor = work.layers * use.eager_s
    return overlapped(gpu_s, floor, EAGER_SHARPNESS) + use.host_s + use.sequence_s * sequences


def gpu_step(work: Work, use: Coefficients, batch: Batch, of: Extremes) -> float:
    """Seconds of the GPUs' part of a step."""
    tokens = batch.sequences + batch.tokens
    passes = of.smaller(of.larger(tokens / use.pass_tokens, 1), MOST_PASSES)
    busy = overlapped(weight_read(work, use, tokens) * passes, products(work, use, batch, of), use.sharpness)
    kv = batch.sequences * looked_back(work, batch.context, of) * work.kv_bytes / (work.bandwidth * use.kv_use)
    kv = kv * (1 + work.multi_head * (1 / use.multi_head_use - 1))
    return busy + kv + work.layers * use.launch_s + reduces(work, use, tokens, of)


def prefill(work: Work, use: Coefficients, tokens: float, prompt: float, of: Extremes) -> float:
    """Seconds of one step that reads ``tokens`` of prompts, each ``prompt`` tokens long."""
    return step(work, use, Batch(0.0, 0.0, tokens, prompt), of)


def products(work: Work, use: Coefficients, batch: Batch, of: Extremes) -> float:
    """Seconds of the matrix products, were weights and activations at hand."""
    tokens = batch.sequences + batch.tokens
    seen = of.smaller(batch.prompt, work.window)
    # a causal prompt: each token looks back on half of it, or on the window once that is full
    whole = batch.prompt / 2
    behind = whole + work.windowed * (seen * (1 - seen / (2 * batch.prompt)) - whole)
    attention = 4 * work.layers * work.attention * batch.tokens * behind
    answers = batch.sequences + batch.tokens / batch.prompt
    flops = 2 * work.body * (tokens + use.fill_tokens) + 2 * work.head * answers + attention
    return flops / (work.shards * work.compute * use.compute_use)


def weight_read(work: Work, use: Coefficients, tokens: float) -> float:
    """Seconds in which one card reads its share of the weights; of the embedding only rows are looked up.

    Of a mixture of experts, those that at least one of the tokens has chosen, were each as likely as the next.
    """
    passed_by: float = (1 - work.chosen) ** tokens
    touched = work.experts * (1 - passed_by)
    dense = work.body - work.experts * work.chosen
    read = (dense + touched) * work.weight_bytes + work.head * BYTES_16BIT
    return read / (work.shards * work.bandwidth * use.bandwidth_use)


def looked_back(work: Work, context: float, of: Extremes) -> float:
    """Tokens whose keys and values a decoding token reads, on average over the layers."""
    return context + work.windowed * (of.smaller(context, work.window) - context)


def reduces(work: Work, use: Coefficients, tokens: float, of: Extremes) -> float:
    """Seconds in which the cards of a step add up what each has computed; none for one card.

    A ring sends ``2 (n - 1) / n`` of the message over each link (Patarasuk and Yuan, 2009).
    """
    others = work.shards - 1
    several = of.smaller(others, 1)
    sent = 2 * others / work.shards * tokens * work.hidden * BYTES_16BIT / (work.link * use.link_use)
    latency = several * use.reduce_s + (others - several) * use.rank_s
    return REDUCES * work.layers * (latency + sent)


def overlapped(one: float, other: float, sharpness: float) -> float:
    """The time of two that run side by side: the longer one's, and a little more where they are near to each other."""
    both: float = (one**sharpness + other**sharpness) ** (1 / sharpness)
    return both
