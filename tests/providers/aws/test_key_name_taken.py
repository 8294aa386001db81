"""`up` and `down` as they are typed, where another key of the account has the name that ours would have."""

from __future__ import annotations

import json

import boto3
import pytest
from lab.keys import make_key

from zephyr_deploy.cli.main import main
from zephyr_deploy.node.sshkey import login_key
from zephyr_deploy.providers.aws.keys import key_name


@pytest.fixture
def taken(cloud, ec2):
    """The name of ours, with a key of somebody else's."""
    cloud.key = login_key()
    name = key_name(cloud.order())
    ec2.import_key_pair(KeyName=name, PublicKeyMaterial=make_key().public.encode())
    return name


def pairs():
    return [pair["KeyName"] for pair in boto3.client("ec2").describe_key_pairs()["KeyPairs"]]


def test_nothing_is_ordered_the_way_out_is_said_and_down_leaves_that_key(cloud, taken, capsys):
    wanted = ("up", "shop", "--provider", "aws", "--gpu", "l4", "--region", "us-east-1", "--yes")
    assert main([*wanted, "--output", "json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["exit_code"]) == ("conflict", 3)
    assert error["message"] == f"the key pair {taken} in us-east-1 is another key"
    assert f"aws ec2 delete-key-pair --key-name {taken} --region us-east-1" in error["hint"]
    assert cloud.count("RunInstances") == 0
    assert cloud.emulator.left() == [], "the group that was made for it is gone again"
    assert main(["down", "shop"]) == 0
    assert pairs() == [taken]
