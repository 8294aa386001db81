"""Pairs of what the benchmark saw and what was so, from a server in another process that stamps every event.

The truth is the server's stamps, taken just before it sends, and not the sleep it was asked for: a busy machine makes
the server late, and that is no error of the benchmark.
"""

from __future__ import annotations

import json
from itertools import pairwise

import aiohttp
from emulators import scripted

from zephyr_deploy.bench.clients import open_client
from zephyr_deploy.bench.figures import e2e_ms, itl_ms, tpot_ms, ttft_ms
from zephyr_deploy.bench.load import closed_loop, for_count
from zephyr_deploy.bench.prompts import prompts
from zephyr_deploy.bench.spec import BenchSpec

MS = 1e6
WORKERS = 3


async def observe(endpoint_at, client, script, requests):
    """Send ``requests`` requests, 3 at a time: [(sample, truth)]."""
    spec = BenchSpec(client=client, concurrency=(WORKERS,), deadline_s=30)
    async with scripted.serving_apart(script) as url:
        texts = list(for_count(prompts(0, "x", 40), requests))
        samples = {}
        async with open_client(endpoint_at(url), spec) as load:

            class Spy:
                async def send(self, prompt, sample):
                    samples[prompt] = sample
                    await load.send(prompt, sample)

            await closed_loop(Spy(), iter(texts), workers=WORKERS, deadline_s=30)
        async with aiohttp.ClientSession() as session, session.get(url + "/truth") as response:
            truth = {entry["prompt"]: entry for entry in json.loads(await response.text())}
    return [(samples[text], truth[text]) for text in texts]


def errors_ms(pairs, tokens_per_event=1):
    """Reported minus true, in milliseconds, of every request (``itl``: every gap), by figure."""
    events = len(pairs[0][1]["sent"])
    later_tokens = (events - 1) * tokens_per_event + tokens_per_event - 1
    return {
        "ttft": [ttft_ms(s) - (t["sent"][0] - t["received"]) / MS for s, t in pairs],
        "e2e": [e2e_ms(s) - (t["sent"][-1] - t["received"]) / MS for s, t in pairs],
        "tpot": [tpot_ms(s) - (t["sent"][-1] - t["sent"][0]) / MS / later_tokens for s, t in pairs],
        "itl": [
            seen - (later - earlier) / MS / tokens_per_event
            for s, t in pairs
            for seen, (earlier, later) in zip(itl_ms(s), pairwise(t["sent"]), strict=True)
        ],
    }
