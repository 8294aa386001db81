"""Errors of the fitted constants, and of those that are fitted without whoever measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from fitting import Priors, fit
from measures import IDEAL_MARGIN, ideal, predicted
from points import Point, doubts, table

if TYPE_CHECKING:
    from collections.abc import Callable

RATES = ("_tps",)
SMALL_MODEL_WEIGHT = 0.1
"""Of points of the 0.5B model: nearly all of their time is the host's, and hosts differ threefold."""


class Errors(NamedTuple):
    """Logarithms of predicted / measured."""

    points: list[Point]
    fitted: np.ndarray
    by_source: np.ndarray
    """With each table as published held out."""
    by_publication: np.ndarray
    """With all tables of one author held out."""


def used(points: list[Point]) -> tuple[list[Point], list[tuple[Point, str]]]:
    """Those with a meaning for the fit or for its test, and those that are refused, with the reason."""
    known = [p for p in points if (p.use or p.model == "qwen2.5-0.5b") and not p.kind.startswith("open")]
    bound = ideal(table(known))
    good, refused = [], []
    for p, fastest in zip(known, bound, strict=True):
        if faster(p, fastest):
            refused.append((p, f"{p.value:.4g} where {fastest:.4g} is possible"))
        else:
            good.append(p)
    return good, refused


def faster(p: Point, bound: float) -> bool:
    """Whether a measurement is better than the datasheet allows."""
    is_rate = p.kind.endswith(RATES)
    return p.value * IDEAL_MARGIN > bound if is_rate else p.value < bound * IDEAL_MARGIN


def weights(points: list[Point]) -> np.ndarray:
    """How much each counts in the fit."""
    return np.array(
        [0.0 if p.use == 3 or doubts(p) else SMALL_MODEL_WEIGHT if p.use == 0 else 1.0 for p in points]  # noqa: PLR2004
    )


def errors(points: list[Point], priors: Priors) -> tuple[np.ndarray, Errors]:
    """The fit of all, and its errors."""
    weight = weights(points)
    train = table([p for p, w in zip(points, weight, strict=True) if w])
    best = fit(train, weight[weight > 0], priors)
    fitted = _errors(points, priors, best)
    by_source = held_out(points, priors, best, lambda p: p.source)
    by_publication = held_out(points, priors, best, lambda p: p.publication)
    return best, Errors(points, fitted, by_source, by_publication)


def held_out(points: list[Point], priors: Priors, best: np.ndarray, key: Callable[[Point], str]) -> np.ndarray:
    """Errors of the points of each group under constants that are fitted without the group."""
    weight, groups = weights(points), np.array([key(p) for p in points])
    found = np.full(len(points), np.nan)
    for group in np.unique(groups):
        of = groups == group
        x = best
        if weight[of].any():
            rest = (weight > 0) & ~of
            x = fit(table([points[i] for i in np.flatnonzero(rest)]), weight[rest], priors, best)
        found[of] = _errors([points[i] for i in np.flatnonzero(of)], priors, x)
    return found


def _errors(points: list[Point], priors: Priors, x: np.ndarray) -> np.ndarray:
    rows = table(points)
    return np.log(predicted(rows, priors.constants(x)) / rows.value)
