"""The options of `bench` that say which load: what they come to, and which do not go together."""

from __future__ import annotations

import pytest

from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.cli.loads import loads
from zephyr_deploy.errors import UsageError

NAMES = (
    "sweep",
    "sweep_until",
    "concurrency",
    "rate",
    "arrivals",
    "burstiness",
    "ramp",
    "trace",
    "trace_speed",
)


def read(**given):
    return BenchSpec(**loads(**{**dict.fromkeys(NAMES), **given}))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ["1 at once", "4 at once"]),
        ({"concurrency": "2,8"}, ["2 at once", "8 at once"]),
        ({"rate": "5,0.5"}, ["5 a second", "0.5 a second"]),
        ({"ramp": "1..20"}, ["1 to 20 a second"]),
        ({"trace": "t.csv", "trace_speed": 2.0}, ["replay of t.csv at 2 times its speed"]),
    ],
)
def test_they_come_to_these(given, words):
    assert [str(load) for load in read(**given).loads] == words


def test_arrivals():
    assert read(rate="5").loads[0].arrivals == "poisson"
    assert read(rate="5", arrivals="constant").loads[0].arrivals == "constant"
    bursty = read(rate="5", burstiness=0.5).loads[0]
    assert (bursty.arrivals, bursty.burstiness) == ("bursty", 0.5)


def test_sweeps():
    spec = read(sweep="rate", sweep_until=50.0, arrivals="constant")
    assert spec.loads == ()
    assert (spec.sweep.of, spec.sweep.most, spec.sweep.arrivals) == ("rate", 50, "constant")
    assert read(sweep="concurrency").sweep.most == 512


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"concurrency": "1", "rate": "2"}, "--concurrency and --rate are two kinds of load"),
        ({"ramp": "1..2", "sweep": "rate"}, "--ramp and --sweep"),
        ({"arrivals": "constant"}, "--arrivals goes with --rate"),
        ({"sweep": "concurrency", "arrivals": "constant"}, "--arrivals goes with --rate"),
        ({"burstiness": 1.0, "ramp": "1..2"}, "--burstiness goes with --rate"),
        ({"rate": "1", "arrivals": "poisson", "burstiness": 0.5}, "does not go with --arrivals poisson"),
        ({"trace_speed": 2.0}, "--trace-speed goes with --trace"),
        ({"sweep_until": 2.0}, "--sweep-until goes with --sweep"),
        ({"rate": "1,x"}, "not a list of numbers"),
        ({"ramp": "5"}, "not a first and a last rate"),
        ({"ramp": "..5"}, "not a first and a last rate"),
    ],
)
def test_what_does_not_go_together_is_refused(given, said):
    with pytest.raises(UsageError, match=said):
        read(**given)
