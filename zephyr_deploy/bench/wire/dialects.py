"""The protocols that the fast path speaks: which route, which body, and how its events are read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.clients.chunks import ChatProgress, NativeProgress
from zephyr_deploy.endpoint.openai import model_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.bench.wire.decode import Progress
    from zephyr_deploy.endpoint.types import Endpoint


@dataclass(frozen=True)
class Dialect:
    """One protocol; ``path`` is below the endpoint's url."""

    path: str
    asks: Callable[[str], dict[str, Any]]
    follow: Callable[[Sample], Progress]

    def body(self, prompt: str) -> bytes:
        """The body of the request for ``prompt``."""
        return json.dumps(self.asks(prompt)).encode()


def dialect_of(endpoint: Endpoint, spec: BenchSpec) -> Dialect:
    """The protocol that ``spec`` names, as ``endpoint`` speaks it. Every answer is greedy and streamed."""
    if spec.client == "native":
        # The same as the text-generation client sends, but for the route: it posts to the root.
        parameters = {"do_sample": False, "max_new_tokens": spec.max_new_tokens, "details": True}
        return Dialect("/generate_stream", lambda prompt: {"inputs": prompt, "parameters": parameters}, NativeProgress)
    fields = {
        "model": model_name(endpoint),
        "max_tokens": spec.max_new_tokens,
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if spec.client == "completions":
        return Dialect("/v1/completions", lambda prompt: {**fields, "prompt": prompt}, ChatProgress)
    return Dialect(
        "/v1/chat/completions",
        lambda prompt: {**fields, "messages": [{"role": "user", "content": prompt}]},
        ChatProgress,
    )
