"""Prints the benchmark's own error: what it reports minus what was so, for both of its clients in one run.

A server in another process stamps every event just before it sends it; three streams at a time, four tokens each,
the first after 60 ms and then every 25 ms. Errors are in milliseconds. Run it on a machine that does nothing else::

    python benchmarks/bench_accuracy.py
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from emulators.scripted import Script
from emulators.truth import errors_ms, observe

from zephyr_deploy.bench.stats import spread_of
from zephyr_deploy.endpoint.types import Endpoint

REQUESTS = 60


def endpoint_at(url: str) -> Endpoint:
    """The scripted server as an endpoint."""
    return Endpoint(name="truth", url=url, engine="tgi", model_id="m")


def main() -> None:
    """Measure and print."""
    print(f"{'client':<8}{'figure':<8}{'n':>5}{'p50':>9}{'p90':>9}{'p99':>9}   reported minus true, ms")
    medians = {}
    for client in ("openai", "tgi"):
        pairs = asyncio.run(observe(endpoint_at, client, Script(ttft_s=0.06, itl_s=0.025), REQUESTS))
        for figure, errors in errors_ms(pairs).items():
            spread = spread_of(errors)
            medians[client, figure] = spread.p50
            print(f"{client:<8}{figure:<8}{spread.n:>5}{spread.p50:>9.2f}{spread.p90:>9.2f}{spread.p99:>9.2f}")
    print(f"ratio of the median TTFT errors, tgi / openai: {medians['tgi', 'ttft'] / medians['openai', 'ttft']:.1f}")


if __name__ == "__main__":
    main()
