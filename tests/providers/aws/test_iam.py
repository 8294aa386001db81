"""The policy in examples/ lets everything happen that this project asks of AWS, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from fnmatch import fnmatchcase

import pytest
from botocore.exceptions import ClientError
from lab.keys import make_key
from providers.clouds.kinds import AWS_POLICY, allowed_on_aws

from zephyr_deploy.errors import AuthError
from zephyr_deploy.providers.aws.create import request
from zephyr_deploy.providers.aws.image import PARAMETER
from zephyr_deploy.providers.aws.remove import CALLS
from zephyr_deploy.providers.clouds.types import KINDS, Resource
from zephyr_deploy.providers.clouds.visits import Visit

POLICY = json.loads(AWS_POLICY.read_text())
IMAGE = "ami-0d1a0000000000002"
BY_EC2 = {"iam:CreateServiceLinkedRole"}
"""What EC2 does in the caller's name, when an account has its first interruptible machine."""
STAMP = "zephyr-deploy:deployment"
OURS, TO_BE_OURS = f"aws:ResourceTag/{STAMP}", f"aws:RequestTag/{STAMP}"
MAKES = {"ec2:RunInstances", "ec2:ImportKeyPair", "ec2:CreateSecurityGroup"}
CHANGES = {
    *(f"ec2:{call.operation}" for call in CALLS.values()),
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
    "ec2-instance-connect:SendSSHPublicKey",
}
MADE = {"instance", "key-pair", "network-interface", "security-group", "spot-instances-request", "volume"}


def listed(value):
    return [value] if isinstance(value, str) else value


@pytest.fixture
def bound(cloud):
    """The provider with these rights and no other."""
    cloud.emulator.account.policy = POLICY
    return cloud


@pytest.fixture
def whole_life(bound, cloud):
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
        for run in ("00000001", "00000002"):
            provider.let_in(made, None, "198.51.100.10/32", Visit(run=run, lasts=timedelta(minutes=1)))
        for ports in ({443: "203.0.113.0/24"}, {}):
            provider.expose(made, ports)
        provider.restamp(made, made.stamp.model_copy(update={"host_key": "SHA256:x"}))
        cloud.emulator.account.parameters[PARAMETER] = latest
    provider.instances()
    resources = provider.resources()
    for kind in KINDS:
        provider.delete(next(one for one in reversed(resources) if one.kind == kind))
    never_raised = next(one for one in provider.offers() if one.spot and one.details["family"] == "P")
    provider.checks(never_raised)
    assert {check.verdict for check in provider.checks(fixed) if check.name == "permissions"} == {"ok"}
    return {action for action in cloud.wire.actions() if not action.startswith("GET ")}


def test_it_has_every_call_that_is_made_and_no_other(whole_life):
    assert sorted({*whole_life, *BY_EC2}) == sorted(allowed_on_aws())


def test_the_doctor_tells_all_of_them_once_there_is_a_group_of_ours(bound):
    def permissions():
        return next(check.verdict for check in bound.provider.checks() if check.name == "permissions")

    assert permissions() == "warning"
    bound.ready()
    assert permissions() == "ok"


class TestNothingElseIsAllowed:
    """Whatever is not ours stays as it is, and nothing is made that could not be found again."""

    @pytest.fixture
    def theirs(self, ec2):
        """What was in the account before, by kind; made before the rights are bound."""
        network = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        group = ec2.create_security_group(GroupName="theirs", Description="x", VpcId=network)["GroupId"]
        volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=10)["VolumeId"]
        key = ec2.create_key_pair(KeyName="theirs")["KeyPairId"]
        instance = ec2.run_instances(ImageId=IMAGE, InstanceType="g6.xlarge", MinCount=1, MaxCount=1)
        return {
            "security-group": group,
            "volume": volume,
            "key": key,
            "instance": instance["Instances"][0]["InstanceId"],
        }

    def test_to_what_others_made(self, theirs, bound):
        stamp = bound.order().stamp
        for kind, name in theirs.items():
            resource = Resource(provider="aws", kind=kind, id=name, region="us-east-1", stamp=stamp)
            with pytest.raises(AuthError, match="not authorized"):
                bound.provider.delete(resource)

    def test_without_the_stamp(self, bound, ec2):
        order = bound.ready()
        asked = request(order)
        kinds = [one["ResourceType"] for one in asked["TagSpecifications"]]
        for kind in kinds:
            less = [one for one in asked["TagSpecifications"] if one["ResourceType"] != kind]
            with pytest.raises(ClientError, match="UnauthorizedOperation"):
                ec2.run_instances(**{**asked, "TagSpecifications": less})
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            ec2.import_key_pair(KeyName="mine", PublicKeyMaterial=make_key().public.encode())
        assert bound.provider.create(order).stamp == order.stamp

    def test_behind_a_firewall_of_others(self, theirs, bound, ec2):
        asked = request(bound.ready())
        for groups in ([theirs["security-group"]], None):
            interface = {name: value for name, value in asked["NetworkInterfaces"][0].items() if name != "Groups"}
            interfaces = [{**interface, **({"Groups": groups} if groups else {})}]
            with pytest.raises(ClientError, match=r"not authorized to perform ec2:RunInstances on .*:security-group/"):
                ec2.run_instances(**{**asked, "NetworkInterfaces": interfaces})

    def test_as_another_user(self, bound):
        instance = bound.machine()
        root = instance.model_copy(update={"user": "root"})
        with pytest.raises(AuthError, match="SendSSHPublicKey"):
            bound.provider.let_in(root, make_key().public, "198.51.100.9/32")


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


def test_a_machine_is_put_only_behind_a_firewall_of_ours():
    groups = [
        one["Condition"]
        for one in POLICY["Statement"]
        if "ec2:RunInstances" in listed(one["Action"])
        and any(fnmatchcase("arn:aws:ec2:r:1:security-group/x", resource) for resource in listed(one["Resource"]))
    ]
    assert groups == [{"StringLike": {OURS: "*"}}]


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
