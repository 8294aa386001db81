"""What a server makes of its steps: requests that come and go, share steps, and wait for one another's prompts.

Written like `zephyr_deploy.plan.speed.roofline`, for numbers and for arrays.
"""

from __future__ import annotations

from typing import NamedTuple

from zephyr_deploy.plan.speed.roofline import Batch, Coefficients, Extremes, Work, gpu_step, prefill, step


class Load(NamedTuple):
    """Requests of one shape, so many at a time."""

    prompt: float
    output: float
    concurrency: float
    kv_tokens: float
    """Tokens that have room in the KV cache."""


class Speeds(NamedTuple):
    """Times in seconds, rates a second."""

    running: float
    ttft: float
    """Of a request that comes while the others run."""
    itl: float
    output_tokens: float
    requests: float


def idle_ttft(work: Work, use: Coefficients, prompt: float, of: Extremes) -> float:
    """Seconds to the first token where nothing else runs."""
    return prefill(work, use, prompt, prompt, of) + use.first_s


def closed_loop(work: Work, use: Coefficients, load: Load, of: Extremes) -> Speeds:
    """Where each request that ends is followed by the next one at once."""
    context = load.prompt + load.output / 2
    running = of.larger(of.smaller(load.concurrency, load.kv_tokens / context), 1)
    alone_s = prefill(work, use, load.prompt, load.prompt, of)
    step_s = step(work, use, Batch(running, context), of)
    beside_s = beside(work, use, load, running, of)
    itl = step_s + use.stall * (running - 1) * beside_s / load.output
    round_s = use.stall * (running - 1) * beside_s + alone_s + load.output * step_s + use.first_s / 2
    requests = running / round_s
    queue_s = (load.concurrency - running) / requests
    ttft = alone_s + use.first_s + 0.5 * step_s * (running - 1) / running + queue_s
    return Speeds(running, ttft, itl, requests * load.output, requests)


def beside(work: Work, use: Coefficients, load: Load, running: float, of: Extremes) -> float:
    """Seconds by which a step is longer that reads a prompt, too."""
    context = load.prompt + load.output / 2
    both = gpu_step(work, use, Batch(running, context, load.prompt, load.prompt), of)
    return both - gpu_step(work, use, Batch(running, context), of)
