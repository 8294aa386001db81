"""The constants that are shipped give the errors that are shipped: on tables of vLLM, which the planner plans for.

All tables, and errors of what was held out, are the benchmark's: benchmarks/planner/fit.py.
"""

from __future__ import annotations

import csv
import re
import statistics
from pathlib import Path

import pytest
from plan.models import LLAMA_70B

from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.predict import predict
from zephyr_deploy.plan.workload import Workload

ROOT = Path(__file__).resolve().parents[3]
TABLES = [f"aiconfigurator silicon sample 70B vllm {gpu}" for gpu in ("h100", "h200", "b200")]
OVERHEAD_BYTES = 2.2e9
"""As the fit takes it."""


@pytest.fixture(scope="module")
def rows():
    with (ROOT / "benchmarks/planner/perf_points.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["source"] in TABLES and row["kind"] == "itl_ms"]


@pytest.fixture(scope="module")
def shown():
    page = (ROOT / "docs/explanation/planner-accuracy.md").read_text(encoding="utf-8")
    return {
        name: (int(count), float(median))
        for name, count, median in re.findall(r"^\| (.+?) \| (\d+) \| ([\d.]+) \(", page, re.MULTILINE)
    }


@pytest.mark.parametrize("table", TABLES)
def test_the_page_says_what_the_constants_do(table, rows, shown):
    sizes = [abs(predicted(row) / float(row["value"]) - 1) for row in rows if row["source"] == table]
    count, median = shown[table]
    assert len(sizes) == count
    assert 100 * statistics.median(sizes) == pytest.approx(median, abs=0.1)


def predicted(row):
    shards = int(row["tp"])
    setup = Setup(model=LLAMA_70B, engine="vllm", gpu=gpus()[row["gpu"]], shards=shards, weights="fp8")
    tables = 2 * LLAMA_70B.embedding_parameters * 2
    weights = (LLAMA_70B.body_parameters + tables) / shards
    room = (0.9 * setup.gpu.memory_bytes - weights - OVERHEAD_BYTES) / setup.kv_bytes_per_token
    load = Workload(
        input_tokens=int(row["input_len"]),
        output_tokens=int(row["output_len"]),
        concurrency=int(row["concurrency_or_batch"]),
    )
    return predict(setup, load, kv_tokens=int(room)).itl_ms.value
