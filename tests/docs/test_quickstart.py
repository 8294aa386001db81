"""The recorded session of docs/quickstart.md is what a user sees."""

import os
import sys
from pathlib import Path

import pytest


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_every_command_prints_what_the_page_shows(quickstart, home):
    steps = quickstart.steps(quickstart.PAGE.read_text())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    try:
        for step in steps:
            printed = quickstart.play(step.command, home, path)
            assert quickstart.normal(printed) == quickstart.normal(step.output), step.command
    finally:
        quickstart.play("zephyr-deploy down --grace 0s", home, path)
    assert len(steps) >= 10


def test_the_page_was_recorded(quickstart):
    assert all(step.output.strip() for step in quickstart.steps(quickstart.PAGE.read_text()))


def test_only_what_varies_is_masked(quickstart):
    assert quickstart.same("done  0.1 s  Plan", "done 12.5 s  Plan")
    assert quickstart.same("release 1cc6b4a5f4a8", "release 0123456789ab")
    assert quickstart.same("... bench-4: 3 of 4 requests\ndone 9.0 s  Measure", "done 2.0 s  Measure")
    assert quickstart.same("1.96 client bottleneck", "2.43 ok")
    assert quickstart.same(
        "1.9\n\nITL\n|a|\np50; a number is a load\nTimes", "2\n\nITL\np50; a number is a load\nTimes"
    )
    assert not quickstart.same("state ready", "state failed")
    assert not quickstart.same("The capital is Tokyo.", "The capital is Kyoto.")
    assert not quickstart.same("a\nb", "a")
