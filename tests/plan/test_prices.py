"""What machines cost by the tables."""

from __future__ import annotations

from datetime import date

import pytest

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.prices import Price, cheapest, prices
from zephyr_deploy.providers.aws.machines import aws_table
from zephyr_deploy.providers.e2e.catalog import table


def test_every_price_is_of_a_card_that_is_known_and_has_a_date_and_a_source():
    for price in prices():
        assert price.gpu in gpus()
        assert price.as_of
        assert price.source


def test_they_are_what_the_providers_say():
    found = {(price.machine, price.region): price for price in prices() if price.cloud == "aws"}
    for machine in aws_table().machines:
        for region, usd in machine.usd.items():
            price = found.pop((machine.type, region))
            assert (price.usd_per_hour, price.gpus, price.gpu) == (usd, machine.gpus, machine.gpu)
    assert not found
    for price in prices():
        if price.cloud == "e2e":
            rupees = price.usd_per_gpu_hour * table()["inr_per_usd"]
            assert rupees == pytest.approx(table()["inr_per_hour"][price.gpu], rel=1e-3)


def test_only_clouds_of_this_tool_can_be_ordered_from():
    assert {price.cloud for price in prices() if price.orderable} == {"aws", "e2e"}
    assert {price.cloud for price in prices() if not price.orderable} == {"lambda", "runpod"}


def test_a_machine_costs_as_a_whole():
    found = [price for price in prices() if price.cloud == "aws"]
    assert cheapest(found, "a100-40", 1).machine == "p4d.24xlarge"
    assert (cheapest(found, "l4", 1).machine, cheapest(found, "l4", 2).machine) == ("g6.xlarge", "g6.12xlarge")
    assert cheapest(found, "l4", 2).usd_per_gpu_hour == pytest.approx(4.6016 / 4)
    assert cheapest(found, "l4", 16) is None
    assert cheapest(found, "a30", 1) is None


def test_of_two_with_one_price_the_smaller_is_taken():
    one = [Price(cloud="a", gpu="l4", gpus=count, usd_per_hour=1) for count in (4, 2)]
    assert cheapest(one, "l4", 1).gpus == 2


@pytest.fixture
def own_file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "zephyr-deploy" / "gpus.toml"
    file.parent.mkdir()
    return file.write_text


def test_a_user_may_say_their_own(own_file):
    own_file('[[price]]\ngpu = "l4"\ngpus = 2\nusd = 0.3\nas_of = 2026-11-01\n')
    own = cheapest(prices(), "l4", 2)
    assert (own.cloud, own.usd_per_hour, own.as_of) == ("yours", 0.3, date(2026, 11, 1))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('gpu = "l4"', r"\(l4\): usd is missing"),
        ('gpu = "l4"\nusd = 0', "usd - Input should be greater than 0"),
        ('gpu = "l4"\nusd = inf', "usd - Input should be a finite number"),
        ('gpu = "l4"\nusd = 1\norderable = true', "orderable is unknown"),
        ('gpu = "l5"\nusd = 1', r"gpu l5 is no key of the catalogue"),
    ],
)
def test_a_mistake_in_it_is_named(own_file, row, said):
    own_file(f"[[price]]\n{row}\n")
    with pytest.raises(ConfigError, match=rf"gpus\.toml, \[\[price\]\] 1.*{said}"):
        prices()
