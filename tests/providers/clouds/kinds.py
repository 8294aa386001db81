"""The clouds that the contract's tests run against. A new one is a row of `KINDS`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from emulators.aws import AwsEmulator
from emulators.aws.chain import error_body
from emulators.e2e import E2eEmulator, answers

from zephyr_deploy.providers.aws.provider import AwsProvider
from zephyr_deploy.providers.clouds.contract import CloudProvider
from zephyr_deploy.providers.e2e.provider import E2eProvider

Refusal = dict[str, Any]
"""Fields of `emulators.wire.Fault`."""


@dataclass(frozen=True)
class Kind:
    """One cloud."""

    emulator: Callable[[], Any]
    """Makes one, not started yet; it has ``start stop reset environment left wire machines lag_s``."""
    provider: Callable[[], CloudProvider]
    creates: str
    """Regular expression for the call that makes a machine."""
    prepares: str
    """For those that make what a machine needs first."""
    lists: str
    """For those that list machines."""
    throttled: Refusal
    no_capacity: Refusal
    no_quota: Refusal
    unknown: dict[str, str]
    """Variables with credentials that the cloud does not know."""
    secrets: tuple[str, ...]
    """Names of the variables whose values must never be shown."""
    quicker: Callable[[pytest.MonkeyPatch], None] = field(default=lambda patch: None)
    """Shortens its pauses."""
    allowed: Callable[[], set[str]] | None = None
    """The calls that credentials with the rights of our own example may make; None: there are no such rights."""


AWS_POLICY = Path(__file__).parents[3] / "examples" / "aws-iam-policy.json"


def allowed_on_aws() -> set[str]:
    """Every call that the policy in examples/ names."""
    named = [one["Action"] for one in json.loads(AWS_POLICY.read_text())["Statement"]]
    return {action for some in named for action in ([some] if isinstance(some, str) else some)}


def _aws_says(code: str, status: int) -> Refusal:
    return {"status": status, "body": error_body("ec2", code, "said the emulator")}


def _hurry_e2e(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(E2eProvider, "settle_s", 1.0)
    patch.setattr("zephyr_deploy.providers.e2e.client.PAUSE_S", 0.01)
    patch.setattr("zephyr_deploy.providers.e2e.firewall.LOOK_EVERY_S", 0.05)


KINDS = {
    "aws": Kind(
        emulator=AwsEmulator,
        provider=AwsProvider,
        creates="ec2:RunInstances",
        prepares="ec2:(ImportKeyPair|CreateSecurityGroup|AuthorizeSecurityGroupIngress)",
        lists="ec2:DescribeInstances",
        throttled=_aws_says("RequestLimitExceeded", 503),
        no_capacity=_aws_says("InsufficientInstanceCapacity", 500),
        no_quota=_aws_says("VcpuLimitExceeded", 400),
        unknown={"AWS_ACCESS_KEY_ID": "AKIAUNKNOWN000000000", "AWS_SECRET_ACCESS_KEY": "unknown/secret/11111111"},
        secrets=("AWS_SECRET_ACCESS_KEY",),
        quicker=lambda patch: patch.setattr("zephyr_deploy.providers.aws.session.READ_ATTEMPTS", 2),
        allowed=allowed_on_aws,
    ),
    "e2e": Kind(
        emulator=E2eEmulator,
        provider=E2eProvider,
        creates="POST /nodes/",
        prepares="POST /(ssh_keys|security_group)/",
        lists="GET /nodes/",
        throttled=answers.THROTTLED,
        no_capacity=answers.NONE_MADE,
        no_quota=answers.QUOTA,
        unknown={"E2E_API_KEY": "unknown-key-0001", "E2E_AUTH_TOKEN": "unknown.token.0001"},
        secrets=("E2E_API_KEY", "E2E_AUTH_TOKEN"),
        quicker=_hurry_e2e,
    ),
}
