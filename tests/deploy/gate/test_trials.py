"""What a run finds on trial."""

from __future__ import annotations

from types import SimpleNamespace

from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.gate.trials import Trials
from zephyr_deploy.events import Phases
from zephyr_deploy.node.address import NodeAddress


def test_nothing_served_before_on_a_machine_that_cannot_be_looked_at_yet():
    """A bare one has no Python, and is prepared first."""
    fleet = Fleet("demo", "ssh", [NodeAddress(host="gpu1")], Phases())
    assert Trials(fleet, SimpleNamespace(phases=Phases()), None, judges=False).before == ""
