"""Fixtures of the emulated AWS: `aws_emulator`, `aws`, `ec2`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulators.aws import AwsEmulator


@pytest.fixture(scope="module")
def aws_emulator() -> Iterator[AwsEmulator]:
    """It, started, for all tests of a module."""
    from emulators.aws import AwsEmulator  # moto takes its time

    emulator = AwsEmulator().start()
    yield emulator
    emulator.stop()


@pytest.fixture
def aws(aws_emulator: AwsEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsEmulator]:
    """The account, empty, with its credentials in the environment."""
    for name, text in aws_emulator.environment().items():
        monkeypatch.setenv(name, text)
    yield aws_emulator
    aws_emulator.reset()


@pytest.fixture
def ec2(aws: AwsEmulator) -> Any:
    """boto3's own client, in the preferred region."""
    import boto3

    return boto3.client("ec2")
