"""The constants of the fit (``data/speed.toml``, written by ``benchmarks/planner/fit.py``)."""

from __future__ import annotations

from datetime import date
from functools import cache

from pydantic import Field

from zephyr_deploy.resources import shipped_table
from zephyr_deploy.spec.base import Frozen


class Speed(Frozen):
    """All of them."""

    as_of: date
    base: dict[str, float]
    scheduler: dict[str, dict[str, float]]
    era: dict[str, dict[str, float]]
    weights: dict[str, dict[str, float]]
    sustained: dict[str, float]
    """By card: what it keeps up of its datasheet's compute."""
    interval: dict[str, float] = Field(default_factory=dict)
    """Half of the interval that holds four of five measurements, in logarithms; what each class multiplies it by."""

    def sustained_of(self, gpu: str) -> float:
        """Of a card; of one that nobody measured, the median of the others."""
        known = sorted(self.sustained.values())
        return self.sustained.get(gpu, known[len(known) // 2])


@cache
def speed() -> Speed:
    """The constants of this version."""
    return Speed.model_validate(shipped_table("speed"))
