"""Both clouds with real machines behind them, as one thing: what `make emulators` serves and end-to-end tests use."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emulators.aws import AwsEmulator
from emulators.e2e import E2eEmulator
from emulators.lab_machines import LabMachines
from lab import cards
from moto.ec2.models.instance_types import INSTANCE_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.world import Lab

CARDS = {
    "T4": cards.T4,
    "A10G": cards.A10G,
    "A30": cards.A30,
    "A100": cards.A100,
    "H100": cards.H100,
    "H200": cards.H200,
    "L4": cards.L4,
    "L40S": cards.L40S,
}
"""What stands for a card that a cloud names; a machine with any other has none."""


@dataclass
class Clouds:
    """Both accounts, empty at first, and how a program is told to use them."""

    lab: Lab
    aws: AwsEmulator
    e2e: E2eEmulator
    machines: tuple[LabMachines, LabMachines]
    """Of AWS, of E2E."""

    def environment(self) -> dict[str, str]:
        """Addresses and credentials; no proxy is asked for what is on this machine."""
        here = f"127.0.0.1,localhost,{self.lab.services_address}"
        return {
            **self.aws.environment(),
            **self.e2e.environment(),
            "HF_ENDPOINT": self.lab.hub_url,
            "NO_PROXY": here,
            "no_proxy": here,
        }

    def left(self) -> list[str]:
        """Everything that either account still has, and every machine behind them."""
        made = [name for machines in self.machines for name in machines.there()]
        return [*self.aws.left(), *self.e2e.left(), *made]


@contextmanager
def clouds(lab: Lab, folder: Path) -> Iterator[Clouds]:
    """Serve for a while; no machine is left after it."""
    of_aws = LabMachines(lab, folder, lambda machine: _card_at_aws(aws, machine))
    of_e2e = LabMachines(lab, folder, lambda machine: _card_at_e2e(e2e, machine))
    aws, e2e = AwsEmulator(of_aws), E2eEmulator(of_e2e)
    aws.start()
    e2e.start()
    try:
        yield Clouds(lab, aws, e2e, (of_aws, of_e2e))
    finally:
        try:
            aws.stop()
            e2e.stop()
        finally:
            of_aws.remove_all()
            of_e2e.remove_all()


def _card_at_aws(aws: AwsEmulator, machine: str) -> cards.Card | None:
    instance = aws.account.instance(aws.account.launched[machine], machine)
    gpus = INSTANCE_TYPES[instance.instance_type].get("GpuInfo", {}).get("Gpus", [])
    return _card(gpus[0]["Name"], gpus[0]["Count"]) if gpus else None


def _card_at_e2e(e2e: E2eEmulator, machine: str) -> cards.Card | None:
    details = e2e.store.nodes[int(machine)].plan["gpu_card_details"]
    return _card(details["CARD_NAME"].rpartition("x")[2], details["UNIT_COUNT"]) if details else None


def _card(name: str, count: int) -> cards.Card | None:
    return replace(CARDS[name], count=count) if name in CARDS else None
