"""The policy in examples/ lets everything happen that this project asks of AWS, and nothing else."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import pytest
from lab.keys import make_key
from providers.clouds.kinds import AWS_POLICY, allowed_on_aws

from zephyr_deploy.providers.aws.image import PARAMETER
from zephyr_deploy.providers.aws.remove import CALLS
from zephyr_deploy.providers.clouds.types import KINDS

POLICY = json.loads(AWS_POLICY.read_text())
BY_EC2 = {"iam:CreateServiceLinkedRole"}
"""What EC2 does in the caller's name, when an account has its first interruptible machine."""
STAMP = "zephyr-deploy:deployment"
OURS, TO_BE_OURS = f"aws:ResourceTag/{STAMP}", f"aws:RequestTag/{STAMP}"
MAKES = {"ec2:RunInstances", "ec2:ImportKeyPair", "ec2:CreateSecurityGroup"}
CHANGES = {
    *(f"ec2:{call.operation}" for call in CALLS.values()),
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2-instance-connect:SendSSHPublicKey",
}
MADE = {"instance", "key-pair", "network-interface", "security-group", "spot-instances-request", "volume"}


def listed(value):
    return [value] if isinstance(value, str) else value


@pytest.fixture
def whole_life(cloud):
    """Every call there is: an account is looked at, machines come and go, things are found without their machine."""
    provider = cloud.provider
    provider.account()
    provider.checks()
    latest = cloud.emulator.account.parameters.pop(PARAMETER)
    spot = next(one for one in provider.offers() if one.spot)
    fixed = next(one for one in provider.offers() if not one.spot)
    for number, offer in enumerate((spot, fixed)):
        order = cloud.order(f"shop-{number}", offer=offer, zone=provider.zones(offer)[0])
        made = cloud.when(provider.create(provider.ready(order, cloud.notes)), "running")
        provider.host_keys(made)
        provider.let_in(made, make_key().public, "198.51.100.9/32")
        provider.restamp(made, made.stamp.model_copy(update={"host_key": "SHA256:x"}))
        cloud.emulator.account.parameters[PARAMETER] = latest
    provider.instances()
    resources = provider.resources()
    for kind in KINDS:
        provider.delete(next(one for one in reversed(resources) if one.kind == kind))
    never_raised = next(one for one in provider.offers() if one.spot and one.details["family"] == "P")
    provider.checks(never_raised)
    return {action for action in cloud.wire.actions() if not action.startswith("GET ")}


def test_it_has_every_call_that_is_made_and_no_other(whole_life):
    assert sorted({*whole_life, *BY_EC2}) == sorted(allowed_on_aws())


def test_it_names_each_call_in_full():
    assert not [action for action in allowed_on_aws() if "*" in action]
    assert {one["Effect"] for one in POLICY["Statement"]} == {"Allow"}


def test_what_changes_or_deletes_is_for_what_is_ours():
    for one in POLICY["Statement"]:
        if set(listed(one["Action"])) & CHANGES:
            assert one["Condition"]["StringLike"] == {OURS: "*"}
            assert one["Resource"] != "*"


def test_what_is_made_has_to_carry_the_stamp():
    """Each kind of thing that a call makes can be made only with it."""
    allowing = [one for one in POLICY["Statement"] if set(listed(one["Action"])) & MAKES]
    for action, makes in {
        "ec2:RunInstances": {"instance", "network-interface", "spot-instances-request", "volume"},
        "ec2:ImportKeyPair": {"key-pair"},
        "ec2:CreateSecurityGroup": {"security-group"},
    }.items():
        for kind in makes:
            found = [
                one
                for one in allowing
                if action in listed(one["Action"])
                and any(fnmatchcase(f"arn:aws:ec2:r:1:{kind}/x", resource) for resource in listed(one["Resource"]))
            ]
            assert [one["Condition"] for one in found] == [{"StringLike": {TO_BE_OURS: "*"}}], (action, kind)


def test_tags_are_given_to_what_is_being_made_or_is_ours():
    tagging = [one for one in POLICY["Statement"] if "ec2:CreateTags" in listed(one["Action"])]
    made = {action.removeprefix("ec2:") for action in MAKES}
    conditions = [one["Condition"] for one in tagging]
    assert {"StringLike": {OURS: "*"}} in conditions
    assert [set(one["StringEquals"]["ec2:CreateAction"]) for one in conditions if "StringEquals" in one] == [made]
    assert len(conditions) == 2
    for one in tagging:
        assert {resource.split(":")[-1].split("/")[0] for resource in one["Resource"]} == MADE


def test_it_fits_a_managed_policy():
    """6,144 characters without white space ("IAM and AWS STS quotas", IAM user guide)."""
    assert len(json.dumps(POLICY, separators=(",", ":"))) <= 6144
