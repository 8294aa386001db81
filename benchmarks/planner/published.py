"""Writes ``zephyr_deploy/data/published.csv``: what was published, and what the constants of data/speed.toml say to it.

`plan --explain` shows those rows that are nearest to a plan. The constants were fitted to most of them.

::

    python benchmarks/planner/published.py
"""

from __future__ import annotations

import csv

from measures import predicted
from points import CSV, read, table
from shapes import MODELS

from zephyr_deploy.plan.speed.constants import speed
from zephyr_deploy.resources import PACKAGE

BILLION = 1e9
OUT = PACKAGE / "data" / "published.csv"
COLUMNS = (
    "gpu",
    "gpus",
    "model",
    "billions",
    "engine",
    "weights",
    "input_tokens",
    "output_tokens",
    "requests",
    "what",
    "measured",
    "predicted",
    "source",
)


def labels() -> list[str]:
    """What each row of the table measures, in the publication's words, with its unit."""
    with CSV.open(encoding="utf-8", newline="") as file:
        return [f"{row['metric'].partition(' (')[0]}, {row['unit']}" for row in csv.DictReader(file)]


def main() -> None:
    """Write the file."""
    what = labels()
    points = [one for one in read() if one.use]
    values = predicted(table(points), speed())
    with OUT.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for one, value in zip(points, values, strict=True):
            if not value > 0:
                continue
            engine = f"{one.engine} {one.version}".strip()
            row = (one.gpu, one.shards, one.model, f"{MODELS[one.model].parameters / BILLION:.3g}", engine, one.weights)
            load = (f"{one.prompt:.0f}", f"{one.output:.0f}", f"{one.requests:g}")
            out.writerow((*row, *load, what[one.row], f"{one.value:.5g}", f"{value:.5g}", one.source))
    print(f"{len(points)} measurements: {OUT}")


if __name__ == "__main__":
    main()
