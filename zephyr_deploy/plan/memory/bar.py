"""A GPU's memory as a bar: the parts and their widths; whoever shows it colours them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from zephyr_deploy.plan.memory.breakdown import Memory

Part = Literal["weights", "activations", "graphs", "overhead", "kv_cache", "reserve"]
LABELS: dict[Part, str] = {
    "weights": "weights",
    "activations": "a step of prompts",
    "graphs": "CUDA graphs",
    "overhead": "context and workspaces",
    "kv_cache": "KV cache",
    "reserve": "left to the driver",
}
SIGNS: dict[Part, str] = {
    "weights": "W",
    "activations": "a",
    "graphs": "g",
    "overhead": "o",
    "kv_cache": "K",
    "reserve": ".",
}
"""For a terminal that shows ASCII alone."""
GB = 1e9


class Segment(NamedTuple):
    """One part of the bar."""

    part: Part
    label: str
    """E.g. weights 14.5 GB."""
    size: int
    """Bytes."""
    width: int
    """Characters; 0 where it is too small to be seen."""
    sign: str


class Bar(NamedTuple):
    """From left to right. Where it does not fit, the bar is what is needed, and longer than the GPU."""

    segments: tuple[Segment, ...]
    missing: int
    """Bytes; 0 where it fits."""
    end: int | None
    """Where it does not fit: the column at which what the engine may take of the GPU ends."""


def bar(memory: Memory, width: int = 60) -> Bar:
    """The parts that are not empty, ``width`` characters in all."""
    sizes: dict[Part, int] = {
        "weights": memory.weights,
        "activations": memory.activations,
        "graphs": memory.graphs,
        "overhead": memory.overhead,
        "kv_cache": max(0, memory.kv_cache),
        "reserve": 0 if memory.missing else memory.total - memory.usable,
    }
    shown = {part: size for part, size in sizes.items() if size > 0}
    widths = _shares(list(shown.values()), width)
    segments = (
        Segment(part, f"{LABELS[part]} {size / GB:.1f} GB", size, columns, SIGNS[part])
        for (part, size), columns in zip(shown.items(), widths, strict=True)
    )
    end = round(width * memory.usable / (memory.usable + memory.missing)) if memory.missing else None
    return Bar(tuple(segments), memory.missing, end)


def plain(drawn: Bar) -> str:
    """The bar in ASCII, its legend below it."""
    line = "".join(segment.sign * segment.width for segment in drawn.segments)
    legend = [f"{segment.sign} {segment.label}" for segment in drawn.segments]
    if drawn.end is not None:
        line = f"{line[: drawn.end]}|{line[drawn.end :]}"
        legend.append(f"| the GPU ends: {drawn.missing / GB:.1f} GB are missing")
    return f"[{line}]\n{', '.join(legend)}"


def _shares(sizes: list[int], width: int) -> list[int]:
    """Whole columns in proportion, which add up to ``width``: those that lose most by rounding get one more."""
    whole = sum(sizes)
    exact = [size * width / whole for size in sizes]
    columns = [int(share) for share in exact]
    order = sorted(range(len(sizes)), key=lambda place: columns[place] - exact[place])
    for place in order[: width - sum(columns)]:
        columns[place] += 1
    return columns
