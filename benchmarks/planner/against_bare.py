"""The roofline without its host, beside what a bare GPU gave (``bare_gpu.csv``, measured by ``bare_gpu.py``).

Engines' constants are fitted to published measurements of whole servers. Here the part of them that is the GPU's alone
(weights, KV cache, products, launches) is held against the same model with random weights, without any server.

Usage: python benchmarks/planner/against_bare.py
"""

from __future__ import annotations

import csv
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.plan.gpus import known_as
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.resolve import coefficients_of, work_of
from zephyr_deploy.plan.speed.roofline import PLAIN, Batch, step

if TYPE_CHECKING:
    from zephyr_deploy.plan.kinds import WeightKind
    from zephyr_deploy.plan.model.facts import ModelFacts

FIGURES = Path(__file__).with_name("bare_gpu.csv")
FORMS: dict[str, WeightKind] = {"bf16": "16bit", "fp8": "fp8"}
MS = 1000


def predicted_ms(model: ModelFacts, row: dict[str, str]) -> float:
    """By the constants of the newest engines, with nothing outside the GPU."""
    gpu = known_as(row["gpu"])
    if gpu is None:
        raise SystemExit(f"{row['gpu']} is not in the catalogue")
    setup = Setup(model=model, engine="vllm", gpu=gpu, weights=FORMS[row["form"]])
    use = coefficients_of(setup)._replace(host_s=0.0, sequence_s=0.0, eager_s=0.0, first_s=0.0)
    tokens, sequences = int(row["tokens"]), int(row["batch"])
    decoding = Batch(sequences, tokens) if row["what"] == "step" else Batch(0.0, 0.0, tokens, tokens)
    seconds = step(work_of(setup), use, decoding, PLAIN)
    return seconds * MS


def main() -> None:
    """A line a figure, and the median of each kind."""
    from zephyr_deploy.plan.model.table import known_model

    model = known_model("HuggingFaceH4/zephyr-7b-beta")
    if model is None:
        raise SystemExit("the table lacks Zephyr")
    errors: dict[tuple[str, str, str], list[float]] = {}
    print(f"{'gpu':24}{'what':9}{'form':6}{'batch':>6}{'tokens':>7}{'bare ms':>9}{'model ms':>9}{'ratio':>7}")
    with FIGURES.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["what"] not in {"step", "prefill"}:
                continue
            bare, ours = float(row["value"]), predicted_ms(model, row)
            errors.setdefault((row["gpu"], row["what"], row["form"]), []).append(ours / bare - 1)
            said = f"{row['gpu']:24}{row['what']:9}{row['form']:6}{row['batch']:>6}{row['tokens']:>7}"
            print(f"{said}{bare:9.2f}{ours:9.2f}{ours / bare:7.2f}")
    for (gpu, what, form), found in errors.items():
        size = statistics.median(abs(error) for error in found)
        print(f"{gpu} {what} {form}: median absolute error {size:.1%}, bias {statistics.median(found):+.1%}")


if __name__ == "__main__":
    main()
