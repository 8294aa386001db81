"""Why something is not what zephyr.lock says: each reason, and none where there is none."""

from __future__ import annotations

import pytest
from release.conftest import lock_of, plan_of, wish
from release.test_lockfile import GPU1, lockfile

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.assumed import assumed_node
from zephyr_deploy.plan.machine import GpuFacts
from zephyr_deploy.release.honour import (
    has_newer_driver,
    of_another_machine,
    of_another_release,
    of_another_wish,
    refuse,
)
from zephyr_deploy.release.lockfile import FileMachine
from zephyr_deploy.release.render import render
from zephyr_deploy.spec.deployment import Machine

A100 = GpuFacts(
    name="NVIDIA A100-SXM4-80GB",
    memory_bytes=80 << 30,
    memory_used_bytes=0,
    driver="550.54.15",
    compute_capability="8.0",
)


def node(*cards):
    return assumed_node(wish()).model_copy(update={"gpus": cards})


def reasons(problems):
    return {problem.setting: problem.reason for problem in problems}


def test_the_lock_of_this_wish():
    assert of_another_wish(lockfile(), wish(), ["gpu1"]) == []


@pytest.mark.parametrize(
    ("changes", "setting", "reason"),
    [
        ({"name": "second"}, "name", "of zephyr, not of second"),
        ({"limits": {"max_total_tokens": 2048}}, "limits.max_total_tokens", "it is 2048, and unset is locked"),
        ({"engine": {"image": "example.org/tgi:4"}}, "engine.image", '"example.org/tgi:4", and unset is locked'),
        ({"model": {"revision": "v2"}}, "model.revision", '"v2", and unset'),
        ({"access": {"port": 9000}}, "access.port", "9000, and 8080"),
        ({"provider": "aws", "machine": {}}, "provider", "it is aws, and ssh is locked"),
    ],
)
def test_another_wish(changes, setting, reason):
    assert reason in reasons(of_another_wish(lockfile(), wish(**changes)))[setting]


@pytest.mark.parametrize(
    ("machine", "found"),
    [
        ({"gpu": "l4"}, {"machine.gpu": "it is l4, and 2 x NVIDIA A10G is locked"}),
        ({"gpu": "a10g", "gpus": 4}, {"machine.gpus": "it is 4, and 2 is locked"}),
        ({"gpu": "a10g", "gpus": 2}, {}),
        ({}, {}),
    ],
)
def test_what_a_cloud_would_be_paid_for_is_told_before_it_is_ordered(machine, found):
    locked = lockfile()
    machines = {"aws": FileMachine(gpus=("NVIDIA A10G",) * 2, driver="570.1")}
    serving = locked.serving.model_copy(update={"shards": 2})
    locked = locked.model_copy(update={"provider": "aws", "machines": machines, "serving": serving})
    assert reasons(of_another_wish(locked, wish(provider="aws", machine=machine))) == found


def test_another_version_of_the_tool():
    old = lockfile().model_copy(update={"tool": "0.0.1"})
    (problem,) = of_another_wish(old, wish())
    assert "zephyr-deploy 0.0.1 wrote it" in problem.reason
    assert "pip install zephyr-deploy==0.0.1" in problem.fix


def test_other_machines_than_those_that_are_wanted():
    found = reasons(of_another_wish(lockfile(), wish(), ["gpu2"]))
    assert found == {
        "machine gpu2": "it is wanted and not in the lock",
        "machine gpu1": "it is in the lock and not wanted",
    }


@pytest.mark.parametrize(
    ("cards", "said"),
    [
        ((), "it has no GPU"),
        ((A100, A100), "it has 2 x NVIDIA A100-SXM4-80GB, and NVIDIA A100-SXM4-80GB is locked"),
        ((A100.model_copy(update={"name": "NVIDIA L4"}),), "it has NVIDIA L4"),
        ((A100.model_copy(update={"driver": "550.54.9"}),), "its driver is 550.54.9, older than 550.54.15"),
        ((A100.model_copy(update={"driver": "99.99.99"}),), "older than"),
        ((A100.model_copy(update={"driver": ""}),), "its driver is missing"),
    ],
)
def test_another_machine(cards, said):
    (problem,) = of_another_machine("gpu1", GPU1, node(*cards))
    assert said in problem.reason
    assert "zephyr-deploy lock" in problem.fix


def test_a_machine_that_is_not_in_it():
    assert "not in the lock" in reasons(of_another_machine("gpu2", None, node(A100)))["machine gpu2"]


@pytest.mark.parametrize(("driver", "newer"), [("550.54.15", False), ("550.54.16", True), ("1000.1", True)])
def test_a_newer_driver_is_no_reason(driver, newer):
    facts = node(A100.model_copy(update={"driver": driver}))
    assert of_another_machine("gpu1", GPU1, facts) == []
    assert has_newer_driver(GPU1, facts) == newer


def test_the_release_that_was_locked():
    plan = plan_of(wish())
    assert of_another_release(lockfile(), plan, render(plan, lock_of(plan))) == []


def why_not(lock, plan):
    return reasons(of_another_release(lock, plan, render(plan, lock.pins)))


def test_another_release_says_what_it_hangs_on():
    plan = plan_of(wish())
    assert (
        "it is http://mirror, and"
        in why_not(lockfile(), plan.model_copy(update={"hub": "http://mirror"}))["HF_ENDPOINT"]
    )
    serve = plan.serve.model_copy(update={"max_batch_prefill_tokens": 1024})
    found = why_not(lockfile(), plan.model_copy(update={"serve": serve}))
    assert list(found) == ["release", "serving.prefill_tokens"]
    assert "1024 is planned" in found["serving.prefill_tokens"]


@pytest.mark.parametrize(
    ("access", "machine", "causes"),
    [
        ({"domain": "llm.example.org"}, {"host": "gpu1"}, ["access.cidr"]),
        ({"domain": "llm.example.org", "cidr": "192.0.2.0/24"}, {"host": "gpu1"}, []),
        ({"cidr": "192.0.2.0/24"}, {"host": "gpu1"}, []),
        ({}, {}, ["access.cidr", "access.domain"]),
        ({}, {"host": "gpu1", "gateway": "edge"}, []),
    ],
)
def test_an_exposed_endpoint_hangs_on_who_deploys_it_and_where(access, machine, causes):
    plan = plan_of(wish(access={"expose": True, **access})).model_copy(update={"caller": "198.51.100.0/24", "gpus": 2})
    wanted = plan.deployment.model_copy(update={"machine": Machine(**machine)})
    found = why_not(lockfile(), plan.model_copy(update={"deployment": wanted, "host": "203.0.113.4"}))
    assert list(found) == ["release", *causes]


def test_a_lock_that_was_changed_by_hand():
    lock = lockfile()
    forged = lock.model_copy(update={"engine": lock.engine.model_copy(update={"digest": f"sha256:{'00' * 32}"})})
    assert f"{lock.release} is locked" in why_not(forged, plan_of(wish()))["release"]


def test_all_reasons_are_told_at_once():
    problems = of_another_wish(lockfile(), wish(name="second", access={"port": 9000}))
    with pytest.raises(ConfigError) as caught:
        refuse(problems, "zephyr.lock", "is another's")
    assert caught.value.message.startswith("zephyr.lock is another's:\n  ")
    assert {reason["setting"] for reason in caught.value.details["reasons"]} == {"name", "access.port"}
    refuse([], "zephyr.lock", "is another's")
