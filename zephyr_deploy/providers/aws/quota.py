"""How many vCPUs of a family of machines an account may have at once, by Service Quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.providers.aws.machines import Family, aws_table
from zephyr_deploy.spec.deployment import Frozen

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.offers import Clients

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
    """Why it is not known: the error's code."""

    @property
    def link(self) -> str:
        """Where it can be raised."""
        return CONSOLE.format(region=self.region, code=self.code)

    def __str__(self) -> str:
        """E.g. ``spot vCPUs of G and VT instances in us-east-1 (L-3819A6DF)``."""
        return f"{'spot' if self.spot else 'on-demand'} vCPUs of {self.name} in {self.region} ({self.code})"


def quota(clients: Clients, region: str, family: Family, *, spot: bool = False) -> Quota:
    """The limit for one family of machines; unknown where the credentials may not read it, or nobody answers."""
    from botocore.exceptions import BotoCoreError, ClientError

    codes = aws_table().quotas[family]
    code = codes.spot if spot else codes.on_demand
    found = Quota(code=code, name=codes.name, region=region, spot=spot, vcpus=None)
    try:
        return found.model_copy(update={"vcpus": _value(clients.client("service-quotas", region), code)})
    except ClientError as error:
        why = str(error.response.get("Error", {}).get("Code", "ClientError"))
    except BotoCoreError as error:
        why = type(error).__name__
    return found.model_copy(update={"why": why})


def _value(client: Any, code: str) -> float:
    from botocore.exceptions import ClientError

    asked = {"ServiceCode": SERVICE, "QuotaCode": code}
    try:
        return float(client.get_service_quota(**asked)["Quota"]["Value"])
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != NEVER_RAISED:
            raise
    return float(client.get_aws_default_service_quota(**asked)["Quota"]["Value"])
