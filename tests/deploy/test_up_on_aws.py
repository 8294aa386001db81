"""`up --provider aws`: boto3 on the wire, cloud-init, a pinned key, Docker, TGI's API; and an account that is empty."""

import time

import pytest
from deploy.on_clouds import life_on


@pytest.mark.timeout(600, func_only=True)
def test_from_nothing_to_tokens_and_back(both, laptop):
    machines = both.machines[0]
    keys = lambda: machines.node(*machines.there()).exec("cat /home/ubuntu/.ssh/authorized_keys").stdout  # noqa: E731
    said = life_on("aws", "a10g", laptop, both.aws.inbound, keys)
    assert "(console)" in said["up"], "the host key came by another way than the network"
    assert both.left() == []
    actions = both.aws.wire.actions()
    assert actions.count("ec2:RunInstances") == 1
    assert actions.count("ec2-instance-connect:SendSSHPublicKey") == 2, "the second laptop, and the job"


@pytest.mark.long
@pytest.mark.timeout(600, func_only=True)
def test_a_machine_ends_itself_with_nobody_connected_and_costs_nothing_more(both, laptop):
    first = laptop("first")
    first.type("up", "--provider", "aws", "--gpu", "a10g", "--yes")
    first.type("extend", "zephyr", "--to", "5s")
    wait_until(lambda: first.data("ls") == [] and not any(t.startswith("instance") for t in both.left()), 120)
    assert both.machines[0].there() == []
    assert "ended itself" in first.type("status", "zephyr", code=7)[0]
    first.type("down", "zephyr")
    assert both.left() == []


def wait_until(condition, within_s):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(1)
