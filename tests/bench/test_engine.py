"""The benchmark on the real engine and its gateway."""

from __future__ import annotations

import pytest

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
