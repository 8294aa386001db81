"""The call that makes a machine on AWS, and what becomes of it."""

import random
from datetime import timedelta

import pytest

from zephyr_deploy.errors import AmbiguousError, ConfigError, ConflictError, GoneError, NoCapacityError
from zephyr_deploy.providers.aws import session
from zephyr_deploy.providers.aws.create import packed, request
from zephyr_deploy.providers.aws.settle import SETTLE_S


@pytest.fixture
def order(cloud):
    """For a machine that is not interruptible."""
    offer = next(one for one in cloud.provider.offers() if not one.spot)
    return cloud.provider.ready(cloud.order(offer=offer, zone="us-east-1a"), cloud.notes)


@pytest.fixture
def spot_order(cloud):
    """For one that is."""
    offer = next(one for one in cloud.provider.offers() if one.spot)
    return cloud.provider.ready(cloud.order(offer=offer, zone=cloud.provider.zones(offer)[0]), cloud.notes)


def kinds(asked):
    return {one["ResourceType"] for one in asked["TagSpecifications"]}


def test_what_is_asked_for(order):
    asked = request(order)
    assert asked["ClientToken"] == order.token
    assert asked["MinCount"] == asked["MaxCount"] == 1
    assert asked["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }
    (disk,) = (one["Ebs"] for one in asked["BlockDeviceMappings"])
    assert disk["VolumeType"] == "gp3"
    assert disk["Encrypted"]
    assert disk["DeleteOnTermination"]
    assert asked["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert kinds(asked) == {"instance", "volume", "network-interface"}
    assert "InstanceMarketOptions" not in asked
    assert request(order.model_copy(update={"user_data": ""})).get("UserData") is None
    assert request(type(order).model_validate_json(order.model_dump_json())) == asked, "as the journal has it"


def test_an_interruptible_one_is_told_so_and_its_request_is_stamped(cloud, spot_order):
    asked = request(spot_order)
    assert asked["InstanceMarketOptions"]["MarketType"] == "spot"
    assert kinds(asked) == {"instance", "volume", "network-interface", "spot-instances-request"}
    made = cloud.when(cloud.provider.create(spot_order), "running")
    assert made.spot
    found = [one.kind for one in cloud.provider.resources("shop")]
    assert found == ["instance", "spot-request", "network-interface", "volume", "security-group", "key"]
    cloud.provider.delete(cloud.provider.resources("shop")[0])
    cloud.when(made, "gone")
    assert "spot-request" not in [one.kind for one in cloud.provider.resources("shop")], "closed is gone"


def test_the_account_has_what_was_asked_for(cloud, ec2, order):
    made = cloud.provider.create(order)
    (found,) = ec2.describe_instances(InstanceIds=[made.id])["Reservations"][0]["Instances"]
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]}["Name"] == "zephyr-deploy shop"
    (volume,) = ec2.describe_volumes()["Volumes"]
    assert (volume["VolumeType"], volume["Size"], volume["Encrypted"]) == ("gp3", 100, True)
    machine = cloud.emulator.machines.made[made.id]
    assert machine.user_data == order.user_data


def test_user_data_that_is_too_long_is_not_sent(cloud, order):
    long = order.model_copy(
        update={"user_data": "".join(map(chr, random.Random(1).sample(range(0x4E00, 0x9FFF), 9000)))}
    )
    with pytest.raises(ConfigError, match=r"user data is \d{5} bytes long, of at most 16384"):
        cloud.provider.create(long)
    assert cloud.count("RunInstances") == 0


def test_user_data_that_is_too_long_as_it_is_comes_packed_and_the_same_each_time(cloud, order):
    assert packed("é" * 8192) == ("é" * 8192).encode()
    long = order.model_copy(update={"user_data": "é" * 8193})
    assert request(long) == request(long)
    made = cloud.provider.create(long)
    assert cloud.provider.create(long).id == made.id
    assert cloud.emulator.machines.made[made.id].user_data == long.user_data


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("image", "ami-00000000000000000"),
        ("key", "nobodys"),
        ("group", "sg-00000000000000000"),
        ("subnet", "subnet-00000000"),
    ],
)
def test_a_part_that_is_gone_is_named(cloud, order, part, text):
    lost = order.model_copy(update={"parts": {**order.parts, part: text}})
    with pytest.raises(GoneError, match=text):
        cloud.provider.create(lost)


def test_an_order_without_its_parts_is_not_sent(cloud):
    with pytest.raises(GoneError, match="image, root, subnet, group, key"):
        cloud.provider.create(cloud.order())
    assert cloud.count("RunInstances") == 0


def test_a_type_that_the_zone_does_not_have_is_no_capacity(cloud, order):
    offer = order.offer.model_copy(update={"machine_type": "p4de.24xlarge"})
    with pytest.raises(NoCapacityError, match="not supported in your requested Availability Zone"):
        cloud.provider.create(order.model_copy(update={"offer": offer}))


def test_an_answer_that_takes_too_long_leaves_it_open(cloud, order, monkeypatch):
    monkeypatch.setattr(session, "CREATE_S", 0.3)
    cloud.wire.fault("RunInstances", when="after", delay_s=1.0)
    impatient = cloud.another()
    with pytest.raises(AmbiguousError):
        impatient.create(order)
    assert cloud.count("RunInstances") == 1
    (found,) = cloud.provider.instances("shop")
    assert impatient.create(order).id == found.id


def test_a_token_is_for_one_order_and_one_life(cloud, order):
    made = cloud.when(cloud.provider.create(order), "running")
    with pytest.raises(ConflictError, match="IdempotentParameterMismatch"):
        cloud.provider.create(order.model_copy(update={"disk_gb": 101}))
    cloud.provider.delete(cloud.provider.resources("shop")[0])
    cloud.when(made, "gone")
    with pytest.raises(ConflictError, match="IdempotentInstanceTerminated"):
        cloud.provider.create(order)


def test_a_machine_that_aws_does_not_know_is_gone_once_it_would_be_listed(cloud, order):
    made = cloud.provider.create(order)
    unknown = made.model_copy(update={"id": "i-00000000000000000"})
    assert cloud.provider.get(unknown).state == "starting"
    old = unknown.model_copy(update={"created_at": made.created_at - timedelta(seconds=SETTLE_S + 1)})
    assert cloud.provider.get(old).state == "gone"
