"""Ctrl-C in every phase of a launch: the user hears what exists, what it costs, and how it is taken away."""

from __future__ import annotations

import pytest
from deploy.clouds.calls import NAME, Calls
from emulators.memory import ShowingCloud

from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.events import PhaseStarted

PHASES = ("account", "launch", "boot", "host-key", "answer")
DOWN = f"take it away with: zephyr-deploy down {NAME}"


class Pressing(list):
    """A listener during whose phase the user presses Ctrl-C."""

    def __init__(self, phase):
        self.phase = phase

    def append(self, event):
        super().append(event)
        if isinstance(event, PhaseStarted) and event.phase == self.phase:
            raise KeyboardInterrupt


def test_these_are_all_phases(session):
    session.up()
    assert [event.phase for event in session.events if isinstance(event, PhaseStarted)] == list(PHASES)


@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c_in_a_phase(quick, phase):
    cloud, events = ShowingCloud(), Pressing(phase)
    calls = Calls(cloud, events)
    with pytest.raises(KeyboardInterrupt):
        calls.up()
    made = list(cloud.there)
    assert (DOWN in calls.notices()) == bool(made)
    assert ("i-1 costs $1.00 an hour" in calls.notices()) == bool(made)
    again = Calls(cloud, [])
    again.up()
    assert len(cloud.there) == 1
    again.down()
    assert cloud.resources() == []


def test_ctrl_c_while_the_order_is_on_its_way(session):
    session.cloud.lost["create"] = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        session.up()
    assert "a machine may have been ordered from aws" in session.notices()
    assert DOWN in session.notices()
    assert [entry.step for entry in Journal(NAME).unfinished()] == ["create"]
    session.down()
    assert session.cloud.resources() == []
