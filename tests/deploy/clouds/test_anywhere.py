from __future__ import annotations

import pytest
from emulators.memory import MemoryCloud, offer

from zephyr_deploy.deploy.clouds.anywhere import cheapest_provider
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.up import with_provider
from zephyr_deploy.errors import AuthError, ConfigError, ConflictError, CredentialsError, NoCapacityError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers import registry
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Order
from zephyr_deploy.providers.nodes.record import NodesRecord
from zephyr_deploy.spec.deployment import Cost, Deployment, Machine

A10G = Machine(gpu="a10g")


@pytest.fixture
def clouds(monkeypatch, tmp_path):
    """Two of them, by name."""
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    found = {"aws": MemoryCloud(), "e2e": MemoryCloud()}
    found["e2e"].name = "e2e"
    found["e2e"].sold = [offer("small", 0.5, provider="e2e")]
    monkeypatch.setattr(registry, "CLOUDS", tuple(found))
    ordinary = registry.provider
    monkeypatch.setattr(registry, "provider", lambda name: found.get(name) or ordinary(name))
    return found


def test_the_cheapest_cloud_is_taken_and_said(clouds):
    told = []
    assert cheapest_provider(Deployment(machine=A10G), told.append) == "e2e"
    assert told == ["The cheapest machine that fits is small of e2e, $0.50 an hour; --provider chooses another."]


def test_a_cloud_that_cannot_be_asked_is_passed_over_and_said(clouds):
    clouds["e2e"].fails["offers"] = [AuthError("expired")]
    told = []
    assert cheapest_provider(Deployment(machine=A10G), told.append) == "aws"
    assert told[0] == "e2e cannot be asked what it sells: expired"


def test_if_none_can_be_asked_the_first_says_why(clouds):
    for cloud in clouds.values():
        cloud.fails["offers"] = [AuthError(f"expired at {cloud.name}")]
    with pytest.raises(AuthError, match="expired at aws"):
        cheapest_provider(Deployment(machine=A10G), lambda _: None)


def test_what_nobody_sells_is_said_with_what_stood_in_the_way(clouds):
    with pytest.raises(NoCapacityError, match=r"no machine fits of those that are sold by aws and e2e.*(?s:.*)\$0\.10"):
        cheapest_provider(Deployment(machine=A10G, cost=Cost(max_hourly_usd=0.1)), lambda _: None)
    with pytest.raises(ConfigError):
        cheapest_provider(Deployment(machine=Machine(gpu="a10gg")), lambda _: None)


def test_without_credentials_it_says_which_and_offers_the_local_default(clouds, monkeypatch):
    for cloud in clouds.values():
        monkeypatch.setattr(cloud, "configured", lambda: False)
    with pytest.raises(CredentialsError, match="a10g is to be had from a cloud, and") as caught:
        cheapest_provider(Deployment(machine=A10G), lambda _: None)
    assert "(aws: MEMORY_KEY; e2e: MEMORY_KEY)" in caught.value.hint
    assert "--provider local" in caught.value.hint


def test_who_names_a_provider_or_wants_no_gpu_gets_what_was_said(clouds):
    assert with_provider(Deployment(provider="local", machine=A10G)).provider == "local"
    assert with_provider(Deployment()).provider == "local"
    assert with_provider(Deployment(machine=A10G)).provider == "e2e"
    assert clouds["aws"].calls == ["instances", "offers"]


def test_a_machine_that_was_made_from_elsewhere_is_not_doubled_in_a_cheaper_cloud(clouds):
    stamp = Stamp(deployment="zephyr", run="0" * 8, expires=None)
    key = "ssh-ed25519 AAAA"
    order = Order(stamp=stamp, offer=offer(), token="t", public_key=key, allowed="0.0.0.0/0", disk_gb=100)
    clouds["aws"].create(order)
    assert with_provider(Deployment(machine=A10G)).provider == "aws"
    clouds["aws"].fails["instances"] = [AuthError("expired")]
    told = []
    assert with_provider(Deployment(machine=A10G), told.append).provider == "e2e"
    assert "aws cannot be asked whether it has zephyr: expired" in [event.message for event in told]


@pytest.mark.parametrize("noted", [True, False], ids=["by the note", "by the journal of a launch that was cut off"])
def test_a_deployment_is_not_doubled_in_another_cloud_that_is_named(clouds, noted):
    if noted:
        NodesRecord(name="zephyr", provider="aws", nodes=(NodeAddress(host="h"),)).save()
    else:
        Journal("zephyr").done("account", provider="aws", id="1234")
    with pytest.raises(ConflictError, match="zephyr is in aws, not in e2e") as caught:
        with_provider(Deployment(provider="e2e", machine=A10G))
    assert "zephyr-deploy down zephyr" in caught.value.hint
    assert with_provider(Deployment(provider="aws", machine=A10G)).provider == "aws"
    assert with_provider(Deployment(machine=A10G)).provider == "aws"


@pytest.mark.parametrize(("provider", "then"), [("aws", "aws"), ("ssh", "local")])
def test_a_deployment_stays_where_it_is(clouds, provider, then):
    NodesRecord(name="zephyr", provider=provider, nodes=(NodeAddress(host="h"),)).save()
    assert with_provider(Deployment(machine=A10G)).provider == then
    assert clouds["aws"].calls == []
