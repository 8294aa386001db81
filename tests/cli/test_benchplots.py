"""Small plots of a benchmark on a terminal."""

from __future__ import annotations

import io
from pathlib import Path

from bench.simulated_reports import simulated
from rich.console import Console

from zephyr_deploy.bench.saved import read_report
from zephyr_deploy.cli.benchplots import BLOCKS, WIDTH, BenchPlots

BARE = Path(__file__).parents[1] / "data" / "bench-report-1.json"


def drawn(report, encoding="utf-8"):
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding=encoding, write_through=True), width=100)
    console.print(BenchPlots(report))
    return raw.getvalue().decode(encoding)


def test_a_histogram_a_level_and_a_curve():
    text = drawn(simulated([1, 4, 16], requests=60))
    lines = [line for line in text.splitlines() if line.count("|") == 2]
    assert len(lines) == 2 * 3
    assert all(line.index("|") == lines[0].index("|") and len(line) == len(lines[0]) for line in lines)
    assert all("█" in line for line in lines)
    assert " ms" in text
    assert "THROUGHPUT AGAINST LATENCY" in text
    assert "16" in text.partition("AGAINST")[2]


def test_ascii_alone():
    text = drawn(simulated([1, 4], requests=60), "ascii")
    assert text.isascii()
    assert "@" in text
    assert not set(BLOCKS.strip()) & set(text)


def test_one_level_has_no_curve_and_no_requests_have_no_histogram():
    assert "AGAINST" not in drawn(simulated([4]))
    levels = tuple(level.model_copy(update={"log": ()}) for level in simulated([1, 4]).levels)
    assert "TTFT" not in drawn(simulated([1, 4]).model_copy(update={"levels": levels}))
    assert drawn(read_report(BARE)).strip() == ""


def test_a_few_requests_have_no_shape():
    text = drawn(simulated([1, 4], requests=4))
    assert "TTFT" not in text
    assert "ITL" in text


def test_equal_values_are_one_column():
    (level,) = simulated([1], requests=8).levels
    log = tuple(one.model_copy(update={"ttft_ms": 20.0, "gaps_us": (5,)}) for one in level.log)
    text = drawn(simulated([1]).model_copy(update={"levels": (level.model_copy(update={"log": log}),)}), "ascii")
    bars = [line.split("|")[1] for line in text.splitlines() if line.count("|") == 2]
    assert [len(bar) for bar in bars] == [WIDTH, WIDTH]
    assert all(bar.count("@") == 1 for bar in bars)
