"""Traces: when requests came to a real service, and how long they were; their texts are nobody's business."""

from __future__ import annotations

import csv
import json
import math
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AZURE = ("timestamp", "contexttokens", "generatedtokens")
"""The columns of Azure's LLM inference traces of 2023 and 2024 (github.com/Azure/AzurePublicDataset)."""
MOONCAKE = ("timestamp", "input_length", "output_length")
"""The members of Mooncake's lines (github.com/kvcache-ai/Mooncake); the first is in milliseconds."""
HINT = "It reads Azure's CSV (TIMESTAMP,ContextTokens,GeneratedTokens) and Mooncake's JSON lines."


class Arrival(NamedTuple):
    """One request of a trace."""

    at_s: float
    """Since the first one."""
    prompt_tokens: int
    output_tokens: int


def read_trace(path: str | Path) -> tuple[Arrival, ...]:
    """The requests of a trace in the order in which they came; lengths of 0 count as 1.

    Raises:
        UsageError: it cannot be read, is empty, or a line is not of either form: which one.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            found = sorted(_arrivals(path.name, lines))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"The trace {path} cannot be read: {reason}.", hint=HINT) from error
    if not found:
        raise UsageError(f"The trace {path} has no requests.", hint=HINT)
    first = found[0].at_s
    return tuple(arrival._replace(at_s=arrival.at_s - first) for arrival in found)


def _arrivals(name: str, lines: Iterable[str]) -> Iterator[Arrival]:
    rows = iter(lines)
    head = next(rows, "").strip()
    if head.startswith("{"):
        yield _mooncake(name, 1, head)
        yield from (_mooncake(name, number, line) for number, line in enumerate(rows, start=2) if line.strip())
        return
    columns = [column.strip().lower() for column in head.split(",")]
    if head and not set(AZURE) <= set(columns):
        raise UsageError(f"{name} line 1: not the head of a trace.", hint=HINT)
    places = [columns.index(column) for column in AZURE] if head else []
    for number, row in enumerate(csv.reader(rows), start=2):
        if row:
            yield _azure(name, number, row, places)


def _azure(name: str, number: int, row: list[str], places: list[int]) -> Arrival:
    try:
        time, prompt, output = (row[place].strip() for place in places)
        return _arrival(_seconds(time), int(prompt), int(output))
    except (ValueError, IndexError):
        raise UsageError(f"{name} line {number}: not a time and two numbers of tokens.", hint=HINT) from None


def _mooncake(name: str, number: int, line: str) -> Arrival:
    try:
        said = json.loads(line)
        time, prompt, output = (said[member] for member in MOONCAKE)
        return _arrival(float(time) / 1000, int(prompt), int(output))
    except (ValueError, KeyError, TypeError, OverflowError):
        wanted = ", ".join(MOONCAKE)
        raise UsageError(f"{name} line {number}: not JSON with the numbers {wanted}.", hint=HINT) from None


def _arrival(at_s: float, prompt: int, output: int) -> Arrival:
    if prompt < 0 or output < 0 or not math.isfinite(at_s):
        raise ValueError
    return Arrival(at_s, max(1, prompt), max(1, output))


def _seconds(time: str) -> float:
    """Of ``2023-11-16 18:15:46.6805900`` or ``2024-05-10 00:00:00.009930+00:00``, in seconds since 1970.

    Seven digits after the point are more than Python reads as a date.
    """
    whole, _, rest = time.removesuffix("Z").removesuffix("+00:00").partition(".")
    day = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
    return day.timestamp() + (float(f"0.{rest}") if rest else 0.0)
