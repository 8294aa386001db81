"""What is sold, and for how much."""

from __future__ import annotations

import copy
from datetime import date

import pytest
from emulators.e2e import catalog as sold

from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.providers.e2e.catalog import table


def test_every_gpu_plan_is_an_offer_cheapest_first(cloud):
    found = {(one.gpu, one.gpus): one for one in cloud.offers()}

    assert list(found) == [("l4", 1), ("a30", 2), ("a100-80", 1), ("h100", 1), ("h200", 1)]
    a100 = found["a100-80", 1]
    assert (a100.machine_type, a100.region, a100.cpus, a100.memory_gib) == ("GDC3.A10080-16.115GB", "Delhi", 16, 115)
    assert a100.details["image"] == "Ubuntu-22.04-GPU"
    assert a100.gpu_memory_gib == 80
    assert a100.available is True
    assert found["h200", 1].available is False


def test_a_plan_with_a_space_is_passed_on_as_it_is(cloud):
    plan = next(one for one in cloud.offers() if one.gpu == "a30").details["plan"]

    assert plan == "GPU-32vCPU-180RAM-1280DISK-GDC.A30GB_Ubuntu 22.04-Delhi"


def test_rupees_are_said_and_compared_in_dollars(cloud):
    found = {one.gpu: one for one in cloud.offers()}

    assert (found["l4"].price, found["l4"].priced_on) == ("49 INR", None)
    assert found["l4"].price_per_hour_usd == pytest.approx(49 / 96, abs=1e-4)
    assert (found["h100"].price, found["h100"].price_per_hour_usd) == ("", 3.77)


def test_the_rate_is_said_where_it_was_used(cloud, monkeypatch):
    assert cloud.sold_in("Delhi").notes == ()
    assert cloud.sold_in("Delhi").remarks == (
        "Delhi: prices in INR are compared at 96 a dollar, the rate of 2026-08-01",
    )
    monkeypatch.setattr(sold, "ROWS", sold.ROWS[5:6])
    assert [one.gpu for one in cloud.sold_in("Delhi").offers] == ["h100"]
    assert cloud.sold_in("Delhi").remarks == cloud.sold_in("Chennai").remarks == ()


def test_a_currency_that_nobody_knows_the_rate_of_is_no_price(cloud, monkeypatch):
    change(monkeypatch, 1, currency="EUR")

    assert "l4" not in [one.gpu for one in cloud.offers()]


def change(monkeypatch, index: int, **changes) -> None:
    rows = copy.deepcopy(sold.ROWS)
    rows[index].update(changes)
    monkeypatch.setattr(sold, "ROWS", rows)


def test_a_plan_without_a_price_has_that_of_the_table_and_its_date(cloud, monkeypatch):
    change(monkeypatch, 1, specs={**sold.ROWS[1]["specs"], "price_per_hour": None})
    found = next(one for one in cloud.offers() if one.gpu == "l4")

    assert (found.price, found.priced_on) == ("49 INR", date(2026, 8, 1))


def test_what_nobody_knows_a_price_of_is_no_offer(cloud, monkeypatch):
    details = {"CARD_TYPE": "Nvidia-X900", "UNIT_COUNT": 1, "UNIT_MEMORY": 500}
    change(monkeypatch, 1, gpu_card_details=details)
    assert "x900" in [one.gpu for one in cloud.offers()]

    change(monkeypatch, 1, gpu_card_details=details, specs={"cpu": 1, "ram": "1", "price_per_hour": 0})
    assert "x900" not in [one.gpu for one in cloud.offers()]


@pytest.mark.parametrize(
    ("name", "key", "count"),
    [
        ("GDC3.A10080-16.115GB", "a100-80", 1),
        ("GDC.2xA30-32.180GB", "a30", 2),
        ("GDC.1xH100-80GB_SXM", "h100", 1),
        ("GDC.8xH200-141GB_SXM", "h200", 8),
        ("GDC.1xL40S-48GB", "l40s", 1),
    ],
)
def test_a_plan_without_details_is_known_by_its_name(cloud, monkeypatch, name, key, count):
    change(monkeypatch, 1, name=name, gpu_card_details={})
    monkeypatch.setattr(sold, "ROWS", sold.ROWS[1:2])

    assert (key, count) in [(one.gpu, one.gpus) for one in cloud.offers() if one.machine_type == name]


def test_of_several_ubuntus_the_newest_is_taken(cloud, monkeypatch):
    newer = copy.deepcopy(sold.ROWS[1])
    newer["plan"], newer["image"] = newer["plan"].replace("22.04", "24.04"), "Ubuntu-24.04-GPU"
    newer["os"]["version"] = "24.04"
    monkeypatch.setattr(sold, "ROWS", (newer, *sold.ROWS))
    listed = copy.deepcopy(sold.SYSTEMS)
    listed["category_list"][1]["version"].insert(0, {"os": "Ubuntu", "version": "24.04", "sub_category": "Ubuntu"})
    monkeypatch.setitem(sold.SYSTEMS, "category_list", listed["category_list"])

    found = [one for one in cloud.offers() if one.gpu == "l4"]

    assert [one.details["image"] for one in found] == ["Ubuntu-24.04-GPU"]


def test_a_location_without_gpus_has_no_offers(cloud):
    assert cloud.offers("Chennai") == []


def test_the_table_speaks_of_gpus_that_are_known():
    assert set(table()["inr_per_hour"]) <= set(gpus())
