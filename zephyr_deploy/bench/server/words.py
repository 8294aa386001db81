"""A level's server in one line, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.bench.page.numbers import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.server.view import ServerView

MEANS = (
    ("running", "batch {:.3g}"),
    ("queue", "{:.3g} waiting"),
    ("kv", "KV cache {:.0f} %"),
    ("gpu_use", "GPU {:.0f} %"),
)
"""Series, and how their mean is said."""


def words_of(server: ServerView) -> str:
    """E.g. ``TTFT 61 ms = network 2 + queue 12 + engine 47; batch 18; GPU 96 %, 287 W``; empty: it said nothing."""
    return "; ".join(_parts(server))


def _parts(server: ServerView) -> Iterator[str]:
    split = server.split
    if split is not None:
        known = (("network", split.network_ms), ("queue", split.queue_ms), ("engine", split.engine_ms))
        parts = " + ".join(f"{name} {short(ms)}" for name, ms in known if ms is not None)
        yield f"mean TTFT {short(split.ttft_ms)} ms = {parts}"
    for name, words in MEANS:
        found = [mean for series in server.named(name) if (mean := series.mean) is not None]
        if found:
            yield words.format(sum(found) / len(found))
    power = [mean for series in server.named("gpu_power") if (mean := series.mean) is not None]
    if power:
        yield f"{sum(power):.0f} W"
    if server.energy_j_per_1k_tokens is not None:
        yield f"{server.energy_j_per_1k_tokens:.3g} J for 1,000 tokens"
