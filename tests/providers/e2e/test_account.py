"""The account: whose it is, where it is, and how it is."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from zephyr_deploy.errors import AuthError, ConfigError
from zephyr_deploy.providers.clouds.contract import EndsItself, ShowsHostKeys
from zephyr_deploy.providers.e2e.provider import E2eProvider
from zephyr_deploy.providers.registry import cloud as cloud_named


def test_it_is_a_project(cloud):
    account = cloud.account()

    assert (account.provider, account.id, account.name) == ("e2e", "46429", "project default")


def test_wrong_credentials_are_said(cloud, monkeypatch):
    monkeypatch.setenv("E2E_AUTH_TOKEN", "expired")

    with pytest.raises(AuthError):
        cloud.account()


def test_the_default_project_is_taken_where_none_is_set(e2e, monkeypatch):
    monkeypatch.delenv("E2E_PROJECT_ID")

    assert E2eProvider().account().id == "46429"


def test_no_project_is_guessed(e2e, monkeypatch):
    monkeypatch.delenv("E2E_PROJECT_ID")
    monkeypatch.setattr("emulators.e2e.emulator.PROJECTS", [{"project_id": 7, "name": "one", "is_default": False}])

    with pytest.raises(ConfigError) as error:
        E2eProvider().account()
    assert error.value.hint == "Set E2E_PROJECT_ID: 7 (one)"


def test_the_own_location_comes_first(cloud, monkeypatch):
    assert cloud.regions() == ("Delhi", "Chennai")

    monkeypatch.setenv("E2E_LOCATION", "Chennai")
    assert E2eProvider().regions() == ("Chennai", "Delhi")
    monkeypatch.setenv("E2E_LOCATION", "Mumbai")
    assert E2eProvider().regions() == ("Mumbai", "Delhi", "Chennai")


def test_what_it_can_and_cannot(cloud):
    assert cloud.bills_when_off
    assert not cloud.repeatable
    assert not isinstance(cloud, ShowsHostKeys)
    assert not isinstance(cloud, EndsItself)
    assert type(cloud_named("e2e")) is E2eProvider


def test_the_callers_network(cloud, e2e, monkeypatch):
    monkeypatch.setattr(e2e, "caller_ip", "198.51.100.9")

    assert cloud.caller() == "198.51.100.9/32"


def verdicts(cloud, offer=None) -> dict[str, str]:
    return {check.name: check.verdict for check in cloud.checks(offer)}


NAMES = ["credentials", "project", "location", "plan", "key", "leftovers", "clock"]


def test_an_account_that_is_fine(cloud, e2e):
    checks = cloud.checks(cloud.offers()[0])

    assert {check.name: check.verdict for check in checks} == dict.fromkeys(NAMES, "ok")
    assert all(check.detail and not check.fix for check in checks)
    assert {action.split()[0] for action in e2e.wire.actions()} == {"GET"}


def test_wrong_credentials_are_the_only_finding(cloud, monkeypatch):
    monkeypatch.setenv("E2E_API_KEY", "wrong")

    (check,) = cloud.checks()
    assert (check.name, check.verdict) == ("credentials", "failed")
    assert "apiiam" in check.fix


def test_a_project_that_is_not_listed_may_be_shared(cloud, monkeypatch):
    monkeypatch.setattr("emulators.e2e.emulator.PROJECTS", [])

    assert verdicts(cloud)["project"] == "warning"


def test_a_location_that_is_none(cloud, monkeypatch):
    monkeypatch.setenv("E2E_LOCATION", "Pune")

    found = verdicts(cloud)
    assert (found["credentials"], found["location"], found["plan"]) == ("ok", "failed", "failed")


def test_a_location_without_gpus(cloud, monkeypatch):
    monkeypatch.setenv("E2E_LOCATION", "Chennai")

    assert verdicts(cloud)["plan"] == "warning"


def test_a_plan_that_is_sold_out_or_not_sold(cloud):
    h200 = next(one for one in cloud.offers() if one.gpu == "h200")

    assert verdicts(cloud, h200)["plan"] == "failed"
    assert verdicts(cloud, h200.model_copy(update={"machine_type": "X"}))["plan"] == "failed"


def test_a_node_past_its_time_is_a_leftover(cloud, e2e, ledger, launched):
    assert verdicts(cloud)["leftovers"] == "ok", "it is in use"

    over = launched.stamp.model_copy(update={"expires": datetime(2026, 1, 1, tzinfo=timezone.utc)})
    cloud.restamp(launched, over)

    check = next(one for one in cloud.checks() if one.name == "leftovers")
    assert check.verdict == "failed"
    assert f"instance {launched.id}" in check.detail


def test_a_clock_that_is_off(cloud, monkeypatch):
    monkeypatch.setattr("zephyr_deploy.providers.clouds.checks.NOTABLE_SKEW_S", -1.0)

    assert verdicts(cloud)["clock"] == "warning"
