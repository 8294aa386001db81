"""A cloud's firewall is as open as an exposed endpoint behind it."""

from __future__ import annotations

import pytest
from deploy.clouds.calls import NAME
from providers.test_behind_a_gateway import MACHINE, NODE

from zephyr_deploy.deploy.clouds.exposing import EXPOSE, follow, following, open_to, shown
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.errors import AuthError, EngineFailedError, GoneError, UnreachableError
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


class Shows(Fleet):
    """A machine that shows an endpoint like this; ``then``: what the looks after the first find, or raise."""

    def __init__(self, *then, events=None, **about):
        super().__init__(NAME, "aws", [NodeAddress(host="h")], Phases((events if events is not None else []).append))
        self.then = list(then)
        self.find(about)

    def find(self, about):
        answer = {"machine": MACHINE, "deployment": {**NODE, "about": {**NODE["about"], **about}}}
        self.members[0].found = read_look(answer, NAME, "aws", self.members[0].address)

    def look(self, *_args, **_options):
        found = self.then.pop(0)
        if isinstance(found, Exception):
            raise found
        self.find(found)


fleet = Shows


def bring(fleet, exposure, *, trusting=True, error=None):
    """Have the machine show the endpoint, in a run of its own; with ``error`` that fails."""
    with following(fleet, exposure, Journal(NAME), trusting=trusting):
        if error is not None:
            raise error


def unfinished():
    return [entry.step for entry in Journal(NAME).unfinished()]


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
    bring(fleet(), exposure(**access))
    assert cloud.exposed == {session.instance.id: ports}


def test_who_exposes_nothing_asks_the_cloud_nothing(cloud):
    for trusting in (True, False):
        bring(fleet(), PRIVATE, trusting=trusting)
    assert cloud.calls == []


def test_what_is_exposed_no_more_is_closed(cloud, session):
    bring(fleet(**INTERNAL), PRIVATE)
    assert cloud.exposed == {session.instance.id: {}}


@pytest.mark.parametrize("trusting", [True, False])
def test_what_is_exposed_already_is_looked_at_by_up_alone(cloud, trusting):
    bring(fleet(**INTERNAL), exposure(domain="llm.lan", cidr=THEIRS), trusting=trusting)
    assert ("expose" in cloud.calls) != trusting


def test_what_the_machine_shows(cloud):
    assert shown(fleet()) == {}
    assert shown(fleet(**INTERNAL)) == {443: THEIRS}
    assert shown(fleet(**{**INTERNAL, "tls": "acme"})) == {80: "0.0.0.0/0", 443: THEIRS}


def test_a_machine_that_is_not_listed_is_an_error(cloud, session):
    session.down()
    with pytest.raises(GoneError, match=f"lists no machine of {NAME}"):
        open_to(fleet(), {443: OURS})


FAILED = EngineFailedError("it did not start")


def test_what_was_opened_is_closed_where_it_cannot_be_shown(cloud, session):
    with pytest.raises(EngineFailedError):
        bring(fleet({}), exposure(), error=FAILED)
    assert cloud.exposed == {session.instance.id: {}}
    assert unfinished() == []


def test_what_was_closed_is_opened_again_where_what_was_shown_before_goes_on(cloud, session):
    with pytest.raises(EngineFailedError):
        bring(fleet(INTERNAL, **INTERNAL), PRIVATE, error=FAILED)
    assert cloud.exposed == {session.instance.id: {443: THEIRS}}


def test_it_stays_open_where_the_endpoint_is_shown_after_all(cloud, session):
    shown_after_all = {**INTERNAL, "allowed": OURS}
    with pytest.raises(UnreachableError):
        bring(fleet(shown_after_all), exposure(), error=UnreachableError("the connection was cut"))
    assert cloud.exposed == {session.instance.id: {443: OURS}}


def test_where_the_machine_cannot_be_asked_it_is_as_open_as_before(cloud, session):
    gone = UnreachableError("no answer")
    with pytest.raises(EngineFailedError):
        bring(fleet(gone), exposure(), error=FAILED)
    assert cloud.exposed == {session.instance.id: {}}
    bring(fleet(**{**INTERNAL, "allowed": OURS}), exposure())
    assert cloud.exposed == {session.instance.id: {443: OURS}}, "it was shown after all"


@pytest.mark.parametrize("trusting", [True, False])
@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit()])
def test_what_was_cut_off_is_closed_by_the_next_command(cloud, session, end, trusting):
    events = []
    with pytest.raises(type(end)):
        bring(fleet(events=events), exposure(), error=end)
    assert cloud.exposed == {session.instance.id: {443: OURS}}
    assert unfinished() == [EXPOSE]
    said = [event.message for event in events if hasattr(event, "level")]
    assert any(f"may be open now (port 443 to {OURS})" in line for line in said) == isinstance(end, KeyboardInterrupt)
    bring(fleet(), PRIVATE, trusting=trusting)
    assert cloud.exposed == {session.instance.id: {}}
    cloud.calls.clear()
    bring(fleet(), PRIVATE, trusting=trusting)
    assert (cloud.calls, unfinished()) == ([], [])


def test_a_cloud_that_cannot_be_told_is_told_by_the_next_command(cloud, session):
    events = []
    cloud.fails["expose"] = [AuthError("expired")] * 2
    with pytest.raises(AuthError):
        bring(fleet({}, events=events), exposure())
    assert any("sets that right" in event.message for event in events if hasattr(event, "level"))
    bring(fleet(), PRIVATE)
    assert cloud.exposed == {session.instance.id: {}}


def test_what_was_opened_for_a_machine_that_ended_is_closed_with_the_next_one(cloud, session):
    bring(fleet(), exposure())
    bring(fleet(), PRIVATE, trusting=False)
    assert cloud.exposed == {session.instance.id: {}}


@pytest.mark.parametrize("before", [{}, {**INTERNAL, "allowed": OURS}], ids=["private", "open to others"])
def test_it_goes_back_with_what_another_run_had_on_trial(cloud, session, before):
    """That run was killed on another machine, whose journal nobody has."""
    there = fleet(before, **INTERNAL)

    def fail():
        with following(there, exposure(domain="llm.lan", cidr=THEIRS), Journal(NAME), trusting=True):
            there.find(before)
            raise FAILED

    with pytest.raises(EngineFailedError):
        fail()
    assert cloud.exposed == {session.instance.id: {443: OURS} if before else {}}


def test_after_a_rollback_it_goes_with_what_the_machine_shows(cloud, session):
    there = fleet(**INTERNAL)
    follow(there, {443: THEIRS}, Journal(NAME))
    assert "expose" not in cloud.calls
    follow(there, {}, Journal(NAME))
    assert cloud.exposed == {session.instance.id: {443: THEIRS}}
    cloud.fails["expose"] = [AuthError("expired")]
    there.find({})
    with pytest.raises(AuthError):
        follow(there, {443: THEIRS}, Journal(NAME))
    follow(there, {}, Journal(NAME))
    assert cloud.exposed == {session.instance.id: {}}
    assert unfinished() == []
