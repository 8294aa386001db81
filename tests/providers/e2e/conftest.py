"""An account of E2E Networks, emulated; each test has its own, and no credentials of the person's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from emulators.e2e import E2eEmulator
from providers.e2e.ordered import Noted, order

from zephyr_deploy.providers.clouds.types import Instance
from zephyr_deploy.providers.e2e import firewall
from zephyr_deploy.providers.e2e.client import E2eClient
from zephyr_deploy.providers.e2e.credentials import VARIABLES, credentials
from zephyr_deploy.providers.e2e.provider import E2eProvider


@pytest.fixture(scope="session")
def server() -> Iterator[E2eEmulator]:
    emulator = E2eEmulator()
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """No variables, and a home without a profile."""
    for name in VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def e2e(server, nobody, home, monkeypatch) -> Iterator[E2eEmulator]:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("zephyr_deploy.providers.e2e.client.PAUSE_S", 0.01)
    yield server
    server.reset()


@pytest.fixture
def client(e2e) -> E2eClient:
    return E2eClient(credentials())


@pytest.fixture
def cloud(e2e, monkeypatch) -> E2eProvider:
    """The provider, with nothing that takes long."""
    monkeypatch.setattr(E2eProvider, "settle_s", 1.0)
    monkeypatch.setattr(firewall, "LOOK_EVERY_S", 0.02)
    return E2eProvider()


@pytest.fixture
def ledger() -> Noted:
    return Noted()


@pytest.fixture
def launched(cloud, ledger) -> Instance:
    """A node that was just made."""
    return cloud.create(cloud.ready(order(cloud), ledger))
