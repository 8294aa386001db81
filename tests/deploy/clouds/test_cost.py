"""What machines in clouds cost, by what they carry, and what they say of what they served."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from deploy.clouds.calls import NAME
from emulators.memory import only_cloud

from zephyr_deploy.deploy.cost import costs
from zephyr_deploy.errors import NotDeployedError, ThrottledError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers.machines import Ending, Figures, MachineStatus
from zephyr_deploy.providers.nodes.record import NodesRecord

HOUR = timedelta(hours=1)


@pytest.fixture
def machine(session, monkeypatch):
    """A machine at $2 an hour, made three hours ago, whose engine has made a million tokens in the last of them."""
    said = {"state": "ready", "uptime_s": 3600.0, "figures": Figures(generated_tokens=1e6)}
    only_cloud(session.cloud, monkeypatch)
    monkeypatch.setattr(session.cloud, "statuses", lambda _record: [MachineStatus(host="h", **said)], raising=False)
    session.up()
    (instance,) = session.cloud.there.values()
    stamp = instance.stamp.model_copy(
        update={"price_per_hour_usd": 2.0, "expires": datetime.now(timezone.utc) + 5 * HOUR}
    )
    made = datetime.now(timezone.utc) - 3 * HOUR
    session.cloud.there[instance.id] = instance.model_copy(update={"stamp": stamp, "created_at": made})
    return said


def test_so_far_by_the_hour_by_the_token_and_at_its_end(session, machine):
    (found,) = costs(NAME)
    assert (found.name, found.provider, found.price_per_hour_usd) == (NAME, "aws", 2.0)
    assert found.cost_usd == pytest.approx(6, abs=0.01)
    assert found.usd_per_million_tokens == pytest.approx(2.0)
    assert found.cost_at_end_usd == pytest.approx(16, abs=0.01)
    assert found.detail == ""


def test_the_machine_knows_its_end_better_than_its_cloud(session, machine):
    machine["ending"] = Ending(at=datetime.now(timezone.utc) + HOUR, idle_at=None, unused_s=0.0, looked_s=1.0)
    assert costs(NAME)[0].cost_at_end_usd == pytest.approx(8, abs=0.01)
    machine["ending"] = Ending(at=None, idle_at=None, unused_s=0.0, looked_s=1.0)
    assert (costs(NAME)[0].ends_at, costs(NAME)[0].cost_at_end_usd) == (None, None)


def test_what_is_over_and_still_there_costs_on(session, machine):
    (instance,) = session.cloud.there.values()
    over = instance.stamp.model_copy(update={"expires": datetime.now(timezone.utc) - HOUR})
    session.cloud.restamp(instance, over)
    assert costs(NAME)[0].cost_at_end_usd == pytest.approx(6, abs=0.01)


@pytest.mark.parametrize(
    "said",
    [
        {"state": "unreachable", "detail": "it does not answer", "uptime_s": None, "figures": Figures()},
        {"state": "unhealthy", "detail": "it loads", "figures": Figures(generated_tokens=0.0)},
    ],
)
def test_without_tokens_there_is_no_price_of_them_and_the_reason_is_told(session, machine, said):
    machine.update(said)
    (found,) = costs(NAME)
    assert (found.usd_per_million_tokens, found.detail) == (None, said["detail"])
    assert found.cost_usd == pytest.approx(6, abs=0.01)


def test_a_machine_without_an_address_costs_all_the_same(session, machine, monkeypatch):
    (instance,) = session.cloud.there.values()
    starting = instance.model_copy(update={"state": "starting", "address": None})
    monkeypatch.setattr(session.cloud, "instances", lambda _name=None: [starting])
    (found,) = costs()
    assert found.detail == "it is starting"
    assert found.cost_usd == pytest.approx(6, abs=0.01)


def test_all_of_them_and_a_cloud_that_cannot_be_asked(session, machine):
    assert [one.name for one in costs()] == [NAME]
    session.cloud.fails["instances"] = [ThrottledError("slow down")] * 2
    troubles = []
    assert costs(on_trouble=troubles.append) == []
    assert troubles == ["aws cannot be asked: slow down"]
    with pytest.raises(ThrottledError):
        costs()


def test_what_is_no_clouds_costs_nothing(session, machine):
    NodesRecord(name="mine", provider="ssh", nodes=(NodeAddress(host="gpu1"),)).save()
    assert costs("mine") == costs("nothing") == []


def test_one_that_has_ended_itself(session, machine):
    (made,) = session.cloud.paper.made
    session.cloud.paper.delete(made)
    with pytest.raises(NotDeployedError, match="any more"):
        costs(NAME)
