"""What a server shows of itself on ``/metrics`` that a benchmark can draw: seam and vocabulary of all engines.

Each engine's table is ``SHOWN`` in ``zephyr_deploy.engines.<name>.shown``. Which of them a server follows is seen in
its text, not in its name: the gateway in front of llama.cpp, for one, speaks as TGI does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Literal, NamedTuple

from zephyr_deploy.engines.registry import ENGINES

if TYPE_CHECKING:
    from zephyr_deploy.spec.base import EngineName

Way = Literal["now", "rate", "share"]


class Curve(NamedTuple):
    """One figure over time.

    ``now``: as the server says it; ``rate``: how fast a counter rises, a second; ``share``: how far one counter rises
    while another (``of``) does.
    """

    name: str
    """One of `CURVES`."""
    metrics: tuple[str, ...]
    """What it is called there; of several names, which are of several versions, the first that is there counts."""
    way: Way = "now"
    of: tuple[str, ...] = ()
    scale: float = 1.0
    """From the server's unit to that of `CURVES`."""
    labels: Literal["sum", "mean"] = "sum"
    """What to make of the values of several label sets, e.g. of several engines behind one port."""


class Clock(NamedTuple):
    """A histogram or summary of seconds, one observation a request (or, where it is said, a step)."""

    name: str
    """One of `CLOCKS`."""
    metrics: tuple[str, ...]
    where: tuple[str, str] | None = None
    """Only with this label."""


class Shown(NamedTuple):
    """All that one engine shows."""

    prefix: str
    curves: tuple[Curve, ...]
    clocks: tuple[Clock, ...]
    version_path: str = "/info"
    """Where it says its version, as ``version`` of a JSON object."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric that is asked for."""
        curves = (name for curve in self.curves for name in (*curve.metrics, *curve.of))
        return (*curves, *(name for clock in self.clocks for name in clock.metrics))


CURVES: dict[str, tuple[str, str]] = {
    "queue": ("Requests waiting in the engine", "requests"),
    "running": ("Requests computed at once (batch size)", "requests"),
    "kv": ("KV cache in use", "%"),
    "batch_tokens": ("Tokens that the batch may grow to", "tokens"),
    "busy_slots": ("Slots busy in a step, mean since the start", "slots"),
    "output_tokens": ("Tokens generated", "tokens/s"),
    "prompt_tokens": ("Prompt tokens computed", "tokens/s"),
    "finished": ("Requests finished", "requests/s"),
    "cache_hits": ("Prompt tokens found in the prefix cache", "%"),
    "accepted": ("Guessed tokens that were right (speculation)", "%"),
    "accepted_length": ("Tokens of a step (speculation)", "tokens"),
    "preempted": ("Requests thrown back to the queue", "requests/s"),
}
"""By name: title and unit."""
CLOCKS: dict[str, str] = {
    "queue": "Wait in the engine's queue",
    "validation": "Validation and tokenizing",
    "prefill": "Computation of the prompt",
    "prefill_step": "One prefill step of a batch",
    "decode_step": "One decode step of a batch",
    "ttft": "Time to first token, by the server",
    "itl": "Time between tokens, by the server",
    "per_token": "Inference time for each token of a request",
    "inference": "In the engine, without its queue",
    "e2e": "Whole request, by the server",
}
"""By name: title."""


def shown_by(engine: EngineName) -> Shown:
    """Of that engine."""
    shown: Shown = importlib.import_module(f"zephyr_deploy.engines.{engine}.shown").SHOWN
    return shown


def all_shown() -> tuple[Shown, ...]:
    """Of every engine."""
    return tuple(shown_by(name) for name in ENGINES)
