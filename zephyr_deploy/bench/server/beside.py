"""Has a server watched while levels run, and puts what was seen into their reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.bench.server.view import ServerView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.report import LevelReport
    from zephyr_deploy.bench.server.readings import Reading
    from zephyr_deploy.bench.server.view import Series, Times
    from zephyr_deploy.bench.server.witness import Seen, Witness
    from zephyr_deploy.engines.shown import Shown

NS_PER_S = 1e9


def with_server(level: LevelReport, began_ns: int, witnesses: Sequence[Witness]) -> LevelReport:
    """The level with what its server said of itself; as it is where nobody watched.

    Args:
        level: That has just been measured.
        began_ns: When it began: what the times of its records count from, by ``time.perf_counter_ns``.
        witnesses: Who watched.
    """
    if not witnesses:
        return level
    ended_ns = began_ns + round(level.seconds * NS_PER_S)
    seen = [witness.seen(began_ns, ended_ns) for witness in witnesses]
    return level.model_copy(update={"server": view_of(level, began_ns, seen)})


def view_of(level: LevelReport, began_ns: int, seen: Sequence[Seen]) -> ServerView:
    """All that was seen, together."""
    from zephyr_deploy.bench.server.gpus import energy_j, gpu_series
    from zephyr_deploy.bench.server.split import split_of

    ended_ns = began_ns + round(level.seconds * NS_PER_S)
    notes = [note for one in seen for note in one.notes]
    series: list[Series] = []
    for one in seen:
        curves, said = _curves(one, began_ns, ended_ns)
        notes += said
        series += [_named(curve, one.machine) for curve in (*curves, *gpu_series(one.gpus, began_ns, ended_ns))]
    times = _times([one.readings for one in seen if one.readings])
    each = [energy_j(one.gpus, began_ns, ended_ns) for one in seen if one.gpus]
    energy = sum(joules for joules in each if joules is not None) if each and None not in each else None
    tokens = level.output_tokens_per_s * level.seconds
    beyond = [one.beyond_ms for one in seen if one.beyond_ms is not None]
    return ServerView(
        series=tuple(series),
        times=times,
        split=split_of(level.ttft_ms, level.rtt_ms, times, beyond_ms=max(beyond, default=None)),
        energy_j=energy,
        energy_j_per_1k_tokens=None if energy is None or tokens <= 0 else energy / tokens * 1000,
        notes=tuple(dict.fromkeys(notes)),
    )


def _shown(readings: Sequence[Reading]) -> Shown | None:
    from zephyr_deploy.bench.server.readings import kind_of
    from zephyr_deploy.engines.shown import all_shown

    return kind_of(readings, all_shown())


def _curves(one: Seen, began_ns: int, ended_ns: int) -> tuple[Sequence[Series], list[str]]:
    from zephyr_deploy.bench.server.readings import restarted, series_of

    if not one.readings:
        return (), []
    shown = _shown(one.readings)
    of = f" of {one.machine}" if one.machine else ""
    if shown is None:
        return (), [f"The metrics{of} are of no engine that is known here."]
    notes = [f"The server{of} was started anew meanwhile."] if restarted(one.readings, shown) else []
    return series_of(one.readings, shown, began_ns, ended_ns), notes


def _times(machines: Sequence[Sequence[Reading]]) -> tuple[Times, ...]:
    """Over all machines: their first readings together are one, and so are their last."""
    from zephyr_deploy.bench.server.readings import Reading, restarted, times_of

    shown = _shown(machines[0]) if machines else None
    if shown is None or any(len(one) < 2 or restarted(one, shown) for one in machines):  # noqa: PLR2004
        return ()

    def together(readings: Sequence[Reading]) -> Reading:
        names = {name for one in readings for name in one.values}
        values = {name: [value for one in readings for value in one.values.get(name, ())] for name in names}
        return Reading(readings[0].at_ns, values)

    return times_of([together([one[0] for one in machines]), together([one[-1] for one in machines])], shown)


def _named(series: Series, machine: str) -> Series:
    if not machine:
        return series
    return series.model_copy(update={"name": f"{series.name}@{machine}", "title": f"{series.title}, {machine}"})
