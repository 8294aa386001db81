"""Settings that contradict each other, whichever way the deployment was made."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from zephyr_deploy.spec.deployment import Deployment, Limits
from zephyr_deploy.spec.rules import broken_rules

BROKEN = [
    ({"limits": {"max_input_tokens": 10, "max_total_tokens": 10}}, ["limits.max_input_tokens"]),
    ({"limits": {"max_total_tokens": 11, "max_batch_total_tokens": 10}}, ["limits.max_total_tokens"]),
    ({"machine": {"gpus": 1}, "engine": {"num_shard": 2}}, ["machine.gpus"]),
    ({"machine": {"gpus": 4}, "engine": {"num_shard": 2}}, ["machine.gpus"]),
    ({"access": {"expose": True, "api_key": False}}, ["access.expose"]),
    ({"access": {"cidr": "10.0.0.0/8"}}, ["access.cidr"]),
    ({"provider": "ssh"}, ["provider"]),
    ({"machine": {"host": "a", "hosts": ["b", "c"], "gateway": "ann@b"}}, ["machine.gateway"]),
    ({"cost": {"idle": "9h"}}, ["cost.idle"]),
    ({"notify": {"secret_from": "env:A", "slack_from": "env:B"}}, ["notify.secret_from"]),
    (
        {"provider": "ssh", "limits": {"max_input_tokens": 5, "max_total_tokens": 4, "max_batch_total_tokens": 3}},
        ["limits.max_input_tokens", "limits.max_total_tokens", "provider"],
    ),
]
KEPT = [
    {"limits": {"max_input_tokens": 9, "max_total_tokens": 10, "max_batch_total_tokens": 10}},
    {"limits": {"max_input_tokens": 9, "max_batch_total_tokens": 8}},
    {"machine": {"gpus": 2}, "engine": {"num_shard": 2}},
    {"machine": {"gpus": 2}},
    {"engine": {"num_shard": 2}},
    {"access": {"expose": True, "cidr": "10.0.0.0/8"}},
    {"access": {"api_key": False}},
    {"provider": "ssh", "machine": {"host": "h"}},
    {"provider": "ssh", "machine": {"host": "a:22", "hosts": ["b"], "gateway": "a:23"}},
    {"cost": {"idle": "8h"}},
    {"cost": {"idle": "9h", "ttl": "none"}},
    {"cost": {"idle": "none"}},
    {"cost": {"ttl": "30m"}},
    {"notify": {"secret_from": "env:A", "webhook_from": "env:B"}},
]


@pytest.mark.parametrize(("wish", "first_keys"), BROKEN)
def test_broken(wish, first_keys):
    with pytest.raises(ValidationError) as caught:
        Deployment.model_validate(wish)
    (error,) = caught.value.errors()
    assert error["type"] == "rules"
    assert [rule.keys[0] for rule in error["ctx"]["broken"]] == first_keys
    assert all(key in str(caught.value) for key in first_keys)


@pytest.mark.parametrize("wish", KEPT)
def test_kept(wish):
    assert broken_rules(Deployment.model_validate(wish)) == []


def test_prompt_and_answer_have_a_token_each():
    Limits(max_total_tokens=2)
    with pytest.raises(ValidationError, match="max_total_tokens"):
        Limits(max_total_tokens=1)
