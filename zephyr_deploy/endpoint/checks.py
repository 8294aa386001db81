"""The checks of the smoke test: each asks one route one question and reads the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zephyr_deploy.endpoint.chunks import generation_of
from zephyr_deploy.endpoint.http import ask, our_errors
from zephyr_deploy.endpoint.info import read_info
from zephyr_deploy.endpoint.naming import model_name
from zephyr_deploy.endpoint.openai import OpenAIClient
from zephyr_deploy.endpoint.subject import GREEDY, QUESTION, SAID, Skip, Subject
from zephyr_deploy.endpoint.types import Params
from zephyr_deploy.endpoint.verdict import native, right, same, short, whole
from zephyr_deploy.engines.registry import engine
from zephyr_deploy.errors import IncompleteError, UnauthorizedError, UnhealthyError
from zephyr_deploy.spec.secret import Secret

WRONG_KEY = Secret("this-is-not-the-key")


@dataclass(frozen=True)
class Check:
    """One check: ``run`` returns what it saw, raises `Skip`, or raises the error that it found."""

    name: str
    route: str
    run: Callable[[Subject], str]
    generates: bool = False


def _health(subject: Subject) -> str:
    path = engine(subject.endpoint.engine).health.path
    with our_errors(subject.endpoint.url):
        status = subject.http.get(path).status_code
    if status != 200:  # noqa: PLR2004
        raise UnhealthyError(f"{path} answered {status}")
    return "200"


def _info(subject: Subject) -> str:
    info = read_info(subject.endpoint.engine, lambda path: ask(subject.http, path))
    if info is None:
        raise UnhealthyError("the endpoint does not name its model")
    limits = {"input": info.max_input_tokens, "total": info.max_total_tokens, "at once": info.max_concurrent_requests}
    if info.max_input_tokens and info.max_total_tokens and info.max_input_tokens >= info.max_total_tokens:
        raise UnhealthyError(
            f"no room for an answer: {info.max_input_tokens} of {info.max_total_tokens} tokens are input"
        )
    said = ", ".join(f"{value} {name}" for name, value in limits.items() if value)
    return f"{info.model_id}: {said or 'no limits given'}"


def _tokenize(subject: Subject) -> str:
    subject.needs_tgi()
    tokens = ask(subject.http, "/tokenize", {"inputs": QUESTION})
    if not isinstance(tokens, list) or not all(isinstance(token, dict) and "id" in token for token in tokens):
        raise UnhealthyError(f"no tokens: {short(str(tokens))}")
    if not tokens:
        raise UnhealthyError("the question has no tokens")
    return f"{len(tokens)} tokens"


def _chat_tokenize(subject: Subject) -> str:
    subject.needs_tgi()
    text = subject.templated()
    if QUESTION not in text:
        raise UnhealthyError(f"the chat template loses the question: {short(text)}")
    # TGI renders Zephyr's own template with blank lines between the turns; the one that we ship cannot be rendered so.
    stray = text.startswith("\n") or "\n\n<|" in text
    return "renders the chat template" + (", with blank lines that the model was not trained on" if stray else "")


def _root(subject: Subject) -> str:
    subject.needs_tgi()
    return right(subject.tgi.generate(subject.prompt, GREEDY))


def _root_stream(subject: Subject) -> str:
    subject.needs_tgi()
    return whole(subject.tgi.stream(subject.prompt, GREEDY))


def _generate(subject: Subject) -> str:
    subject.needs_tgi()
    answer = ask(subject.http, "/generate", subject.native_body())
    return right(native(answer, streamed=False))


def _generate_stream(subject: Subject) -> str:
    subject.needs_tgi()
    texts: list[str] = []
    last: dict[str, Any] = {}
    for event in subject.events("/generate_stream", subject.native_body()):
        last = event
        if not event["token"]["special"]:
            texts.append(event["token"]["text"])
    if last.get("generated_text") is None:
        raise IncompleteError(f"the stream ended after {len(texts)} tokens, before the end of the answer")
    return same("".join(texts), native(last, streamed=True), len(texts))


def _chat_client(subject: Subject) -> str:
    subject.needs_tgi()
    return right(subject.tgi.chat(SAID, GREEDY))


def _chat(subject: Subject) -> str:
    return right(subject.openai.chat(SAID, GREEDY))


def _chat_stream(subject: Subject) -> str:
    return whole(subject.openai.stream(SAID, GREEDY))


def _completions(subject: Subject) -> str:
    body = {
        "model": model_name(subject.endpoint),
        "prompt": subject.prompt,
        "max_tokens": GREEDY.max_new_tokens,
        "temperature": 0.0,
    }
    return right(generation_of(ask(subject.http, "/v1/completions", body)))


def _wrong_key(subject: Subject) -> str:
    if subject.endpoint.api_key is None:
        raise Skip("the endpoint asks for no key")
    stranger = subject.endpoint.model_copy(update={"api_key": WRONG_KEY})
    with OpenAIClient(stranger, deadline_s=subject.deadline_s) as client:
        try:
            client.chat(SAID, Params(max_new_tokens=1))
        except UnauthorizedError:
            return "a wrong key is refused with 401"
    raise UnhealthyError("a wrong key is accepted: anyone who can reach the endpoint can use it")


CHECKS = (
    Check("health", "GET /health", _health),
    Check("info", "GET /info or /v1/models", _info),
    Check("tokenize", "POST /tokenize", _tokenize),
    Check("chat template", "POST /chat_tokenize", _chat_tokenize),
    Check("generate", "POST /generate", _generate, generates=True),
    Check("generate, streamed", "POST /generate_stream", _generate_stream, generates=True),
    Check("TGI client", "POST /", _root, generates=True),
    Check("TGI client, streamed", "POST /", _root_stream, generates=True),
    Check("TGI client, chat", "POST /v1/chat/completions", _chat_client, generates=True),
    Check("chat", "POST /v1/chat/completions", _chat, generates=True),
    Check("chat, streamed", "POST /v1/chat/completions", _chat_stream, generates=True),
    Check("completion", "POST /v1/completions", _completions, generates=True),
    Check("wrong key", "POST /v1/chat/completions", _wrong_key),
)
