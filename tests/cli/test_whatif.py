"""``--what-if`` as it is typed."""

from __future__ import annotations

import pytest

from zephyr_deploy.cli.asked import Asked
from zephyr_deploy.cli.whatif import changes, exchange
from zephyr_deploy.errors import UsageError


def test_settings_and_what_is_asked():
    words = ["engine.quantize=fp8", "input-tokens=2048", "--itl=20ms", "provider=aws", "engine.args=--a=b"]
    assert changes(words) == (
        {"engine.quantize": "fp8", "provider": "aws", "engine.args": "--a=b"},
        {"input_tokens": "2048", "itl": "20ms"},
    )


@pytest.mark.parametrize("word", ["", "engine.quantize", "=fp8", "engine.quantize=", "speed=1"])
def test_what_is_neither(word):
    with pytest.raises(UsageError, match="--what-if"):
        changes([word])


@pytest.mark.parametrize(
    ("before", "said", "after"),
    [
        (Asked(concurrency=8), {"rate": "5/s"}, Asked(rate="5/s")),
        (Asked(rate="5/s"), {"concurrency": "8"}, Asked(concurrency="8")),
        (Asked(rate="5/s"), {"itl": "20ms"}, Asked(rate="5/s", itl="20ms")),
    ],
)
def test_a_rate_takes_the_place_of_a_concurrency(before, said, after):
    assert exchange(before, said) == after
