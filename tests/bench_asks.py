"""Requests and conversations as a benchmark asks them, of one turn each."""

import time

from zephyr_deploy.bench.asks import Ask, Turn
from zephyr_deploy.bench.load import send_one
from zephyr_deploy.bench.load.deadlines import Deadlines
from zephyr_deploy.bench.sample import Sample


def conversations(texts, output_tokens=64):
    return ((Turn(text, output_tokens),) for text in texts)


async def asked(load, text, deadline_s, output_tokens=64):
    """Send one request with ``text``: its sample."""
    sample = Sample(time.perf_counter_ns())
    await send_one(load, Ask(Turn(text, output_tokens)), sample, Deadlines(deadline_s))
    sample.ended_ns = time.perf_counter_ns()
    return sample
