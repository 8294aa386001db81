"""The benchmark on the real engine and its gateway."""

from __future__ import annotations

from itertools import pairwise

import pytest

from zephyr_deploy.bench.loads import Open
from zephyr_deploy.bench.run import bench
from zephyr_deploy.bench.spec import BenchSpec


@pytest.mark.engine
@pytest.mark.parametrize("client", ["openai", "completions", "native", "tgi"])
def test_measures_a_real_service(service, client):
    spec = BenchSpec(concurrency=(1, 2), requests=4, max_new_tokens=16, prompt_tokens=40, client=client)
    report = bench(service.endpoint(), spec)
    for level in report.levels:
        assert (level.errors, level.succeeded, level.tokens_counted_by) == ({}, 4, "server")
        # Random words can make the model end early, but never run over.
        assert 1 <= level.output_tokens.max <= 16
        assert 0 < level.ttft_ms.p50 < level.e2e_ms.p50 < 60_000
        assert level.connect_ms is None or client != "tgi"


@pytest.mark.engine
def test_measures_it_by_the_clock(service):
    """Two slots, and one request after the other comes whether or not those are free."""
    spec = BenchSpec(loads=(Open(rate_per_s=4, arrivals="constant"),), requests=4, max_new_tokens=8, prompt_tokens=40)
    (level,) = bench(service.endpoint(), spec).levels
    assert (level.errors, level.succeeded) == ({}, 4)
    due = [record.due_ms for record in level.log]
    assert [later - earlier for earlier, later in pairwise(due)] == pytest.approx([250] * 3)
    # From the planned time on it can only take longer.
    assert level.ttft_sched_ms.p50 >= level.ttft_ms.p50 > 0
