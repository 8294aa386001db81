"""``zephyr-deploy offers``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb
from zephyr_deploy.cli.wish import GpuOpt, GpusOpt, RegionOpt, SpotOpt
from zephyr_deploy.errors import CapacityError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from zephyr_deploy.deploy.offers import OffersResult
    from zephyr_deploy.providers.clouds.choose import Need
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Offer

COLUMNS = ("PROVIDER", "REGION", "MACHINE", "GPU", "MEMORY", "$/H", "PRICE")
SHOWN = 20


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy offers --gpu a100", "Where an A100 can be had, cheapest first"),
        ("zephyr-deploy offers --min-memory 40 --max-price 2.5", "Any GPU of 40 GB for $2.50 an hour or less"),
        ("zephyr-deploy offers --gpu l4 --spot --provider aws --region us-east-1", "Interruptible ones, too"),
    ],
)
def offers(
    session: Session,
    *,
    provider: Annotated[str | None, typer.Option(help="Ask this cloud alone: aws or e2e.")] = None,
    region: RegionOpt = None,
    gpu: GpuOpt = None,
    gpus: GpusOpt = None,
    min_memory: Annotated[
        float | None, typer.Option(min=1, help="Memory of each GPU in GB, as it is sold: 24 for an L4.")
    ] = None,
    max_price: Annotated[float | None, typer.Option(min=0.01, help="USD an hour for the machine, at most.")] = None,
    spot: SpotOpt = False,
    limit: Annotated[int, typer.Option(min=1, help="How many a table shows at most.")] = SHOWN,
) -> None:
    """List machines with a GPU that clouds have, cheapest first, and say why others are left out."""
    from zephyr_deploy.deploy.offers import find_offers

    flags: dict[str, object] = {
        "provider": provider,
        "machine.region": region,
        "machine.gpu": gpu,
        "machine.gpus": gpus,
        "machine.spot": spot or None,
        "cost.max_hourly_usd": None if max_price is None else str(max_price),
    }
    clouds, need = _asked(session, flags, min_memory, limited=provider is not None)
    found = find_offers(clouds, need)
    rows = [_row(offer) for offer in found.offers[:limit]]
    quiet = (f"{offer.provider} {offer.region} {offer.machine_type}" for offer in found.offers)
    session.out.result("offers", found, table=lambda: _table(session, rows), quiet=quiet)
    for note in (*_more(found, limit), *_removed(found), *found.notes):
        session.out.note(note)
    if not found.offers:
        raise typer.Exit(CapacityError.exit_code)


def _asked(
    session: Session, flags: dict[str, object], min_memory: float | None, *, limited: bool
) -> tuple[list[CloudProvider], Need]:
    """Whom to ask, and for what: flags over the user's file, which may want a machine of its own anyway."""
    from zephyr_deploy.deploy.clouds.choosing import need_of
    from zephyr_deploy.providers.registry import CLOUDS, cloud, clouds

    deployment = session.load(flags).deployment
    need = need_of(deployment)
    if min_memory is not None:
        need = need.model_copy(update={"min_memory_gib": min_memory})
    one = limited or deployment.provider in CLOUDS
    return [cloud(deployment.provider)] if one else clouds(), need


def _table(session: Session, rows: list[tuple[str, ...]]) -> RenderableType:
    return session.out.grid(COLUMNS, rows) if rows else "No machine fits."


def _row(offer: Offer) -> tuple[str, ...]:
    from zephyr_deploy.providers.clouds.choose import memory_as_sold

    return (
        offer.provider,
        offer.region,
        f"{offer.machine_type}{' spot' if offer.spot else ''}",
        f"{offer.gpus} x {offer.gpu}",
        f"{memory_as_sold(offer):.0f} GB",
        f"{offer.price_per_hour_usd:.4f}",
        ", ".join(filter(None, (offer.price, f"table of {offer.priced_on}" if offer.priced_on else "as of now"))),
    )


def _more(found: OffersResult, limit: int) -> Iterator[str]:
    more = len(found.offers) - limit
    if more > 0:
        yield f"{more} more fit: --limit {len(found.offers)} shows them."


def _removed(found: OffersResult) -> Iterator[str]:
    for removed in found.removed:
        near = removed.nearest
        yield (
            f"Left out: {removed.count} not {removed.wanted}; nearest: {near.gpus} x {near.gpu} "
            f"({near.provider} {near.machine_type} in {near.region}, ${near.price_per_hour_usd:.2f} an hour)."
        )
