"""How many vCPUs of a family of machines an account may have at once, by Service Quotas."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import QuotaError, ZephyrError
from zephyr_deploy.providers.aws.errors import reading
from zephyr_deploy.providers.aws.machines import Family, aws_table
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Offer

CONSOLE = "https://{region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/{code}"
SERVICE = "ec2"
PATTERNS: dict[Family, str] = {"G": r"(g|gr|vt)\d", "P": r"p\d"}
"""Instance types that count against the quotas of a family."""
OF_VCPUS = {"VcpuLimitExceeded", "MaxSpotInstanceCountExceeded"}
"""How RunInstances says that one of these quotas is used up."""
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

    def how_to_raise(self, vcpus: int) -> str:
        """What to do so that ``vcpus`` more are allowed."""
        return f"Ask AWS for room for {vcpus} more, which takes it hours or days: {self.link}"

    def __str__(self) -> str:
        """E.g. ``spot vCPUs of G and VT instances in us-east-1 (L-3819A6DF)``."""
        return f"{'spot' if self.spot else 'on-demand'} vCPUs of {self.name} in {self.region} ({self.code})"


class Quotas:
    """What stands against the offers of one run; each quota is asked for once."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session
        self._known: dict[tuple[str, str, bool], Quota] = {}

    def of(self, offer: Offer) -> Quota:
        """See `quota`."""
        key = offer.region, _family(offer), offer.spot
        if key not in self._known:
            self._known[key] = quota(self._session, offer)
        return self._known[key]

    def require(self, offer: Offer) -> None:
        """See that the account may have such a machine at all, as far as that is known.

        Raises:
            QuotaError: it takes more than is allowed, whatever else runs.
        """
        found = self.of(offer)
        if found.vcpus is not None and found.vcpus < offer.cpus:
            message = f"AWS allows {found.vcpus:.0f} {found}, and {offer.machine_type} takes {offer.cpus}"
            raise QuotaError(message, hint=found.how_to_raise(offer.cpus))

    @contextmanager
    def explaining(self, offer: Offer) -> Iterator[None]:
        """Say, where AWS refuses a machine for a quota, which one it is and where it is raised."""
        try:
            yield
        except QuotaError as error:
            if error.details.get("code") not in OF_VCPUS:
                raise
            hint = self.of(offer).how_to_raise(offer.cpus)
            raise QuotaError(error.message, hint=hint, details=error.details) from error


def quota(session: AwsSession, offer: Offer) -> Quota:
    """The limit that stands against an offer; unknown where the credentials may not read it, or nobody answers."""
    return quota_of(session, offer.region, _family(offer), spot=offer.spot)


def quota_of(session: AwsSession, region: str, family: Family, *, spot: bool = False) -> Quota:
    """Likewise, for a family of machines."""
    codes = aws_table().quotas[family]
    found = Quota(code=codes.spot if spot else codes.on_demand, name=codes.name, region=region, spot=spot, vcpus=None)
    try:
        return found.model_copy(update={"vcpus": _value(session.client("service-quotas", region), found.code)})
    except ZephyrError as error:
        return found.model_copy(update={"why": str(error.details.get("code") or error.message)})


def in_use(session: AwsSession, found: Quota) -> int:
    """VCPUs that count against a quota now, whoever started them.

    Raises:
        ZephyrError: EC2 does not say what runs.
    """
    family = next(name for name, codes in aws_table().quotas.items() if found.code in {codes.on_demand, codes.spot})
    filters = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    with reading("ec2:DescribeInstances"):
        pages = session.ec2(found.region).get_paginator("describe_instances").paginate(Filters=filters)
        running = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
    alike = [one for one in running if (one.get("InstanceLifecycle") == "spot") is found.spot]
    return sum(_vcpus(one) for one in alike if re.match(PATTERNS[family], one["InstanceType"]))


def _vcpus(instance: dict[str, Any]) -> int:
    known = aws_table().machine(instance["InstanceType"])
    if known:
        return known.cpus
    cpus = instance.get("CpuOptions", {})
    return int(cpus.get("CoreCount", 0)) * int(cpus.get("ThreadsPerCore", 1))


def _family(offer: Offer) -> Family:
    machine = aws_table().machine(offer.machine_type)
    return machine.family if machine else "G"


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
