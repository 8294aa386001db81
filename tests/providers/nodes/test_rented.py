"""What is known of a service on a machine of a cloud: what it costs since when, and when that ends."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from zephyr_deploy.deploy.spent import cost_of_service
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers.base import Service
from zephyr_deploy.providers.machines import Ending
from zephyr_deploy.providers.nodes.look import rented
from zephyr_deploy.providers.nodes.record import NodesRecord

NOW = datetime.now(timezone.utc)
HOUR = timedelta(hours=1)
SERVICE = Service(
    name="demo",
    provider="aws",
    release="r",
    state="ready",
    engine="tgi",
    model_id="m",
    url="http://127.0.0.1:8080",
    started_at=NOW - HOUR / 60,
)
RECORD = NodesRecord(
    name="demo",
    provider="aws",
    nodes=(NodeAddress(host="h"),),
    price_per_hour_usd=2.0,
    since=NOW - 3 * HOUR,
    expires=NOW + 5 * HOUR,
)


def hours_since(moment):
    """By the clock: this file was read long before its tests run."""
    return (datetime.now(timezone.utc) - moment) / HOUR


def test_it_costs_since_the_machine_was_made_whatever_release_serves():
    found = rented(SERVICE, RECORD, None)
    assert found.price_per_hour_usd == 2.0
    assert cost_of_service(found) == pytest.approx(2 * hours_since(RECORD.since), abs=0.01)


def test_where_nobody_knows_since_when_it_costs_since_the_service_was_started():
    found = rented(SERVICE, RECORD.model_copy(update={"since": None}), None)
    assert cost_of_service(found) == pytest.approx(2 * hours_since(SERVICE.started_at), abs=0.01)


def test_it_ends_by_its_own_word_and_without_one_by_its_clouds():
    said = Ending(at=NOW + HOUR, idle_at=NOW, unused_s=0.0, looked_s=1.0)
    assert rented(SERVICE, RECORD, said).ends_at == NOW + HOUR
    assert rented(SERVICE, RECORD, said.model_copy(update={"at": None})).ends_at is None
    assert rented(SERVICE, RECORD, None).ends_at == NOW + 5 * HOUR


def test_a_machine_of_ones_own_costs_nothing_and_has_no_end():
    found = rented(SERVICE, NodesRecord(name="demo", provider="ssh", nodes=RECORD.nodes), None)
    assert (found, rented(None, RECORD, None)) == (SERVICE, None)
