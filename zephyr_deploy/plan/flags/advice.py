"""What the planner would set."""

from __future__ import annotations

from zephyr_deploy.engines.base import ServeSettings
from zephyr_deploy.plan.memory.breakdown import Memory
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.spec.deployment import Frozen


class Reason(Frozen):
    """One setting, and why it is what it is."""

    setting: str
    """In zephyr.toml, e.g. limits.max_batch_prefill_tokens."""
    flag: str
    """As the engine calls it, e.g. --max-batch-prefill-tokens."""
    value: str
    why: str
    given: bool = False
    """Whether the user said so, and not the planner."""


class Advice(Frozen):
    """The settings of one setup: complete, and accepted by the engine's own rules."""

    setup: Setup
    memory: Memory
    serve: ServeSettings
    reasons: tuple[Reason, ...]
    fits: bool
    notes: tuple[str, ...] = ()
