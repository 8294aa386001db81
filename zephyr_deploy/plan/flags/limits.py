"""The longest prompt and request, the prompt tokens of a step, and how many requests are taken: chosen together.

Together, because TGI computes with whatever is missing of the first three, and can overflow.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.plan.flags.prefill import Prefill, choose_prefill
from zephyr_deploy.plan.memory.room import LEAST_TOTAL, STEP
from zephyr_deploy.plan.memory.weigh import weigh
from zephyr_deploy.plan.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.plan.memory.breakdown import Memory
    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.plan.workload import Slo
    from zephyr_deploy.spec.deployment import Deployment

USUAL_TOTAL = 4096
"""A longest request that every service should take, where the model does."""
ANSWER = 1024
"""Room for an answer beside the longest prompt, where nothing is said of it."""
PROMPT_SHARE = 0.75
TGI_CONCURRENT = 128
"""TGI's own default of ``--max-concurrent-requests``: one more is refused with 429 at once, so that fewer would turn
away what could have waited."""
MOST_CONCURRENT = 256
"""More at a time gains little, and each waits longer."""


class Limits(NamedTuple):
    """Tokens and requests, each with its reason."""

    max_input_tokens: int
    max_total_tokens: int
    max_batch_prefill_tokens: int
    max_concurrent_requests: int
    at_a_time: int
    """Requests that are computed at once."""
    memory: Memory
    why: dict[str, str]


class Wanted(NamedTuple):
    """All that the limits depend on."""

    setup: Setup
    wish: Deployment
    workload: Workload | None
    slo: Slo | None
    prefill_ms: Callable[[int], float] | None
    concurrency: int | None
    """The most at a time that keeps the times asked for."""

    @property
    def chunking(self) -> bool:
        """Whether long prompts are computed in pieces."""
        engine = self.wish.engine
        if self.setup.engine != "tgi":
            return True
        off = engine.env.get("PREFILL_CHUNKING", "1").lower() not in {"1", "true"}
        return not (engine.speculate or off or engine.env.get("ATTENTION") == "paged")

    @property
    def reach(self) -> int:
        """The longest request that the model makes good use of."""
        model = self.setup.model
        return min(model.max_positions, model.sliding_window or model.max_positions)


def choose_limits(wanted: Wanted) -> Limits:
    """Every limit, the user's own where there is one."""
    said = wanted.wish.limits
    needed = _needed(wanted)
    prefill = _prefill(wanted, needed)
    memory = weigh(wanted.setup, prefill.tokens)
    total, total_why = _total(wanted, needed, memory)
    longest, longest_why = _longest(wanted, total)
    if not wanted.chunking and said.max_batch_prefill_tokens is None and prefill.tokens < longest:
        prefill = Prefill(longest, "One prompt has to fit one step, because prefill chunking is off.")
        memory = weigh(wanted.setup, prefill.tokens)
    concurrent, at_a_time, concurrent_why = _concurrent(wanted, total, memory, prefill.tokens)
    return Limits(
        max_input_tokens=longest,
        max_total_tokens=total,
        max_batch_prefill_tokens=prefill.tokens,
        max_concurrent_requests=concurrent,
        at_a_time=at_a_time,
        memory=memory,
        why={
            "max_input_tokens": longest_why,
            "max_total_tokens": total_why,
            "max_batch_prefill_tokens": prefill.why,
            "max_concurrent_requests": concurrent_why,
        },
    )


def _needed(wanted: Wanted) -> int:
    """Tokens of a request that must have room."""
    said, work = wanted.wish.limits, wanted.workload
    if said.max_total_tokens:
        return said.max_total_tokens
    if said.max_input_tokens:
        return said.max_input_tokens + (work.output_tokens if work else ANSWER)
    asked = work.input_tokens + work.output_tokens if work else 0
    return max(asked, min(USUAL_TOTAL, wanted.reach))


