"""What a cloud is asked for and what it answers, as plain data."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, Protocol

from pydantic import Field

from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.visits import Visit
from zephyr_deploy.spec.base import Frozen, ProviderName

InstanceState = Literal["starting", "running", "stopping", "stopped", "failed", "gone"]
Ended = Literal["taken-back", "by-itself", "deleted"]
Kind = Literal["instance", "spot-request", "network-interface", "volume", "security-group", "key"]
KINDS: tuple[Kind, ...] = ("instance", "spot-request", "network-interface", "volume", "security-group", "key")
"""In the order in which they can be deleted."""


class Account(Frozen):
    """Who pays."""

    provider: ProviderName
    id: str
    name: str = ""
    """For people."""


class Offer(Frozen):
    """A machine that a cloud sells in one region."""

    provider: ProviderName
    region: str
    machine_type: str
    """As the cloud calls it, e.g. g5.xlarge."""
    gpu: str
    """As `zephyr_deploy.data` calls it, e.g. a100-80; see `zephyr_deploy.providers.clouds.choose`."""
    gpus: int
    gpu_memory_gib: float
    """Of each GPU."""
    cpus: int
    memory_gib: float
    price_per_hour_usd: float
    """What offers are compared by."""
    price: str = ""
    """As the cloud states it where that is not in USD, e.g. 49 INR."""
    priced_on: date | None = None
    """Of a price that comes from a table of ours; None: the cloud has just said it."""
    spot: bool = False
    available: bool | None = None
    """Whether there is one now; None: the cloud says so only when it is asked for one."""
    details: dict[str, str] = Field(default_factory=dict)
    """What the provider needs to order it."""


class Sold(Frozen):
    """What a cloud sells in one region, and what is to be said of it."""

    offers: tuple[Offer, ...]
    """By price."""
    notes: tuple[str, ...] = ()
    """For people: what is missing from the offers or old, and why."""
    remarks: tuple[str, ...] = ()
    """For people: what the prices are compared by; nothing is amiss with it."""


class Order(Frozen):
    """All that one call that creates a machine is made of; it holds no secret and is journalled whole."""

    stamp: Stamp
    offer: Offer
    zone: str = ""
    """Empty where the cloud has none."""
    token: str
    """The same in a repeated call, another in another one; at most 64 ASCII characters."""
    public_key: str
    """Of who may log in, ``type base64``."""
    allowed: str
    """Network that may reach SSH, e.g. 203.0.113.7/32."""
    visit: Visit | None = None
    """Of whom orders it; then that network may reach SSH no longer than it stays. None: for good."""
    disk_gb: int
    user_data: str = ""
    """For cloud-init, where the cloud passes it on."""
    parts: dict[str, str] = Field(default_factory=dict)
    """What was made or found for it first, by the provider's own names, e.g. image, subnet, group, key."""


class Instance(Frozen):
    """A machine of ours in a cloud."""

    provider: ProviderName
    id: str
    region: str
    zone: str = ""
    state: InstanceState
    machine_type: str
    address: str | None = None
    """Public address; None: it has none yet."""
    user: str
    """Who may log in."""
    created_at: datetime | None = None
    spot: bool = False
    ended: Ended | None = None
    """Why it ends or has ended, by the cloud's word: it was taken back, powered itself off, or was deleted by a user;
    None: it does not, or the cloud does not say."""
    stamp: Stamp


class Resource(Frozen):
    """Anything of ours that exists in a cloud."""

    provider: ProviderName
    kind: Kind
    id: str
    region: str
    stamp: Stamp
    name: str = ""
    created_at: datetime | None = None
    bills: bool = False
    """Whether it costs something by existing."""

    def __str__(self) -> str:
        """For a receipt."""
        return f"{self.kind} {self.id} ({self.provider} {self.region})"


class AccountCheck(Frozen):
    """One thing that was looked at in an account."""

    name: str
    verdict: Literal["ok", "warning", "failed"]
    detail: str
    fix: str = ""
    """What to do; empty when the verdict is ok."""
    denied: bool = False
    """Whether it failed for credentials, permissions or a quota."""


class Ledger(Protocol):
    """Where what is about to be made is written first; `zephyr_deploy.deploy.journal.Journal` is one."""

    def intend(self, step: str, **facts: str) -> None:
        """Bring to the disk what is about to be done."""

    def done(self, step: str, **facts: str) -> None:
        """Write what came of it."""

    def failed(self, step: str, **facts: str) -> None:
        """Write that it failed, and why."""
