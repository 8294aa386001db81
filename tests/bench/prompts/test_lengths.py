from __future__ import annotations

import random

import pytest
from pydantic import ValidationError

from zephyr_deploy.bench.prompts.lengths import draw_length, typical
from zephyr_deploy.bench.spec import BenchSpec


@pytest.mark.parametrize(
    ("said", "read", "mean"),
    [
        (512, 512, 512),
        ("512", 512, 512),
        ("64..512", "64..512", 288),
        ("0512:0100", "512:100", 512),
        ("7..7", "7..7", 7),
    ],
)
def test_reads_each_form(said, read, mean):
    spec = BenchSpec(prompt_tokens=said)
    assert spec.prompt_tokens == read
    assert typical(read) == mean
    assert BenchSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    "said", [0, -1, "", "x", "1.5", "9..8", "0..8", "0:3", "1..", ":5", "1..2..3", True, None, "²"]
)
def test_refuses_what_is_no_length(said):
    with pytest.raises(ValidationError, match="length"):
        BenchSpec(max_new_tokens=said)


def test_draws_what_it_says():
    draw = random.Random(1)
    even = [draw_length("3..6", draw) for _ in range(200)]
    normal = [draw_length("20:10", draw) for _ in range(2000)]
    assert set(even) == {3, 4, 5, 6}
    assert draw_length(9, draw) == 9
    assert min(normal) == 1
    assert 19 < sum(normal) / len(normal) < 21
