"""What a server makes of its steps: requests that come and go, share steps, and wait for one another's prompts.

Written like `zephyr_deploy.plan.speed.roofline`, for numbers and for arrays.
"""

from __future__ import annotations

from typing import NamedTuple

from zephyr_deploy.plan.speed.roofline import Coefficients, Extremes, Work, prefill, step

INTERFERENCE = 0.75
"""Share of the others' prompts that a running request waits for; the rest is computed beside its steps."""


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
    """Of a request that comes while the others run, and finds room."""
    itl: float
    output_tokens: float
    requests: float


def idle_ttft(work: Work, use: Coefficients, prompt: float) -> float:
    """Seconds to the first token where nothing else runs."""
    return prefill(work, use, prompt, prompt) + use.first_s


def closed_loop(work: Work, use: Coefficients, load: Load, of: Extremes) -> Speeds:
    """Where each request that ends is followed by the next one at once."""
    running = of.larger(of.smaller(load.concurrency, load.kv_tokens / (load.prompt + load.output / 2)), 1)
    prompt_s = prefill(work, use, load.prompt, load.prompt)
    step_s = step(work, use, running, load.prompt + load.output / 2)
    itl = step_s + INTERFERENCE * (running - 1) * prompt_s / load.output
    round_s = (INTERFERENCE * running + 1 - INTERFERENCE) * prompt_s + load.output * step_s + use.first_s / 2
    requests = running / round_s
    queue_s = (load.concurrency - running) / requests
    ttft = prompt_s + use.first_s + 0.5 * step_s * (running - 1) / running + queue_s
    return Speeds(running, ttft, itl, requests * load.output, requests)
