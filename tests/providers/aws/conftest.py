"""An AWS account on this machine."""

from __future__ import annotations

import boto3
import pytest
from emulators.aws import AwsEmulator
from providers.clouds.cloud import Cloud
from providers.clouds.kinds import KINDS


@pytest.fixture(scope="module")
def running():
    emulator = AwsEmulator().start()
    yield emulator
    emulator.stop()


@pytest.fixture
def aws(running, monkeypatch):
    """The account, empty, with its credentials in the environment."""
    for name, text in running.environment().items():
        monkeypatch.setenv(name, text)
    yield running
    running.reset()


@pytest.fixture
def cloud(aws, home, monkeypatch):
    """The provider, with what tests do with it."""
    KINDS["aws"].quicker(monkeypatch)
    return Cloud(KINDS["aws"], aws)


@pytest.fixture
def ec2(aws):
    """boto3's own client, in the preferred region."""
    return boto3.client("ec2")
