"""A report as CSV."""

from __future__ import annotations

import csv

from bench_reports import level, report

from zephyr_deploy.bench.report import BenchReport
from zephyr_deploy.bench.rows import levels_csv, requests_csv


def a_report():
    log = [
        {"number": 0, "due_ms": 1, "sent_ms": 1.5, "ended_ms": 150, "ttft_ms": 50, "e2e_ms": 140, "prompt_tokens": 9}
        | {"output_tokens": 3, "gaps_us": [20_000, 70_500]},
        {"number": 1, "sent_ms": None, "ended_ms": 9, "ttft_ms": None, "e2e_ms": None, "prompt_tokens": None}
        | {"output_tokens": 0, "failure": "=cmd|' /C calc'!A0"},
    ]
    return BenchReport.model_validate(report(level(1, 20.0, log=log), level(4, 30.0)))


def read(text):
    return list(csv.DictReader(text.splitlines()))


def test_a_line_a_request():
    first, second = read(requests_csv(a_report()))
    assert (first["level"], first["load"], first["number"], first["ttft_ms"]) == ("1", "1 at once", "0", "50.0")
    assert (first["events"], first["largest_gap_ms"]) == ("3", "70.5")
    assert (second["sent_ms"], second["events"]) == ("", "")


def test_no_cell_is_a_formula():
    _, second = read(requests_csv(a_report()))
    assert second["failure"].startswith("'=cmd")


def test_a_line_a_level():
    first, second = read(levels_csv(a_report()))
    assert first["ttft_ms.p50"] == "90.0"
    assert first["load"] == "1 at once"
    assert second["client.verdict"] == "ok"
    assert not {"log", "remarks"} & first.keys()
