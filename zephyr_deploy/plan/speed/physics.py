"""What no engine can beat: figures that are better than it are wrong, or of something else than they say.

Speculative decoding gives several tokens a step, and a prefix cache prompts that nobody reads: both beat these bounds
without breaking a law, and whoever measures them has to say so.
"""

from __future__ import annotations

from typing import NamedTuple

from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.resolve import work_of
from zephyr_deploy.plan.speed.roofline import PLAIN, Batch, Coefficients, gpu_step

IDEAL = Coefficients(
    bandwidth_use=1,
    kv_use=1,
    compute_use=1,
    fill_tokens=0,
    pass_tokens=1e9,
    launch_s=0,
    eager_s=0,
    host_s=0,
    sequence_s=0,
    first_s=0,
    stall=0,
    lockstep=0,
    reduce_s=0,
    rank_s=0,
    link_use=1,
    multi_head_use=1,
    sharpness=16,
)
"""A card that keeps its datasheet, under software that costs nothing."""
MARGIN = 2 ** (-1 / IDEAL.sharpness)
"""Two that overlap are computed as a little more than the longer one: by this much at most."""
TOLERANCE = 0.02
"""Of figures that are rounded, and means that are taken over other requests than each other's."""
S = 1000


class Seen(NamedTuple):
    """What somebody says to have measured. Times in milliseconds, rates a second; None: not said."""

    concurrency: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    ttft_ms: float | None = None
    itl_ms: float | None = None
    output_tokens_per_s: float | None = None


def contradictions(seen: Seen) -> tuple[str, ...]:
    """What of it cannot be true together, whatever the machine."""
    if seen.concurrency is None or seen.itl_ms is None or seen.output_tokens_per_s is None:
        return ()
    most = seen.concurrency * S / seen.itl_ms
    if seen.output_tokens_per_s <= most * (1 + TOLERANCE):
        return ()
    said = (
        f"{seen.output_tokens_per_s:.4g} tokens/s are more than {seen.concurrency:.4g} requests at a time can give "
        f"with {seen.itl_ms:.4g} ms between tokens: {most:.4g}"
    )
    return (said,)


def impossible(seen: Seen, setup: Setup) -> tuple[str, ...]:
    """What of it no card of this setup can do, or cannot be true together; empty: nothing.

    Raises:
        ConfigError: the card's bandwidth or compute is not known.
    """
    least = floors(setup, seen)
    found = list(contradictions(seen))
    if seen.itl_ms is not None and seen.itl_ms < least.itl_ms * (1 - TOLERANCE):
        found.append(
            f"{seen.itl_ms:.4g} ms between tokens are less than reading the weights and the cache takes: "
            f"{least.itl_ms:.4g} ms"
        )
    if seen.ttft_ms is not None and seen.ttft_ms < least.ttft_ms * (1 - TOLERANCE):
        found.append(f"{seen.ttft_ms:.4g} ms to the first token are less than computing it takes: {least.ttft_ms:.4g}")
    most = least.output_tokens_per_s
    if seen.output_tokens_per_s is not None and seen.output_tokens_per_s > most * (1 + TOLERANCE):
        found.append(f"{seen.output_tokens_per_s:.4g} tokens/s are more than the cards can compute: {most:.4g}")
    return tuple(found)


class Floors(NamedTuple):
    """Times that nothing is below, and a rate that nothing is above."""

    itl_ms: float
    ttft_ms: float
    output_tokens_per_s: float


def floors(setup: Setup, seen: Seen) -> Floors:
    """Of one request at a time, but for the rate, which is of as many as are said."""
    work = work_of(setup)
    prompt, output = seen.input_tokens or 1, seen.output_tokens or 1
    step_s = MARGIN * gpu_step(work, IDEAL, Batch(1, prompt), PLAIN)
    prompt_s = MARGIN * gpu_step(work, IDEAL, Batch(0, 0, prompt, prompt), PLAIN)
    # the cards cannot compute more: each request costs its prompt and its answer
    flops = 2 * work.body * (prompt + output) + 2 * work.head * output
    computed = output * work.shards * work.compute / flops
    at_once = computed if seen.concurrency is None else seen.concurrency / step_s
    return Floors(step_s * S, prompt_s * S, min(computed, at_once))
