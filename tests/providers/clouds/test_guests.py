"""What every cloud's firewall does for guests: it is open to them for a time, and whoever comes next closes it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from lab.keys import make_key

from zephyr_deploy.errors import GoneError
from zephyr_deploy.providers.clouds.visits import Visit

FIRST, SECOND = (Visit(run=run, lasts=timedelta(minutes=30)) for run in ("00000001", "00000002"))
OVER = Visit(run="0000000f", lasts=timedelta(minutes=-1))
OWNERS = (22, "203.0.113.7/32")
NETWORK = "198.51.100.9/32"


@pytest.fixture
def instance(cloud):
    return cloud.machine()


def open_to(cloud):
    return {network for port, network in cloud.emulator.inbound() if port == 22} - {OWNERS[1]}


def test_one_is_let_in_for_a_time_and_out_again(cloud, instance):
    key = make_key().public
    for _ in range(2):
        cloud.another().let_in(instance, key, NETWORK, FIRST)
    assert key in cloud.emulator.machines.made[instance.id].keys
    (opening,) = cloud.provider.openings()
    assert (opening.deployment, opening.network, opening.run) == ("shop", NETWORK, FIRST.run)
    left = opening.until - cloud.provider.now()
    assert timedelta(minutes=29) < left <= timedelta(minutes=30, seconds=1)
    for _ in range(2):
        cloud.another().let_out(instance, FIRST)
    assert cloud.provider.openings() == []
    assert cloud.emulator.inbound() == {OWNERS}


def test_without_a_key_only_the_network_is_let_in(cloud, instance):
    keys = list(cloud.emulator.machines.made[instance.id].keys)
    cloud.another().let_in(instance, None, NETWORK, FIRST)
    assert open_to(cloud) == {NETWORK}
    assert cloud.emulator.machines.made[instance.id].keys == keys


def test_who_may_for_good_is_shut_out_by_nobody(cloud, instance):
    cloud.another().let_in(instance, None, OWNERS[1], FIRST)
    assert cloud.provider.openings() == []
    cloud.another().let_out(instance, FIRST)
    cloud.another().let_in(instance, None, NETWORK, SECOND)
    cloud.another().let_in(instance, None, NETWORK)
    cloud.another().let_out(instance, SECOND)
    assert cloud.emulator.inbound() == {OWNERS, (22, NETWORK)}
    assert cloud.provider.openings() == []


def test_of_two_from_one_network_neither_shuts_the_other_out(cloud, instance):
    cloud.another().let_in(instance, None, NETWORK, FIRST)
    cloud.another().let_in(instance, None, NETWORK, SECOND)
    for visit in (FIRST, SECOND):
        cloud.another().let_out(instance, visit)
        assert open_to(cloud) == {NETWORK}
    (opening,) = cloud.provider.openings()
    cloud.another().shut(opening)
    assert open_to(cloud) == set()


def test_what_a_killed_one_left_open_is_closed_by_the_next(cloud, instance):
    cloud.another().let_in(instance, None, "192.0.2.1/32", OVER)
    cloud.another().let_in(instance, None, "192.0.2.2/32", SECOND)
    cloud.another().let_in(instance, None, NETWORK, FIRST)
    assert open_to(cloud) == {"192.0.2.2/32", NETWORK}


def test_what_is_past_its_end_is_opened_again_where_it_is_ones_own(cloud, instance):
    cloud.another().let_in(instance, None, NETWORK, OVER)
    cloud.another().let_in(instance, None, NETWORK, FIRST)
    (opening,) = cloud.provider.openings("shop")
    assert (opening.run, opening.is_over(cloud.provider.now())) == (FIRST.run, False)


def test_what_is_open_is_listed_and_shut_one_by_one(cloud, instance):
    for network in ("192.0.2.1/32", "192.0.2.2/32"):
        cloud.another().let_in(instance, None, network, FIRST)
    assert cloud.provider.openings("other") == []
    for opening in cloud.provider.openings("shop"):
        cloud.another().shut(opening)
        cloud.another().shut(opening)
    assert cloud.emulator.inbound() == {OWNERS}


def test_what_was_opened_for_longer_meanwhile_stays(cloud, instance):
    cloud.another().let_in(instance, None, NETWORK, OVER)
    (opening,) = cloud.provider.openings()
    cloud.another().let_in(instance, None, NETWORK, FIRST)
    cloud.another().shut(opening)
    assert open_to(cloud) == {NETWORK}


def test_an_exposed_endpoint_stays_open(cloud, instance):
    cloud.provider.expose(instance, {443: NETWORK})
    cloud.another().let_in(instance, None, NETWORK, FIRST)
    cloud.another().let_out(instance, FIRST)
    assert cloud.emulator.inbound() == {OWNERS, (443, NETWORK)}


def test_a_guest_orders_a_machine_that_lets_it_in_no_longer_than_it_stays(cloud):
    order = cloud.order(visit=FIRST)
    cloud.provider.create(cloud.provider.ready(order, cloud.notes))
    (opening,) = cloud.provider.openings("shop")
    assert (opening.network, opening.run) == (order.allowed, FIRST.run)


def test_where_the_firewall_is_gone_it_is_said(cloud, instance):
    cloud.vanish("shop")
    if cloud.provider.name == "aws":
        with pytest.raises(GoneError, match="security group"):
            cloud.provider.let_in(instance, None, NETWORK, FIRST)
    assert cloud.provider.openings() == []


def test_its_clock_is_its_own(cloud):
    cloud.provider.account()
    assert abs(cloud.provider.now() - datetime.now(timezone.utc)) < timedelta(seconds=5)
