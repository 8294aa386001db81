"""The instance types that are offered, and what they cost where AWS does not say it (``data/aws.toml``)."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Literal

from pydantic import Field

from zephyr_deploy.resources import shipped_table
from zephyr_deploy.spec.base import Frozen

MIB_PER_GIB = 1024
Family = Literal["G", "P"]


class MachineType(Frozen):
    """An EC2 instance type with NVIDIA GPUs."""

    type: str
    """E.g. g6.xlarge."""
    gpu: str
    """Key of `zephyr_deploy.plan.gpus`."""
    gpus: int
    gpu_memory_mib: int
    """Of each GPU."""
    cpus: int
    """vCPUs; quotas are counted in them."""
    memory_gib: float
    usd: dict[str, float]
    """Per hour on demand, Linux, by region, on the day of the table."""

    @property
    def family(self) -> Family:
        """Whose quota it counts against."""
        return "P" if self.type.startswith("p") else "G"

    @property
    def gpu_memory_gib(self) -> float:
        """Of each GPU."""
        return self.gpu_memory_mib / MIB_PER_GIB


class QuotaCodes(Frozen):
    """How Service Quotas calls the limits of one family."""

    on_demand: str
    spot: str
    name: str
    """For people."""


class AwsTable(Frozen):
    """What is known without asking."""

    priced_on: date
    machines: tuple[MachineType, ...]
    quotas: dict[Family, QuotaCodes] = Field(min_length=2)

    def machine(self, name: str) -> MachineType | None:
        """The type of that name; None: it is not offered."""
        return next((machine for machine in self.machines if machine.type == name), None)


@cache
def aws_table() -> AwsTable:
    """The table as shipped."""
    return AwsTable.model_validate(shipped_table("aws"))
