"""The emulated AWS does what moto leaves out, as AWS does it."""

import contextlib

import boto3
import pytest
from botocore.exceptions import ClientError
from lab.keys import make_key

TAGS = [{"Key": "zephyr-deploy:deployment", "Value": "shop"}, {"Key": "zephyr-deploy:run", "Value": "0123abcd"}]
IMAGE = "ami-0d1a0000000000002"
SPOT = {"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "one-time"}}


@pytest.fixture
def launch(ec2):
    """Launches; the key, the group and the subnet are there."""
    zones = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    subnets = {subnet["AvailabilityZone"]: subnet for subnet in zones}
    tagged = [{"ResourceType": "key-pair", "Tags": TAGS}]
    ec2.import_key_pair(KeyName="key", PublicKeyMaterial=make_key().public.encode(), TagSpecifications=tagged)
    group = ec2.create_security_group(
        GroupName="group",
        Description="SSH",
        VpcId=subnets["us-east-1a"]["VpcId"],
        TagSpecifications=[{"ResourceType": "security-group", "Tags": TAGS}],
    )["GroupId"]

    def launch(token, zone="us-east-1a", **what):
        nic = {
            "DeviceIndex": 0,
            "SubnetId": subnets[zone]["SubnetId"],
            "Groups": [group],
            "AssociatePublicIpAddress": True,
            "DeleteOnTermination": True,
        }
        disk = {"VolumeSize": 100, "VolumeType": "gp3", "Throughput": 500, "DeleteOnTermination": True}
        kinds = ["instance", "volume", "network-interface", "spot-instances-request"]
        asked = {
            "ImageId": IMAGE,
            "InstanceType": "g6.xlarge",
            "KeyName": "key",
            "NetworkInterfaces": [nic],
            "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": disk}],
            "InstanceInitiatedShutdownBehavior": "terminate",
            "TagSpecifications": [{"ResourceType": kind, "Tags": TAGS} for kind in kinds],
        }
        return ec2.run_instances(ClientToken=token, MinCount=1, MaxCount=1, **{**asked, **what})["Instances"][0]

    launch.group = group
    return launch


@contextlib.contextmanager
def refused(code):
    with pytest.raises(ClientError) as failed:
        yield
    assert failed.value.response["Error"]["Code"] == code


def state(ec2, name):
    return ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]["State"]["Name"]


def test_one_token_makes_one_instance_in_a_zone(ec2, launch):
    first = launch("token")
    assert launch("token")["InstanceId"] == first["InstanceId"]
    with refused("IdempotentParameterMismatch"):
        launch("token", UserData="other")
    assert launch("token", zone="us-east-1b")["InstanceId"] != first["InstanceId"], "tokens are zonal"
    by_token = [{"Name": "client-token", "Values": ["token"]}]
    assert len(ec2.describe_instances(Filters=by_token)["Reservations"]) == 2
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    with refused("IdempotentInstanceTerminated"):
        launch("token")


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"ImageId": "ami-00000000"}, "InvalidAMIID.NotFound"),
        ({"InstanceType": "g6.tiny"}, "InvalidInstanceType.NotFound"),
        ({"KeyName": "nobody"}, "InvalidKeyPair.NotFound"),
        ({"UserData": "x" * 16385}, "InvalidParameterValue"),
        ({"InstanceType": "g6e.xlarge", "zone": "us-east-1f"}, "Unsupported"),
    ],
)
def test_what_is_not_there_is_refused(launch, what, code):
    with refused(code):
        launch("token", **what)


def test_an_instance_is_its_machine(aws, ec2, launch):
    made = launch("token")
    name = made["InstanceId"]
    assert made["State"]["Name"] == "pending"
    found = ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "running"
    assert found["PublicIpAddress"] == aws.machines.address(name)
    assert aws.machines.made[name].host_key.public in ec2.get_console_output(InstanceId=name, Latest=True)["Output"]
    key = make_key().public
    connect = boto3.client("ec2-instance-connect")
    connect.send_ssh_public_key(InstanceId=name, InstanceOSUser="ubuntu", SSHPublicKey=key)
    assert key in aws.machines.made[name].keys
    aws.machines.power_off(name)
    assert state(ec2, name) in {"shutting-down", "terminated"}, "it powered itself off"
    assert state(ec2, name) == "terminated"
    assert aws.machines.made == {}


def test_everything_is_tagged_and_goes(aws, ec2, launch):
    name = launch("token", InstanceMarketOptions=SPOT)["InstanceId"]
    assert [line.split()[0] for line in aws.left()] == [
        "instance", "key", "network-interface", "security-group", "spot-request", "volume",
    ]  # fmt: skip
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=launch.group)
    aws.account.ending_s = 3600
    for _ in range(2):
        ec2.terminate_instances(InstanceIds=[name])
    assert state(ec2, name) == "shutting-down"
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=launch.group)
    aws.account.ending[name] = 0.0
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[name], WaiterConfig={"Delay": 0.1, "MaxAttempts": 30})
    ec2.delete_security_group(GroupId=launch.group)
    ec2.delete_key_pair(KeyName="key")
    assert aws.account_is_empty()


def test_lists_lag_and_have_pages(aws, ec2, launch):
    aws.lag_s = 0.5
    name = launch("token")["InstanceId"]
    assert ec2.describe_instances()["Reservations"] == []
    with refused("InvalidInstanceID.NotFound"):
        ec2.describe_instances(InstanceIds=[name])
    aws.lag_s = 0.0
    launch("another")
    aws.account.page = 1
    assert len(ec2.describe_instances()["Reservations"]) == 1
    pages = list(ec2.get_paginator("describe_instances").paginate())
    assert len(pages) == 2
    aws.account.page = 50


def test_nobody_else_is_let_in(aws):
    with refused("AuthFailure"):
        boto3.client("ec2", aws_secret_access_key="wrong", aws_access_key_id="AKIA").describe_instances()
    known = aws.environment()["AWS_ACCESS_KEY_ID"]
    with refused("InvalidClientTokenId"):
        boto3.client("sts", aws_secret_access_key="wrong", aws_access_key_id=known).get_caller_identity()
    with refused("AuthFailure"):
        boto3.client("ec2", region_name="me-south-1").describe_instances()


def test_faults_speak_as_aws_does(aws, ec2):
    aws.fault("DescribeVpcs", "RequestLimitExceeded", status=503, times=2)
    ec2.describe_vpcs()
    assert aws.wire.actions() == ["ec2:DescribeVpcs"] * 3, "boto3 takes it for what it is and tries again"
