"""`make emulators`: both clouds with real machines, noted for rehearsals, until Ctrl-C; then nothing is left."""

from __future__ import annotations

import os
import signal

import pytest
from emulators.process import running, start
from lab.docker import LABEL
from lab.waiting import wait_for
from lab.world import NETWORK

from zephyr_deploy.deploy.rehearse import begin
from zephyr_deploy.paths import state_dir


@pytest.fixture
def environment(home):
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def machines_of(lab, process):
    show = '{{.Names}} {{.Label "zephyr-lab.owner"}}'
    lines = lab.docker("ps", "--all", "--filter", f"label={LABEL}.owner", "--format", show).splitlines()
    return [line.split()[0] for line in lines if line.split()[1].startswith(f"{process.pid}@")]


def launched():
    import boto3

    ec2 = boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, InstanceType="g5.12xlarge", MinCount=1, MaxCount=1)
    name = made["Instances"][0]["InstanceId"]

    def running():
        found = ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]
        return found if found["State"]["Name"] == "running" else None

    return wait_for(running)


@pytest.mark.engine
def test_it_serves_until_it_is_interrupted(lab, environment):
    state = state_dir()
    with running(state) as process:
        second = start(state)
        assert "are running already" in second.communicate(timeout=60)[1]
        assert second.returncode == 1
        begin()
        instance = launched()
        (name,) = machines_of(lab, process)
        network = lab.docker.inspect(name)["NetworkSettings"]["Networks"][NETWORK]
        assert network["IPAddress"] == instance["PublicIpAddress"]
        assert lab.docker("exec", name, "nvidia-smi", "-L").count("A10G") == 4
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "zephyr-deploy --rehearse up" in out
    assert machines_of(lab, process) == []
    assert not (state / "rehearsal").exists()
