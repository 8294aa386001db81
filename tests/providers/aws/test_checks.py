"""What the look at an AWS account finds, and that it changes nothing."""

import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

import boto3
import pytest
from emulators.aws.chain import error_body

from zephyr_deploy.providers.aws.checks import NOBODYS_KEY, checks
from zephyr_deploy.providers.aws.offers import sold
from zephyr_deploy.providers.aws.session import AwsSession

QUOTAS = "https://us-east-1.console.aws.amazon.com/servicequotas/home/services/ec2/quotas"
TAGS = [
    {"Key": "zephyr-deploy:deployment", "Value": "shop"},
    {"Key": "zephyr-deploy:run", "Value": "0123abcd"},
    {"Key": "zephyr-deploy:expires", "Value": "2020-01-01T00:00:00Z"},
]


@pytest.fixture
def session(aws):
    return AwsSession()


@pytest.fixture
def offer(session):
    def find(machine_type, *, spot=False):
        found = sold(session, "us-east-1").offers
        return next(one for one in found if one.machine_type == machine_type and one.spot is spot)

    return find


def look(session, offer=None):
    return {check.name: check for check in checks(session, offer)}


def bad(session, offer=None):
    return {name: check.verdict for name, check in look(session, offer).items() if check.verdict != "ok"}


def test_an_account_in_order(aws, session, offer):
    wanted = offer("g6.xlarge")
    aws.wire.forget()
    found = look(session, wanted)
    assert {check.verdict for check in found.values()} == {"ok"}, found
    assert list(found) == [
        "credentials",
        "clock",
        "quota L-DB2E81BA",
        "image",
        "network",
        "key",
        "permissions",
        "leftovers",
    ]
    assert found["credentials"].detail.startswith("account 123456789012 as ")
    assert "ami-" in found["image"].detail
    assert aws.account_is_empty(), "nothing was made"
    assert boto3.client("ec2").describe_security_groups(GroupNames=["default"])["SecurityGroups"]
    assert not boto3.client("ec2").describe_key_pairs()["KeyPairs"]


def test_without_an_offer_both_families_are_looked_at(aws, session):
    aws.account.quotas["L-417A185B"] = 0
    found = look(session)
    assert found["quota L-DB2E81BA"].verdict == "ok"
    none = found["quota L-417A185B"]
    assert (none.verdict, none.detail) == ("warning", "no on-demand vCPUs of P instances in us-east-1 (L-417A185B)")
    assert none.fix.endswith(f"{QUOTAS}/L-417A185B")


