"""What the planner would set."""

from __future__ import annotations

from zephyr_deploy.engines.base import Problem, ServeSettings
from zephyr_deploy.plan.memory.breakdown import Memory
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.spec.base import Frozen


class Reason(Frozen):
    """One setting, and why it is what it is."""

    setting: str
    """In zephyr.toml, e.g. limits.max_batch_prefill_tokens."""
    flag: str
    """As the engine calls it, e.g. --max-batch-prefill-tokens."""
    value: str
    """``not said`` where it is left to the engine."""
    why: str
    given: bool = False
    """Whether the user said so, and not the planner."""


class Advice(Frozen):
    """The settings of one setup: complete, and accepted by the engine's own rules where there are no problems."""

    setup: Setup
    """With what the user has said of it."""
    memory: Memory
    serve: ServeSettings
    reasons: tuple[Reason, ...]
    fits: bool
    """Whether weights, a step of prompts and the longest request have room."""
    problems: tuple[Problem, ...] = ()
    """Why the engine would refuse this; then it must not be started."""
    notes: tuple[str, ...] = ()
