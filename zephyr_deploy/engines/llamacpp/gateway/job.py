"""From a request to what the engine is asked: every check, before there is a slot for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zephyr_deploy.engines.llamacpp.gateway.grammar import Compiled, compile_grammar
from zephyr_deploy.engines.llamacpp.gateway.sampling import completion_payload, seed_of
from zephyr_deploy.engines.llamacpp.gateway.validation import check_request, new_tokens

if TYPE_CHECKING:
    from typing import Any

    from zephyr_deploy.engines.llamacpp.gateway.context import Gateway
    from zephyr_deploy.engines.llamacpp.gateway.schema import GenerateRequest
    from zephyr_deploy.engines.llamacpp.upstream import Piece


@dataclass(frozen=True)
class Job:
    """A request that has passed every check."""

    payload: dict[str, Any]
    """The body of llama.cpp's ``POST /completion``."""
    prompt: tuple[int, ...]
    pieces: tuple[Piece, ...]
    """The prompt with its texts, if ``decoder_input_details`` asks for them; else empty."""
    new_tokens: int
    seed: int | None
    grammar: Compiled | None
    stops: tuple[str, ...]
    top_n: int
    needs_tokens: bool
    """Whether the answer's tokens are shown, or decide which of several answers is the best."""


async def prepare(gateway: Gateway, request: GenerateRequest) -> Job:
    """Check a request and make the engine's out of it.

    Raises:
        ApiError: The request breaks a rule (422).
        RequestError: The engine failed to split the prompt.
    """
    parameters, settings = request.parameters, gateway.settings
    check_request(request, settings)
    grammar = compile_grammar(parameters.grammar) if parameters.grammar else None
    prompt, pieces = await _prompt(gateway, request)
    wanted = new_tokens(parameters, len(prompt), settings)
    seed = seed_of(parameters)
    payload = completion_payload(parameters, prompt, new_tokens=wanted, seed=seed, window=settings.max_total_tokens)
    gateway.metrics.input.observe(len(prompt))
    gateway.metrics.asked.observe(wanted)
    return Job(
        payload=payload | ({"grammar": grammar.text} if grammar else {}),
        prompt=prompt,
        pieces=pieces,
        new_tokens=wanted,
        seed=seed,
        grammar=grammar,
        stops=tuple(parameters.stop),
        top_n=parameters.top_n_tokens or 0,
        needs_tokens=parameters.details or parameters.decoder_input_details or (parameters.best_of or 1) > 1,
    )


async def _prompt(gateway: Gateway, request: GenerateRequest) -> tuple[tuple[int, ...], tuple[Piece, ...]]:
    """The prompt's ids, cut to its end where ``truncate`` asks for it; with their texts where these are shown."""
    upstream, parameters = gateway.upstream, request.parameters
    kept = slice(-parameters.truncate if parameters.truncate else None, None)
    if parameters.decoder_input_details:
        pieces = tuple(await upstream.tokenize(request.inputs, add_special=request.add_special_tokens))[kept]
        return tuple(piece.id for piece in pieces), pieces
    return tuple((await upstream.token_ids(request.inputs, add_special=request.add_special_tokens))[kept]), ()
