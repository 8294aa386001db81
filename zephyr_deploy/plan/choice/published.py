"""Published measurements that are near to a setup, and how far off predictions of them are (``data/published.csv``)."""

from __future__ import annotations

import csv
from functools import cache
from math import log2
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.resources import resource
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from zephyr_deploy.plan.gpus import Gpu
    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.plan.workload import Workload

SHOWN = 6
ANOTHER_CARD, OTHER_WEIGHTS, OTHER_ENGINE = 6.0, 2.0, 0.5
"""How far apart two are that differ in that; twice the model, the GPUs or, of another card, the bandwidth is 1."""
LOAD = 0.25
"""The same for twice the requests or the prompt."""
BILLION = 1e9


class Published(Frozen):
    """A measurement, and what would have been predicted."""

    gpu: str
    gpus: int
    model: str
    engine: str
    """With its version, where that is known."""
    weights: str
    input_tokens: int
    output_tokens: int
    requests: float
    """At a time, or a second for a rate; 0: as many as had room."""
    what: str
    """E.g. TPOT p50, with its unit."""
    measured: float
    predicted: float
    source: str

    @property
    def error(self) -> float:
        """Of the prediction, as a share of what was measured."""
        return self.predicted / self.measured - 1


class _Row(NamedTuple):
    gpu: str
    gpus: int
    billions: float
    engine: str
    weights: str
    prompt: float
    requests: float
    cells: dict[str, str]


def nearest(setup: Setup, workload: Workload, count: int = SHOWN) -> tuple[Published, ...]:
    """Those that are nearest to a setup under a workload; of one publication and kind only the nearest one."""
    found: dict[tuple[str, str], _Row] = {}
    for row in sorted(_rows(), key=lambda row: _distance(row, setup, workload)):
        found.setdefault((row.cells["source"], row.cells["what"]), row)
        if len(found) == count:
            break
    return tuple(_published(row.cells) for row in found.values())


def _distance(row: _Row, setup: Setup, workload: Workload) -> float:
    requests = workload.concurrency or 1
    return (
        _another_card(row.gpu, setup.gpu)
        + OTHER_WEIGHTS * (row.weights != setup.weights)
        + OTHER_ENGINE * (row.engine != setup.engine)
        + abs(log2(row.gpus / setup.shards))
        + abs(log2(row.billions * BILLION / setup.model.parameters))
        + LOAD * abs(log2(row.prompt / workload.input_tokens))
        + LOAD * abs(log2(max(row.requests, 1) / requests))
    )


def _another_card(key: str, gpu: Gpu) -> float:
    if key == gpu.key:
        return 0
    other = gpus().get(key)
    mine, theirs = gpu.bandwidth_gb_s, other.bandwidth_gb_s if other else None
    return ANOTHER_CARD + (abs(log2(theirs / mine)) if mine and theirs else 0)


@cache
def _rows() -> tuple[_Row, ...]:
    with resource("data", "published.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            _Row(
                gpu=cells["gpu"],
                gpus=int(cells["gpus"]),
                billions=float(cells["billions"]),
                engine=cells["engine"].partition(" ")[0],
                weights=cells["weights"],
                prompt=float(cells["input_tokens"]),
                requests=float(cells["requests"]),
                cells=cells,
            )
            for cells in csv.DictReader(file)
        )


def _published(cells: dict[str, str]) -> Published:
    return Published.model_validate({key: value for key, value in cells.items() if key != "billions"})
