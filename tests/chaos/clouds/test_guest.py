"""A job that is ended while its cloud's firewall is open to it: cancelled, it closes it; killed, somebody else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from emulators.aws import AwsEmulator
from providers.clouds.cloud import Cloud
from providers.clouds.kinds import KINDS

RUNNER = "198.51.100.77"
GRACE_S = 7.5
"""Between a cancelled step's SIGINT and what comes after it, on GitHub."""


@pytest.fixture(scope="module")
def emulator():
    running = AwsEmulator(regions=("us-east-1",)).start()
    yield running
    running.stop()


@pytest.fixture
def cloud(emulator, tmp_path, monkeypatch, home):
    """A machine that another has made, and the environment of a job."""
    for name, text in {**emulator.environment(), "ZEPHYR_STATE_DIR": str(tmp_path), "ZEPHYR_GUEST": "5m"}.items():
        monkeypatch.setenv(name, text)
    yield Cloud(KINDS["aws"], emulator)
    emulator.reset()


def let_in(cloud):
    """A job that has been let in by the firewall, and waits for its cloud to let its key in."""
    cloud.machine("demo")
    cloud.wire.fault("SendSSHPublicKey", delay_s=20.0)
    patch = (
        "import sys; from zephyr_deploy.cli import main; from zephyr_deploy.providers.clouds import address; "
        f"address._fetched = lambda url: '{RUNNER}'; sys.argv[1:] = ['status', 'demo']; main.run()"
    )
    job = subprocess.Popen([sys.executable, "-c", patch], stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    end = time.monotonic() + 60
    while "ec2-instance-connect:SendSSHPublicKey" not in cloud.wire.actions():
        assert job.poll() is None, job.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.05)
    assert is_open(cloud)
    return job


def is_open(cloud):
    return (22, f"{RUNNER}/32") in cloud.emulator.inbound()


def test_a_job_that_is_cancelled_closes_it_behind_itself(cloud):
    job = let_in(cloud)
    began = time.monotonic()
    job.send_signal(signal.SIGTERM)
    job.communicate(timeout=30)
    assert time.monotonic() - began < GRACE_S
    assert job.returncode == 130
    assert not is_open(cloud)


def test_one_whose_credentials_have_expired_meanwhile_says_what_stays_open(cloud):
    job = let_in(cloud)
    cloud.emulator.fault("RevokeSecurityGroupIngress", "ExpiredToken", "The security token is expired")
    job.send_signal(signal.SIGTERM)
    said = " ".join(job.communicate(timeout=30)[1].split())
    assert "SSH to the machine of demo stays open to this network until" in said
    assert "(ExpiredToken)" in said
    assert job.returncode == 130
    assert is_open(cloud)


def test_what_a_killed_one_leaves_open_is_closed_once_its_time_is_over(cloud):
    job = let_in(cloud)
    job.kill()
    job.communicate(timeout=30)
    (opening,) = cloud.provider.openings("demo")
    assert is_open(cloud)
    now = cloud.provider.now()
    assert not opening.is_over(now)
    assert opening.is_over(now + timedelta(minutes=5))
    cloud.provider.shut(opening)
    assert not is_open(cloud)
