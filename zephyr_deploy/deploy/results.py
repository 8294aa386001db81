"""What the verbs answer: frozen data, printable as JSON, without secrets."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from zephyr_deploy.deploy.gate.verdict import Verdict
from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.events import Outcome, PhaseFinished
from zephyr_deploy.plan.plan import Plan
from zephyr_deploy.providers.base import Service
from zephyr_deploy.providers.machines import MachineState, MachineStatus
from zephyr_deploy.spec.base import Frozen, ProviderName


class PhaseReport(Frozen):
    """Where the time went: one phase and its wall time in seconds."""

    phase: str
    title: str
    seconds: float
    outcome: Outcome
    detail: str = ""

    @classmethod
    def of(cls, finished: PhaseFinished) -> PhaseReport:
        """From the event."""
        return cls(
            phase=finished.phase,
            title=finished.title,
            seconds=finished.seconds,
            outcome=finished.outcome,
            detail=finished.detail,
        )


class UpResult(Frozen):
    """What `up` brought about; ``changed`` is False when all was so already."""

    service: Service
    services: tuple[Service, ...] = ()
    """One for each machine, where there are several."""
    plan: Plan
    release: str
    image: str = ""
    """The engine's container image by digest; empty for the embedded engine."""
    changed: bool
    gate: Verdict | None = None
    """What came of the release's gate; None: it had none, or nothing was to be judged."""
    phases: tuple[PhaseReport, ...]

    @property
    def endpoint(self) -> Endpoint:
        """How to speak to the service."""
        return self.service.endpoint()


class RollbackResult(Frozen):
    """What `rollback` brought about."""

    services: tuple[Service, ...]
    """One for each machine."""
    before: str
    """Id of the release that served."""
    release: str
    """Id of the one that serves now."""
    phases: tuple[PhaseReport, ...]


class RenderResult(Frozen):
    """What `render` made."""

    release: str
    """Id of the release."""
    gateway: str = ""
    """Id of the release of the gateway on a machine of its own; empty where it has none."""
    files: dict[str, str]
    """Content by path; the gateway's are below ``gateway/``."""
    complete: bool = True
    """False: nothing was looked up, and zeros stand for the digests; no machine would be brought to this."""


class NodeDiff(Frozen):
    """How what serves on one machine differs from what is wanted."""

    node: str
    release: str
    """Id of the release that serves there; empty if none does."""
    same: bool
    changed: tuple[str, ...]
    """Paths that differ."""
    diff: str
    """Unified diff from what serves to what is wanted; empty if they are the same."""


class DiffResult(Frozen):
    """How what is wanted differs from what serves."""

    release: str
    """Id of the release that is wanted."""
    same: bool
    """Whether every machine has exactly it."""
    nodes: tuple[NodeDiff, ...]


class DownResult(Frozen):
    """The receipt of `down`."""

    name: str
    stopped: tuple[Service, ...]
    removed: tuple[str, ...]
    """What was deleted, in words."""
    kept: tuple[str, ...]
    """What is still here on purpose, in words."""
    cost_usd: float


class StatusResult(Frozen):
    """How a deployment is; ``service``, that of the first machine, is None when there is none."""

    name: str
    state: MachineState = "absent"
    """``ready`` where all machines are, else the state of the first that is not."""
    service: Service | None
    machines: tuple[MachineStatus, ...] = ()
    """One for each machine."""
    age_s: float | None = None
    """Since its service was started, in seconds; None: there is none, or nobody knows."""
    cost_usd: float = 0.0
    ends_at: datetime | None = None
    """When the first of its machines ends, whoever uses it; None: none does by itself, as far as anybody knows."""
    also_in: tuple[ProviderName, ...] = ()
    """Other clouds that have a machine of it, too, which costs; of those that can be asked."""
    at: datetime


class BundleResult(Frozen):
    """What `debug-bundle` wrote."""

    name: str
    path: Path
    size: int
    """Bytes."""
    files: tuple[str, ...]
    """Names of the files in it."""
    missing: tuple[str, ...]
    """What could not be had, and why."""


class Check(Frozen):
    """One check of `doctor`."""

    name: str
    verdict: Literal["ok", "warning", "failed"]
    detail: str
    fix: str = ""
    """What to do; empty when the verdict is ok."""
    host: str | None = None
    """Which machine, or which cloud's account; None: this machine."""
    denied: bool = False
    """Whether it failed for credentials, permissions or a quota of a cloud's account."""
