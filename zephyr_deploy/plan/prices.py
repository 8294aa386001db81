"""What machines cost by the dated tables: nobody is asked, so that a plan takes no time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from pydantic import Field

from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.tables import OWN_FILE, own_rows, read_row
from zephyr_deploy.resources import shipped_table
from zephyr_deploy.spec.base import Frozen

AWS_REGION = "us-east-1"
"""Where AWS's table has a price of every machine that has one."""
E2E_COUNTS = (1, 2, 4, 8)
"""GPUs of a plan of E2E; its list has the price of one, and plans of several are taken for multiples of it."""
OWN = "yours"
"""Where a price of the user's own is, if they do not say."""


class Price(Frozen):
    """What a machine with GPUs costs."""

    cloud: str
    """E.g. aws."""
    gpu: str
    """Key of `zephyr_deploy.plan.gpus`."""
    gpus: int = Field(1, ge=1)
    """Of the machine, which is rented as a whole."""
    usd_per_hour: float = Field(gt=0, allow_inf_nan=False)
    """Of the machine."""
    machine: str = ""
    """As the cloud calls it; empty where that is not known."""
    region: str = ""
    as_of: date | None = None
    """Of a price that comes from a table; None: somebody has just said it."""
    source: str = ""
    orderable: bool = False
    """Whether `up` can order it."""
    spot: bool = False
    """Whether it can be taken away at any time."""

    @property
    def own(self) -> bool:
        """Whether the user has said it."""
        return self.source == OWN_FILE

    @property
    def usd_per_gpu_hour(self) -> float:
        """Of each of its GPUs."""
        return self.usd_per_hour / self.gpus


class _OwnPrice(Frozen):
    """A row of the user's own file."""

    gpu: str
    gpus: int = Field(1, ge=1)
    usd: float = Field(gt=0, allow_inf_nan=False)
    """Of the machine, an hour."""
    cloud: str = OWN
    machine: str = ""
    region: str = ""
    as_of: date | None = None


def prices() -> tuple[Price, ...]:
    """Every price of the tables, those of the user's own file among them.

    Raises:
        ConfigError: the user's file cannot be read, or says what cannot be.
    """
    return (*_aws(), *_e2e(), *_others(), *_own())


def cheapest(found: Iterable[Price], gpu: str, gpus: int) -> Price | None:
    """The cheapest machine with at least so many of that GPU; of two with one price, the one with fewer to spare."""
    fits = [price for price in found if price.gpu == gpu and price.gpus >= gpus]
    return min(fits, key=lambda price: (price.usd_per_hour, price.gpus, price.cloud, price.machine), default=None)


def _aws() -> Iterator[Price]:
    table = shipped_table("aws")
    for row in table["machines"]:
        for region, usd in row["usd"].items():
            yield Price(
                cloud="aws",
                gpu=row["gpu"],
                gpus=row["gpus"],
                usd_per_hour=usd,
                machine=row["type"],
                region=region,
                as_of=table["priced_on"],
                source="data/aws.toml",
                orderable=True,
            )


def _e2e() -> Iterator[Price]:
    table = shipped_table("e2e")
    for gpu, rupees in table["inr_per_hour"].items():
        for count in E2E_COUNTS:
            yield Price(
                cloud="e2e",
                gpu=gpu,
                gpus=count,
                usd_per_hour=round(count * rupees / table["inr_per_usd"], 4),
                as_of=table["as_of"],
                source=f"data/e2e.toml: {rupees:g} INR at {table['inr_per_usd']:g} a dollar",
                orderable=True,
            )


def _others() -> Iterator[Price]:
    for row in shipped_table("prices")["price"]:
        yield Price(
            cloud=row["cloud"], gpu=row["gpu"], usd_per_hour=row["usd"], as_of=row["as_of"], source=row["source"]
        )


def _own() -> Iterator[Price]:
    for row in own_rows("price"):
        said = read_row(_OwnPrice, row, {})
        if said.gpu not in gpus():
            raise row.wrong("gpu", f"{said.gpu} is no key of the catalogue")
        yield Price(usd_per_hour=said.usd, source=OWN_FILE, **said.model_dump(exclude={"usd"}))
