"""From what was measured to the constants that explain it best, given what published measurements say of them.

Maximum a posteriori: each constant's multiplier is log-normal around 1, as wide as that constant differs between
cards and engines in publications; each figure is log-normal around its prediction. Solved by Gauss and Newton's method
with Levenberg's damping. What is left uncertain becomes the width of the interval (Laplace's approximation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log, sqrt
from typing import NamedTuple

from zephyr_deploy.plan.speed.correction import Correction
from zephyr_deploy.plan.speed.linear import Matrix, inverse, solved, times
from zephyr_deploy.plan.speed.measured import Kind, Point

Predict = Callable[[Point, Correction], float]
"""What is predicted of a point's figure, in its unit."""

WIDTHS: dict[str, float] = {
    "bandwidth_use": 0.10,
    "kv_use": 0.35,
    "compute_use": 0.30,
    "host_s": 0.70,
    "sequence_s": 0.80,
    "first_s": 0.80,
    "reduce_s": 0.50,
}
"""Standard deviation of each multiplier's logarithm: how far apart the eras and cards of ``data/speed.toml`` are."""
NOISE: dict[Kind, float] = {"itl": 0.05, "ttft": 0.12, "throughput": 0.06}
"""Of a measurement that is repeated, and of formulas near to it, in logarithms."""
MISFIT = 0.55
"""Share of a published interval that is the formulas' own, which no measurement under another load takes away: with it
the interval holds four of five in benchmarks/planner/learning.py."""
KNEE = 0.25
"""A figure that is further off than that pulls no harder: one bad moment of a machine spoils no correction."""
FOUR_OF_FIVE = 1.2816
"""Standard deviations to either side that hold 80 % of a normal distribution."""
STEP = 1e-4
MOST_ROUNDS = 40
ENOUGH = 1e-6


class Solved(NamedTuple):
    """Constants, and how sure they are."""

    correction: Correction
    covariance: Matrix
    """Of the logarithms, in the order of `WIDTHS`."""


def solve(points: Sequence[Point], predict: Predict) -> Solved:
    """The most likely constants.

    Args:
        points: What was measured; none leaves everything as it is.
        predict: The model's answer for a point under a correction.
    """
    problem = _Problem(points, predict)
    at = [0.0] * len(WIDTHS)
    cost, damping = problem.cost(at), 1e-3
    for _ in range(MOST_ROUNDS):
        hessian, gradient = problem.normal(at)
        damped = [[v * (1 + damping * (i == j)) for j, v in enumerate(row)] for i, row in enumerate(hessian)]
        change = solved(damped, [-one for one in gradient])
        tried = [one + by for one, by in zip(at, change, strict=True)]
        after = problem.cost(tried)
        if after > cost:
            damping *= 10
            if damping > 1 / ENOUGH:
                break
            continue
        done = cost - after < ENOUGH * (1 + cost)
        at, cost, damping = tried, after, damping / 10
        if done:
            break
    hessian, _ = problem.normal(at)
    return Solved(correction_of(at), inverse(hessian))


def correction_of(logs: Sequence[float]) -> Correction:
    """Multipliers from logarithms in the order of `WIDTHS`."""
    return Correction(**{name: exp(value) for name, value in zip(WIDTHS, logs, strict=True)})


def spread_of(unsure: float, published: float) -> float:
    """Half of the interval that holds four of five measurements, in logarithms.

    Args:
        unsure: What the constants leave open there, by `unsure_at`.
        published: The interval where nothing was measured, which is never made wider.
    """
    return min(published, sqrt(unsure**2 + (MISFIT * published) ** 2))


def unsure_at(point: Point, found: Solved, predict: Predict) -> float:
    """Half of the interval that holds a point for four of five constants that are as likely as those, in logarithms."""
    at = [log(getattr(found.correction, name)) for name in WIDTHS]
    slope = _slope(point, at, predict)
    variance = sum(one * by for one, by in zip(slope, times(found.covariance, slope), strict=True))
    return FOUR_OF_FIVE * sqrt(variance)


class _Problem:
    """The cost to be made least, and its derivatives."""

    def __init__(self, points: Sequence[Point], predict: Predict) -> None:
        self._points, self._predict = points, predict

    def cost(self, at: Sequence[float]) -> float:
        prior = sum((one / width) ** 2 for one, width in zip(at, WIDTHS.values(), strict=True))
        correction = correction_of(at)
        return prior + sum(_loss(self._off(point, correction), NOISE[point.kind]) for point in self._points)

    def normal(self, at: Sequence[float]) -> tuple[Matrix, list[float]]:
        """The matrix and the right side of the normal equations at a place."""
        widths = list(WIDTHS.values())
        matrix = [[float(i == j) / widths[i] ** 2 for j in range(len(at))] for i in range(len(at))]
        gradient = [one / width**2 for one, width in zip(at, widths, strict=True)]
        correction = correction_of(at)
        for point in self._points:
            off = self._off(point, correction)
            slope = _slope(point, at, self._predict)
            weight = 1 / (NOISE[point.kind] ** 2 * sqrt(1 + (off / KNEE) ** 2))
            for i, one in enumerate(slope):
                gradient[i] += weight * one * off
                for j, other in enumerate(slope):
                    matrix[i][j] += weight * one * other
        return matrix, gradient

    def _off(self, point: Point, correction: Correction) -> float:
        return log(self._predict(point, correction) / point.value)


def _loss(off: float, noise: float) -> float:
    """Quadratic near nothing, linear far away (pseudo-Huber)."""
    return 2 * (KNEE / noise) ** 2 * (sqrt(1 + (off / KNEE) ** 2) - 1)


def _slope(point: Point, at: Sequence[float], predict: Predict) -> list[float]:
    """By how much the logarithm of the prediction changes with each constant's."""
    here = log(predict(point, correction_of(at)))
    found = []
    for i in range(len(at)):
        moved = [one + STEP * (i == j) for j, one in enumerate(at)]
        found.append((log(predict(point, correction_of(moved))) - here) / STEP)
    return found
