"""What every configured cloud sells, and what is said of those that are not asked."""

from __future__ import annotations

import pytest
from emulators.memory import MemoryCloud, offer

from zephyr_deploy.deploy.offers import find_offers
from zephyr_deploy.errors import AuthError, ConfigError, CredentialsError, ThrottledError
from zephyr_deploy.providers.clouds.choose import Need
from zephyr_deploy.providers.clouds.types import Sold


class Cloud(MemoryCloud):
    """One with regions, and perhaps without credentials."""

    wants = ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "AWS_PROFILE")

    def __init__(self, *, has_key=True, **sold) -> None:
        super().__init__()
        self.by_region, self.has_key = sold, has_key

    def configured(self):
        return self.has_key

    def regions(self):
        return tuple(self.by_region)

    def offers(self, region=None):
        found = self.by_region[region]
        if isinstance(found, Exception):
            raise found
        return [one.model_copy(update={"provider": self.name, "region": region}) for one in found]


class Other(Cloud):
    name = "e2e"
    wants = ("E2E_API_KEY and E2E_AUTH_TOKEN",)


class Explaining(Cloud):
    def sold_in(self, region=None):
        return Sold(offers=tuple(self.offers(region)), notes=(f"prices of {region} are old",), remarks=("rate",))


def found(*clouds, **need):
    result = find_offers(clouds, Need(**need))
    return [(one.provider, one.region, one.machine_type) for one in result.offers], result.notes


def test_all_clouds_and_regions_cheapest_first():
    aws, e2e = Cloud(east=[offer("a", 3.0)], west=[offer("b", 1.0)]), Other(Delhi=[offer("c", 2.0)])
    assert found(aws, e2e)[0] == [("aws", "west", "b"), ("e2e", "Delhi", "c"), ("aws", "east", "a")]


def test_a_region_is_asked_for_where_it_is():
    aws, e2e = Cloud(east=[offer("a")], west=AuthError("never asked")), Other(Delhi=[offer("c")])
    offers, notes = found(aws, e2e, region="east")
    assert offers == [("aws", "east", "a")]
    assert notes == ("e2e was not asked: e2e has no region east",)
    with pytest.raises(ConfigError, match="aws has no region mars") as refused:
        found(aws, region="mars")
    assert refused.value.hint == "It has east, west."


def test_what_was_removed_is_said():
    result = find_offers([Cloud(east=[offer("a", 3.0)])], Need(max_price_usd=1.0))
    assert result.offers == ()
    assert [(one.filter, one.nearest.machine_type) for one in result.removed] == [("max_price", "a")]


def test_a_cloud_without_credentials_says_what_it_wants():
    offers, notes = found(Cloud(east=[offer("a")]), Other(has_key=False))
    assert offers == [("aws", "east", "a")]
    assert notes == ("e2e was not asked: set E2E_API_KEY and E2E_AUTH_TOKEN.",)


def test_without_any_credentials():
    with pytest.raises(CredentialsError) as refused:
        found(Cloud(has_key=False), Other(has_key=False))
    assert refused.value.exit_code == 4
    assert refused.value.hint == (
        "Set those of one (aws: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE; "
        "e2e: E2E_API_KEY and E2E_AUTH_TOKEN)."
    )
    with pytest.raises(CredentialsError, match="credentials for no cloud"):
        found()


def test_one_region_that_fails_hides_no_other():
    aws = Cloud(east=ThrottledError("slow down"), west=[offer("b")])
    assert found(aws) == ([("aws", "west", "b")], ("aws in east was not asked: slow down",))


def test_a_cloud_that_fails_whole_hides_no_other():
    aws = Cloud()
    aws.regions = lambda: (_ for _ in ()).throw(AuthError("expired"))
    assert found(aws, Other(Delhi=[offer("c")])) == ([("e2e", "Delhi", "c")], ("aws was not asked: expired",))
    with pytest.raises(AuthError, match="expired"):
        found(aws)


def test_what_a_cloud_explains_is_passed_on():
    assert found(Explaining(east=[offer("a")]))[1] == ("prices of east are old", "rate")


def test_an_unknown_gpu_is_refused_before_anybody_is_asked():
    with pytest.raises(ConfigError, match="h1000"):
        found(Cloud(east=AuthError("asked")), gpu="h1000")
