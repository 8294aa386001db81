"""What AWS is said to sell."""

import datetime

import pytest

from zephyr_deploy.providers.aws.offers import sold
from zephyr_deploy.providers.aws.session import AwsSession

DENIED = ("AccessDeniedException", "User: arn:aws:iam::123456789012:user/ci is not authorized")


@pytest.fixture
def session(aws):
    return AwsSession()


def by_type(found, *, spot=False):
    return {offer.machine_type: offer for offer in found.offers if offer.spot is spot}


def test_what_is_there_at_the_prices_of_now(session):
    found = sold(session, "us-east-1")
    offer = by_type(found)["g6.xlarge"]
    assert (offer.price_per_hour_usd, offer.priced_on, offer.spot) == (0.8048, None, False)
    assert (offer.gpu, offer.gpus, offer.cpus, offer.memory_gib) == ("l4", 1, 4, 16)
    assert (offer.provider, offer.region, offer.details, offer.available) == ("aws", "us-east-1", {"family": "G"}, None)
    assert found.notes == ()
    prices = [each.price_per_hour_usd for each in found.offers]
    assert prices == sorted(prices)


def test_only_what_the_region_has(session):
    assert "p4de.24xlarge" in by_type(sold(session, "us-east-1"))
    assert "p4de.24xlarge" not in by_type(sold(session, "ap-south-1"))


def test_what_is_sold_in_blocks_alone_is_no_offer(session):
    assert "p5e.48xlarge" not in by_type(sold(session, "us-east-1"))


def test_interruptible_ones_at_the_price_of_their_cheapest_zone(session):
    offer = by_type(sold(session, "us-east-1"), spot=True)["g6.xlarge"]
    assert offer.price_per_hour_usd == pytest.approx(0.8048 * 0.35)
    assert offer.details["zones"].split()[0] == "us-east-1a"


def test_the_table_where_prices_may_not_be_asked_for(aws, session):
    aws.fault("pricing:GetProducts", *DENIED, service="pricing", times=None)
    found = sold(session, "ap-south-1")
    assert {name: offer.price_per_hour_usd for name, offer in by_type(found).items()} == {
        "g4dn.xlarge": 0.579,
        "g5.xlarge": 1.208,
        "g6.xlarge": 0.9664,
    }
    assert {offer.priced_on for offer in by_type(found).values()} == {datetime.date(2026, 11, 9)}
    of_prices, left_out = found.notes
    assert "AccessDeniedException" in of_prices
    assert "2026-11-09" in of_prices
    assert left_out.startswith("Left out in ap-south-1, for want of a price (AccessDeniedException): g4dn.2xlarge, ")
    assert "more. " in left_out
    assert "pricing:GetProducts" in left_out
    assert "123456789012" not in " ".join(found.notes)


def test_a_region_that_the_table_does_not_have(aws, session):
    aws.fault("pricing:GetProducts", *DENIED, service="pricing", times=None)
    found = sold(session, "us-west-2")
    assert by_type(found) == {}
    (left_out,) = found.notes
    assert left_out.startswith("Left out in us-west-2, for want of a price (AccessDeniedException): g4dn.xlarge,")
    assert by_type(found, spot=True), "these have a price of their own"


def test_no_interruptible_ones_where_their_prices_are_not_said(aws, session):
    aws.fault("DescribeSpotPriceHistory", "UnauthorizedOperation", status=403, times=None)
    found = sold(session, "us-east-1")
    assert by_type(found)
    assert by_type(found, spot=True) == {}
    assert found.notes == (
        "Interruptible machines are left out: AWS does not say their prices (UnauthorizedOperation).",
    )
