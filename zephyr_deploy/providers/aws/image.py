"""The image that machines start from: AWS's Deep Learning Base image, which has driver, Docker and GPU runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from zephyr_deploy.errors import AuthError, GoneError
from zephyr_deploy.providers.aws.errors import reading

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession

PARAMETER = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
"""Public parameter of the Systems Manager (Deep Learning AMIs, Developer Guide: "Get the latest AMI ID")."""
NAME = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) *"
OWNER = "amazon"
USER = "ubuntu"
HINT = "See: aws ec2 describe-images --owners amazon --filters 'Name=name,Values=Deep Learning Base OSS*' --region {}"


class Image(NamedTuple):
    """What is needed of it."""

    id: str
    root: str
    """Name of the root device."""
    size_gb: int
    """Of its snapshot: a smaller disk is refused."""


def find_image(session: AwsSession, region: str) -> Image:
    """The newest image of a region: the one that AWS says is the latest, else the newest by its date.

    Raises:
        GoneError: there is none.
    """
    described = _latest(session, region) or _newest(session, region)
    if described is None:
        raise GoneError(f"AWS has no image {NAME!r} in {region}", hint=HINT.format(region))
    root = described["RootDeviceName"]
    disks = [disk["Ebs"] for disk in described["BlockDeviceMappings"] if disk["DeviceName"] == root and "Ebs" in disk]
    return Image(described["ImageId"], root, max((disk.get("VolumeSize", 0) for disk in disks), default=0))


def _latest(session: AwsSession, region: str) -> dict[str, Any] | None:
    """None where the parameter is not there, may not be read, or names an image that is gone."""
    try:
        with reading("ssm:GetParameter"):
            found = session.client("ssm", region).get_parameter(Name=PARAMETER)["Parameter"]["Value"]
        with reading("ec2:DescribeImages"):
            images = session.ec2(region).describe_images(ImageIds=[found])["Images"]
    except GoneError:
        return None
    except AuthError as error:
        if not error.details.get("denied"):
            raise
        return None
    return next((image for image in images if image["State"] == "available"), None)


def _newest(session: AwsSession, region: str) -> dict[str, Any] | None:
    wanted = {"name": NAME, "state": "available", "architecture": "x86_64"}
    filters = [{"Name": name, "Values": [text]} for name, text in wanted.items()]
    with reading("ec2:DescribeImages"):
        images = session.ec2(region).describe_images(Owners=[OWNER], Filters=filters)["Images"]
    return max(images, key=lambda image: str(image["CreationDate"]), default=None)