def test_wrong_credentials_are_all_that_is_said(session, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    found = look(session)
    assert list(found) == ["credentials", "clock"]
    assert (found["credentials"].verdict, found["clock"].verdict) == ("failed", "ok")
    assert found["credentials"].denied
    assert "wrong" not in found["credentials"].detail


def test_nobody_to_ask(session, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    found = look(session)
    assert list(found) == ["credentials"]
    assert "AWS_ACCESS_KEY_ID" in found["credentials"].fix


def test_a_wrong_clock_is_named_where_it_makes_credentials_look_wrong(aws, session, monkeypatch):
    body = error_body("sts", "SignatureDoesNotMatch", "Signature expired: 20261126T110000Z is now earlier than ...")
    aws.wire.fault("sts:GetCallerIdentity", status=403, body=body, times=None)
    monkeypatch.setattr(
        BaseHTTPRequestHandler, "date_time_string", lambda *_: formatdate(time.time() + 3600, usegmt=True)
    )
    clock = look(session)["clock"]
    assert clock.verdict == "failed"
    assert "behind AWS's" in clock.detail
    assert "timedatectl" in clock.fix


def test_a_quota_that_is_too_small(aws, session, offer):
    aws.account.quotas["L-DB2E81BA"] = 2
    assert bad(session, offer("g6.xlarge")) == {"quota L-DB2E81BA": "failed"}
    found = look(session, offer("g6.xlarge"))["quota L-DB2E81BA"]
    assert found.denied
    assert found.detail == "2 on-demand vCPUs of G and VT instances in us-east-1 (L-DB2E81BA), and the machine takes 4"
    assert found.fix == f"Ask AWS for room for 4 more, which takes it hours or days: {QUOTAS}/L-DB2E81BA"


def test_what_runs_already_counts_against_the_quota(aws, session, offer):
    image = "ami-0d1a0000000000002"
    ec2 = boto3.client("ec2")
    for machine_type in ("g6.xlarge", "g5.12xlarge"):
        ec2.run_instances(ImageId=image, InstanceType=machine_type, MinCount=1, MaxCount=1)
    aws.account.quotas["L-DB2E81BA"] = 54
    found = look(session, offer("g6.xlarge"))["quota L-DB2E81BA"]
    assert found.verdict == "failed"
    assert "52 of them in use, and the machine takes 4" in found.detail
    aws.account.quotas["L-DB2E81BA"] = 56
    assert look(session, offer("g6.xlarge"))["quota L-DB2E81BA"].verdict == "ok"


def test_the_quota_of_interruptible_ones(session, offer):
    assert bad(session, offer("p4d.24xlarge", spot=True)) == {"quota L-7212CCBC": "failed"}


def test_a_quota_that_may_not_be_read_is_no_failure(aws, session, offer):
    aws.fault("GetServiceQuota", "AccessDeniedException", service="servicequotas", times=None)
    found = look(session, offer("g6.xlarge"))["quota L-DB2E81BA"]
    assert found.verdict == "warning"
    assert "AccessDeniedException" in found.detail


@pytest.fixture
def group():
    """A security group of ours."""
    tags = [{"ResourceType": "security-group", "Tags": TAGS}]
    return boto3.client("ec2").create_security_group(
        GroupName="zephyr-deploy-shop", Description="shop", TagSpecifications=tags
    )["GroupId"]


@pytest.mark.parametrize("action", ["RunInstances", "ImportKeyPair", "CreateSecurityGroup"])
def test_a_permission_that_is_missing(aws, session, group, action):
    aws.fault(f"ec2:{action}", "UnauthorizedOperation", status=403)
    found = look(session)["permissions"]
    assert (found.verdict, found.detail) == ("failed", f"not allowed: ec2:{action}")
    assert found.denied
    assert "aws-iam-policy.json" in found.fix


def test_whether_a_machine_may_be_made_in_a_group_of_ours_takes_one_to_tell(aws, session):
    aws.fault("ec2:RunInstances", "UnauthorizedOperation", status=403)
    found = look(session)["permissions"]
    assert (found.verdict, found.denied) == ("warning", False)
    assert "it takes one to tell" in found.detail
    aws.fault("ec2:RunInstances", "UnauthorizedOperation", status=403)
    aws.fault("ec2:ImportKeyPair", "UnauthorizedOperation", status=403)
    assert look(session)["permissions"].detail == "not allowed: ec2:RunInstances, ec2:ImportKeyPair"


def test_a_permission_that_cannot_be_told(aws, session):
    aws.fault("ec2:RunInstances", "VpcLimitExceeded")
    found = look(session)["permissions"]
    assert (found.verdict, found.detail) == ("warning", "cannot be told: ec2:RunInstances (VpcLimitExceeded)")


def test_no_image(aws, session):
    aws.account.parameters.clear()
    body = b"<DescribeImagesResponse><requestId>r</requestId><imagesSet/></DescribeImagesResponse>"
    aws.wire.fault("ec2:DescribeImages", status=200, body=body)
    assert bad(session)["image"] == "failed"
    assert not look(session)["image"].denied


def test_no_default_network(aws, session):
    body = b"<DescribeVpcsResponse><requestId>r</requestId><vpcSet/></DescribeVpcsResponse>"
    aws.wire.fault("ec2:DescribeVpcs", status=200, body=body)
    found = look(session)["network"]
    assert found.verdict == "failed"
    assert "create-default-vpc" in found.fix


def test_what_was_left_behind(aws, session):
    ec2 = boto3.client("ec2", "us-west-2")
    tagged = [{"ResourceType": "volume", "Tags": TAGS}]
    ec2.create_volume(AvailabilityZone="us-west-2a", Size=20, TagSpecifications=tagged)
    found = look(session)["leftovers"]
    assert found.verdict == "failed"
    assert "volume vol-" in found.detail
    assert "us-west-2" in found.detail
    assert found.fix == "zephyr-deploy gc --expired"


def test_keys_are_counted(aws, session):
    public = b"ssh-ed25519 " + NOBODYS_KEY
    ec2 = boto3.client("ec2")
    ec2.import_key_pair(KeyName="mine", PublicKeyMaterial=public)
    ec2.import_key_pair(
        KeyName="ours",
        PublicKeyMaterial=public,
        TagSpecifications=[{"ResourceType": "key-pair", "Tags": TAGS[:2]}],
    )
    assert look(session)["key"].detail == "2 in us-east-1, 1 of them made by zephyr-deploy"
