"""What the emulator knows besides moto: machines, tokens, what was made when, and spot requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from emulators.aws.chain import Answer
from emulators.machines import Machines
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict
from moto.ec2.models import ec2_backends

STAMPED = "zephyr-deploy:deployment"


@dataclass
class SpotRequest:
    """A one-time request that was fulfilled at once."""

    id: str
    region: str
    instance: str
    tags: dict[str, str]
    state: str = "active"


@dataclass
class Account:
    """The one account there is."""

    machines: Machines
    regions: tuple[str, ...]
    """Those that are enabled."""
    lag_s: float = 0.0
    """How long what was just made is missing from every ``Describe…``."""
    ending_s: float = 0.0
    """How long an instance is shutting down before it is terminated."""
    page: int = 50
    """How many instances a page has at most."""
    caller: str = "203.0.113.7"
    """Where calls come from."""
    policy: dict[str, Any] | None = None
    """What the credentials may do, as IAM writes it; None: everything."""
    credentials: dict[str, str] = field(default_factory=dict)
    """Secret by access key."""
    parameters: dict[str, str] = field(default_factory=dict)
    """Public parameters of the Systems Manager, the same in every region."""
    quotas: dict[str, float] = field(default_factory=dict)
    """vCPUs by code, where they are not those of `emulators.aws.quotas`."""
    launched: dict[str, str] = field(default_factory=dict)
    """Region of every instance that has a machine."""
    tokens: dict[tuple[str, ...], tuple[dict[str, str], Answer, str]] = field(default_factory=dict)
    """What a client token was used for: parameters, answer, and instance."""
    spot: dict[str, SpotRequest] = field(default_factory=dict)
    ending: dict[str, float] = field(default_factory=dict)
    """When an instance will be terminated, on the monotonic clock."""
    born: dict[str, float] = field(default_factory=dict)
    """When a thing, or a region, was first seen, on the monotonic clock."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    """moto is made for one call at a time."""

    @property
    def id(self) -> str:
        """Twelve digits."""
        return DEFAULT_ACCOUNT_ID

    def ec2(self, region: str) -> Any:
        """What moto keeps of EC2 in a region."""
        return ec2_backends[DEFAULT_ACCOUNT_ID][region]

    def instance(self, region: str, name: str) -> Any | None:
        """An instance as moto keeps it; None: there is none."""
        return self.ec2(region).get_instance_by_id(name)

    def reset(self) -> None:
        """Take everything away that was made."""
        with self.lock:
            self.policy = None
            for name in tuple(self.launched):
                self.machines.delete(name)
            for kept in (self.launched, self.tokens, self.spot, self.ending, self.born):
                kept.clear()
            BackendDict.reset()

    def left(self) -> list[str]:
        """Everything with a stamp that still exists, as ``kind id region``."""
        with self.lock:
            return sorted(f"{kind} {name} {region}" for region in self.regions for kind, name in self._stamped(region))

    def _stamped(self, region: str) -> Iterator[tuple[str, str]]:
        backend = self.ec2(region)
        kept = {
            "instance": [one for one in backend.all_instances() if one.state != "terminated"],
            "volume": backend.volumes.values(),
            "network-interface": backend.enis.values(),
            "security-group": [one for groups in backend.groups.values() for one in groups.values()],
            "key": backend.key_pairs.values(),
        }
        for kind, found in kept.items():
            yield from ((kind, one.id) for one in found if STAMPED in {tag["key"] for tag in one.get_tags()})
        for request in self.spot.values():
            if request.region == region and request.state == "active" and STAMPED in request.tags:
                yield "spot-request", request.id

    @contextmanager
    def unsettled(self, region: str) -> Iterator[None]:
        """For a while, what was made less than ``lag_s`` ago is not there."""
        backend, now = self.ec2(region), time.monotonic()
        shelves = [backend.volumes, backend.enis, backend.key_pairs, backend.reservations, *backend.groups.values()]
        hidden = [
            {name: thing for name, thing in shelf.items() if now - self.born.get(name, now) < self.lag_s}
            for shelf in shelves
        ]
        for shelf, taken in zip(shelves, hidden, strict=True):
            for name in taken:
                del shelf[name]
        try:
            yield
        finally:
            for shelf, taken in zip(shelves, hidden, strict=True):
                shelf.update(taken)

    def note_births(self, region: str) -> None:
        """See what is there now; what was not there before has just been made, but for what a region begins with."""
        backend, now = self.ec2(region), time.monotonic() if region in self.born else 0.0
        self.born.setdefault(region, 0.0)
        for shelf in (backend.volumes, backend.enis, backend.key_pairs, backend.reservations, *backend.groups.values()):
            for name in shelf:
                self.born.setdefault(name, now)
