"""The planner's corrections: from what this user has measured, and from reports on file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.calibrations import all_calibrations
from zephyr_deploy.engines.registry import engine
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.learned import learn
from zephyr_deploy.plan.served import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.deploy.reports import Reported
    from zephyr_deploy.plan.served import Key
    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.plan.speed.correction import Correction
    from zephyr_deploy.plan.speed.measured import Point
    from zephyr_deploy.spec.deployment import Deployment


class Corrections:
    """What one's own measurements say of a setup; each is solved once.

    Args:
        wish: Whose engine's version counts.
        stored: Whether what is kept on this machine counts.
        reports: Benchmarks on file, which count before it.
    """

    def __init__(self, wish: Deployment, *, stored: bool = True, reports: Sequence[Reported] = ()) -> None:
        self._image, self._reports = wish.engine.image, tuple(reports)
        kept, self._unreadable = all_calibrations() if stored else ((), ())
        self._kept = {one.served.key: one for one in kept}
        self._known: dict[Key, Correction | None] = {}

    def __call__(self, setup: Setup) -> Correction | None:
        """The correction; None: nothing was measured of such a one."""
        key = key_of(setup)
        if key not in self._known:
            self._known[key] = self._solved(setup, key)
        return self._known[key]

    def notes(self) -> Iterator[str]:
        """What is not heeded, and why."""
        for path in self._unreadable:
            yield f"{path} is no measurement that this version can read; it is not heeded."

    def _solved(self, setup: Setup, key: Key) -> Correction | None:
        for reported in self._reports:
            if reported.is_of(setup):
                return _learned(setup, reported.points, reported.prefill_tokens, reported.source)
        kept = self._kept.get(key)
        if kept is None:
            return None
        source, planned = kept.source, self._image or engine(setup.engine).image
        if planned != kept.served.image:
            source += f"; {planned} is planned"
        return _learned(setup, kept.points, kept.served.prefill_tokens, source)


def _learned(setup: Setup, points: Sequence[Point], prefill_tokens: int | None, source: str) -> Correction | None:
    try:
        found = learn(setup, points, prefill_tokens=prefill_tokens, source=source)
    except ConfigError:  # its speed is not known, and whoever asks for it says so
        return None
    if not found.compared:
        return None
    if not found.refused:
        return found.correction
    refused = f"; {len(found.refused)} figures of it cannot be: {found.refused[0].why}"
    return found.correction.model_copy(update={"source": source + refused})
