"""When a machine ends, in words; and who is warned of it."""

from __future__ import annotations

import io
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from zephyr_deploy.cli.ending import ends, length, warn_of_end, when
from zephyr_deploy.cli.main import main
from zephyr_deploy.cli.output import Output
from zephyr_deploy.providers.base import Service
from zephyr_deploy.providers.machines import Ending, MachineStatus

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


@pytest.mark.parametrize(("at", "words"), [("2026-11-26T14:03:00Z", " at 14:03 UTC"), ("soon", "")])
def test_that_its_cloud_takes_it_back_is_told_instead(at, words):
    ending = Ending.read({**FOUND, "taken_back_at": at})
    assert ending.taken_back
    assert ends(ending) == f"its cloud takes it back{words}"


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


def soon():
    return datetime.now(timezone.utc) + timedelta(minutes=5, seconds=5)


def test_whoever_lists_or_uses_an_endpoint_is_warned(monkeypatch, tmp_path, capsys):
    given = {"name": "demo", "engine": "tgi", "model_id": "m", "url": "http://127.0.0.1:1", "ends_at": soon()}
    service = Service(**given, provider="aws", release="r", state="ready", started_at=NOW)

    @contextmanager
    def reached(_name):
        yield service.endpoint()

    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("zephyr_deploy.deploy.find.services", lambda **_how: [service, service])
    monkeypatch.setattr("zephyr_deploy.deploy.reach.reached", reached)
    assert main(["ls"]) == 0
    assert capsys.readouterr().err.count("The time of demo ends in 5 min.") == 1
    assert main(["smoke", "demo"]) == 7
    assert "The time of demo ends in 5 min." in capsys.readouterr().err


def test_whoever_uses_one_that_is_not_well_hears_why(monkeypatch, tmp_path, capsys):
    given = {"name": "demo", "engine": "tgi", "model_id": "m", "url": "http://127.0.0.1:1", "detail": "taken back"}
    service = Service(**given, provider="aws", release="r", state="unhealthy", started_at=NOW)

    @contextmanager
    def reached(_name):
        yield service.endpoint()

    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("zephyr_deploy.deploy.reach.reached", reached)
    assert main(["smoke", "demo"]) == 7
    assert "Warning: demo is not well: taken back" in capsys.readouterr().err
    assert service.model_copy(update={"state": "starting"}).endpoint().trouble == ""


def test_status_tells_and_warns(monkeypatch, tmp_path, capsys):
    machine = MachineStatus(host="h", state="ready", ending=Ending.read({**FOUND, "left_s": 305.0}))
    service = Service(
        name="demo",
        engine="tgi",
        model_id="m",
        url="http://127.0.0.1:1",
        provider="aws",
        release="r",
        state="ready",
        started_at=NOW,
    )
    machine = machine.model_copy(update={"service": service})
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("zephyr_deploy.deploy.status.known", lambda _name: None)
    provider = SimpleNamespace(machines=lambda _name: [machine])
    monkeypatch.setattr("zephyr_deploy.deploy.status.providers", lambda: [provider])
    assert main(["status", "demo"]) == 0
    said = capsys.readouterr()
    assert "in 5 min; without a request in 40 min (unused for 20 min)" in said.out
    assert "The time of demo ends in 5 min." in said.err
