"""When a machine ends, in words; and who is warned of it."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone

import pytest

from zephyr_deploy.cli.ending import ends, length, warn_of_end, when
from zephyr_deploy.cli.output import Output
from zephyr_deploy.providers.machines import Ending

NOW = datetime(2026, 11, 9, 12, tzinfo=timezone.utc)
FOUND = {"age_s": 60.0, "left_s": 11520.0, "idle_left_s": 2400.0, "unused_s": 1200.0, "looked_s": 20.0}


def warned(left):
    said = io.StringIO()
    at = datetime.now(timezone.utc) + left if left is not None else None
    warn_of_end(Output(stderr=said), "demo", at)
    return " ".join(said.getvalue().split())


@pytest.mark.parametrize("left", [None, timedelta(minutes=31), timedelta(days=9)])
def test_nobody_is_warned_of_what_is_far_away(left):
    assert warned(left) == ""


def test_half_an_hour_before_its_end_whoever_uses_it_is_warned():
    said = warned(timedelta(minutes=12, seconds=10))
    assert said == "Warning: The time of demo ends in 12 min. To go on: zephyr-deploy extend demo 2h"
    assert "The time of demo is over." in warned(timedelta(minutes=-5))


def test_both_limits_are_told():
    assert ends(Ending.read(FOUND)) == "in 3 h 12 min; without a request in 40 min (unused for 20 min)"
    assert (
        ends(Ending.read({**FOUND, "left_s": None})) == "no time limit; without a request in 40 min (unused for 20 min)"
    )
    assert ends(Ending.read({**FOUND, "idle_left_s": None})) == "in 3 h 12 min"


@pytest.mark.parametrize("looked_s", [None, 601.0])
def test_a_timer_that_does_not_run_is_told_instead(looked_s):
    assert "never by itself: its timer does not run" in ends(Ending.read({**FOUND, "looked_s": looked_s}))


def test_a_machine_of_ones_own_has_no_end():
    assert Ending.read(None) is None


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(seconds=-1), "now"),
        (timedelta(minutes=5), "in 5 min"),
        (timedelta(hours=26, minutes=3), "in 26 h 03 min"),
        (timedelta(days=4), "on 2026-11-13 at "),
    ],
)
def test_a_moment_to_come(left, words):
    assert when(NOW + left, NOW).startswith(words)


def test_a_length_is_rounded_to_minutes():
    assert length(timedelta(minutes=59, seconds=40)) == "1 h 00 min"
    assert length(timedelta(seconds=-4)) == "0 min"
