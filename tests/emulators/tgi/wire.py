"""TGI's shapes: JSON bodies and events, made from an answer; nothing here knows of HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Refusal = tuple[int, dict[str, str]]
"""Status and body."""
OOM = "Request failed during generation: Server error: CUDA out of memory. Tried to allocate 2.00 MiB"
REFUSALS: dict[str, Refusal] = {
    "overloaded": (429, {"error": "Model is overloaded", "error_type": "overloaded"}),
    "validation": (422, {"error": "Input validation error: `inputs` cannot be empty", "error_type": "validation"}),
    "generation": (424, {"error": OOM, "error_type": "generation"}),
}
NOT_JSON = "Failed to parse the request body as JSON: EOF while parsing a value"
NO_INPUTS = "Failed to deserialize the JSON body into the target type: missing field `inputs`"
DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b":\n\n"


@dataclass(frozen=True)
class Answer:
    """What one request is answered with."""

    tokens: list[str]
    finish: str
    prompt_tokens: int

    @property
    def text(self) -> str:
        return "".join(self.tokens)

    def events(self) -> list[tuple[str, bool]]:
        """Text and whether it is special, token by token; the end token is a token too."""
        plain = [(text, False) for text in self.tokens]
        return [*plain, ("</s>", True)] if self.finish == "eos_token" else plain


def event(data: object) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"


def tokens_wanted(body: dict[str, Any]) -> int | None:
    return (body.get("parameters") or {}).get("max_new_tokens") or body.get("max_tokens")


def prompt_tokens(body: dict[str, Any]) -> int:
    prompt = body.get("inputs") or body.get("prompt") or ""
    said = [str(prompt), *(str(m.get("content") or "") for m in body.get("messages") or ())]
    return sum(len(text.split()) for text in said)


def tokenized(text: str) -> list[dict[str, Any]]:
    return list(_words(text))


def native(answer: Answer, *, details: bool) -> dict[str, Any]:
    payload: dict[str, Any] = {"generated_text": answer.text}
    if details:
        tokens = [_token(number, text, special=special) for number, (text, special) in enumerate(answer.events(), 1)]
        payload["details"] = {
            "finish_reason": answer.finish, "generated_tokens": len(tokens),
            "seed": None, "prefill": [], "tokens": tokens,
        }  # fmt: skip
    return payload


def token_event(number: int, text: str, *, special: bool, final: Answer | None) -> dict[str, Any]:
    """One event of TGI's own stream; ``final`` only with the last."""
    details = final and {
        "finish_reason": final.finish, "generated_tokens": number, "seed": None, "input_length": final.prompt_tokens,
    }  # fmt: skip
    token = _token(number, text, special=special)
    return {"index": number, "token": token, "generated_text": final.text if final else None, "details": details}


def completion(model_id: str, answer: Answer, *, chat: bool) -> dict[str, Any]:
    said = {"message": {"role": "assistant", "content": answer.text}} if chat else {"text": answer.text}
    choice = {"index": 0, **said, "logprobs": None, "finish_reason": _openai_finish(answer.finish)}
    kind = "chat.completion" if chat else "text_completion"
    return {**_head(model_id, kind), "choices": [choice], "usage": usage(answer)}


def chunk(model_id: str, text: str, finish: str | None, *, chat: bool) -> dict[str, Any]:
    said = {"delta": {"role": "assistant", "content": text}} if chat else {"text": text}
    finished = _openai_finish(finish) if finish else None
    choice = {"index": 0, **said, "logprobs": None, "finish_reason": finished}
    kind = "chat.completion.chunk" if chat else "text_completion"
    return {**_head(model_id, kind), "choices": [choice], "usage": None}


def usage(answer: Answer) -> dict[str, int]:
    made = len(answer.events())
    return {
        "prompt_tokens": answer.prompt_tokens, "completion_tokens": made, "total_tokens": answer.prompt_tokens + made,
    }  # fmt: skip


def info(model_id: str, max_input_tokens: int, max_total_tokens: int) -> dict[str, Any]:
    return {
        "model_id": model_id, "model_sha": None, "model_pipeline_tag": "text-generation",
        "max_concurrent_requests": 128, "max_best_of": 2, "max_stop_sequences": 4,
        "max_input_tokens": max_input_tokens, "max_total_tokens": max_total_tokens,
        "validation_workers": 2, "max_client_batch_size": 4, "router": "text-generation-router",
        # The image 3.3.7 says this of itself.
        "version": "3.3.6-dev0", "sha": "8d029d2", "docker_label": "sha-8d029d2",
    }  # fmt: skip


def models(model_id: str) -> dict[str, Any]:
    model = {"id": model_id, "object": "model", "created": 0, "owned_by": model_id}
    return {"object": "list", "data": [model]}


def _head(model_id: str, kind: str) -> dict[str, Any]:
    return {
        "object": kind, "id": "", "created": 1706270835,
        "model": model_id, "system_fingerprint": "3.3.6-dev0-sha-8d029d2",
    }  # fmt: skip


def _token(number: int, text: str, *, special: bool) -> dict[str, Any]:
    return {"id": 2 if special else 1000 + number, "text": text, "logprob": -0.125, "special": special}


def _openai_finish(finish: str) -> str:
    return "stop" if finish == "eos_token" else finish


def _words(text: str) -> Iterator[dict[str, Any]]:
    start = 0
    for number, word in enumerate(text.split()):
        start = text.index(word, start)
        yield {"id": number, "text": word, "start": start, "stop": start + len(word)}
        start += len(word)
