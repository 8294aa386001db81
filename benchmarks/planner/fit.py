"""Fits the constants of the speed model to published measurements, and says how far off it is.

Every error is printed twice: under constants that have seen the table, and under constants that were fitted without
it, held out by table and by author. Needs numpy and scipy (dependency group `fit`). A run takes a minute.

Usage: python benchmarks/planner/fit.py [--write] [--evaluate other.csv]

    --write      writes zephyr_deploy/data/speed.toml and docs/explanation/planner-accuracy.md
    --evaluate   says how far off the written constants are on another table with the same columns, and fits nothing
"""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from fitting import Priors
from folds import Errors, errors, held_out, used
from measures import predicted
from points import doubts, read, table
from report import markdown, summary
from speedfile import speed_toml
from spread import spreads

from zephyr_deploy.plan.speed.constants import speed

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "zephyr_deploy/data/speed.toml"
PAGE = ROOT / "docs/explanation/planner-accuracy.md"


def main() -> None:
    """What the usage says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--evaluate", type=Path)
    given = parser.parse_args()
    if given.evaluate:
        evaluate(given.evaluate)
        return
    points, refused = used(read())
    priors = Priors()
    best, found = errors(points, priors)
    width, factors = interval(found)
    factors |= beyond(found, priors, best)
    today = datetime.now(tz=timezone.utc).date()
    page = markdown(found, refused, evaluation(priors, best), (width, factors), today)
    print(page)
    if given.write:
        DATA.write_text(speed_toml(priors.constants(best), width, factors, today), encoding="utf-8")
        PAGE.write_text(page, encoding="utf-8")


def interval(found: Errors) -> tuple[float, dict[str, float]]:
    """Of the points that have no doubt about them, held out with all that their authors published."""
    firm = [i for i, p in enumerate(found.points) if p.use and not doubts(p)]
    return spreads([found.points[i] for i in firm], found.by_publication[firm])


def beyond(found: Errors, priors: Priors, best: np.ndarray) -> dict[str, float]:
    """How much wider where a setup lies outside of what was measured.

    Of cards, by holding each out; of the others, which no measurement speaks of, by judgement.
    """
    firm = [i for i, p in enumerate(found.points) if p.use and not doubts(p)]
    points = [found.points[i] for i in firm]
    without = np.abs(held_out(points, priors, best, lambda p: p.gpu))
    seen = np.abs(found.fitted[firm])
    cards = np.array([p.gpu for p in points])
    ratios = [
        np.quantile(without[cards == card], 0.8) / np.quantile(seen[cards == card], 0.8) for card in np.unique(cards)
    ]
    card = float(np.clip(np.median(ratios), 1, 3))
    return {
        "beyond.card": card,
        "beyond.engine": 1.3,
        "beyond.shards": 1.5,
        "beyond.experts": 1.5,
        "beyond.nf4": 1.5,
    }


def evaluation(priors: Priors, best: np.ndarray) -> Errors:
    """Points whose kind is never fitted: what a closed or an open loop makes of the time to the first token."""
    points = [p for p in read() if p.kind in {"ttft_closed", "open_tpot", "open_ttft"} and not doubts(p)]
    rows = table(points)
    error = np.log(predicted(rows, priors.constants(best)) / rows.value)
    return Errors(points, error, error, error)


def evaluate(path: Path) -> None:
    """Errors of the written constants."""
    points = read(path)
    rows = table(points)
    error = np.log(predicted(rows, speed()) / rows.value)
    known = np.isfinite(error)
    points, error = [p for p, k in zip(points, known, strict=True) if k], error[known]
    print(summary(Errors(points, error, error, error)))


if __name__ == "__main__":
    main()
