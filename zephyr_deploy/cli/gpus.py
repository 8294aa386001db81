"""``zephyr-deploy gpus``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

if TYPE_CHECKING:
    from zephyr_deploy.deploy.catalogue import Card
    from zephyr_deploy.plan.gpus import Gpu
    from zephyr_deploy.plan.prices import Price

COLUMNS = ("GPU", "NAME", "MIB", "GB/S", "16 BIT", "FP8", "INT8", "CUDA", "LINK", "$/GPU-H", "PRICE")
PRICE_COLUMNS = ("CLOUD", "MACHINE", "GPUS", "REGION", "$/H", "$/GPU-H", "AS OF", "SOURCE")


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy gpus", "Every GPU that is known: memory, bandwidth, compute, price"),
        ("zephyr-deploy gpus a100", "The prices of one, and where its figures come from"),
        ("zephyr-deploy gpus --output json", "The whole catalogue, for a script"),
    ],
)
def gpus(
    session: Session,
    gpu: Annotated[str | None, typer.Argument(help="Show this one alone, with all of its prices.")] = None,
) -> None:
    """List the GPUs that plans are made with, and what they cost; your own gpus.toml adds more.

    MIB is what nvidia-smi prints. GB/S is the bandwidth of the memory, 16 BIT, FP8 and INT8 are dense compute in
    10^12 operations a second, LINK is how several are joined. Prices are those of dated tables.
    """
    from zephyr_deploy.deploy.catalogue import cards
    from zephyr_deploy.plan.tables import own_file

    found = cards(gpu)
    quiet = (card.gpu.key for card in found)
    if gpu is None:
        session.out.result(
            "gpus", found, table=lambda: session.out.grid(COLUMNS, [_row(card) for card in found]), quiet=quiet
        )
        session.out.note(f"Prices: zephyr-deploy gpus NAME. More cards and prices: {own_file()}.")
        return
    rows = [_price_row(price) for card in found for price in card.prices]
    session.out.result("gpus", found, table=lambda: session.out.grid(PRICE_COLUMNS, rows), quiet=quiet)
    for card in found:
        session.out.note(_sources(card.gpu))
        if not card.prices:
            session.out.note(f"No price of {card.gpu.key} is known; {own_file()} may say yours.")


def _row(card: Card) -> tuple[str, ...]:
    gpu, price, compute = card.gpu, card.cheapest, card.gpu.tflops
    return (
        gpu.key,
        gpu.name,
        str(gpu.memory_mib),
        _number(gpu.bandwidth_gb_s),
        _number(compute.bits16 if compute else None),
        _number(compute.fp8 if compute else None),
        _number(compute.int8 if compute else None),
        gpu.compute_capability,
        f"NVLink {gpu.nvlink_gb_s:g}" if gpu.nvlink_gb_s else f"PCIe {gpu.pcie}".strip(),
        f"{price.usd_per_gpu_hour:.2f}" if price else "-",
        " ".join(filter(None, (price.cloud, price.machine))) if price else "",
    )


def _price_row(price: Price) -> tuple[str, ...]:
    return (
        price.cloud,
        price.machine or "-",
        f"{price.gpus} x {price.gpu}",
        price.region or "-",
        f"{price.usd_per_hour:.4f}",
        f"{price.usd_per_gpu_hour:.4f}",
        f"{price.as_of}" if price.as_of else "-",
        price.source + ("" if price.orderable else "; not ordered by this tool"),
    )


def _sources(gpu: Gpu) -> str:
    seen = "seen in nvidia-smi" if gpu.seen else "not seen in nvidia-smi"
    return f"{gpu.key}: {gpu.memory_mib} MiB ({seen}; {gpu.source}); speed: {gpu.speed_source or 'unknown'}."


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
