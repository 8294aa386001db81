"""How much has room: tokens of a step, tokens of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.plan.memory.weigh import weigh

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.plan.setup import Setup

STEP = 256
"""Tokens in which limits are chosen."""
LEAST_PREFILL = 512
LEAST_TOTAL = 1024
"""A service of shorter requests than that is of no use where nobody asked for it."""


def needed_tokens(setup: Setup, prefill_tokens: int, total_tokens: int) -> int:
    """Tokens that must have room: the longest request; TGI refuses to start where a step of prompts has none, too."""
    return max(total_tokens, prefill_tokens) if setup.engine == "tgi" else total_tokens


def has_room(setup: Setup, prefill_tokens: int, total_tokens: int) -> bool:
    """Whether both fit, for sure."""
    needed = needed_tokens(setup, prefill_tokens, total_tokens)
    return weigh(setup, prefill_tokens).sure_kv_tokens >= needed


def lacking_bytes(setup: Setup, prefill_tokens: int, total_tokens: int) -> int:
    """Bytes that each GPU lacks until both fit for sure; 0 where they do."""
    memory = weigh(setup, prefill_tokens)
    needed = needed_tokens(setup, prefill_tokens, total_tokens) * memory.kv_bytes_per_token
    return max(0, int(needed - (memory.kv_cache - memory.margin_bytes)))


def most_prefill(setup: Setup, upto: int, total_tokens: int) -> int:
    """The most prompt tokens of a step, up to so many, that leave room; the least there may be where none do."""
    return most(upto, LEAST_PREFILL, lambda count: has_room(setup, count, total_tokens))


def longest_total(setup: Setup, prefill_tokens: int) -> int:
    """The longest request that has room; 0 where it would be shorter than is of use."""
    memory = weigh(setup, prefill_tokens)
    short = min(memory.sure_kv_tokens, setup.model.max_positions) // STEP * STEP
    return short if short >= max(LEAST_TOTAL, needed_tokens(setup, prefill_tokens, 0)) else 0


def most(upto: int, least: int, holds: Callable[[int], bool]) -> int:
    """The largest multiple of `STEP` that holds, given that smaller ones do; ``least`` where none does."""
    low, high = least // STEP, max(least, upto) // STEP
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle * STEP) else (low, middle - 1)
    return low * STEP
