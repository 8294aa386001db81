"""A cloud in memory, and what a launch there needs; no machine is behind it, so nobody waits for one to answer."""

from __future__ import annotations

import pytest
from deploy.clouds.calls import Calls, Line
from emulators.memory import ShowingCloud

from zephyr_deploy.deploy.clouds import boot, create, pending, vanish


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """No pause is long, and every machine answers at once."""
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(pending, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(create, "REPEAT_S", (0.01, 0.01))
    monkeypatch.setattr(create, "THROTTLED_S", (0.01, 0.01))
    monkeypatch.setattr(boot, "PAUSES_S", (0.01,))
    monkeypatch.setattr(vanish, "PAUSES_S", (0.01,))

    monkeypatch.setattr(boot, "connect", lambda *args, **kwargs: Line())


@pytest.fixture
def session(quick) -> Calls:
    return Calls(ShowingCloud(), [])
