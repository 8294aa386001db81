"""The crash sweep on AWS; see `chaos.clouds.sweep`."""

from __future__ import annotations

import pytest
from chaos.clouds.sweep import Sweep
from emulators.aws import AwsEmulator
from emulators.aws.chain import error_body

FAULTS = {
    "answer lost": {"when": "after", "lost": True},
    "call lost": {"when": "before", "lost": True},
    "500": {"status": 500, "body": error_body("ec2", "InternalError", "An internal error has occurred")},
    "throttled": {"status": 503, "body": error_body("ec2", "RequestLimitExceeded", "Request limit exceeded.")},
}


@pytest.fixture(scope="module")
def emulator():
    running = AwsEmulator(regions=("us-east-1",)).start()
    yield running
    running.stop()


@pytest.fixture
def sweep(emulator, tmp_path):
    with Sweep("aws", emulator, "l4", tmp_path) as made:
        yield made


@pytest.mark.timeout(400)
@pytest.mark.parametrize("part", ["kill_up", "kill_down"])
def test_killed_anywhere(sweep, counted, part):
    tally = getattr(sweep, part)()
    counted(f"aws, {part}", tally)
    assert tally.failures == []


@pytest.mark.timeout(400)
def test_every_call_fails_in_every_way(sweep, counted):
    tally = sweep.fail_up(FAULTS)
    counted("aws, every call of up fails", tally)
    assert tally.failures == []


@pytest.mark.timeout(400)
def test_killed_while_lists_lag(sweep, counted):
    tally = sweep.lag(0.3)
    counted("aws, up killed while lists lag", tally)
    assert tally.failures == []
