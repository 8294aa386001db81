"""1,024 streams at once, as typed by somebody whose shell allows 512 open files unless a program asks for more."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

STREAMS = 1024
SOFT = 512
SLOW = ("--ttft-ms", 3000, "--itl-ms", 50, "--tokens", 4)


def typed(url, hard):
    """``zephyr-deploy bench`` with these limits on open files."""
    tool = Path(sys.executable).with_name("zephyr-deploy")
    asked = ["--concurrency", str(STREAMS), "--requests", str(STREAMS), "--warmup", "0", "--output", "json"]
    return subprocess.run(
        [tool, "bench", "--url", url, *asked],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (SOFT, hard)),
    )


def test_all_of_them_are_answered(truth):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 2 * STREAMS:
        pytest.skip(f"this system allows {hard} open files")
    with truth(*SLOW) as server:
        done = typed(server.url, hard)
        log = server.log()
    assert done.returncode in {0, 8}, done.stderr  # 8: it says that this machine was too slow for it
    (level,) = json.loads(done.stdout)["data"]["levels"]
    assert (level["errors"], level["succeeded"]) == ({}, STREAMS)
    assert len({served.connection for served in log.served}) == STREAMS
    # Each was begun before any was over: they were at once.
    assert max(served.first_byte_ns for served in log.served) < min(served.sent_ns[-1] for served in log.served)


def test_where_so_many_are_not_allowed_it_says_so_first(truth):
    with truth(*SLOW) as server:
        done = typed(server.url, SOFT)
        assert not server.log().served
    assert done.returncode == 2
    assert "open files" in done.stdout
    assert "ulimit" in done.stdout
