"""docs/guides/cost.md says what is so: its commands are read, its figures and names are the program's own."""

from __future__ import annotations

import functools
import re
import shlex
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from zephyr_deploy.agent import expire, interruption
from zephyr_deploy.cli import main as program
from zephyr_deploy.deploy.clouds import keep, watch
from zephyr_deploy.providers.clouds.userdata import EVERY, GRACE, user_data
from zephyr_deploy.spec.deployment import Cost
from zephyr_deploy.spec.lifetime import LEAST

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/guides/cost.md").read_text()
COMMANDS = re.findall(r"^\$ (zephyr-deploy .*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_its_commands_are_read(line, monkeypatch, capsys):
    load, ran = program.load, []

    def recording(name):
        verb = load(name)
        record = functools.wraps(verb.run)(lambda *_args, **_values: ran.append(name))
        return replace(verb, run=record)

    monkeypatch.setattr(program, "load", recording)
    call = shlex.split(line)[1:]
    assert program.main(call) == 0, capsys.readouterr().err
    assert ran == call[:1]


def test_there_are_commands():
    assert len(COMMANDS) == 5


def test_its_defaults_are_those_of_the_settings():
    assert Cost() == Cost(ttl="8h", idle="1h")
    assert "| `--ttl` | `cost.ttl` | 8 hours |" in PAGE
    assert "| `--idle` | `cost.idle` | 1 hour |" in PAGE


def test_it_says_how_often_a_machine_is_looked_at_that_may_be_taken_back():
    assert (interruption.EVERY_S, watch.LOOK_S, keep.AGAIN_S) == (5, 15, 120)
    assert (keep.PAUSES_S[0], keep.BORNE) == (15, timedelta(minutes=30))
    assert timedelta(minutes=15) == LEAST
    said = " ".join(PAGE.split())
    for words in (
        "every five seconds",
        "every 15 seconds",
        "every two minutes",
        "less than a quarter of an hour is left",
    ):
        assert words in said


def test_its_lengths_of_time_are_those_of_the_program():
    minute = timedelta(minutes=1)
    assert (minute, 30 * minute) == (EVERY, GRACE)
    assert ("Each minute it looks" in PAGE, "half an hour is added to `--idle`" in PAGE) == (True, True)
    assert (expire.REBOOT_S, expire.AGAIN_S, expire.IN_FLIGHT_S) == (600, 900, 3600)
    assert expire.WARN_S == (900, 300)
    for words in (
        "up to ten minutes",
        "a quarter of an hour to be extended",
        "up to an hour",
        "Fifteen and five minutes",
    ):
        assert words in PAGE


def test_what_it_names_is_there():
    told = user_data(None, None)
    for unit in ("zephyr-deploy-expire.timer", "zephyr-deploy-expire.service"):
        assert unit in told
    assert f"/{expire.LIMITS} /{expire.VOLATILE}" in PAGE
    assert (ROOT / "examples/github/gc.yml").is_file()
