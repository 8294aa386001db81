"""Options that say what is to be served, shared by the commands that bring it or show what would be brought."""

from __future__ import annotations

from typing import Annotated

import typer

ProviderOpt = Annotated[str | None, typer.Option(help="Where the machine comes from: local, ssh, aws or e2e.")]
ModelOpt = Annotated[str | None, typer.Option(help="Hugging Face id, or path of a GGUF file.")]
RevisionOpt = Annotated[str | None, typer.Option(help="Branch, tag or commit of the model.")]
GpuOpt = Annotated[str | None, typer.Option(help="GPU by name, e.g. a100.")]
GpusOpt = Annotated[int | None, typer.Option(help="How many of them.")]
RegionOpt = Annotated[str | None, typer.Option(help="Region or location of the cloud; unset: all of them.")]
SpotOpt = Annotated[bool, typer.Option("--spot", help="Machines that can be taken away at any time, too.")]
KeepAliveOpt = Annotated[
    bool,
    typer.Option("--keep-alive", help="Stay, until Ctrl-C, and order another machine where the cloud takes it back."),
]
ImageOpt = Annotated[str | None, typer.Option(help="Container image of the server.")]
QuantizeOpt = Annotated[str | None, typer.Option(help="Quantization of the weights, e.g. awq.")]
TotalTokensOpt = Annotated[int | None, typer.Option(help="Longest prompt plus answer, in tokens.")]
ExposeOpt = Annotated[str | None, typer.Option(help="Open it to others under this domain or address.")]
TtlOpt = Annotated[
    str | None, typer.Option(help="A cloud's machine ends itself after this time, or none.  [default: 8h]")
]
IdleOpt = Annotated[
    str | None, typer.Option(help="A cloud's machine ends itself without a request for this time.  [default: 1h]")
]
MaxPriceOpt = Annotated[str | None, typer.Option(help="Refuse machines dearer than this, in USD an hour.")]
BudgetOpt = Annotated[str | None, typer.Option(help="What it may cost in all, in USD; it ends itself then.")]
UpgradeOpt = Annotated[bool, typer.Option("--upgrade", help="Look image and model up anew.")]
LockedOpt = Annotated[
    bool, typer.Option("--locked", help="Bring what zephyr.lock says and nothing else; refuse where that cannot be.")
]


def expose_flags(expose: str | None) -> dict[str, object]:
    """``--expose`` as settings."""
    return {"access.expose": True, "access.domain": expose} if expose else {}


def cost_flags(ttl: str | None, idle: str | None, max_price: str | None, budget: str | None) -> dict[str, object]:
    """What it may cost as settings."""
    return {"cost.ttl": ttl, "cost.idle": idle, "cost.max_hourly_usd": max_price, "cost.budget_usd": budget}
