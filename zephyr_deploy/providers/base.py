"""Where a release can run: the contracts that providers fill.

A `ProcessProvider` starts the engine as a process here; a `NodeProvider` names machines, and what happens on them is
the same for every one of them (`zephyr_deploy.deploy.rollout`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.spec.base import EngineName, Frozen
from zephyr_deploy.spec.secret import SecretField

if TYPE_CHECKING:
    from zephyr_deploy.events import PhaseHandle
    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.providers.logs import LogQuery
    from zephyr_deploy.providers.machines import MachineStatus
    from zephyr_deploy.release.release import Release
    from zephyr_deploy.spec.deployment import Deployment
    from zephyr_deploy.spec.secret import Secret

ServiceState = Literal["starting", "ready", "unhealthy", "draining", "failed"]


class Service(Frozen):
    """A service found in the world, by what it carries itself, not by what we remember of it."""

    name: str
    """Of the deployment."""
    provider: str
    release: str
    """Id of the release that it runs."""
    state: ServiceState
    engine: EngineName
    model_id: str
    url: str
    public_url: str | None = None
    """Where others reach it, by TLS; None: nobody else does."""
    tls: Literal["", "internal", "acme"] = ""
    """Who vouches for ``public_url``: the gateway's own authority, or a public one."""
    host: str | None = None
    """The node that it runs on; None: this machine. ``url`` is then the node's own loopback: see `deploy.reach`."""
    pid: int | None = None
    started_at: datetime
    detail: str = ""
    """Why it is not ready, in one sentence; empty when it is."""
    price_per_hour_usd: float = 0.0
    rented_at: datetime | None = None
    """Since when its machine costs that; None: as long as the service has run."""
    ends_at: datetime | None = None
    """When its machine ends, whoever uses it; None: not by itself, as far as anybody knows."""
    api_key: SecretField | None = None

    @property
    def port(self) -> int | None:
        """Where it listens, or will; None where the address leaves it to the scheme."""
        return urlsplit(self.url).port

    def endpoint(self) -> Endpoint:
        """How to speak to it."""
        return Endpoint(
            name=self.name,
            url=self.url,
            engine=self.engine,
            model_id=self.model_id,
            api_key=self.api_key,
            release=self.release,
            ends_at=self.ends_at,
            trouble=self.detail if self.state == "unhealthy" else "",
        )


class Provider(ABC):
    """Where services run. Nothing here decides; it does one thing and says what came of it."""

    name: str

    @abstractmethod
    def services(self, name: str | None = None) -> list[Service]:
        """Everything of ours that exists here, whoever started it and whatever state was lost; or that deployment's."""

    @abstractmethod
    def machines(self, name: str) -> list[MachineStatus]:
        """How deployment ``name`` is doing, on each of its machines; one that cannot be asked says why."""

    @abstractmethod
    def logs(self, name: str, query: LogQuery) -> Iterator[str]:
        """The lines of the service's log that are wanted; those to come, until the service is gone.

        Raises:
            NotDeployedError: there is neither a service nor a log of one; it has no such machine.
            ConfigError: the pattern is none; there is no such phase; there is no such source here.
        """


class NodeProvider(Provider):
    """A provider of machines that are reached over SSH."""

    @abstractmethod
    def nodes(self, deployment: Deployment) -> tuple[NodeAddress, ...]:
        """Where the deployment's machines are.

        Raises:
            ConfigError: it does not say.
        """

    def gateway(self, deployment: Deployment) -> NodeAddress | None:  # noqa: ARG002 - for those that have some
        """Where the machine of its own is that the deployment's gateway has; None: the gateway is on each node."""
        return None

    def machines_of(self, deployment: Deployment) -> tuple[NodeAddress, ...]:
        """The nodes, and then the gateway's machine where it has its own.

        Raises:
            ConfigError: as `nodes`.
        """
        gateway = self.gateway(deployment)
        return (*self.nodes(deployment), *((gateway,) if gateway else ()))


class ProcessProvider(Provider):
    """A provider that starts the engine itself, as a process."""

    @abstractmethod
    def prepare(self, plan: Plan, phase: PhaseHandle) -> Plan:
        """Fetch and check what the plan needs (the model); return the plan with every digest filled in.

        Safe to repeat and to be cut off at any instant.

        Raises:
            CapacityError: no room on the disk.
            UnreachableError: no network.
            ConfigError: there is no such model, or its file is not what it should be.
        """

    @abstractmethod
    def render(self, plan: Plan) -> Release:
        """The release of a prepared plan: a pure function of it."""

    @abstractmethod
    def check_start(self, plan: Plan, *, replacing: Sequence[Service]) -> None:
        """See that the plan can start once ``replacing`` is gone, before anything that works is taken away.

        Raises:
            ConfigError: it could not (its port is somebody else's).
        """

    @abstractmethod
    def start(self, plan: Plan, release: Release, given: Secret | None = None) -> Service:
        """Start the release; return as soon as it runs, before it is ready. ``given``: the key it shall ask for.

        Raises:
            ConfigError: it cannot run here (port taken, library missing).
        """

    @abstractmethod
    def wait_ready(self, service: Service, deadline_s: float, phase: PhaseHandle) -> Service:
        """Wait until the service generates.

        Raises:
            EngineFailedError: it ended; the message is the cause from its own log.
            DeadlineError: it is not ready after ``deadline_s``.
        """

    @abstractmethod
    def stop(self, service: Service, grace_s: float, progress: Callable[[float], None]) -> None:
        """Stop the service and wait until it is gone; running requests have ``grace_s`` to end.

        Returns silently if it is gone already.

        Raises:
            LeftoversError: something of it is still there.
        """

    @abstractmethod
    def forget(self, name: str, *, purge: bool) -> list[str]:
        """Delete what this machine keeps of a deployment that is gone; with ``purge`` also downloads nobody else uses.

        Returns:
            What was deleted, for the receipt.
        """
