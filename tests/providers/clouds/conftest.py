"""Every cloud, behind its emulator, for the tests of what all of them have to do alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from providers.clouds.cloud import EXPIRES, Cloud
from providers.clouds.kinds import KINDS


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Any]]:
    """Emulators that were started, by cloud."""
    started: dict[str, Any] = {}
    yield started
    for emulator in started.values():
        emulator.stop()


@pytest.fixture(params=KINDS)
def cloud(request, servers, home, monkeypatch) -> Iterator[Cloud]:
    """An empty account of each cloud in turn."""
    kind = KINDS[request.param]
    if request.param not in servers:
        servers[request.param] = kind.emulator()
        servers[request.param].start()
    emulator = servers[request.param]
    for name in tuple(os.environ):
        if name.startswith(("AWS_", "E2E_")):
            monkeypatch.delenv(name)
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(home))
    kind.quicker(monkeypatch)
    yield Cloud(kind, emulator)
    asked = {action for action in emulator.wire.actions() if " " not in action}
    emulator.reset()
    assert kind.allowed is None or asked <= kind.allowed()


@pytest.fixture
def later() -> datetime:
    """An expiry other than the one that machines are made with."""
    return EXPIRES + timedelta(hours=8)
