"""Which machine is taken, and what stood in the way of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.providers.clouds.choose import Need, choose
from zephyr_deploy.providers.clouds.types import Offer


def offer(machine_type="m", gpu="l4", gpus=1, price=1.0, **more):
    facts = {
        "provider": "aws",
        "region": "us-east-1",
        "gpu_memory_gib": 22.35,
        "cpus": 4,
        "memory_gib": 16,
        **more,
    }
    return Offer(machine_type=machine_type, gpu=gpu, gpus=gpus, price_per_hour_usd=price, **facts)


L4 = offer("g6.xlarge", price=0.8048)
FOUR_L4 = offer("g6.12xlarge", gpus=4, price=4.6016)
A10G = offer("g5.xlarge", "a10g", price=1.006)
A100 = offer("p4d.24xlarge", "a100-40", gpus=8, price=21.957642, gpu_memory_gib=40)
E2E = offer("GDC.A100", "a100-80", price=2.26, provider="e2e", region="Delhi", gpu_memory_gib=80)
SPOT = offer("g6.xlarge", price=0.3, spot=True)
GONE = offer("GDC.L4", price=0.5, provider="e2e", region="Delhi", available=False)
ALL = [FOUR_L4, A100, A10G, E2E, L4, SPOT, GONE]


def names(offers):
    return [each.machine_type for each in offers]


def removed(choice):
    return {each.filter: (each.count, each.nearest.machine_type) for each in choice.removed}


def test_the_cheapest_comes_first():
    assert names(choose(ALL, Need()).fits) == ["g6.xlarge", "g5.xlarge", "GDC.A100", "g6.12xlarge", "p4d.24xlarge"]


def test_a_gpu_by_the_name_that_people_use():
    assert names(choose(ALL, Need(gpu="A100")).fits) == ["GDC.A100", "p4d.24xlarge"]
    assert names(choose(ALL, Need(gpu="a100-80gb")).fits) == ["GDC.A100"]


def test_an_unknown_gpu():
    with pytest.raises(ConfigError, match="h1000"):
        choose([], Need(gpu="h1000"))


def test_memory_is_compared_as_it_is_sold():
    fits = choose(ALL, Need(min_memory_gib=24)).fits
    assert {"g6.xlarge", "g5.xlarge"} <= set(names(fits)), "their drivers show 22.4 GiB"
    assert names(choose(ALL, Need(min_memory_gib=40)).fits) == ["GDC.A100", "p4d.24xlarge"]
    unknown = offer("new", "x1", gpu_memory_gib=96)
    assert choose([unknown], Need(min_memory_gib=96)).fits == (unknown,)


def test_more_gpus_than_wanted_fit_and_fewer_do_not():
    choice = choose(ALL, Need(gpus=2))
    assert names(choice.fits) == ["g6.12xlarge", "p4d.24xlarge"]
    assert removed(choice)["gpus"] == (5, "g6.xlarge")
    assert choice.removed[0].wanted == "with 2 GPUs or more"


def test_of_two_at_one_price_the_one_with_fewer_gpus_too_many():
    four, two, eight = offer("four", gpus=4), offer("two", gpus=2), offer("eight", gpus=8)
    assert names(choose([eight, four, two], Need(gpus=2)).fits) == ["two", "four", "eight"]


def test_interruptible_ones_only_where_they_may_be():
    assert names(choose(ALL, Need(gpu="l4")).fits) == ["g6.xlarge", "g6.12xlarge"]
    assert choose(ALL, Need(gpu="l4", spot=True)).fits[0] is SPOT


def test_what_is_sold_out_is_said():
    assert removed(choose(ALL, Need(gpu="l4")))["available"] == (1, "GDC.L4")


def test_what_stood_in_the_way():
    choice = choose(ALL, Need(gpu="a100", max_price_usd=2.0))
    assert choice.fits == ()
    assert removed(choice) == {"gpu": (5, "g6.xlarge"), "max_price": (2, "GDC.A100")}
    assert [each.wanted for each in choice.removed] == ["with a100", "for $2.00 an hour or less"]


def test_the_nearest_is_the_one_that_nothing_else_is_against():
    cheap_elsewhere = offer("t4", "t4", price=0.1, region="eu-west-1", gpu_memory_gib=15)
    fitting_elsewhere = offer("l40s", "l40s", price=2.0, region="eu-west-1", gpu_memory_gib=44)
    choice = choose([cheap_elsewhere, fitting_elsewhere], Need(region="us-east-1", min_memory_gib=40))
    assert removed(choice) == {"region": (2, "l40s")}


def test_the_nearest_gpu_is_the_one_most_like_what_was_asked_for():
    small, like = offer("t4", "t4", price=0.1, gpu_memory_gib=15), offer("l40s", "l40s", price=2.0, gpu_memory_gib=44)
    assert removed(choose([small, like], Need(gpu="a100"))) == {"gpu": (2, "l40s")}
    two, one = offer("two", gpus=2, price=2.0), offer("one", price=1.0)
    assert removed(choose([one, two], Need(gpus=4))) == {"gpus": (2, "two")}
    assert removed(choose([small, like], Need(min_memory_gib=80))) == {"min_memory": (2, "l40s")}


OFFERS = st.lists(
    st.builds(
        offer,
        machine_type=st.sampled_from(["a", "b", "c"]),
        gpu=st.sampled_from(["l4", "a100-40", "a100-80", "h100-pcie", "unheard-of"]),
        gpus=st.integers(1, 8),
        price=st.floats(0.1, 100),
        region=st.sampled_from(["us-east-1", "Delhi"]),
        gpu_memory_gib=st.floats(1, 200),
        spot=st.booleans(),
        available=st.sampled_from([True, False, None]),
    ),
    max_size=20,
)
NEEDS = st.builds(
    Need,
    gpu=st.sampled_from([None, "l4", "a100", "h100"]),
    gpus=st.integers(1, 8),
    min_memory_gib=st.none() | st.floats(1, 200),
    max_price_usd=st.none() | st.floats(0.1, 100),
    spot=st.booleans(),
    region=st.sampled_from([None, "us-east-1", "Delhi"]),
)
LOOSE = {"gpu": None, "gpus": 1, "min_memory_gib": None, "max_price_usd": None, "spot": True, "region": None}


@given(OFFERS, NEEDS)
def test_every_offer_fits_or_is_counted_once(offers, need):
    choice = choose(offers, need)
    assert len(choice.fits) + sum(each.count for each in choice.removed) == len(offers)
    assert all(each in offers for each in (*choice.fits, *(each.nearest for each in choice.removed)))
    assert not any(each.nearest in choice.fits for each in choice.removed)
    assert len({each.filter for each in choice.removed}) == len(choice.removed)


@given(OFFERS, NEEDS, st.sampled_from(sorted(LOOSE)))
def test_a_looser_need_loses_no_fit(offers, need, loosened):
    tight = choose(offers, need).fits
    loose = list(choose(offers, need.model_copy(update={loosened: LOOSE[loosened]})).fits)
    for each in tight:
        loose.remove(each)


@given(OFFERS, NEEDS, st.randoms())
def test_the_order_of_the_offers_does_not_matter(offers, need, random):
    shuffled = list(offers)
    random.shuffle(shuffled)
    ours, theirs = choose(offers, need), choose(shuffled, need)
    assert [each.price_per_hour_usd for each in ours.fits] == sorted(each.price_per_hour_usd for each in ours.fits)
    assert names(ours.fits) == names(theirs.fits)
    assert [(each.filter, each.count) for each in ours.removed] == [
        (each.filter, each.count) for each in theirs.removed
    ]
