"""What is asked of an endpoint, as it is typed."""

from __future__ import annotations

import pytest

from zephyr_deploy.cli.asked import Asked, rate
from zephyr_deploy.errors import UsageError


def test_what_is_typed():
    asked = Asked("1000", 200, 32, None, "300ms", "0.04s", "p99")
    assert asked.workload().model_dump() == {
        "input_tokens": 1000,
        "output_tokens": 200,
        "concurrency": 32,
        "request_rate": None,
    }
    assert asked.slo().model_dump() == {"ttft_ms": 300, "itl_ms": 40, "percentile": "p99"}


@pytest.mark.parametrize(("text", "a_second"), [("5", 5), ("5/s", 5), ("90/m", 1.5), ("0.5/s", 0.5), ("3600/h", 1)])
def test_rates(text, a_second):
    assert rate(text) == a_second
    assert Asked(rate=text).workload().request_rate == a_second


@pytest.mark.parametrize("text", ["", "0", "-1/s", "5/d", "five", "nan", "1e9", "5 / s"])
def test_what_is_no_rate(text):
    with pytest.raises(UsageError, match="no rate"):
        rate(text)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(concurrency=1, rate="5/s"), "do not go together"),
        (Asked(input_tokens="0"), "--input-tokens '0' is no count"),
        (Asked(output_tokens="many"), "is no count"),
        (Asked(concurrency="²"), "is no count"),
    ],
)
def test_what_is_no_workload(asked, said):
    with pytest.raises(UsageError, match=said):
        asked.workload()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(ttft="300"), "no length of time"),
        (Asked(itl="0ms"), "too short"),
        (Asked(percentile="p95"), "no percentile"),
    ],
)
def test_what_is_no_slo(asked, said):
    with pytest.raises(UsageError, match=said):
        asked.slo()
