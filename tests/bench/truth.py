"""The ground-truth server of benchmarks/instrument for tests: fixtures, and pairs of what was seen and what was so.

The truth is the server's own stamps, taken just before it sends, and not the schedule it was asked for: a busy machine
makes the server late, and that is no error of the benchmark.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from benchmarks.loading import program

from zephyr_deploy.bench.clients import open_client
from zephyr_deploy.bench.load import closed_loop, for_count
from zephyr_deploy.bench.prompts.synthetic import SyntheticPrompts
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.times import e2e_ms, itl_ms, tpot_ms, ttft_ms

ground_truth = program("instrument/ground_truth.py")
MS = 1e6
WORKERS = 3


@pytest.fixture(scope="session")
def gtserver(tmp_path_factory):
    """The program, compiled once a worker."""
    try:
        return ground_truth.build(tmp_path_factory.mktemp("gtserver"))
    except ground_truth.NoCompilerError as error:
        pytest.skip(str(error))


@pytest.fixture
def truth(gtserver):
    """``with truth("--modes", "stall") as server:`` runs it with these options (see gtserver.c)."""
    return lambda *options: ground_truth.running(gtserver, *map(str, options))


async def observe(endpoint, client, requests):
    """Send ``requests`` requests, 3 at a time: the sample of each prompt."""
    spec = BenchSpec(client=client, concurrency=(WORKERS,), deadline_s=30, prompt_tokens=40)
    samples = {}
    async with open_client(endpoint, spec) as load:

        class Spy:
            async def send(self, ask, sample):
                samples[ask.turn.text] = sample
                await load.send(ask, sample)

            async def read(self, sample):
                await load.read(sample)

            async def settle(self):
                await load.settle()

        await closed_loop(
            Spy(), for_count(SyntheticPrompts(spec).conversations("x"), requests), workers=WORKERS, deadline_s=30
        )
    return samples


def paired(samples, log):
    """(sample, served) of each request, found by how its prompt begins."""
    return [
        (sample, next(served for served in log.served if prompt.startswith(served.prompt)))
        for prompt, sample in samples.items()
    ]


def errors_ms(pairs):
    """Reported minus true, in milliseconds, of every request (``itl``: every gap), by figure."""
    return {
        "ttft": [ttft_ms(sample) - served.ttft_ms for sample, served in pairs],
        "e2e": [e2e_ms(sample) - (served.sent_ns[-1] - served.first_byte_ns) / MS for sample, served in pairs],
        "tpot": [
            tpot_ms(sample) - (served.sent_ns[-1] - served.sent_ns[0]) / MS / (served.tokens - 1)
            for sample, served in pairs
        ],
        "itl": [
            seen - (later - earlier) / MS / served.tokens_per_event
            for sample, served in pairs
            for seen, (earlier, later) in zip(itl_ms(sample), pairwise(served.sent_ns), strict=True)
        ],
    }
