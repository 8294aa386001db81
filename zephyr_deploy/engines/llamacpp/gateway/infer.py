"""One generation, from a request to its last token: admission, checks, slot, tokens, figures."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zephyr_deploy.engines.llamacpp.gateway.errors import failed, from_engine, incomplete
from zephyr_deploy.engines.llamacpp.gateway.grammar import Compiled, compile_grammar
from zephyr_deploy.engines.llamacpp.gateway.sampling import FINISH, FinishReason, completion_payload, seed_of
from zephyr_deploy.engines.llamacpp.gateway.timings import Timings
from zephyr_deploy.engines.llamacpp.gateway.tokens import LONGEST_CHARACTER, Scored, Token, TokenReader
from zephyr_deploy.engines.llamacpp.gateway.validation import check_request, check_stream, new_tokens
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import Any

    from zephyr_deploy.engines.llamacpp.gateway.context import Gateway
    from zephyr_deploy.engines.llamacpp.gateway.schema import GenerateRequest
    from zephyr_deploy.engines.llamacpp.upstream import Chunk


@dataclass(frozen=True)
class Job:
    """A request that has passed every check."""

    payload: dict[str, Any]
    prompt: tuple[int, ...]
    new_tokens: int
    seed: int | None
    grammar: Compiled | None
    stops: bool
    top_n: int


@dataclass(frozen=True)
class End:
    """What is known when a generation has ended; ``text`` is the answer without the prompt."""

    text: str
    finish_reason: FinishReason
    generated_tokens: int
    seed: int | None
    prompt: tuple[int, ...]
    timings: Timings


@dataclass(frozen=True)
class Step:
    """One token of a generation; the last one carries its `End`."""

    index: int
    scored: Scored
    end: End | None = None


async def prepare(gateway: Gateway, request: GenerateRequest) -> Job:
    """Check a request and make the engine's out of it.

    Raises:
        ApiError: The request breaks a rule (422).
        RequestError: The engine failed to split the prompt.
    """
    parameters, settings = request.parameters, gateway.settings
    check_request(request, settings)
    pieces = await gateway.upstream.tokenize(request.inputs, add_special=request.add_special_tokens)
    prompt = tuple(piece.id for piece in pieces)[-(parameters.truncate or len(pieces)) :]
    wanted = new_tokens(parameters, len(prompt), settings)
    grammar = compile_grammar(parameters.grammar) if parameters.grammar else None
    seed = seed_of(parameters)
    payload = completion_payload(parameters, prompt, new_tokens=wanted, seed=seed, window=settings.max_total_tokens) | (
        grammar.fields if grammar else {}
    )
    gateway.metrics.input.observe(len(prompt))
    gateway.metrics.asked.observe(wanted)
    return Job(payload, prompt, wanted, seed, grammar, bool(parameters.stop), parameters.top_n_tokens or 0)


async def generate_steps(gateway: Gateway, request: GenerateRequest) -> AsyncGenerator[Step, None]:
    """Run one generation; close the iterator to stop it and free its slot.

    A generation that the engine breaks off cleanly ends without a step that has an `End`: see `stream_steps`.

    Raises:
        ApiError: Refused (422, 429) or broken (424).
    """
    arrived = time.monotonic()
    with gateway.admission.admit():
        try:
            job = await prepare(gateway, request)
            queued = time.monotonic()
            async with gateway.slots.slot():
                run = _Run(gateway, job, arrived, queued, started=time.monotonic())
                async with aclosing(run.steps()) as steps:
                    async for step in steps:
                        yield step
        except RequestError as error:
            raise from_engine(error) from error


async def stream_steps(gateway: Gateway, request: GenerateRequest) -> AsyncGenerator[Step, None]:
    """Run one generation for a stream, whose rules are narrower.

    Raises:
        ApiError: As `generate_steps`, or ended too early (500).
    """
    check_stream(request.parameters)
    ended = False
    async with aclosing(generate_steps(gateway, request)) as steps:
        async for step in steps:
            ended = step.end is not None
            yield step
    if not ended:
        raise incomplete(stream=True)


async def generate_all(gateway: Gateway, request: GenerateRequest) -> tuple[list[Scored], End]:
    """Run one generation to its end.

    Raises:
        ApiError: As `generate_steps`, or ended too early (500).
    """
    scored: list[Scored] = []
    async with aclosing(generate_steps(gateway, request)) as steps:
        async for step in steps:
            scored.append(step.scored)
            if step.end is not None:
                return scored, step.end
    raise incomplete(stream=False)


@dataclass
class _Run:
    """One generation in its slot."""

    gateway: Gateway
    job: Job
    arrived: float
    queued: float
    started: float
    index: int = 0

    async def steps(self) -> AsyncGenerator[Step, None]:
        reader = TokenReader(self.gateway.upstream, has_stops=self.job.stops, top_n=self.job.top_n)
        held: Scored | None = None
        async with aclosing(self.gateway.upstream.completion(self.job.payload)) as chunks:
            async for chunk in chunks:
                for scored in await reader.read(chunk):
                    if held is not None:
                        yield self._step(held)
                    held = scored
                if chunk.stop:
                    if chunk.stop_type in FINISH:
                        yield self._last(reader, chunk, held)
                    return
                if held is not None and not self._may_be_last(chunk):
                    yield self._step(held)
                    held = None

    def _may_be_last(self, chunk: Chunk) -> bool:
        """Whether the end may come without another token; then this one waits, because TGI's last token tells the end.

        Holding only these keeps every other token as early as the engine sent it.
        """
        return self.job.stops or not chunk.text or chunk.predicted + LONGEST_CHARACTER >= self.job.new_tokens

    def _step(self, scored: Scored, end: End | None = None) -> Step:
        self.index += 1
        return Step(self.index, scored, end)

    def _last(self, reader: TokenReader, chunk: Chunk, held: Scored | None) -> Step:
        text, reason = reader.received + chunk.stopping_word, FINISH[chunk.stop_type]
        grammar = self.job.grammar
        if grammar is not None and reason != "length" and not grammar.obeyed_by(text):
            raise failed("the engine did not keep to the grammar; it cannot compile this one")
        timings = Timings(self.queued - self.arrived, self.started - self.queued, time.monotonic() - self.started)
        self.gateway.metrics.observe(timings, chunk.predicted)
        # Without a token to carry it (the limit fell inside a character), the end still needs an event.
        last = reader.closing(held, text) if held is not None else Scored(Token(0, "", None, special=True))
        return self._step(last, End(text, reason, chunk.predicted, self.job.seed, self.job.prompt, timings))
