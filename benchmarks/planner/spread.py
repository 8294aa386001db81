"""How far measurements lie from predictions: the interval that holds four of five, by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from zephyr_deploy.plan.speed.interval import HELD, features

if TYPE_CHECKING:
    from points import Point

SHRINK = 8.0
"""As many points as a class needs before it is believed as much as all others together."""
LEAST = 0.01
TTFT = {"ttft_ms", "ttft_batch", "ttft_burst", "ttft_closed", "prefill_tps", "open_ttft"}
ITL = {"itl_ms", "decode_tps", "req_ms_per_tok", "open_tpot"}


def figure_of(p: Point) -> str:
    """Which of the planner's figures it is a measurement of."""
    return "ttft" if p.kind in TTFT else "itl" if p.kind in ITL else "throughput"


def classes_of(p: Point) -> tuple[str, ...]:
    """The classes that its interval is made of."""
    return features(figure_of(p), p.era, p.shards, p.weights)


def spreads(points: list[Point], error: np.ndarray) -> tuple[float, dict[str, float]]:
    """Half of the interval in logarithms, and what each class multiplies it with: a quantile regression, shrunk."""
    names = sorted({name for p in points for name in classes_of(p)})
    x = np.array([[name in classes_of(p) for name in names] for p in points], float)
    size = np.log(np.maximum(np.abs(error), LEAST))
    start = np.concatenate([[np.quantile(size, HELD)], np.zeros(len(names))])

    def loss(a: np.ndarray) -> float:
        miss = size - a[0] - x @ a[1:]
        # the pinball of a quantile, rounded at its tip
        soft = np.sqrt(miss**2 + LEAST**2)
        return float(np.sum(soft / 2 + (HELD - 0.5) * miss) + SHRINK / 2 * np.sum(a[1:] ** 2))

    found = minimize(loss, start, method="L-BFGS-B").x
    held = np.mean(size - found[0] - x @ found[1:] <= 0)
    # the shrinkage moves the share that is held: the whole is moved back
    moved = found[0] + np.quantile(size - found[0] - x @ found[1:], HELD) if abs(held - HELD) > LEAST else found[0]
    return float(np.exp(moved)), dict(zip(names, np.exp(found[1:]).tolist(), strict=True))
