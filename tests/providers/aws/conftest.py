"""An AWS account on this machine."""

from __future__ import annotations

import pytest
from emulators.aws import AwsEmulator


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
