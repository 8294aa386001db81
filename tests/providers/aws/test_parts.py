"""What a machine on AWS needs before it is made: key, firewall, image, network."""

import boto3
import pytest
from lab.keys import make_key

from zephyr_deploy.errors import AmbiguousError, ConfigError, ConflictError, DeadlineError, GoneError, QuotaError
from zephyr_deploy.providers.aws import settle
from zephyr_deploy.providers.aws.image import PARAMETER
from zephyr_deploy.providers.aws.keys import key_name
from zephyr_deploy.providers.clouds.stamp import Stamp


def imported(ec2, name, public, stamp=None):
    """A key pair that is there before."""
    tags = [{"Key": key, "Value": text} for key, text in (stamp.tags() if stamp else {"owner": "me"}).items()]
    made = [{"ResourceType": "key-pair", "Tags": tags}]
    ec2.import_key_pair(KeyName=name, PublicKeyMaterial=public.encode(), TagSpecifications=made)


def keys(ec2):
    return {pair["KeyName"] for pair in ec2.describe_key_pairs()["KeyPairs"]}


class TestKey:
    def test_the_users_own_is_used_and_stays(self, cloud, ec2):
        imported(ec2, "laptop", f"{cloud.key.public} me@laptop")
        order = cloud.ready()
        assert order.parts["key"] == "laptop"
        cloud.when(cloud.provider.create(order), "running")
        cloud.vanish("shop")
        assert keys(ec2) == {"laptop"}

    def test_that_of_another_deployment_goes_with_it_and_so_is_not_used(self, cloud, ec2):
        theirs = Stamp(deployment="other", run="00000001")
        imported(ec2, "theirs", cloud.key.public, theirs)
        assert cloud.ready().parts["key"] == key_name(cloud.order())

    def test_another_key_of_our_name_is_in_the_way(self, cloud, ec2):
        name = key_name(cloud.order())
        imported(ec2, name, make_key().public)
        with pytest.raises(ConflictError, match=name) as failed:
            cloud.ready()
        assert "delete-key-pair" in failed.value.hint

    def test_another_user_of_the_deployment_has_another_pair(self, cloud, ec2):
        first = cloud.ready().parts["key"]
        cloud.key = make_key()
        assert cloud.ready().parts["key"] != first
        assert len(keys(ec2)) == 2


class TestFirewall:
    def test_it_lets_ssh_in_from_the_caller_and_nothing_else(self, cloud, ec2):
        group = cloud.ready().parts["group"]
        (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        (rule,) = found["IpPermissions"]
        assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 22, 22)
        assert [source["CidrIp"] for source in rule["IpRanges"]] == ["203.0.113.7/32"]
        assert rule.get("Ipv6Ranges", []) == []

    def test_who_is_let_in_is_added_and_the_machine_knows_the_key(self, cloud, ec2):
        instance, key = cloud.machine(), make_key().public
        cloud.provider.let_in(instance, key, "198.51.100.9/32")
        (group,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["zephyr-deploy-shop"]}])[
            "SecurityGroups"
        ]
        sources = [source["CidrIp"] for rule in group["IpPermissions"] for source in rule["IpRanges"]]
        assert sorted(sources) == ["198.51.100.9/32", "203.0.113.7/32"]
        assert key in cloud.emulator.machines.made[instance.id].keys

    def test_a_group_of_that_name_that_is_not_ours_is_in_the_way(self, cloud, ec2):
        network = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        ec2.create_security_group(GroupName="zephyr-deploy-shop", Description="mine", VpcId=network)
        with pytest.raises(ConflictError, match="zephyr-deploy-shop"):
            cloud.ready()

    def test_a_group_that_is_never_listed_ends_the_wait(self, cloud, monkeypatch):
        monkeypatch.setattr(settle, "SETTLE_S", 0.3)
        cloud.emulator.lag_s = 60
        with pytest.raises(DeadlineError, match="security group zephyr-deploy-shop to be listed"):
            cloud.ready()


@pytest.mark.parametrize("call", ["CreateSecurityGroup", "ImportKeyPair"])
def test_what_was_made_and_is_not_listed_yet_is_used(cloud, call):
    order = cloud.order()
    cloud.emulator.lag_s = 2.0
    cloud.wire.fault(call, when="after", lost=True)
    with pytest.raises(AmbiguousError):
        cloud.provider.ready(order, cloud.notes)
    again = cloud.another().ready(order, cloud.notes)
    cloud.emulator.lag_s = 0.0
    assert cloud.provider.ready(order, cloud.notes).parts == again.parts
    assert cloud.count(call) == 2
    assert len(cloud.emulator.left()) == 2


