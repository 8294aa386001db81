"""A steady load on an endpoint, which counts every request that did not end as it should."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from zephyr_deploy.endpoint.types import Endpoint

PAUSE_S = 0.05
LONGEST_S = 120.0


class Load:
    """Requests, plain and streamed, one after the other from each of ``clients``, while the context lasts."""

    def __init__(self, endpoint: Endpoint, clients: int = 3) -> None:
        self.outcomes: Counter[str] = Counter()
        self._endpoint = endpoint
        self._clients = clients
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")

    @property
    def failed(self) -> dict[str, int]:
        """Everything but answers that were whole."""
        return {outcome: count for outcome, count in self.outcomes.items() if outcome != "whole"}

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(LONGEST_S)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=LONGEST_S)
        async with aiohttp.ClientSession(headers=self._endpoint.headers(), timeout=timeout) as session:
            await asyncio.gather(*(self._client(session, streamed=bool(n % 2)) for n in range(self._clients)))

    async def _client(self, session: aiohttp.ClientSession, *, streamed: bool) -> None:
        route, end = ("/generate_stream", "finish_reason") if streamed else ("/generate", "generated_text")
        body = {"inputs": "Hi", "parameters": {"max_new_tokens": 4, "details": True}}
        while not self._stop.is_set():
            try:
                async with session.post(self._endpoint.url + route, json=body) as response:
                    whole = response.status == 200 and end in await response.text()
                    self.outcomes["whole" if whole else f"{route}: status {response.status}"] += 1
            except (aiohttp.ClientError, asyncio.TimeoutError) as error:
                self.outcomes[f"{route}: {type(error).__name__}"] += 1
            await asyncio.sleep(PAUSE_S)
