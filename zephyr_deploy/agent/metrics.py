"""How a deployment on this node is doing, in figures: the engine's own metrics, sampled twice while it works."""

from __future__ import annotations

import json
import math
import re
import time
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import health

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

BETWEEN_S = 1.0
"""Between the two samples, in seconds."""
_LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{.*\})?\s+(\S+)")


def read_figures(text: str, names: Collection[str]) -> dict[str, float]:
    """The figures of these names in Prometheus' text form, summed over labels; those without a number are left out."""
    figures: dict[str, float] = {}
    for line in text.splitlines():
        found = _LINE.match(line)
        if found and found[1] in names:
            try:
                value = float(found[2])
            except ValueError:
                continue
            if math.isfinite(value):
                figures[found[1]] = figures.get(found[1], 0.0) + value
    return figures


def sample(port: int, names: Mapping[str, str]) -> dict[str, float]:
    """The figures now, by what they are to us: ``names`` says what each is called there.

    Args:
        port: Of the loopback interface.
        names: From ``running``, ``queued``, ``generated_tokens``, ``requests`` and others to the engine's names.
    """
    answer = health.ask(port, "GET", "/metrics")
    figures = read_figures(answer.text, set(names.values())) if answer.ok else {}
    return {ours: figures[theirs] for ours, theirs in names.items() if theirs in figures}


def rates(port: int, names: Mapping[str, str]) -> dict[str, Any]:
    """The figures now, and ``tokens_per_s`` with ``tokens_per_s_over``: the seconds between the two samples.

    Where nothing runs and nothing waits, there is no second sample: the rate is 0, over 0 seconds.
    """
    began, first = time.monotonic(), sample(port, names)
    if "generated_tokens" not in first:
        return {**first}
    if first.get("running") == 0 and not first.get("queued"):
        return {**first, "tokens_per_s": 0.0, "tokens_per_s_over": 0.0}
    time.sleep(BETWEEN_S)
    passed, second = time.monotonic() - began, sample(port, names)
    made = second.get("generated_tokens", 0.0) - first["generated_tokens"]
    if made < 0:  # it was restarted between the two
        return {**first}
    return {**second, "tokens_per_s": made / passed, "tokens_per_s_over": passed}


def version(port: int, path: str) -> str:
    """What the engine says that its version is, at its own path for that; empty where it does not say."""
    answer = health.ask(port, "GET", path) if path else None
    try:
        said = json.loads(answer.text) if answer is not None and answer.ok else {}
    except ValueError:
        return ""
    return str(said.get("version", "")) if isinstance(said, dict) else ""
