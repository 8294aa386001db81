"""What an account holds."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

from emulators.machines import Machines

Fate = Literal["failed", "no-address"]
LOCATIONS = ("Delhi", "Chennai")
OURS = "zd-"
"""How the names of what zephyr-deploy makes begin."""


@dataclass
class Made:
    """Anything that was made, and when."""

    id: int
    name: str
    location: str
    made_at: float = field(default_factory=time.monotonic)


@dataclass
class Node(Made):
    """A node; its ``id`` and ``vm_id`` differ."""

    plan: dict[str, Any] = field(default_factory=dict)
    label: str = "default"
    keys: list[dict[str, str]] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    looks: int = 0
    """How many more times it is seen being created."""
    locked: bool = False
    saving: bool = False
    fate: Fate | None = None
    created_at: str = field(default_factory=lambda: f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}")

    @property
    def vm_id(self) -> int:
        """What groups and volumes know it by."""
        return self.id + 100_000


@dataclass
class Key(Made):
    """A registered key; its name is its label."""

    text: str = ""


@dataclass
class Group(Made):
    """A security group."""

    description: str = ""
    rules: list[dict[str, Any]] = field(default_factory=list)
    is_default: bool = False


@dataclass
class Store:
    """One account with one project."""

    machines: Machines
    lag_s: float = 0.0
    page: int = 3
    creating_looks: int = 1
    group_id_in_answer: bool = False
    fates: list[Fate] = field(default_factory=list)
    nodes: dict[int, Node] = field(default_factory=dict)
    keys: dict[int, Key] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(205))

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """An account as it is on its first day: with a default group in each location."""
        for node in self.nodes.values():
            self.machines.delete(str(node.id))
        for held in (self.nodes, self.keys, self.groups):
            held.clear()
        for location in LOCATIONS:
            rule = {"rule_type": "Inbound", "protocol_name": "All", "port_range": "All", "network": "any"}
            group = Group(next(self.ids), "default", location, -1e9, rules=[rule], is_default=True)
            self.groups[group.id] = group

    def default_group(self, location: str) -> Group:
        """The one that a node gets which asks for none."""
        return next(group for group in self.groups.values() if group.is_default and group.location == location)

    def shown(self, made: Made) -> bool:
        """Whether lists have it by now."""
        return time.monotonic() - made.made_at >= self.lag_s

    def left(self) -> list[str]:
        """What there is of zephyr-deploy."""
        kinds: dict[str, dict[int, Any]] = {"node": self.nodes, "group": self.groups, "key": self.keys}
        return [
            f"{kind} {made.name}"
            for kind, held in kinds.items()
            for made in held.values()
            if made.name.startswith(OURS)
        ]
