"""A second laptop with the same account, and the verbs that look there."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from deploy.clouds.calls import NAME, Calls, Line
from emulators.memory import ShowingCloud, only_cloud

from zephyr_deploy import down, services
from zephyr_deploy.deploy import clouds_down, find, fleet, guests
from zephyr_deploy.deploy import known as known_module
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.known import known
from zephyr_deploy.deploy.noted import where_noted
from zephyr_deploy.deploy.status import status
from zephyr_deploy.errors import AuthError, UnreachableError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.sshkey import login_key
from zephyr_deploy.providers.machines import MachineStatus
from zephyr_deploy.providers.nodes import provider as machines
from zephyr_deploy.providers.nodes.connect import pin, trust_in
from zephyr_deploy.providers.nodes.record import NodesRecord, record_of
from zephyr_deploy.spec.deployment import Deployment


@pytest.fixture
def cloud(quick, monkeypatch):
    """A cloud in memory under the name of one."""
    made = ShowingCloud()
    only_cloud(made, monkeypatch)
    return made


@pytest.fixture
def told(monkeypatch):
    """What the machine was told over SSH; each call stands for one."""
    calls = []

    def connect(record, address):
        calls.append(("connect", trust_in(record).fingerprint))
        return Line()

    monkeypatch.setattr(guests, "connect_noted", connect)
    monkeypatch.setattr(guests, "call", lambda _node, verb, request, **_: calls.append((verb, request)))
    return calls


@pytest.fixture
def elsewhere(cloud, monkeypatch, tmp_path):
    """A machine that another laptop has made."""
    instance = Calls(cloud, []).up()
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "another"))
    return instance


def test_a_machine_made_elsewhere_is_found_let_in_and_noted_with_the_key_its_cloud_keeps(cloud, elsewhere, told):
    record = known(NAME)
    key = login_key().public
    assert (record.provider, record.nodes[0].host) == ("aws", elsewhere.address)
    assert key in cloud.paper.made[elsewhere.id].keys
    assert told == [("connect", elsewhere.stamp.host_key), ("admit", {"key": key})]
    assert record_of(NAME) == record


def test_the_note_is_enough_from_then_on(cloud, elsewhere, told):
    known(NAME)
    cloud.calls.clear()
    assert known(NAME).name == NAME
    assert cloud.calls == []


def test_nothing_is_asked_of_a_cloud_about_what_is_here(cloud, quick):
    Calls(cloud, []).up()
    cloud.calls.clear()
    known(NAME)
    assert cloud.calls == []


def test_a_cloud_without_credentials_is_not_asked(cloud, elsewhere, monkeypatch):
    monkeypatch.setattr(cloud, "configured", lambda: False)
    cloud.calls.clear()
    assert known(NAME) is None
    assert services() == []
    assert cloud.calls == []


def test_one_is_found_though_another_cloud_cannot_be_asked(cloud, elsewhere, told, monkeypatch):
    broken = ShowingCloud()
    broken.fails["instances"] = [AuthError("expired")] * 2
    monkeypatch.setattr(known_module, "configured_clouds", lambda: [broken, cloud])
    assert known(NAME).nodes[0].host == elsewhere.address
    with pytest.raises(AuthError):
        known("other")


def test_down_takes_away_what_is_there_though_another_cloud_cannot_be_asked(cloud, elsewhere, monkeypatch):
    broken = ShowingCloud()
    broken.fails["resources"] = [AuthError("expired")]
    monkeypatch.setattr(clouds_down, "configured_clouds", lambda: [broken, cloud])
    with pytest.raises(AuthError):
        down(NAME)
    assert cloud.resources() == []


def test_redeploy_by_name_finds_the_provider(cloud, elsewhere, told):
    assert where_noted(Deployment(name=NAME)).provider == "aws"


def test_ls_tells_of_a_cloud_that_cannot_be_asked_and_goes_on(cloud):
    cloud.fails["instances"] = [AuthError("expired")]
    told = []
    assert services(on_trouble=told.append) == []
    assert told == ["aws cannot be asked: expired"]
    cloud.fails["instances"] = [AuthError("expired")]
    with pytest.raises(AuthError):
        services()


def test_without_credentials_what_is_noted_is_listed_all_the_same(cloud, monkeypatch):
    record = NodesRecord(name=NAME, provider="aws", nodes=(NodeAddress(host="h"),), price_per_hour_usd=1.0)
    record.save()
    monkeypatch.setattr(cloud, "configured", lambda: False)
    monkeypatch.setattr(machines, "_look", lambda _record, _address: _bare())
    assert [(service.name, service.provider) for service in services()] == [(NAME, "aws")]
    assert cloud.calls == []


def test_a_noted_machine_is_asked_itself_where_its_cloud_cannot_be_asked(cloud, monkeypatch):
    absent = MachineStatus(host="h", state="absent")
    monkeypatch.setattr(machines, "_status", lambda _record, _address: absent)
    cloud.fails["instances"] = [AuthError("expired")]
    with pytest.raises(AuthError):
        cloud.machines(NAME)
    NodesRecord(name=NAME, provider="aws", nodes=(NodeAddress(host="h"),)).save()
    cloud.fails["instances"] = [AuthError("expired")]
    assert [machine.host for machine in cloud.machines(NAME)] == ["h"]


def test_a_machine_on_which_nothing_serves_is_listed_because_it_costs(cloud, elsewhere, monkeypatch):
    monkeypatch.setattr(machines, "_look", lambda record, _address: _bare())
    (service,) = find.services()
    assert (service.name, service.state, service.price_per_hour_usd) == (NAME, "failed", 1.0)
    assert "nothing is deployed" in service.detail


def test_who_has_only_looked_at_it_finds_it_all_the_same(cloud, elsewhere, told):
    """`ls` notes the host key that the machine shows."""
    pin(NAME, cloud.record(elsewhere).nodes[0], cloud.host_keys(elsewhere)[0])
    assert known(NAME).provider == "aws"


def test_who_has_only_looked_at_it_can_take_it_away(cloud, elsewhere):
    pin(NAME, cloud.record(elsewhere).nodes[0], cloud.host_keys(elsewhere)[0])
    down(NAME)
    assert cloud.resources() == []


def test_what_runs_here_is_not_looked_for_in_clouds(cloud, quick, monkeypatch):
    monkeypatch.setattr(known_module, "is_here", lambda _name: True)
    monkeypatch.setattr(clouds_down, "is_here", lambda _name: True)
    assert known(NAME) is None
    down(NAME)
    assert cloud.calls == []


def test_a_cloud_where_an_order_came_to_nothing_is_not_asked_without_credentials(cloud, monkeypatch):
    monkeypatch.setattr(cloud, "configured", lambda: False)
    journal = Journal(NAME)
    journal.done("account", provider="aws", id="1234")
    cloud.fails["resources"] = [AuthError("there are no credentials")]
    with pytest.raises(AuthError):
        down(NAME)
    journal.failed("account", provider="aws")
    cloud.fails["resources"] = [AuthError("there are no credentials")]
    down(NAME)


def test_ls_says_how_a_machine_made_elsewhere_lets_one_in(cloud, elsewhere, monkeypatch):
    monkeypatch.setattr(machines, "_look", lambda _record, _address: "it refused the key")
    (service,) = find.services()
    assert (service.name, service.state) == (NAME, "unhealthy")
    assert f"zephyr-deploy status {NAME}" in service.detail
    cloud.record(elsewhere).save()
    assert find.services()[0].detail == "it refused the key"


def test_nobody_knows_the_age_of_what_cannot_be_reached(cloud, quick, monkeypatch):
    @contextmanager
    def nobody(_record, _address):
        raise UnreachableError("no route")
        yield

    Calls(cloud, []).up()
    monkeypatch.setattr(machines, "connect_noted", nobody)
    found = status(NAME)
    assert (found.state, found.age_s) == ("unreachable", None)
    assert found.service.price_per_hour_usd == 1.0


def test_status_says_that_a_machine_has_ended(cloud, quick):
    Calls(cloud, []).up()
    cloud.paper.made.clear()
    found = status(NAME)
    assert found.state == "absent"
    assert "ended itself" in found.machines[0].detail


def test_down_from_elsewhere_takes_everything_away(cloud, elsewhere):
    result = down(NAME)
    assert cloud.resources() == []
    assert "instance i-1 (aws here)" in result.removed
    assert down(NAME).removed == ()


def test_down_of_a_launch_that_was_cut_off_goes_to_its_cloud_without_a_note(cloud, quick):
    cloud.fails["create"] = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        Calls(cloud, []).up()
    assert record_of(NAME) is None
    assert {r.kind for r in cloud.resources()} == {"key", "security-group"}
    down(NAME)
    assert cloud.resources() == []


def _bare():
    from types import SimpleNamespace

    return SimpleNamespace(service=None, front=None)


def test_whoever_goes_to_a_machine_that_is_gone_hears_that_its_cloud_knows_more(quick, monkeypatch):
    def nobody(*_args, **_given):
        raise UnreachableError("no route", hint="Is the address right?")

    monkeypatch.setattr(fleet, "connect", nobody)
    record = NodesRecord(name=NAME, provider="aws", nodes=(NodeAddress(host="h"),), host_key="SHA256:" + "A" * 43)
    with fleet.Fleet.of(record, Phases()) as found, pytest.raises(UnreachableError, match="no route") as caught:
        found.connect()
    assert f"`zephyr-deploy status {NAME}` asks its cloud" in caught.value.hint
