"""The crash sweep on AWS; see `chaos.clouds.sweep`."""

from __future__ import annotations

import pytest
from chaos.clouds.sweep import PARTS, Sweep, parts
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


@pytest.mark.timeout(400)
@pytest.mark.parametrize("part", parts())
def test_nothing_leaks_and_nothing_doubles(emulator, tmp_path, counted, part):
    with Sweep("aws", emulator, "l4", tmp_path) as sweep:
        tally = PARTS[part](sweep, FAULTS)
    counted(f"aws, {part}", tally)
    assert tally.failures == []
