"""``POST /tokenize`` and ``POST /chat_tokenize``: the tokens of a text and where in it they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.engines.llamacpp.gateway.body import read_model
from zephyr_deploy.engines.llamacpp.gateway.context import gateway_of
from zephyr_deploy.engines.llamacpp.gateway.errors import ApiError, from_engine
from zephyr_deploy.engines.llamacpp.gateway.prompt import render
from zephyr_deploy.engines.llamacpp.gateway.reply import error_response, json_response
from zephyr_deploy.engines.llamacpp.gateway.schema import ChatRequest, GenerateRequest
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from zephyr_deploy.engines.llamacpp.gateway.context import Gateway
    from zephyr_deploy.engines.llamacpp.upstream import Piece


async def tokenize(request: Request) -> Response:
    """The tokens of ``inputs``."""
    gateway = gateway_of(request)
    body = await read_model(request, GenerateRequest, limit=gateway.settings.payload_limit)
    try:
        return json_response(await _tokens(gateway, body.inputs, add_special=body.add_special_tokens))
    except RequestError as error:
        return error_response(from_engine(error))


async def chat_tokenize(request: Request) -> Response:
    """The prompt that a conversation becomes, and its tokens."""
    gateway = gateway_of(request)
    chat = await read_model(request, ChatRequest, limit=gateway.settings.payload_limit)
    try:
        prompt = await render(gateway.upstream, chat)
        tokens = await _tokens(gateway, prompt, add_special=False)
    except RequestError as error:
        return error_response(from_engine(error))
    except ApiError as error:
        return error_response(error)
    return json_response({"tokenize_response": tokens, "templated_text": prompt})


async def _tokens(gateway: Gateway, text: str, *, add_special: bool) -> list[dict[str, Any]]:
    return spans(text, await gateway.upstream.tokenize(text, add_special=add_special))


def spans(text: str, pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """Where each token stands in ``text``, in characters.

    Tokens that are parts of one character share its place and text; a token that was added stands at 0, empty.
    """
    raw = text.encode()
    starts = [index for index, char in enumerate(text) for _ in char.encode()] + [len(text)]
    found, position = [], 0
    for piece in pieces:
        data = piece.data
        if data[:1] == b" " and not raw.startswith(data, position):
            data = data[1:]  # SentencePiece models put a space before the first word
        if not data or not raw.startswith(data, position):
            found.append({"id": piece.id, "text": "", "start": 0, "stop": 0})
            continue
        start, stop = starts[position], starts[position + len(data) - 1] + 1
        position += len(data)
        found.append({"id": piece.id, "text": text[start:stop], "start": start, "stop": stop})
    return found
