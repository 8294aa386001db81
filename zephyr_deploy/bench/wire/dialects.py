"""The protocols that the fast path speaks: which route, which body, and how its events are read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.asks import as_text
from zephyr_deploy.bench.clients.chunks import ChatProgress, NativeProgress
from zephyr_deploy.endpoint.openai import model_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.bench.asks import Ask
    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.bench.wire.progress import Progress
    from zephyr_deploy.endpoint.types import Endpoint

ROLES = ("user", "assistant")


@dataclass(frozen=True)
class Dialect:
    """One protocol; ``path`` is below the endpoint's url."""

    path: str
    asks: Callable[[Ask], dict[str, Any]]
    follow: Callable[[Sample], Progress]

    def body(self, ask: Ask) -> bytes:
        """The body of the request."""
        return json.dumps(self.asks(ask)).encode()


def dialect_of(endpoint: Endpoint, spec: BenchSpec) -> Dialect:
    """The protocol that ``spec`` names, as ``endpoint`` speaks it. Every answer is greedy and streamed."""
    if spec.client == "native":
        # The same as the text-generation client sends, but for the route: it posts to the root.
        fixed = {"do_sample": False, "details": True}
        return Dialect("/generate_stream", lambda ask: _native(ask, fixed), NativeProgress)
    fields = {
        "model": model_name(endpoint),
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if spec.client == "completions":
        return Dialect("/v1/completions", lambda ask: {**fields, **_completion(ask)}, ChatProgress)
    return Dialect("/v1/chat/completions", lambda ask: {**fields, **_chat(ask)}, ChatProgress)


def _native(ask: Ask, fixed: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": as_text(ask), "parameters": {**fixed, "max_new_tokens": ask.turn.output_tokens}}


def _completion(ask: Ask) -> dict[str, Any]:
    return {"prompt": as_text(ask), "max_tokens": ask.turn.output_tokens}


def _chat(ask: Ask) -> dict[str, Any]:
    said = [{"role": role, "content": text} for pair in ask.before for role, text in zip(ROLES, pair, strict=True)]
    messages = [*said, {"role": "user", "content": ask.turn.text}]
    return {"messages": messages, "max_tokens": ask.turn.output_tokens}
