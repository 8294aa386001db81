"""What OpenAI's two routes share: names, counts, and how an end is called."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from zephyr_deploy.engines.llamacpp.gateway.info import system_fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.engines.llamacpp.gateway.context import Gateway
    from zephyr_deploy.engines.llamacpp.gateway.infer import End
    from zephyr_deploy.engines.llamacpp.gateway.sampling import FinishReason


def envelope(gateway: Gateway, kind: str) -> dict[str, Any]:
    """The members that every answer begins with; TGI leaves ``id`` empty."""
    return {
        "object": kind,
        "id": "",
        "created": int(time.time()),
        "model": gateway.settings.model_id,
        "system_fingerprint": system_fingerprint(),
    }


def finish(reason: FinishReason) -> str:
    """OpenAI's word for an end; ``stop_sequence`` stays TGI's own."""
    return "stop" if reason == "eos_token" else reason


def usage(ends: Sequence[End]) -> dict[str, int]:
    """Tokens of prompts and answers together."""
    prompt = sum(end.prompt_tokens for end in ends)
    completion = sum(end.generated_tokens for end in ends)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def sampled(temperature: float | None) -> dict[str, Any]:
    """TGI's reading of OpenAI's temperature: 0 is greedy, everything else draws."""
    return {"do_sample": temperature != 0, "temperature": temperature or None}
