"""Percentiles, how sure they are, and what two sets of them differ by. Pure, and without random numbers."""

from zephyr_deploy.bench.stats.spread import Spread, percentile, spread_by_request, spread_of

__all__ = ["Spread", "percentile", "spread_by_request", "spread_of"]
