from __future__ import annotations

from datetime import datetime, timezone

import pytest

from zephyr_deploy.deploy.notify.message import Message


@pytest.fixture
def message():
    """One that has everything, and in it what markup is made of."""
    return Message(
        id="run_0a1b2c3d_failed",
        event="failed",
        at=datetime(2026, 11, 26, 17, 0, tzinfo=timezone.utc),
        text="redeploy of demo failed.",
        deployment="demo",
        error='it said "<!channel> & ```more```"\n\\ in two lines',
        link="https://ci.example.org/runs/1?a=b&c=d|e",
        next="zephyr-deploy status demo",
        rows={"Command": "redeploy", "By": "ann on <ci>"},
        data={"result": "failed", "exit_code": 6, "cost_usd": None},
    )
