"""The time of a step and of a prompt: what must be read, computed and sent, at the rates that cards reach.

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
    stored: float
    """Parameters that are in memory, without embedding and head: more than `body` in a mixture of experts."""
    head: float
    """Parameters of the output head."""
    weight_bytes: float
    """Of a parameter of the body."""
    kv_bytes: float
    """Of a token, in one shard."""
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
    decode_use: float
    """Share of the compute that a step of decoding reaches."""
    prefill_use: float
    """Share of the compute that a prompt reaches."""
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
    reduce_s: float
    """Latency of one all-reduce between two cards."""
    link_use: float
    """Share of the link's bandwidth that an all-reduce reaches."""


MULTI_HEAD = 1.09
"""Keys and values of multi-head attention are read slower by this than grouped ones of the same size."""
MORE_SHARDS = 0.15
"""An all-reduce's latency grows by this share with each card beyond two."""
REDUCES = 2
"""All-reduces of a layer: behind attention and behind the MLP (Megatron-LM, arXiv 1909.08053)."""
BYTES_16BIT = 2


def step(work: Work, use: Coefficients, sequences: float, context: float) -> float:
    """Seconds of one step of decoding, which gives each of ``sequences`` one token behind ``context`` tokens."""
    weights = weight_read(work, use)
    compute = 2 * (work.body + work.head) * sequences / (work.shards * work.compute * use.decode_use)
    kv = sequences * context * work.kv_bytes / (work.bandwidth * use.kv_use)
    kv = kv * (1 + (MULTI_HEAD - 1) * work.multi_head)
    gpu = overlapped(weights, compute, 3) + kv + work.layers * use.launch_s
    gpu = gpu + reduces(work, use, sequences)
    floor = work.layers * use.eager_s
    return overlapped(gpu, floor, 4) + use.host_s + use.sequence_s * sequences


def prefill(work: Work, use: Coefficients, tokens: float, prompt: float) -> float:
    """Seconds of one step that reads ``tokens`` of prompts, each ``prompt`` tokens long."""
    flops = 2 * work.body * tokens + 2 * work.head + 2 * work.layers * work.attention * tokens * prompt
    compute = flops / (work.shards * work.compute * use.prefill_use)
    gpu = overlapped(compute, weight_read(work, use), 3)
    return gpu + 1.5 * work.layers * use.launch_s + reduces(work, use, tokens) + use.host_s


def weight_read(work: Work, use: Coefficients) -> float:
    """Seconds in which one card reads its share of the weights; of the embedding only rows are looked up."""
    read = work.stored * work.weight_bytes + work.head * BYTES_16BIT
    return read / (work.shards * work.bandwidth * use.bandwidth_use)


def reduces(work: Work, use: Coefficients, tokens: float) -> float:
    """Seconds in which the cards of a step add up what each has computed of ``tokens``; none for one card."""
    several = 1 - 1 / work.shards
    crowd = 1 + MORE_SHARDS * (work.shards - 2)
    sent = 2 * several * tokens * work.hidden * BYTES_16BIT / (work.link * use.link_use)
    # the latency is one of several cards alone: for one card, several is 0 and crowd of no matter
    latency = use.reduce_s * crowd * (several > 0)
    return REDUCES * work.layers * (latency + sent)


def overlapped(one: float, other: float, sharpness: float) -> float:
    """The time of two that run side by side: the longer one's, and a little more where they are near to each other."""
    both: float = (one**sharpness + other**sharpness) ** (1 / sharpness)
    return both
