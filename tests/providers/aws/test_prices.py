"""Prices are those of an ordinary Linux machine, whatever else is sold under the name of its type."""

import json
from datetime import datetime, timedelta, timezone

import boto3
import pytest

from zephyr_deploy.providers.aws.prices import endpoint_for, on_demand, spot


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("us-east-1", "us-east-1"),
        ("us-west-2", "us-east-1"),
        ("eu-west-3", "eu-central-1"),
        ("ap-south-1", "ap-south-1"),
        ("ap-northeast-1", "ap-south-1"),
        ("sa-east-1", "us-east-1"),
    ],
)
def test_where_prices_are_said(region, endpoint):
    assert endpoint_for(region) == endpoint


def test_on_demand(aws):
    found = on_demand(boto3.client("pricing", "us-east-1"), "us-east-1", ["g6.xlarge", "p4d.24xlarge", "p5e.48xlarge"])
    assert found == {"g6.xlarge": 0.8048, "p4d.24xlarge": pytest.approx(21.9576, abs=1e-4)}
    dearer = on_demand(boto3.client("pricing", "ap-south-1"), "ap-south-1", ["g6.xlarge"])
    assert dearer == {"g6.xlarge": pytest.approx(0.9658, abs=1e-4)}
    names = {action for action in aws.wire.actions() if action.startswith("pricing:")}
    assert names == {"pricing:GetProducts"}


def test_only_what_the_family_misses_is_asked_for_by_name(aws):
    on_demand(boto3.client("pricing", "us-east-1"), "us-east-1", ["g6.xlarge", "g5.xlarge"])
    assert aws.wire.actions() == ["pricing:GetProducts"]


def test_a_type_of_another_family_is_found_by_its_name():
    client = FakePricing(
        {"instanceFamily": [product("g6.xlarge", "0.8")], "instanceType": [product("g8.xlarge", "0.9")]}
    )
    assert on_demand(client, "us-east-1", ["g6.xlarge", "g8.xlarge"]) == {"g6.xlarge": 0.8, "g8.xlarge": 0.9}


@pytest.mark.parametrize("terms", [{}, {"OnDemand": {}}, {"Reserved": {"x": {}}}])
def test_what_is_not_sold_on_demand_has_no_price(terms):
    block = json.dumps({"product": {"attributes": {"instanceType": "p5e.48xlarge"}}, "terms": terms})
    assert on_demand(FakePricing({"instanceFamily": [block], "instanceType": [block]}), "r", ["p5e.48xlarge"]) == {}


def test_spot_prices_by_zone_the_cheapest_first(aws):
    found = spot(boto3.client("ec2"), ["g6.xlarge", "g5.xlarge", "p5e.48xlarge"])
    assert set(found) == {"g6.xlarge", "g5.xlarge"}
    assert list(found["g6.xlarge"])[:2] == ["us-east-1a", "us-east-1b"]
    assert found["g6.xlarge"]["us-east-1a"] == pytest.approx(0.8048 * 0.35)


def test_the_newest_spot_price_counts():
    now = datetime.now(timezone.utc)
    rows = [row("a", "0.3", now - timedelta(hours=1)), row("a", "0.5", now), row("b", "0.4", now)]
    assert spot(FakePages({"SpotPriceHistory": rows}), ["g6.xlarge"]) == {"g6.xlarge": {"b": 0.4, "a": 0.5}}


def product(name, usd):
    dimensions = {"d": {"unit": "Hrs", "pricePerUnit": {"USD": usd}}}
    terms = {"OnDemand": {"t": {"priceDimensions": dimensions}}}
    return json.dumps({"product": {"attributes": {"instanceType": name}}, "terms": terms})


def row(zone, usd, at):
    return {"InstanceType": "g6.xlarge", "AvailabilityZone": zone, "SpotPrice": usd, "Timestamp": at}


class FakePages:
    """A client whose only call has one page."""

    def __init__(self, page):
        self.page = page

    def get_paginator(self, _name):
        return self

    def paginate(self, **_asked):
        return [self.page]


class FakePricing(FakePages):
    """The Price List with one answer for each filter by which it can be asked."""

    def paginate(self, *, Filters, **_asked):  # noqa: N803 - boto3's
        (answer,) = (self.page[one["Field"]] for one in Filters if one["Field"] in self.page)
        return [{"PriceList": answer}]
