"""From TGI's parameters to llama.cpp's: pure functions, one row of the mapping each."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.engines.llamacpp.gateway.schema import Parameters

FinishReason = Literal["length", "eos_token", "stop_sequence"]

RANDOM_SEED = 2**32 - 1
"""llama.cpp draws a seed of its own when it is given this one, and does not say which."""

SAMPLERS = ["penalties", "temperature", "top_k", "top_p", "typ_p"]
"""TGI's samplers in TGI's order (``server/text_generation_server/utils/tokens.py``); llama.cpp's others stay off."""

FINISH: dict[str, FinishReason] = {"limit": "length", "eos": "eos_token", "word": "stop_sequence"}
"""llama.cpp's ``stop_type`` in TGI's words."""


def is_sampling(parameters: Parameters) -> bool:
    """Whether TGI would draw tokens: asked for, or implied by a setting that only drawing gives a meaning."""
    return (
        parameters.do_sample
        or parameters.temperature not in (None, 1.0)
        or parameters.top_k is not None
        or parameters.top_p is not None
        or parameters.typical_p is not None
    )


def seed_of(parameters: Parameters) -> int | None:
    """The seed to use and to report: the caller's, else a drawn one; None where nothing is drawn."""
    if not is_sampling(parameters):
        return None
    return parameters.seed if parameters.seed is not None else secrets.randbelow(RANDOM_SEED)


def sampling_fields(parameters: Parameters, *, seed: int | None, window: int) -> dict[str, Any]:
    """The part of llama.cpp's request that shapes the choice of tokens.

    Off is said aloud for each sampler, because llama.cpp's defaults are not off.

    Args:
        parameters: The caller's.
        seed: Any 64-bit seed, folded into llama.cpp's 32 bits; None: greedy.
        window: How many tokens back the penalties look: the whole context, as in TGI.
    """
    fields: dict[str, Any] = {
        "samplers": SAMPLERS,
        "top_k": parameters.top_k or 0,
        "top_p": _or(parameters.top_p, 1.0),
        "min_p": 0.0,
        "typical_p": _or(parameters.typical_p, 1.0),
        "repeat_penalty": _or(parameters.repetition_penalty, 1.0),
        "frequency_penalty": _or(parameters.frequency_penalty, 0.0),
        "presence_penalty": 0.0,
        "repeat_last_n": window,
        "temperature": 0.0,
    }
    if seed is not None:
        fields |= {"temperature": _or(parameters.temperature, 1.0), "seed": seed % RANDOM_SEED}
    return fields


def completion_payload(
    parameters: Parameters, prompt: Sequence[int], *, new_tokens: int, seed: int | None, window: int
) -> dict[str, Any]:
    """The body of llama.cpp's ``POST /completion``, without the grammar.

    ``n_probs`` is at least 1: that is what makes llama.cpp report ids and logprobs at all.
    """
    return {
        "prompt": list(prompt),
        "n_predict": new_tokens,
        "stop": parameters.stop,
        "n_probs": max(1, parameters.top_n_tokens or 0),
        "return_tokens": True,
        **({"ignore_eos": True} if parameters.ignore_eos else {}),
        **sampling_fields(parameters, seed=seed, window=window),
    }


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
