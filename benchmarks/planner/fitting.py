"""Finds the constants under which the package's formulas come nearest to the table, starting from `priors.toml`."""

from __future__ import annotations

import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tomllib
from measures import Prepared, of_classes
from scipy.optimize import least_squares

from zephyr_deploy.plan.speed.constants import Speed

if TYPE_CHECKING:
    from points import Table

PRIORS = Path(__file__).with_name("priors.toml")
SECTIONS = ("base", "scheduler", "era", "weights", "sustained")
ENDLESS = 1e6
"""A constant that large stands for none at all."""
UNPUBLISHED = {"16bit", "nf4"}
NOISE = 0.10
"""Standard deviation of a measurement's logarithm, where the formulas are right."""
KNEE = 0.2
"""Beyond that an error counts by its size, and no more by its square: some tables are wrong, or of another thing."""
FARTHEST = 4.0
"""Standard deviations of the prior."""


class Priors:
    """The constants that are fitted, as logarithms of what they are multiplied with."""

    def __init__(self) -> None:
        self.tree = tomllib.loads(PRIORS.read_text(encoding="utf-8"))
        self.paths = list(self._paths())
        self.width = np.array([width for _, width in self.paths])

    def _paths(self) -> Any:
        width = self.tree["width"]
        for name in self.tree["base"]:
            yield ("base", name), width["base"][name]
        for name in self.tree["scheduler"]:
            yield ("scheduler", name, "stall"), width["scheduler"][name]["stall"]
        for era, names in self.tree["era"].items():
            for name in names:
                yield ("era", era, name), width["era"].get(era, {}).get(name, width["era"][name])
        for kind, names in self.tree["weights"].items():
            for name, value in names.items():
                if kind not in UNPUBLISHED and value < ENDLESS:
                    yield ("weights", kind, name), width["weights"][name]
        for card in self.tree["sustained"]:
            yield ("sustained", card), width["sustained"].get(card, width["sustained"]["every"])

    def constants(self, x: np.ndarray) -> Speed:
        """With each constant multiplied by the exponential of its place in ``x``."""
        trees = {name: copy.deepcopy(self.tree[name]) for name in SECTIONS}
        for (path, _), times in zip(self.paths, np.exp(x), strict=True):
            tree = trees
            for name in path[:-1]:
                tree = tree[name]
            tree[path[-1]] = float(tree[path[-1]] * times)
        return Speed.model_construct(as_of=self.tree["as_of"], **trees)

    @property
    def start(self) -> np.ndarray:
        """What is believed."""
        return np.zeros(len(self.paths))


class Problem:
    """A table and its priors.

    Coefficients are products of constants, so their logarithms are linear in those of the constants: the derivative of
    a prediction is that by its coefficients, of which there are few, times a matrix that is computed once.
    """

    def __init__(self, table: Table, priors: Priors) -> None:
        self.table, self.priors, self.prepared = table, priors, Prepared(table)
        base = of_classes(table, priors.constants(priors.start))
        self.zero = base <= 0
        self.base = np.where(self.zero, 1, base)

    @cached_property
    def linear(self) -> np.ndarray:
        """By constant, class and coefficient."""
        found = np.zeros((len(self.priors.paths), *self.base.shape))
        for i in range(len(found)):
            x = self.priors.start
            x[i] = 0.1
            moved = np.where(self.zero, 1, of_classes(self.table, self.priors.constants(x)))
            found[i] = np.log(moved / self.base) / 0.1
        return found

    def coefficients(self, x: np.ndarray) -> np.ndarray:
        """Of each class, a row each."""
        return np.where(self.zero, 0, self.base * np.exp(np.tensordot(x, self.linear, 1)))

    def logarithms(self, coefficients: np.ndarray) -> np.ndarray:
        """Of the predictions."""
        return np.log(np.maximum(self.prepared.predicted(coefficients), 1e-9))

    def derivative(self, x: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Of the predictions' logarithms, which are ``at``, by those of the constants."""
        coefficients, step = self.coefficients(x), 1e-4
        found = np.zeros((len(at), len(x)))
        for k in range(coefficients.shape[1]):
            of_constant = self.linear[:, :, k]
            if of_constant.any():
                moved = coefficients.copy()
                moved[:, k] *= np.exp(step)
                slope = (self.logarithms(moved) - at) / step
                found += slope[:, None] * of_constant[:, self.table.of_class].T
        return found


def fit(table: Table, weight: np.ndarray, priors: Priors, start: np.ndarray | None = None) -> np.ndarray:
    """Logarithms of what the priors are multiplied with: the mode of the posterior under a robust loss."""
    problem, target, scale = Problem(table, priors), np.log(table.value), np.sqrt(weight) / NOISE

    def residuals(x: np.ndarray) -> np.ndarray:
        error = problem.logarithms(problem.coefficients(x)) - target
        return np.concatenate([scale * _robust(error), x / priors.width])

    def jacobian(x: np.ndarray) -> np.ndarray:
        at = problem.logarithms(problem.coefficients(x))
        rows = problem.derivative(x, at) * (scale * _robust_slope(at - target))[:, None]
        return np.concatenate([rows, np.diag(1 / priors.width)])

    found = least_squares(
        residuals,
        priors.start if start is None else np.clip(start, *(side * 0.97 * FARTHEST * priors.width for side in (-1, 1))),
        jac=jacobian,
        x_scale=priors.width,
        bounds=(-FARTHEST * priors.width, FARTHEST * priors.width),
        max_nfev=60,
        ftol=5e-5,
        xtol=3e-4,
        gtol=1e-5,
    )
    return found.x


def _robust(error: np.ndarray) -> np.ndarray:
    """The root of the pseudo-Huber loss."""
    return np.sign(error) * np.sqrt(2 * KNEE**2 * (np.sqrt(1 + (error / KNEE) ** 2) - 1))


def _robust_slope(error: np.ndarray) -> np.ndarray:
    size = np.maximum(np.abs(error), 1e-6)
    root = np.sqrt(1 + (size / KNEE) ** 2)
    return size / (root * np.sqrt(2 * KNEE**2 * (root - 1)))