def _prefill(wanted: Wanted, needed: int) -> Prefill:
    said = wanted.wish.limits.max_batch_prefill_tokens
    if said:
        return Prefill(said, "")
    ttft = wanted.slo.ttft_ms if wanted.slo else None
    found, whole = choose_prefill(wanted.setup, needed, ttft_ms=ttft, prefill_ms=wanted.prefill_ms), _batch(wanted)
    return Prefill(whole, "No more than all requests together may have.") if whole < found.tokens else found


def _batch(wanted: Wanted) -> int:
    """Tokens of all running requests, where the user bounds them."""
    return wanted.wish.limits.max_batch_total_tokens or sys.maxsize


def _total(wanted: Wanted, needed: int, memory: Memory) -> tuple[int, str]:
    said = wanted.wish.limits
    if said.max_total_tokens:
        return said.max_total_tokens, ""
    room = min(wanted.reach, memory.sure_kv_tokens // 2)
    wide = 1 << (room.bit_length() - 1) if room else 0
    short = memory.sure_kv_tokens // STEP * STEP
    if wanted.chunking and wide > needed:
        total, why = wide, "Two requests of that length have room at a time."
    elif LEAST_TOTAL <= short < needed and not (said.max_input_tokens or wanted.workload):
        total, why = short, "No longer request has room."
    elif said.max_input_tokens:
        total, why = needed, "The longest prompt, and room for an answer."
    elif needed > min(USUAL_TOTAL, wanted.reach):
        total, why = needed, "The prompt and the answer that are asked for."
    else:
        total, why = needed, "Enough for most conversations; longer ones leave less room for others."
    if total == wanted.setup.model.max_positions:
        why = "The model has no more positions."
    elif total == wanted.setup.model.sliding_window:
        why = "The model looks back no further."
    return total, why


def _longest(wanted: Wanted, total: int) -> tuple[int, str]:
    said, work = wanted.wish.limits.max_input_tokens, wanted.workload
    if said:
        return said, ""
    share = max(1, int(total * PROMPT_SHARE))
    if work and work.input_tokens > share:
        return min(work.input_tokens, total - 1), "The prompt that is asked for."
    if work and total - share < work.output_tokens < total:
        return total - work.output_tokens, "What the answer that is asked for leaves."
    return share, "Three quarters of the longest request; the answer has the rest."


def _bounded(wanted: Wanted) -> bool:
    """Whether anything was said of how many requests there are at a time, or how long one may take."""
    work, slo = wanted.workload, wanted.slo
    load = work and (work.concurrency or work.request_rate)
    times = slo and (slo.ttft_ms or slo.itl_ms)
    return bool(load or times or wanted.concurrency or wanted.wish.limits.max_batch_total_tokens)


def _concurrent(wanted: Wanted, total: int, memory: Memory, prefill: int) -> tuple[int, int, str]:
    """How many requests are taken, how many of them are computed at a time, and why."""
    said, shape = wanted.wish.limits.max_concurrent_requests, wanted.workload or Workload()
    asked, tgi = shape.concurrency or 0, wanted.setup.engine == "tgi"
    each = min(total, shape.input_tokens + shape.output_tokens)
    room = min(memory.sure_kv_tokens, _batch(wanted)) // each
    most, why = max(1, room), f"So many requests of {each} tokens have room at a time."
    if room == 0:
        why = f"Not one request of {each} tokens has room for sure."
    if most > max(asked, MOST_CONCURRENT):
        most, why = max(asked, MOST_CONCURRENT), "More at a time gain little, and each waits longer."
    if most > prefill and not tgi:
        most, why = prefill, "Each of them adds a token to a step."
    if wanted.concurrency is not None and wanted.concurrency < most:
        most, why = max(1, wanted.concurrency), "The most that keep the times that are asked for."
    if said:
        return said, min(said, most), ""
    if not tgi:  # the others let what is more wait, whatever this is
        return most, most, why
    if not _bounded(wanted) and room and most < TGI_CONCURRENT:
        why = f"{most} requests of {each} tokens are computed at a time, and the others wait; more than these get 429."
        return TGI_CONCURRENT, most, why
    if asked > most:
        return asked, most, f"As many as are asked for; {most} are computed at a time, and the others wait."
    return most, most, f"{why} TGI refuses one more with 429."
