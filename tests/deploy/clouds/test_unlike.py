from __future__ import annotations

import pytest

from zephyr_deploy.deploy.clouds.unlike import tell_of_difference
from zephyr_deploy.events import Phases
from zephyr_deploy.spec.deployment import Cost, Deployment, Machine


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({}, []),
        ({"machine": Machine(region="here"), "cost": Cost(max_hourly_usd=1)}, []),
        ({"machine": Machine(region="there")}, ["is in here, not in there"]),
        ({"cost": Cost(max_hourly_usd=0.1)}, ["costs $1.00 an hour, not $0.10 or less"]),
    ],
)
def test_a_machine_that_was_there_before_and_is_another_is_told_of(session, wish, words):
    events = []
    tell_of_difference(session.up(), Deployment(name="demo", provider="aws", **wish), Phases(events.append))
    assert [event.level for event in events] == ["warning"] * len(words)
    for event, said in zip(events, words, strict=True):
        assert said in event.message
        assert "zephyr-deploy down demo" in event.message
