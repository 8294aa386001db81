"""The comparison as typed, at its smallest: a client of ours and a bare loop against the truth."""

from __future__ import annotations

import subprocess
import sys

import pytest
from benchmarks.loading import BENCHMARKS, program

ground_truth = program("instrument/ground_truth.py")
SMALLEST = ("--concurrency", "2", "--rates", "--rounds", "1", "--repeat", "1", "--deadline", "60")


def test_tells_of_each_client(tmp_path):
    try:
        ground_truth.compiler()
    except ground_truth.NoCompilerError as error:
        pytest.skip(str(error))
    command = [
        sys.executable,
        BENCHMARKS / "instrument" / "run.py",
        *SMALLEST,
        "--only",
        "(openai)",
        "(tgi)",
        "aiohttp",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if line[:1] == "|"]
    heads, _, ours, by_client, bare = rows
    assert [ours[0], by_client[0], bare[0]] == [
        "zephyr-deploy (openai)",
        "zephyr-deploy (tgi)",
        "aiohttp (bare loop)",
    ]
    for row in (ours, by_client, bare):
        told = dict(zip(heads, row, strict=True))
        # A busy machine delays the client; a wrong pairing of said and true is off by the whole of it.
        assert (told["n"], abs(float(told["TTFT p50"])) < 30) == ("1", True)
        assert float(told["load s"]) > 1
        assert float(told["peak MiB"]) > 5
        assert float(told["a request's TTFT"]) > 0
        assert float(told["a gap"]) > 0
