"""What one's own measurements say about the constants: multipliers of a few of them."""

from __future__ import annotations

from pydantic import Field

from zephyr_deploy.spec.base import Frozen

Multiplier = Field(1, gt=0, allow_inf_nan=False)
Width = Field(gt=0, allow_inf_nan=False)


class Spreads(Frozen):
    """Half the interval that holds four of five measurements, as a share in logarithms."""

    ttft: float = Width
    itl: float = Width
    throughput: float = Width


class Correction(Frozen):
    """Multipliers of the constants of one model on one card under one engine; 1: as published measurements say."""

    bandwidth_use: float = Multiplier
    kv_use: float = Multiplier
    compute_use: float = Multiplier
    host_s: float = Multiplier
    sequence_s: float = Multiplier
    first_s: float = Multiplier
    reduce_s: float = Multiplier
    spread: Spreads | None = None
    """None: as without correction."""
    source: str = ""
    """What was measured, for people."""
