"""A cloud's firewall is as open as an exposed endpoint behind it."""

from __future__ import annotations

import pytest
from deploy.clouds.calls import NAME
from providers.test_behind_a_gateway import MACHINE, NODE

from zephyr_deploy.deploy.clouds.exposing import follow, open_to, shown
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.errors import GoneError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers import registry
from zephyr_deploy.providers.nodes.look import read_look
from zephyr_deploy.release.caddy import PRIVATE, exposure_of
from zephyr_deploy.spec.deployment import Access, Deployment

OURS, THEIRS = "203.0.113.7/32", "198.51.100.0/24"
INTERNAL = {"site": "llm.lan", "tls": "internal", "allowed": THEIRS}


@pytest.fixture
def cloud(session, monkeypatch):
    """One with a machine."""
    monkeypatch.setattr(registry, "provider", lambda _name: session.cloud)
    session.instance = session.up()
    session.cloud.calls.clear()
    return session.cloud


def fleet(**about):
    """The machine, which shows an endpoint like this."""
    made = Fleet(NAME, "aws", [NodeAddress(host="h")], Phases())
    answer = {"machine": MACHINE, "deployment": {**NODE, "about": {**NODE["about"], **about}}}
    made.members[0].found = read_look(answer, NAME, "aws", made.members[0].address)
    return made


def exposure(**access):
    return exposure_of(Deployment(provider="aws", access=Access(expose=True, **access)), "h", OURS)


@pytest.mark.parametrize(
    ("access", "ports"),
    [
        ({}, {443: OURS}),
        ({"cidr": THEIRS}, {443: THEIRS}),
        ({"domain": "192.0.2.1", "cidr": THEIRS}, {443: THEIRS}),
        ({"domain": "llm.example.org", "cidr": THEIRS}, {80: "0.0.0.0/0", 443: THEIRS}),
    ],
)
def test_it_is_open_to_whom_the_endpoint_is_and_to_an_authority(cloud, session, access, ports):
    follow(fleet(), exposure(**access), trusting=True)
    assert cloud.exposed == {session.instance.id: ports}


def test_who_exposes_nothing_asks_the_cloud_nothing(cloud):
    for trusting in (True, False):
        follow(fleet(), PRIVATE, trusting=trusting)
    assert cloud.calls == []


def test_what_is_exposed_no_more_is_closed(cloud, session):
    follow(fleet(**INTERNAL), PRIVATE, trusting=True)
    assert cloud.exposed == {session.instance.id: {}}


@pytest.mark.parametrize("trusting", [True, False])
def test_what_is_exposed_already_is_looked_at_by_up_alone(cloud, trusting):
    follow(fleet(**INTERNAL), exposure(domain="llm.lan", cidr=THEIRS), trusting=trusting)
    assert ("expose" in cloud.calls) != trusting


def test_what_the_machine_shows(cloud):
    assert shown(fleet()) == {}
    assert shown(fleet(**INTERNAL)) == {443: THEIRS}
    assert shown(fleet(**{**INTERNAL, "tls": "acme"})) == {80: "0.0.0.0/0", 443: THEIRS}


def test_a_machine_that_is_not_listed_is_an_error(cloud, session):
    session.down()
    with pytest.raises(GoneError, match=f"lists no machine of {NAME}"):
        open_to(fleet(), {443: OURS})
