"""The bare clients: a closed or an open loop with as little around a library as can be; JSON lines on standard output.

    python loops.py aiohttp|text-generation URL --concurrency 16 --requests 96 [--rate 20]

Each line is one measured request: its number by the server ("r17" in the first token's text), TTFT, and gaps between
events, in milliseconds of the event loop's own clock. ``--concurrency`` requests are sent first and not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Ask = Callable[[str], Awaitable[list["Stamped"]]]
    Send = Callable[[Ask], Awaitable[None]]

Stamped = tuple[int, str]
"""When an event came, and its text."""
MS = 1e6


async def by_aiohttp(url: str, send: Send) -> None:
    """Chat over kept connections; lines are parsed as they come."""
    import aiohttp

    body = {"model": "m", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 64}

    async def ask(prompt: str) -> list[Stamped]:
        events: list[Stamped] = []
        asked = {**body, "messages": [{"role": "user", "content": prompt}]}
        async with session.post(f"{url}/v1/chat/completions", json=asked) as response:
            async for line in response.content:
                at = time.perf_counter_ns()
                if line.startswith(b"data: {"):
                    events += [(at, choice["delta"]["content"]) for choice in json.loads(line[6:])["choices"]]
        return events

    timeout, connector = aiohttp.ClientTimeout(total=None), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        await send(ask)


async def by_text_generation(url: str, send: Send) -> None:
    """TGI's stream by its own client, which opens a connection for each request."""
    from text_generation import AsyncClient

    client = AsyncClient(url, timeout=120)

    async def ask(prompt: str) -> list[Stamped]:
        stream = client.generate_stream(prompt, max_new_tokens=64)
        return [(time.perf_counter_ns(), event.token.text) async for event in stream]

    await send(ask)


CLIENTS = {"aiohttp": by_aiohttp, "text-generation": by_text_generation}


async def timed(ask: Ask, number: int) -> dict[str, object]:
    """One request."""
    sent = time.perf_counter_ns()
    events = await ask(f"word{number} and so on")
    gaps = [(later - earlier) / MS for (earlier, _), (later, _) in pairwise(events)]
    return {"request": int(events[0][1].removeprefix("r")), "ttft_ms": (events[0][0] - sent) / MS, "gaps_ms": gaps}


async def closed(ask: Ask, requests: int, concurrency: int) -> list[dict[str, object]]:
    """As many at once as asked for, each after another's end."""
    numbers = iter(range(requests))

    async def work() -> list[dict[str, object]]:
        return [await timed(ask, number) for number in numbers]

    return [line for lines in await asyncio.gather(*(work() for _ in range(concurrency))) for line in lines]


async def opened(ask: Ask, requests: int, rate: float) -> list[dict[str, object]]:
    """At absolute times, whatever has been answered."""
    began, tasks = time.perf_counter(), []
    for number in range(requests):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(timed(ask, number)))
    return await asyncio.gather(*tasks)


def main() -> None:
    """Warm up, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("url")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--requests", type=int, default=96)
    parser.add_argument("--rate", type=float)
    args = parser.parse_args()
    found: list[dict[str, object]] = []

    async def send(ask: Ask) -> None:
        await closed(ask, args.concurrency, args.concurrency)
        if args.rate:
            found.extend(await opened(ask, args.requests, args.rate))
        else:
            found.extend(await closed(ask, args.requests, args.concurrency))

    asyncio.run(CLIENTS[args.client](args.url, send))
    sys.stdout.writelines(json.dumps(line) + "\n" for line in found)


if __name__ == "__main__":
    main()