class TestImage:
    def test_it_is_the_one_that_aws_calls_the_latest(self, cloud):
        parts = cloud.ready().parts
        assert parts["image"] == cloud.emulator.account.parameters[PARAMETER]
        assert (parts["root"], parts["image-gb"]) == ("/dev/sda1", "75")

    @pytest.mark.parametrize("trouble", ["no parameter", "denied", "image gone"])
    def test_else_the_newest_by_its_date(self, cloud, trouble):
        latest = cloud.emulator.account.parameters[PARAMETER]
        if trouble == "no parameter":
            cloud.emulator.account.parameters.clear()
        elif trouble == "denied":
            cloud.emulator.fault("ssm:", "AccessDeniedException", service="ssm", times=None)
        else:
            cloud.emulator.account.parameters[PARAMETER] = "ami-00000000000000000"
        assert cloud.ready().parts["image"] == latest

    def test_without_any_nothing_is_made(self, cloud):
        cloud.emulator.account.parameters.clear()
        cloud.emulator.account.ec2("us-east-1").amis.clear()
        with pytest.raises(GoneError, match="us-east-1") as failed:
            cloud.ready()
        assert "describe-images" in failed.value.hint
        assert cloud.notes.lines == []

    def test_a_disk_is_never_smaller_than_its_image(self, cloud, ec2):
        order = cloud.provider.ready(cloud.order(disk_gb=20), cloud.notes)
        cloud.provider.create(order)
        assert [volume["Size"] for volume in ec2.describe_volumes()["Volumes"]] == [75]


class TestNetwork:
    def test_without_a_default_network_it_says_how_to_make_one(self, cloud):
        order = cloud.order()
        for network in cloud.emulator.account.ec2("us-east-1").vpcs.values():
            network.is_default = False
        with pytest.raises(ConfigError, match="no default VPC in us-east-1") as failed:
            cloud.provider.ready(order, cloud.notes)
        assert "aws ec2 create-default-vpc --region us-east-1" in failed.value.hint

    def test_without_a_default_subnet_too(self, cloud):
        order = cloud.order()
        subnets = cloud.emulator.account.ec2("us-east-1").subnets
        subnets.pop(order.zone)
        with pytest.raises(ConfigError, match=f"no default subnet in {order.zone}") as failed:
            cloud.provider.ready(order, cloud.notes)
        assert f"create-default-subnet --availability-zone {order.zone}" in failed.value.hint

    def test_the_machine_is_in_the_zone_of_the_order(self, cloud):
        zone = cloud.provider.zones(cloud.order().offer)[1]
        order = cloud.provider.ready(cloud.order(zone=zone), cloud.notes)
        assert cloud.provider.create(order).zone == zone

    def test_in_another_region_everything_is_there(self, cloud):
        offer = next(one for one in cloud.provider.offers("ap-south-1") if not one.spot)
        order = cloud.order(offer=offer, zone=cloud.provider.zones(offer)[0])
        made = cloud.when(cloud.provider.create(cloud.provider.ready(order, cloud.notes)), "running")
        assert made.region == "ap-south-1"
        assert boto3.client("ec2", region_name="ap-south-1").describe_volumes()["Volumes"]
        assert [one.id for one in cloud.another().instances("shop")] == [made.id]
        cloud.vanish("shop")
        assert cloud.emulator.account_is_empty()


class TestExposed:
    def test_what_somebody_else_opened_stays(self, cloud, ec2):
        instance = cloud.machine()
        (group,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["zephyr-deploy-shop"]}])[
            "SecurityGroups"
        ]
        theirs = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
        ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[theirs])
        for ports in ({443: "192.0.2.0/24"}, {}):
            cloud.provider.expose(instance, ports)
            assert (443, "192.0.2.0/24") in cloud.emulator.inbound()

    def test_a_rule_that_is_gone_meanwhile_is_gone(self, cloud):
        instance = cloud.machine()
        cloud.provider.expose(instance, {443: "192.0.2.0/24"})
        cloud.emulator.fault("RevokeSecurityGroupIngress", "InvalidPermission.NotFound")
        cloud.provider.expose(instance, {})

    def test_what_aws_refuses_is_said(self, cloud):
        instance = cloud.machine()
        cloud.emulator.fault("AuthorizeSecurityGroupIngress", "RulesPerSecurityGroupLimitExceeded")
        with pytest.raises(QuotaError):
            cloud.provider.expose(instance, {443: "192.0.2.0/24"})
