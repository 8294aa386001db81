"""What a server makes of its steps: requests that come and go, share steps, and wait for one another's prompts.

Written like `zephyr_deploy.plan.speed.roofline`, for numbers and for arrays.
"""

from __future__ import annotations

from typing import NamedTuple

from zephyr_deploy.plan.speed.roofline import Batch, Coefficients, Extremes, Work, gpu_step, hosted, prefill

BUSIEST = 0.95
"""Share of the time that reading prompts takes at most, where waits are computed: beyond, they have no mean."""
HALVINGS = 16
SWITCH = 1e12
"""Makes 0 or 1 of a difference, for numbers and arrays alike."""
WHOLE = 1e9
"""Tokens of a step that reads whole prompts, however long."""


class Load(NamedTuple):
    """Requests of one shape, so many at a time."""

    prompt: float
    output: float
    concurrency: float
    kv_tokens: float
    """Tokens that have room in the KV cache."""
    chunk: float = WHOLE
    """Tokens of prompts that one step reads at most."""


class Speeds(NamedTuple):
    """Means. Times in seconds, rates a second."""

    running: float
    ttft: float
    """Of a request that comes while the others run."""
    itl: float
    output_tokens: float
    requests: float
    step: float
    """Of decoding alone."""
    beside: float
    """By which all steps that read a prompt are longer together."""
    busy: float
    """Share of the time that the others' prompts take."""
    queue: float
    """That a request waits for room in the KV cache."""


def prompt_s(work: Work, use: Coefficients, load: Load, of: Extremes) -> float:
    """Seconds to read a prompt where nothing else runs, in as many steps as it takes."""
    steps = of.larger(load.prompt / load.chunk, 1)
    return steps * prefill(work, use, load.prompt / steps, load.prompt, of)


def idle_ttft(work: Work, use: Coefficients, load: Load, of: Extremes) -> float:
    """Seconds to the first token where nothing else runs."""
    return prompt_s(work, use, load, of) + use.first_s


def closed_loop(work: Work, use: Coefficients, load: Load, of: Extremes) -> Speeds:
    """Where each request that ends is followed by the next one at once."""
    context = load.prompt + load.output / 2
    running = of.larger(of.smaller(load.concurrency, load.kv_tokens / context), 1)
    alone_s = prompt_s(work, use, load, of)
    gpu_s = gpu_step(work, use, Batch(running, context), of)
    step_s = hosted(work, use, gpu_s, running)
    # others' prompts for each token: below one, some of the steps read one; above, each step reads several
    prompts = (running - 1) / load.output
    several = of.larger(prompts, 1)
    batch = Batch(running, context, load.prompt, load.prompt)
    beside_s = reading(work, use, batch, of, chunk=load.chunk, without_s=gpu_s)
    batch = batch._replace(tokens=load.prompt * several)
    longer_s = reading(work, use, batch, of, chunk=load.chunk, without_s=gpu_s)
    itl = step_s + use.stall * of.smaller(prompts, 1) * longer_s
    round_s = alone_s + load.output * itl + use.first_s / 2
    requests = running / round_s
    busy = of.smaller(requests * (running - 1) / running * beside_s, BUSIEST)
    together_s = (running - 1) / 2 * beside_s
    apart_s = of.smaller(wait(busy, beside_s), together_s)
    wait_s = apart_s + use.lockstep * (together_s - apart_s)
    queue_s = (load.concurrency - running) / requests
    # and the step that runs when a request comes has to end
    ttft = alone_s + use.first_s + step_s / 2 * (running - 1) / running + wait_s + queue_s
    return Speeds(running, ttft, itl, requests * load.output, requests, step_s, beside_s, busy, queue_s)


def open_loop(work: Work, use: Coefficients, load: Load, rate: float, of: Extremes) -> tuple[Speeds, float]:
    """Where requests come at random, ``rate`` a second: so many are in flight that as many end (Little, 1961).

    Returns:
        The speeds, and how many requests are in flight. Where even ``load.concurrency`` in flight are too slow, those.
    """
    # requests that come by themselves keep no step with one another
    use = use._replace(lockstep=use.lockstep * 0)
    low, high = load.concurrency * 0 + 1, load.concurrency
    for _ in range(HALVINGS):
        middle: float = (low * high) ** 0.5
        served = closed_loop(work, use, load._replace(concurrency=middle), of).requests
        enough = of.smaller(of.larger((served - rate) * SWITCH, 0), 1)
        low, high = low + (1 - enough) * (middle - low), high + enough * (middle - high)
    speeds = closed_loop(work, use, load._replace(concurrency=high), of)
    # those before it have come by themselves, too, even where none is in flight on average
    apart_s = wait(of.smaller(rate * speeds.beside, BUSIEST), speeds.beside)
    ttft = of.larger(speeds.ttft, speeds.ttft + apart_s - wait(speeds.busy, speeds.beside))
    return speeds._replace(ttft=ttft), of.smaller(high, rate * speeds.running / speeds.requests)


def wait(busy: float, service_s: float) -> float:
    """Seconds that a prompt waits for those before it, each of which takes as long (M/D/1, Pollaczek and Khinchine)."""
    return busy * service_s / (2 * (1 - busy))


def reading(work: Work, use: Coefficients, batch: Batch, of: Extremes, *, chunk: float, without_s: float) -> float:
    """Seconds by which the steps that read the prompts of a batch are longer than one without, which takes so long."""
    steps = of.larger(batch.tokens / chunk, 1)
    return steps * (gpu_step(work, use, batch._replace(tokens=batch.tokens / steps), of) - without_s)
