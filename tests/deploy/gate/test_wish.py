"""What a gate asks for is read before anything is done."""

from __future__ import annotations

import pytest

from zephyr_deploy.bench.loads import Closed, Open
from zephyr_deploy.deploy.gate.wish import fewest, gating
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.spec.deployment import Deployment, Gate


def read(**section):
    return gating(Deployment(gate=Gate(**section)))


def test_limits_and_changes_are_told_apart_by_the_sign():
    found = read(fail_if=["ttft_p99>400ms", "ttft_p50>+5%"])
    assert ([one.metric for one in found.limits], [one.metric for one in found.changes]) == (["ttft_p99"], ["ttft_p50"])
    assert found.smoke
    assert found.spec.loads == (Closed(concurrency=1), Closed(concurrency=4))


def test_the_section_says_how_it_is_measured():
    found = read(fail_if=["goodput<0.99"], slo="ttft=300ms", rate=[2.5], duration="30s", max_new_tokens=8, on_node=True)
    assert found.spec.loads == (Open(rate_per_s=2.5),)
    assert (found.spec.duration_s, found.spec.max_new_tokens, found.on_node) == (30.0, 8, True)
    assert found.spec.slo.ttft_ms == 300


def test_a_gate_may_ask_the_routes_alone():
    assert not read().measures


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"fail_if": ["ttft_p99>400"]}, "without a unit is not a figure"),
        ({"fail_if": ["ttft_p99>+5%"], "requests": 300}, r"'ttft_p99>\+5%' can never pass with 1 at once"),
        ({"fail_if": ["goodput<0.99"]}, "needs to know what is good"),
        ({"fail_if": ["errors>0"], "requests": 4, "duration": "3s"}, "not both"),
        ({"smoke": False}, "lets everything pass"),
        ({"fail_if": ["errors>0"], "slo": "fast"}, "is no term of an SLO"),
    ],
)
def test_what_cannot_be_read_measured_or_passed_is_refused(section, words):
    with pytest.raises(ConfigError, match=words) as caught:
        read(**section)
    assert caught.value.hint


def test_how_many_requests_a_percentile_takes():
    """As many as the upper bound is among them with 97.5 %: 1 - 0.99 ** 368 is that much, and 367 are too few."""
    assert [fewest(share) for share in (0.5, 0.9, 0.99)] == [6, 36, 368]
    assert 0.99**368 <= 0.025 < 0.99**367
