"""Load through the text-generation client, on TGI's own ``/generate_stream``.

Its times contain what that client adds: a new TCP connection for each call is inside TTFT.
"""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING

from zephyr_deploy.bench.asks import as_text
from zephyr_deploy.bench.load.clock import hold
from zephyr_deploy.endpoint.tgi import AsyncTgiClient
from zephyr_deploy.endpoint.types import Params

if TYPE_CHECKING:
    from zephyr_deploy.bench.asks import Ask
    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint


class TgiLoadClient:
    """One request is one stream of the adapter; each of its deltas is one token."""

    def __init__(self, endpoint: Endpoint, spec: BenchSpec) -> None:
        self._client = AsyncTgiClient(endpoint, deadline_s=spec.deadline_s)

    async def send(self, ask: Ask, sample: Sample) -> None:
        """Send one request; the client does not say when its first byte leaves, so the call counts as sent.

        It drops the count of prompt tokens, and asking for it would load the server, so that count stays None.

        Raises:
            UnreachableError: no connection.
            DeadlineError: the stream was silent for too long.
            RequestError: refused, broken off, or ended early; the subclass says which.
        """
        hold(sample.due_ns)
        sample.sent_ns = time.perf_counter_ns()
        params = Params(max_new_tokens=ask.turn.output_tokens)
        async with aclosing(self._client.stream(as_text(ask), params)) as deltas:
            async for delta in deltas:
                if delta.text:
                    sample.events.add(time.perf_counter_ns())
                if delta.final is not None:
                    sample.generated_tokens = delta.final.generated_tokens
                    sample.text, sample.finish = delta.final.text, delta.final.finish_reason

    async def read(self, sample: Sample) -> None:
        """It is complete already."""

    async def ready(self, unused: int) -> None:
        """It opens a connection for each call, and keeps none."""

    async def settle(self) -> None:
        """Nothing is put off: samples are written while streams run."""
