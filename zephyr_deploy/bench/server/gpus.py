"""What nvidia-smi says of the GPUs while a level runs, and what they took. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.agent.watch_gpus import COLUMNS
from zephyr_deploy.bench.server.view import Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NS_PER_MS = 1e6
NS_PER_S = 1e9
MARGIN_NS = 2_000_000_000
"""Readings come every second; those just outside say what was at the edges."""
NOTHING = "nvidia-smi told no figures of GPUs, but: {}."
"""A note, with what it said instead."""


class GpuReading(NamedTuple):
    """One GPU at one instant of ``time.perf_counter_ns``; None: it does not say."""

    at_ns: int
    gpu: int
    """Its index."""
    use: float | None
    """Percent of the time in which anything ran on it; 100 % need not mean that it is used well."""
    memory_use: float | None
    """Percent of the time in which its memory was read or written."""
    memory_mib: float | None
    power_w: float | None
    clock_mhz: float | None
    temperature_c: float | None

    def near(self, began_ns: int, ended_ns: int) -> bool:
        """Whether it says something of the time between two instants: it is within, or just outside."""
        return began_ns - MARGIN_NS <= self.at_ns <= ended_ns + MARGIN_NS


class Figure(NamedTuple):
    """One curve, and what to make of several GPUs."""

    name: str
    field: str
    title: str
    unit: str
    together: Callable[[Sequence[float]], float]
    words: str


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


FIGURES = (
    Figure("gpu_use", "use", "GPU in use", "%", _mean, "mean of {} GPUs"),
    Figure("gpu_memory_use", "memory_use", "GPU memory read or written", "%", _mean, "mean of {} GPUs"),
    Figure("gpu_memory", "memory_mib", "GPU memory allocated", "MiB", sum, "all {} GPUs"),
    Figure("gpu_power", "power_w", "GPU power", "W", sum, "all {} GPUs"),
    Figure("gpu_clock", "clock_mhz", "GPU clock", "MHz", min, "slowest of {} GPUs"),
    Figure("gpu_temperature", "temperature_c", "GPU temperature", "°C", max, "hottest of {} GPUs"),
)


def gpu_rows(rows: Iterable[tuple[int, str]]) -> list[GpuReading]:
    """Those of the rows that are such."""
    found = (gpu_row(row, at_ns) for at_ns, row in rows)
    return [one for one in found if one is not None]


def gpu_row(row: str, at_ns: int) -> GpuReading | None:
    """A row of nvidia-smi's CSV (`zephyr_deploy.agent.watch_gpus`), without its timestamp; None: it is none."""
    cells = [cell.strip() for cell in row.split(",")]
    if len(cells) != len(COLUMNS) - 1 or not cells[0].isdigit():
        return None
    return GpuReading(at_ns, int(cells[0]), *(_number(cell) for cell in cells[1:]))


def _number(cell: str) -> float | None:
    """None for ``[N/A]``, ``[Not Supported]``, ``[Unknown Error]`` and the like; never 0 for what is not known."""
    try:
        return float(cell)
    except ValueError:
        return None


def gpu_series(readings: Sequence[GpuReading], began_ns: int, ended_ns: int) -> tuple[Series, ...]:
    """Their curves over the time of a level, by readings of it and around it."""
    many = len({one.gpu for one in readings})
    whole = [moment for moment in _moments(readings) if len(moment) == many]  # the last may still be coming
    moments = [moment for moment in whole if began_ns <= moment[0].at_ns <= ended_ns] or whole
    found: list[Series] = []
    for figure in FIGURES:
        points: list[tuple[float, float]] = []
        for moment in moments:
            values = [value for one in moment if (value := getattr(one, figure.field)) is not None]
            if values and len(values) == len(moment):
                points.append(((moment[0].at_ns - began_ns) / NS_PER_MS, figure.together(values)))
        if points:
            title = figure.title if many == 1 else f"{figure.title} ({figure.words.format(many)})"
            found.append(Series(name=figure.name, title=title, unit=figure.unit, points=tuple(points)))
    return tuple(found)


def _moments(readings: Sequence[GpuReading]) -> list[list[GpuReading]]:
    """The rows of each round of nvidia-smi, which prints them in the order of the GPUs."""
    rounds: list[list[GpuReading]] = []
    for one in readings:
        if rounds and one.gpu > rounds[-1][-1].gpu:
            rounds[-1].append(one)
        else:
            rounds.append([one])
    return rounds


def energy_j(readings: Sequence[GpuReading], began_ns: int, ended_ns: int) -> float | None:
    """What they took between two instants, in joules; None where one does not tell its power.

    Between two readings power is taken to change evenly, and before the first and after the last to stay.
    """
    indices = {one.gpu for one in readings}
    each = [_one_energy([one for one in readings if one.gpu == index], began_ns, ended_ns) for index in indices]
    known = [one for one in each if one is not None]
    return sum(known) if known and len(known) == len(each) else None


def _one_energy(readings: Sequence[GpuReading], began_ns: int, ended_ns: int) -> float | None:
    points = [(one.at_ns, one.power_w) for one in readings if one.power_w is not None]
    if not points:
        return None
    inner = [at_ns for at_ns, _ in points if began_ns < at_ns < ended_ns]
    times = [began_ns, *inner, ended_ns]
    return sum(
        (_power_at(points, early) + _power_at(points, late)) / 2 * (late - early) / NS_PER_S
        for early, late in pairwise(times)
    )


def _power_at(points: Sequence[tuple[int, float]], at_ns: int) -> float:
    for (early, low), (late, high) in pairwise(points):
        if early <= at_ns <= late and late > early:
            return low + (high - low) * (at_ns - early) / (late - early)
    return points[0][1] if at_ns < points[0][0] else points[-1][1]
