"""A run of a real process that Ctrl-C ends, and one whose report finds the disk full: nothing measured is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from zephyr_deploy.bench.report import BenchReport

TOOL = Path(sys.executable).with_name("zephyr-deploy")
SLOW = ("--ttft-ms", 60, "--itl-ms", 10, "--tokens", 8)
SOON_S = 20.0


def until(so, process):
    end = time.monotonic() + SOON_S
    while not so():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    "load", [("--concurrency", "4"), pytest.param(("--rate", "40", "--arrivals", "constant"), marks=pytest.mark.long)]
)
def test_ctrl_c_saves_what_there_is_and_says_that_it_is_not_all(truth, tmp_path, load):
    saved = tmp_path / "report.json"
    with truth(*SLOW) as server:
        command = [TOOL, "bench", "--url", server.url, *load, "--warmup", "4", "--duration", "5m", "--save", saved]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until(lambda: sum(served.end == "complete" for served in server.log().served) >= 40, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SOON_S)
        log = server.settled(40)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    report = BenchReport.model_validate_json(saved.read_text())
    (level,) = report.levels
    assert report.partial
    assert level.partial
    # What was over is in it; what was under way is in no figure and is no failure of the server's.
    complete = sum(served.end == "complete" for served in log.served)
    assert 20 <= level.succeeded == level.ttft_ms.n <= complete
    assert level.errors == {}
    assert level.output_tokens.max == 8
    assert {served.end for served in log.served} <= {"complete", "client closed"}


@contextmanager
def small_disk(folder):
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_disk_that_is_full_costs_no_measurement(truth, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    with truth(*SLOW) as server, small_disk(tmp_path / "disk") as disk:
        (disk / "report.json").write_text("of yesterday")
        asked = ["--concurrency", "4", "--requests", "40", "--output", "json", "--allow-bottleneck"]
        done = subprocess.run(
            [TOOL, "bench", "--url", server.url, *asked, "--save", disk / "report.json"],
            env={**os.environ, "TMPDIR": str(tmp_path / "elsewhere")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert [path.name for path in disk.iterdir()] == ["report.json"]
        assert (disk / "report.json").read_text() == "of yesterday"
    assert done.returncode == 5, done.stderr
    (rescued,) = (tmp_path / "elsewhere").glob("*.json")
    assert str(rescued) in done.stdout + done.stderr
    assert BenchReport.model_validate_json(rescued.read_text()).levels[0].succeeded == 40
    shown, _ = json.JSONDecoder().raw_decode(done.stdout)
    assert shown["kind"] == "bench"
