"""The one call that makes a machine, out of nothing but the order: sent again, it is the same to the last character."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import ConfigError, GoneError
from zephyr_deploy.providers.aws.errors import changing
from zephyr_deploy.providers.aws.find import instance_of
from zephyr_deploy.providers.aws.tags import specification

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Instance, Order

USER_DATA_LIMIT = 16384
"""Bytes before they are encoded ("Run commands when you launch an EC2 instance", EC2 user guide)."""
THROUGHPUT, IOPS = 500, 3000
"""MiB/s and operations a second of the disk: the model's weights are read through it; 3000 is what gp3 includes."""
TAGGED = ("instance", "volume", "network-interface")
NEEDED = ("image", "root", "subnet", "group", "key")


def create(session: AwsSession, order: Order) -> Instance:
    """Make the machine; see `CloudProvider.create`."""
    if (size := len(packed(order.user_data))) > USER_DATA_LIMIT:
        hint = "Shorten it; what is longer is fetched by the machine itself."
        raise ConfigError(f"user data is {size} bytes long, of at most {USER_DATA_LIMIT}", hint=hint)
    missing = [part for part in NEEDED if part not in order.parts]
    if missing:
        raise GoneError(f"the order lacks its {', '.join(missing)}", hint="zephyr-deploy up makes a new one.")
    with changing("ec2:RunInstances"):
        answer = session.ec2(order.offer.region, once=True).run_instances(**request(order))
    return instance_of(answer["Instances"][0], order.offer.region, order.stamp)


def request(order: Order) -> dict[str, Any]:
    """The parameters of RunInstances."""
    spot = order.offer.spot
    asked: dict[str, Any] = {
        "ImageId": order.parts["image"],
        "InstanceType": order.offer.machine_type,
        "MinCount": 1,
        "MaxCount": 1,
        "KeyName": order.parts["key"],
        "ClientToken": order.token,
        "NetworkInterfaces": [_interface(order)],
        "BlockDeviceMappings": [{"DeviceName": order.parts["root"], "Ebs": _disk(order)}],
        # No container gets at the machine's metadata: it answers with a token that lives for one hop.
        "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "InstanceInitiatedShutdownBehavior": "terminate",
        "TagSpecifications": specification(order.stamp, *TAGGED, *(("spot-instances-request",) if spot else ())),
    }
    if order.user_data:
        asked["UserData"] = packed(order.user_data)
    if spot:
        options = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
        asked["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": options}
    return asked


def packed(user_data: str) -> bytes:
    """What fits as it is, else compressed: cloud-init unpacks what begins as gzip does ("User data formats")."""
    plain = user_data.encode()
    # Without a time in its header, and so the same each time.
    return plain if len(plain) <= USER_DATA_LIMIT else gzip.compress(plain, mtime=0)


def _interface(order: Order) -> dict[str, Any]:
    return {
        "DeviceIndex": 0,
        "SubnetId": order.parts["subnet"],
        "Groups": [order.parts["group"]],
        "AssociatePublicIpAddress": True,
        "DeleteOnTermination": True,
    }


def _disk(order: Order) -> dict[str, Any]:
    return {
        "VolumeSize": max(order.disk_gb, int(order.parts.get("image-gb", "0"))),
        "VolumeType": "gp3",
        "Iops": IOPS,
        "Throughput": THROUGHPUT,
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
