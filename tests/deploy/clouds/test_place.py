"""The machine that `up` goes on with."""

from __future__ import annotations

import pytest
from deploy.clouds.calls import NAME
from emulators.memory import ShowingCloud

from zephyr_deploy.deploy.clouds.place import placed
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.events import Notice, Phases
from zephyr_deploy.providers import registry
from zephyr_deploy.spec.deployment import Access, Deployment


@pytest.fixture
def warned(quick, monkeypatch):
    """What `up` warns of, by how the endpoint is to be reached."""
    cloud = ShowingCloud()
    monkeypatch.setattr(registry, "provider", lambda _name: cloud)

    def warnings(access: Access) -> list[str]:
        events = []
        deployment = Deployment(name=NAME, provider="aws", access=access)
        with placed(deployment, RolloutOptions(), Phases(events.append), Journal(NAME), begins=True):
            pass
        return [event.message for event in events if isinstance(event, Notice) and event.level == "warning"]

    return warnings


def test_who_exposes_an_endpoint_hears_that_the_cloud_has_a_firewall_of_its_own(warned):
    (said,) = warned(Access(expose=True))
    assert "open port 443 there" in said
    (said,) = warned(Access(expose=True, domain="llm.example.org"))
    assert "open ports 80 and 443 there" in said


def test_who_does_not_hears_nothing(warned):
    assert warned(Access()) == []
