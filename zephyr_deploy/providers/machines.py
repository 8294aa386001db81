"""How a deployment is doing on one machine, in figures."""

from __future__ import annotations

from typing import Any, Literal

from zephyr_deploy.plan.machine import GpuFacts
from zephyr_deploy.providers.base import Service, ServiceState
from zephyr_deploy.spec.deployment import Frozen

MachineState = Literal[ServiceState, "absent", "unreachable"]


class Figures(Frozen):
    """The engine's own metrics; None: it does not tell, or does not run."""

    running: float | None = None
    """Requests being computed."""
    queued: float | None = None
    """Requests waiting."""
    requests: float | None = None
    """Requests since its start."""
    generated_tokens: float | None = None
    """Tokens since its start; TGI counts those of a request when it has ended."""
    tokens_per_s: float | None = None
    """Tokens generated per second between two samples."""
    tokens_per_s_over: float | None = None
    """Seconds between them; 0: nothing ran, and so there was one."""
    mean_tokens_per_s: float | None = None
    """Tokens generated per second since its start."""

    @classmethod
    def read(cls, found: dict[str, Any], uptime_s: float | None) -> Figures:
        """From the samples of `zephyr_deploy.agent.metrics.rates` and the time that it has run."""
        made = found.get("generated_tokens")
        mean = made / uptime_s if made is not None and uptime_s else None
        return cls(**found, mean_tokens_per_s=mean)


class MachineStatus(Frozen):
    """One machine of a deployment."""

    host: str | None
    """As it was given; None: this machine."""
    state: MachineState
    detail: str = ""
    """Why it is not ready."""
    service: Service | None = None
    figures: Figures = Figures()
    gpus: tuple[GpuFacts, ...] = ()
    uptime_s: float | None = None
    restarts: int | None = None
    """How often the engine was started again by itself."""
    engine_version: str = ""
    """As the engine says it."""
    image: str = ""
    """Name of the engine's image."""
    held: bool = False
    """Whether new requests wait at the gateway: a release is being replaced, or its engine does not listen."""
    work: str = ""
    """What is being done to it now, and by whom."""
    draining: tuple[str, ...] = ()
    """Releases that let their last requests end."""
