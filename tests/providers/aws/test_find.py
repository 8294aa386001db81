"""What is ours on AWS, and what is not."""

import pytest
from emulators.aws.lifecycle import take_back

from zephyr_deploy.errors import AuthError, ConfigError, InUseError


def tag(ec2, name, **tags):
    ec2.create_tags(Resources=[name], Tags=[{"Key": key, "Value": text} for key, text in tags.items()])


def test_what_others_made_is_never_listed(cloud, ec2):
    made = cloud.machine()
    network = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    ec2.create_security_group(GroupName="theirs", Description="x", VpcId=network)
    ec2.create_volume(AvailabilityZone="us-east-1a", Size=10)
    ec2.create_key_pair(KeyName="theirs")
    before = [str(one) for one in cloud.provider.resources()]
    assert len(before) == len(cloud.emulator.left())
    tag(ec2, made.id, **{"zephyr-deploy:run": "not a run"})
    assert cloud.provider.instances() == [], "a stamp that cannot be read is none"
    assert made.id not in str(cloud.provider.resources())


def test_a_volume_and_an_interface_that_were_left_behind_are_found_and_deleted(cloud, ec2):
    stamp = cloud.order().stamp
    tags = [{"Key": key, "Value": text} for key, text in stamp.tags().items()]
    ec2.create_volume(
        AvailabilityZone="us-east-1a", Size=10, TagSpecifications=[{"ResourceType": "volume", "Tags": tags}]
    )
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    ec2.create_network_interface(
        SubnetId=subnet, TagSpecifications=[{"ResourceType": "network-interface", "Tags": tags}]
    )
    assert [one.kind for one in cloud.provider.resources("shop")] == ["network-interface", "volume"]
    assert [one.bills for one in cloud.provider.resources("shop")] == [False, True]
    cloud.vanish("shop")
    assert cloud.emulator.account_is_empty()


def test_what_a_machine_uses_is_in_use_until_it_is_gone(cloud):
    instance = cloud.machine()
    cloud.emulator.account.ending_s = 0.5
    resources = cloud.provider.resources("shop")
    assert resources[0].kind == "instance"
    for _ in range(2):
        cloud.provider.delete(resources[0])
    used = [one for one in resources if one.kind in {"network-interface", "volume", "security-group"}]
    assert len(used) == 3
    for one in used:
        with pytest.raises(InUseError):
            cloud.provider.delete(one)
    assert cloud.provider.get(instance).state == "stopping"
    assert [one.state for one in cloud.provider.instances()] == ["stopping"]
    cloud.vanish("shop")
    assert cloud.provider.get(instance).state == "gone"


def test_why_a_machine_ended_is_the_clouds_word(cloud):
    deleted, off, taken = (cloud.provider.create(cloud.ready(f"shop-{number}")) for number in range(3))
    assert {cloud.provider.get(one).ended for one in (deleted, off, taken)} == {None}
    cloud.vanish("shop-0")
    cloud.emulator.machines.power_off(off.id)
    take_back(cloud.emulator.account, taken.region, taken.id)
    for one, why in ((deleted, "deleted"), (off, "by-itself"), (taken, "taken-back")):
        assert cloud.when(one, "gone").ended == why


def test_lists_are_read_to_their_last_page(cloud):
    cloud.emulator.account.page = 1
    ids = {cloud.provider.create(cloud.ready(f"shop-{number}")).id for number in range(3)}
    assert {one.id for one in cloud.provider.instances()} == ids
    cloud.emulator.account.page = 50


class TestRegions:
    def test_the_preferred_one_must_answer(self, cloud):
        cloud.emulator.fault("DescribeInstances", "UnauthorizedOperation", status=403, times=None)
        with pytest.raises(AuthError, match="ec2:DescribeInstances") as failed:
            cloud.provider.instances()
        assert "aws-iam-policy.json" in failed.value.hint

    def test_it_is_the_users_own(self, cloud, monkeypatch):
        monkeypatch.setenv("AWS_REGION", "ap-south-1")
        assert cloud.another().regions() == ("ap-south-1", "us-east-1", "us-west-2")

    @pytest.mark.parametrize("region", ["me-south-1", "us-eats-1"])
    def test_one_that_is_not_enabled_is_told_from_wrong_credentials(self, cloud, monkeypatch, region):
        with pytest.raises(ConfigError, match=region) as failed:
            cloud.provider.offers(region)
        assert "us-east-1, ap-south-1, us-west-2" in failed.value.hint
        monkeypatch.setenv("AWS_REGION", region)
        for look in (cloud.another().regions, cloud.another().instances, cloud.another().offers):
            with pytest.raises(ConfigError, match=region):
                look()

    def test_wrong_credentials_are_told_from_that(self, cloud, monkeypatch):
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        for region in ("us-east-1", "ap-south-1", "me-south-1"):
            monkeypatch.setenv("AWS_REGION", region)
            with pytest.raises(AuthError):
                cloud.another().regions()
