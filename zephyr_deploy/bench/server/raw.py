"""Readings as `zephyr_deploy.agent.scrape` writes them down; only those of a level are looked into. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from zephyr_deploy.bench.server.readings import Reading, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Raw(NamedTuple):
    """One reading, when it was taken by our clock, and its ``text`` or ``failure``."""

    at_ns: int
    found: Mapping[str, Any]


def of_level(raws: Sequence[Raw], began_ns: int, ended_ns: int) -> tuple[list[Reading], list[str]]:
    """The readings within a level with one on either side, where there is one; and why there are none, or not all."""
    readings: list[Reading] = []
    whys: list[str] = []
    for at_ns, found in around([raw for raw in raws if "text" in raw.found], began_ns, ended_ns):
        try:
            readings.append(read(found["text"], at_ns))
        except ValueError as error:
            whys.append(f"its text cannot be read ({error})")
    whys += [
        str(found["failure"])
        for at_ns, found in raws
        if "failure" in found and (not readings or began_ns <= at_ns <= ended_ns)
    ]
    return readings, list(dict.fromkeys(whys))


def around(raws: Sequence[Raw], began_ns: int, ended_ns: int) -> list[Raw]:
    """Those within, with the last one before and the first one after."""
    before = [one for one in raws if one.at_ns < began_ns][-1:]
    within = [one for one in raws if began_ns <= one.at_ns <= ended_ns]
    after = [one for one in raws if one.at_ns > ended_ns][:1]
    return [*before, *within, *after]
