"""Who has a machine that should end itself hears when it will not, or not when they want."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from emulators.memory import MemoryCloud

from zephyr_deploy.deploy.clouds.ending import tell_of_end
from zephyr_deploy.events import Phases
from zephyr_deploy.providers.machines import Ending
from zephyr_deploy.spec.deployment import Cost, Deployment

HOUR = timedelta(hours=1)


def ends(left, looked_s=9.0):
    at = datetime.now(timezone.utc) + left if left is not None else None
    return Ending(at=at, idle_at=None, unused_s=0.0, looked_s=looked_s)


def told(ending, *, has_python=True, **cost):
    events = []
    member = SimpleNamespace(name="ubuntu@h", ending=ending, has_python=has_python)
    fleet = SimpleNamespace(name="demo", members=[member])
    tell_of_end(fleet, MemoryCloud(), Deployment(provider="aws", cost=Cost(**cost)), Phases(events.append))
    return [event.message for event in events]


@pytest.mark.parametrize("ending", [None, ends(8 * HOUR, None), ends(8 * HOUR, 601.0)])
def test_one_that_will_not_end_itself(ending):
    (said,) = told(ending)
    assert said.startswith("ubuntu@h will not end itself")
    assert "it costs until `zephyr-deploy down demo`" in said


def test_one_that_its_cloud_takes_back():
    at = datetime(2026, 11, 26, 14, 3, tzinfo=timezone.utc)
    (said,) = told(ends(8 * HOUR).model_copy(update={"taken_back": True, "taken_back_at": at}))
    assert said.startswith("aws takes ubuntu@h back at 14:03 UTC, and it takes no new request")


def test_a_new_one_is_as_it_was_wished():
    assert told(ends(8 * HOUR - timedelta(minutes=3)), ttl="8h") == []
    assert told(ends(None), ttl="none") == []


@pytest.mark.parametrize(
    ("left", "ttl", "words"),
    [
        (5 * HOUR, "8h", "ends in 5h;"),
        (5 * HOUR, "none", "ends in 5h;"),
        (None, "8h", "ends never by its time limit;"),
        (-HOUR, "8h", "ends in 0s;"),
    ],
)
def test_one_that_was_there_before_keeps_its_end(left, ttl, words):
    (said,) = told(ends(left), ttl=ttl)
    assert words in said
    assert "`zephyr-deploy extend` moves that" in said


def test_who_has_not_said_how_long_hears_nothing():
    assert told(ends(5 * HOUR)) == []


def test_one_that_could_not_be_looked_at_is_passed_over():
    assert told(None, has_python=False) == []


def test_where_machines_do_not_end_themselves_nobody_is_warned_of_it(monkeypatch):
    monkeypatch.delattr(MemoryCloud, "ends_itself")
    assert told(None) == []
