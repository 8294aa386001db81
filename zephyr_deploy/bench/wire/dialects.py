"""The protocols that the fast path speaks: which route, which body, and how its events are read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.asks import as_text
from zephyr_deploy.bench.clients.chunks import ChatProgress, NativeProgress
from zephyr_deploy.endpoint.naming import model_name
from zephyr_deploy.endpoint.sse import DONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.bench.asks import Ask
    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.bench.wire.progress import Progress
    from zephyr_deploy.endpoint.types import Endpoint

KNOW_MIN_TOKENS = {"vllm", "sglang"}
"""Engines that can be told how long an answer is at least, so that not even the end's token is drawn before, which
would be a token without text."""


@dataclass(frozen=True)
class Dialect:
    """One protocol; ``path`` is below the endpoint's url."""

    path: str
    body: Callable[[Ask], bytes]
    """The body of the request. What all requests have in common is JSON already: only the texts are encoded."""
    follow: Callable[[Sample], Progress]
    end: bytes
    """What every complete answer has, near its end and nowhere else."""


def dialect_of(endpoint: Endpoint, spec: BenchSpec) -> Dialect:
    """The protocol that ``spec`` names, as ``endpoint`` speaks it. Every answer is greedy and streamed."""
    if spec.client == "native":
        return Dialect("/generate_stream", _native(spec), NativeProgress, b'"finish_reason"')
    fields = {
        "model": model_name(endpoint),
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
        **_to_the_end(spec),
    }
    least = spec.ignore_eos and endpoint.engine in KNOW_MIN_TOKENS
    if spec.client == "completions":
        return Dialect(
            "/v1/completions", _openai(fields, '"prompt": ', _prompt, least=least), ChatProgress, DONE.encode()
        )
    return Dialect(
        "/v1/chat/completions", _openai(fields, '"messages": ', _messages, least=least), ChatProgress, DONE.encode()
    )


def _to_the_end(spec: BenchSpec) -> dict[str, Any]:
    """TGI does not know the field and takes no notice of it; the embedded engine's TGI API does."""
    return {"ignore_eos": True} if spec.ignore_eos else {}


def _native(spec: BenchSpec) -> Callable[[Ask], bytes]:
    """The same as the text-generation client sends, but for the route: it posts to the root."""
    fixed = json.dumps({"do_sample": False, "details": True, **_to_the_end(spec)})[:-1]

    def body(ask: Ask) -> bytes:
        parameters = f'{fixed}, "max_new_tokens": {ask.turn.output_tokens}}}'
        return f'{{"inputs": {_prompt(ask)}, "parameters": {parameters}}}'.encode()

    return body


def _openai(fields: dict[str, Any], name: str, say: Callable[[Ask], str], *, least: bool) -> Callable[[Ask], bytes]:
    head = f"{json.dumps(fields)[:-1]}, {name}"

    def body(ask: Ask) -> bytes:
        most = ask.turn.output_tokens
        end = f', "max_tokens": {most}, "min_tokens": {most}}}' if least else f', "max_tokens": {most}}}'
        return f"{head}{say(ask)}{end}".encode()

    return body


def _prompt(ask: Ask) -> str:
    return quoted(as_text(ask))


def _messages(ask: Ask) -> str:
    before = "".join(
        f'{{"role": "user", "content": {quoted(said)}}}, {{"role": "assistant", "content": {quoted(answer)}}}, '
        for said, answer in ask.before
    )
    return f'[{before}{{"role": "user", "content": {quoted(ask.turn.text)}}}]'
