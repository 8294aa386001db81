"""One generation, from a request to its last token: admission, checks, slot, tokens, figures."""

from __future__ import annotations

import time
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zephyr_deploy.engines.llamacpp.gateway.errors import failed, from_engine, incomplete
from zephyr_deploy.engines.llamacpp.gateway.job import Job, prepare
from zephyr_deploy.engines.llamacpp.gateway.reader import TokenReader
from zephyr_deploy.engines.llamacpp.gateway.sampling import FINISH, FinishReason
from zephyr_deploy.engines.llamacpp.gateway.stops import Stops
from zephyr_deploy.engines.llamacpp.gateway.timings import Timings
from zephyr_deploy.engines.llamacpp.gateway.tokens import LONGEST_CHARACTER, Scored, Token
from zephyr_deploy.engines.llamacpp.gateway.validation import check_stream
from zephyr_deploy.engines.llamacpp.gateway.whole import scored_tokens
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from zephyr_deploy.engines.llamacpp.gateway.context import Gateway
    from zephyr_deploy.engines.llamacpp.gateway.schema import GenerateRequest
    from zephyr_deploy.engines.llamacpp.upstream import Chunk


@dataclass(frozen=True)
class End:
    """What is known when a generation has ended; ``text`` is the answer without the prompt."""

    text: str
    finish_reason: FinishReason
    generated_tokens: int
    job: Job
    timings: Timings

    @property
    def seed(self) -> int | None:
        """The seed it was drawn with; None: it was not drawn."""
        return self.job.seed

    @property
    def prompt_tokens(self) -> int:
        """Length of the prompt."""
        return len(self.job.prompt)


@dataclass(frozen=True)
class Step:
    """One token of a generation; the last one carries its `End`."""

    index: int
    scored: Scored
    end: End | None = None


async def generate_all(gateway: Gateway, request: GenerateRequest) -> tuple[list[Scored], End]:
    """Run one generation to its end; cancelling it frees its slot.

    Returns:
        The tokens, none unless ``details`` or ``best_of`` need them, and the end.

    Raises:
        ApiError: Refused (422, 429), broken (424), or ended too early (500).
    """
    async with _admitted(gateway, request) as run:
        async with run.in_slot():
            answer = await gateway.upstream.complete(run.job.payload)
            if answer.stop_type not in FINISH:
                raise incomplete(stream=False)
            end = run.end(answer.text, FINISH[answer.stop_type], answer.predicted)
        tokens = await scored_tokens(gateway.upstream, answer, run.job.top_n) if run.job.needs_tokens else []
        return tokens, end


async def stream_steps(gateway: Gateway, request: GenerateRequest) -> AsyncGenerator[Step, None]:
    """Run one generation token by token; close the iterator to stop it and free its slot.

    Raises:
        ApiError: As `generate_all`; the rules for streams are narrower.
    """
    check_stream(request.parameters)
    async with _admitted(gateway, request) as run, run.in_slot(), aclosing(_Stream(run).steps()) as steps:
        async for step in steps:
            yield step
            if step.end is not None:
                return
    raise incomplete(stream=True)


@asynccontextmanager
async def _admitted(gateway: Gateway, request: GenerateRequest) -> AsyncIterator[_Run]:
    """Hold a place among the requests under way, with a request that has passed every check."""
    arrived = time.monotonic()
    with gateway.admission.admit():
        try:
            job = await prepare(gateway, request)
            yield _Run(gateway, job, arrived, queued=time.monotonic())
        except RequestError as error:
            raise from_engine(error) from error


@dataclass
class _Run:
    """One generation under way, and when its stages began (monotonic clock, seconds)."""

    gateway: Gateway
    job: Job
    arrived: float
    queued: float
    started: float = 0.0

    @asynccontextmanager
    async def in_slot(self) -> AsyncIterator[None]:
        """Wait for a slot of the engine and hold it."""
        async with self.gateway.slots.slot():
            self.started = time.monotonic()
            yield

    def end(self, text: str, reason: FinishReason, generated: int) -> End:
        """Record that the answer has ended.

        Raises:
            ApiError: It breaks its grammar (424).
        """
        grammar = self.job.grammar
        if grammar is not None and not grammar.allows(text, finished=reason == "eos_token"):
            raise failed("the engine did not keep to the grammar; it cannot compile this one")
        timings = Timings(self.queued - self.arrived, self.started - self.queued, time.monotonic() - self.started)
        self.gateway.metrics.observe(timings, generated)
        return End(text, reason, generated, self.job, timings)


class _Stream:
    """The tokens of one generation as they come."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._job = run.job
        self._reader = TokenReader(run.gateway.upstream, top_n=run.job.top_n)
        self._stops = Stops(run.job.stops)
        self._index = 0

    async def steps(self) -> AsyncGenerator[Step, None]:
        held: Scored | None = None
        # The stop sequences are found here: see `Stops`.
        payload = {**self._job.payload, "stop": []}
        async with aclosing(self._run.gateway.upstream.completion(payload)) as chunks:
            async for chunk in chunks:
                for scored in await self._reader.read(chunk):
                    if held is not None:
                        yield self._step(held)
                    held = scored
                text = self._reader.received
                if (end := self._stops.end(text, new=len(chunk.text))) is not None:
                    yield self._last(held, text[:end], "stop_sequence", chunk.predicted)
                    return
                if chunk.stop:
                    if chunk.stop_type in FINISH:
                        yield self._last(held, text, FINISH[chunk.stop_type], chunk.predicted)
                    return
                if held is not None and not self._may_be_last(chunk):
                    yield self._step(held)
                    held = None

    def _may_be_last(self, chunk: Chunk) -> bool:
        """Whether the end may come without another token; then this one waits, because TGI's last token tells the end.

        Holding only these keeps every other token as early as the engine sent it.
        """
        return not chunk.text or chunk.predicted + LONGEST_CHARACTER >= self._job.new_tokens

    def _step(self, scored: Scored, end: End | None = None) -> Step:
        self._index += 1
        return Step(self._index, scored, end)

    def _last(self, held: Scored | None, text: str, reason: FinishReason, generated: int) -> Step:
        end = self._run.end(text, reason, generated)
        if held is None:
            # Without a token to carry it (the limit fell inside a character), the end still needs an event.
            return self._step(Scored(Token(0, "", None, special=True)), end)
        return self._step(self._cut(held, len(self._reader.received) - len(text)), end)

    @staticmethod
    def _cut(last: Scored, beyond: int) -> Scored:
        """The last token without the characters that stand beyond the end of the answer."""
        token = last.token
        if not beyond:
            return last
        return Scored(Token(token.id, token.text[:-beyond], token.logprob, token.special), last.top)
