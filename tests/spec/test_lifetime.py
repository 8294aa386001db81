"""What a machine may cost, as the time that it may live."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.spec.deployment import Cost
from zephyr_deploy.spec.lifetime import LEAST, lifetime
from zephyr_deploy.spec.load import load

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("cost", "price", "expected"),
    [
        ({}, 4.0, 8 * HOUR),
        ({"budget_usd": 20}, 4.0, 5 * HOUR),
        ({"budget_usd": 20, "ttl": "2h"}, 4.0, 2 * HOUR),
        ({"budget_usd": 20, "ttl": "none"}, 4.0, 5 * HOUR),
        ({"ttl": "none"}, 4.0, None),
        ({"budget_usd": 20, "ttl": "none"}, 0.0, None),
        ({"budget_usd": 20}, 1e-300, 8 * HOUR),
    ],
)
def test_the_shorter_of_time_and_budget(cost, price, expected):
    assert lifetime(Cost(**cost), price) == expected


@given(
    st.decimals("0.01", 10_000, allow_nan=False, places=2), st.floats(0.01, 200), st.sampled_from(["1h", "8h", "none"])
)
def test_no_more_is_spent_than_may_be(budget, price, ttl):
    cost = Cost(budget_usd=budget, ttl=ttl)
    try:
        found = lifetime(cost, price)
    except ConfigError:
        assert float(budget) / price * HOUR < LEAST
    else:
        assert found / HOUR * price <= float(budget) * (1 + 1e-9)
        assert cost.ttl is None or found <= cost.ttl


def test_a_budget_that_pays_for_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"a budget of \$0.50 pays for 0:07:30 at \$4.00 an hour"):
        lifetime(Cost(budget_usd=Decimal("0.50")), 4.0)


@pytest.fixture
def loaded(tmp_path):
    return lambda **how: load(cwd=tmp_path, **{"environ": {}, **how}).deployment.cost


@pytest.mark.parametrize("name", ["ttl", "idle"])
def test_no_limit_has_to_be_written(loaded, tmp_path, name):
    assert getattr(loaded(), name) is not None
    assert getattr(loaded(flags={f"cost.{name}": "none"}), name) is None
    assert getattr(loaded(environ={f"ZEPHYR_{name.upper()}": "none"}), name) is None
    (tmp_path / "zephyr.toml").write_text(f'[cost]\n{name} = "none"\n')
    assert getattr(loaded(), name) is None


@pytest.mark.parametrize("text", ["never", "0", "off", "nonesuch"])
def test_other_words_for_it_are_refused_with_the_right_one(loaded, text):
    with pytest.raises(ConfigError, match="or none for no limit"):
        loaded(flags={"cost.ttl": text})


def test_what_it_may_cost_by_flags(loaded):
    cost = loaded(flags={"cost.max_hourly_usd": "2.50", "cost.budget_usd": "20"})
    assert (cost.max_hourly_usd, cost.budget_usd) == (Decimal("2.5"), 20)


def test_a_cost_survives_json():
    cost = Cost(ttl="none", idle="45m", budget_usd="12.5")
    assert Cost.model_validate_json(cost.model_dump_json()) == cost
