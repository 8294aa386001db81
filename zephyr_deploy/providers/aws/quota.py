"""How many vCPUs of a family of machines an account may have at once, by Service Quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.providers.aws.errors import reading
from zephyr_deploy.providers.aws.machines import Family, aws_table
from zephyr_deploy.spec.deployment import Frozen

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Offer

CONSOLE = "https://{region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/{code}"
SERVICE = "ec2"
NEVER_RAISED = "NoSuchResourceException"
"""What is answered for a quota that has AWS's own value still."""


class Quota(Frozen):
    """One limit of an account in one region."""

    code: str
    name: str
    """For people."""
    region: str
    spot: bool
    vcpus: float | None
    """Allowed at once; None: these credentials may not know."""
    why: str = ""
    """Why it is not known; empty where it is."""

    @property
    def link(self) -> str:
        """Where it can be raised."""
        return CONSOLE.format(region=self.region, code=self.code)

    def __str__(self) -> str:
        """E.g. ``spot vCPUs of G and VT instances in us-east-1 (L-3819A6DF)``."""
        return f"{'spot' if self.spot else 'on-demand'} vCPUs of {self.name} in {self.region} ({self.code})"


def quota(session: AwsSession, offer: Offer) -> Quota:
    """The limit that stands against an offer; unknown where the credentials may not read it, or nobody answers."""
    machine = aws_table().machine(offer.machine_type)
    return quota_of(session, offer.region, machine.family if machine else "G", spot=offer.spot)


def quota_of(session: AwsSession, region: str, family: Family, *, spot: bool = False) -> Quota:
    """Likewise, for a family of machines."""
    codes = aws_table().quotas[family]
    found = Quota(code=codes.spot if spot else codes.on_demand, name=codes.name, region=region, spot=spot, vcpus=None)
    try:
        return found.model_copy(update={"vcpus": _value(session.client("service-quotas", region), found.code)})
    except ZephyrError as error:
        return found.model_copy(update={"why": str(error.details.get("code") or error.message)})


def _value(client: Any, code: str) -> float:
    asked = {"ServiceCode": SERVICE, "QuotaCode": code}
    try:
        with reading("servicequotas:GetServiceQuota"):
            return float(client.get_service_quota(**asked)["Quota"]["Value"])
    except ZephyrError as error:
        if error.details.get("code") != NEVER_RAISED:
            raise
    with reading("servicequotas:GetAWSDefaultServiceQuota"):
        return float(client.get_aws_default_service_quota(**asked)["Quota"]["Value"])
