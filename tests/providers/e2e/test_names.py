"""What everything of ours is called, and what a node's label says."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.paths import NAME_PATTERN
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.e2e.names import key_name, label_of, name_of, read_label, read_name

deployments = st.from_regex(re.compile(NAME_PATTERN), fullmatch=True)
runs = st.from_regex(re.compile(r"[0-9a-f]{8}"), fullmatch=True)
fingerprint = "SHA256:" + "a+/B" * 10 + "xyz"


def test_a_name_is_the_deployment_and_the_run():
    assert name_of("demo", "0123abcd") == "zd-demo-0123abcd"


def test_the_longest_deployment_fits():
    name = name_of("d" * 40, "0123abcd")

    assert len(name) == 50
    assert read_name(name) == Stamp(deployment="d" * 40, run="0123abcd")


@given(deployments, runs)
def test_every_name_fits_and_is_read_again(deployment, run):
    name = name_of(deployment, run)

    assert re.fullmatch(r"[a-zA-Z0-9-_]{1,50}", name)
    assert read_name(name) == Stamp(deployment=deployment, run=run)


@given(deployments, st.lists(runs, min_size=2, max_size=2, unique=True))
def test_two_runs_have_two_names(deployment, two):
    assert len({name_of(deployment, run) for run in two}) == 2


@pytest.mark.parametrize(
    "name",
    [
        "",
        "zd-",
        "web",
        "zd-demo",
        "zd-demo-0123ABCD",
        "zd-demo-0123abc",
        "ZD-demo-0123abcd",
        "zd-Demo-0123abcd",
        "zd-demo--0123abcd",
        "zd-demo-ASNhzQ",
        "zd-0123abcd",
        "zd-demo-0123abcd\n",
    ],
)
def test_names_of_others_are_not_ours(name):
    assert read_name(name) is None


def test_a_key_is_named_by_what_it_is():
    assert key_name("demo", "ssh-ed25519 AAAA") == key_name("demo", "ssh-ed25519 AAAA")
    assert key_name("demo", "ssh-ed25519 AAAA") != key_name("demo", "ssh-ed25519 AAAB")
    assert read_name(key_name("demo", "ssh-ed25519 AAAA")).deployment == "demo"


@pytest.mark.parametrize("expires", [None, datetime(2026, 12, 1, 8, 30, 1, tzinfo=timezone.utc)])
@pytest.mark.parametrize("price", [0.0, 1.9688, 27.96])
@pytest.mark.parametrize("host_key", ["", fingerprint])
def test_a_label_holds_what_the_name_does_not(expires, price, host_key):
    bare = Stamp(deployment="demo", run="0123abcd")
    stamp = bare.model_copy(update={"expires": expires, "price_per_hour_usd": price, "host_key": host_key})

    label = label_of(stamp)

    assert re.fullmatch(r"[A-Za-z0-9-_]{1,64}", label)
    assert read_label(bare, label) == stamp


@pytest.mark.parametrize("label", ["default", "", "zd_", "zd_zz_1_", "zd_never_1_short", "zd_never_x_", "zephyr"])
def test_a_label_of_others_adds_nothing(label):
    stamp = Stamp(deployment="demo", run="0123abcd")

    assert read_label(stamp, label) == stamp
