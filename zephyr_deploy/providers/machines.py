"""How a deployment is doing on one machine, in figures."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from pydantic import Field

from zephyr_deploy.plan.machine import GpuFacts
from zephyr_deploy.providers.base import Service, ServiceState
from zephyr_deploy.providers.clouds.stamp import read_time
from zephyr_deploy.spec.base import Frozen

LOOKS_S = 600.0
"""A machine that has not looked at the time for so long, in seconds, will not end itself."""
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


class Trial(Frozen):
    """A release that serves and was not judged yet by its gate: whoever was to do so works on it, or was cut off."""

    before: str
    """Id of the release that served before and is gone back to; empty if none did."""
    by: str
    """Whose call brought it, in words."""
    since: datetime
    """By this machine's clock."""

    @classmethod
    def read(cls, found: dict[str, Any] | None, ahead_s: float) -> Trial | None:
        """From what a node wrote down, whose clock is so far ahead of this one's; None where nothing is on trial."""
        if not found:
            return None
        who = found["who"]
        return cls(
            before=found["before"],
            by=f"{who.get('command', '?')} by {who.get('user', '?')} on {who.get('machine', '?')}",
            since=datetime.fromtimestamp(found["at"] - ahead_s, timezone.utc),
        )


class FrontFound(Frozen):
    """The gateway of a deployment, found on a machine of its own."""

    release: str
    state: ServiceState
    detail: str = ""
    """Why it is not ready; which nodes it does not reach."""
    public_url: str | None = None
    tls: Literal["", "internal", "acme"] = ""
    sources: dict[str, str] = Field(default_factory=dict)
    """Which of its addresses each node sees, by the node's own."""


class Ending(Frozen):
    """When a machine ends itself, by its own word; see `zephyr_deploy.agent.expire`."""

    at: datetime | None
    """Its time limit; None: it has none."""
    idle_at: datetime | None
    """When it ends if nobody uses it before; None: never for that."""
    unused_s: float
    """Seconds since it was used last."""
    looked_s: float | None
    """Seconds since it looked at the time; None: it never has."""
    taken_back: bool = False
    """Whether its cloud has given notice that it takes it back, and so it takes no new request."""
    taken_back_at: datetime | None = None
    """When; None: it does not, or did not say when."""

    @property
    def looks(self) -> bool:
        """Whether what ends it runs: it looks every minute."""
        return self.looked_s is not None and self.looked_s < LOOKS_S

    @classmethod
    def read(cls, found: dict[str, Any] | None) -> Ending | None:
        """From what the machine says, as times of this machine's clock; None where it does not end itself."""
        if found is None:
            return None
        now = datetime.now(timezone.utc)
        at, idle_at = (
            None if s is None else now + timedelta(seconds=s) for s in (found["left_s"], found["idle_left_s"])
        )
        return cls(
            at=at,
            idle_at=idle_at,
            unused_s=found["unused_s"],
            looked_s=found["looked_s"],
            taken_back="taken_back_at" in found,
            taken_back_at=read_time(found.get("taken_back_at", "")),
        )


class MachineStatus(Frozen):
    """One machine of a deployment."""

    host: str | None
    """As it was given; None: this machine."""
    role: Literal["node", "gateway"] = "node"
    """``gateway``: no engine runs there, and ``service`` is None."""
    state: MachineState
    detail: str = ""
    """Why it is not ready."""
    service: Service | None = None
    front: FrontFound | None = None
    """The gateway, where this machine has it for itself."""
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
    trial: Trial | None = None
    """Of the release that serves; None: it was judged, or was never to be."""
    work: str = ""
    """What is being done to it now, and by whom."""
    draining: tuple[str, ...] = ()
    """Releases that let their last requests end."""
    ending: Ending | None = None
    """None: it does not end itself."""
