"""The gate of one run: measures what serves before the switch where that is asked for, and judges what serves after."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from zephyr_deploy.bench.change import failures_of as changes_of
from zephyr_deploy.bench.compare import compare
from zephyr_deploy.bench.gate import failures_of as limits_of
from zephyr_deploy.deploy.gate.kept import Kept, keep, kept
from zephyr_deploy.deploy.gate.measure import measured, reached, smoke_test, without_records
from zephyr_deploy.deploy.gate.verdict import Verdict
from zephyr_deploy.deploy.kept import keep_report
from zephyr_deploy.errors import ZephyrError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.compare import Comparison
    from zephyr_deploy.bench.report import BenchReport
    from zephyr_deploy.deploy.fleet import Fleet
    from zephyr_deploy.deploy.gate.wish import Gating
    from zephyr_deploy.endpoint.types import Endpoint

ELSEWHERE = "The figures of {before} are of another machine ({machine}), whose way to the endpoint may be another."


class Gatekeeper:
    """See `before_switch` and `verdict`, which are called in this order."""

    def __init__(self, fleet: Fleet, gating: Gating) -> None:
        self.fleet = fleet
        self.gating = gating
        self.before = ""
        """Id of the release that is gone back to."""
        self.basis: Kept | None = None
        """Its figures."""
        self.unwell = ""
        """Why it has none: what does not answer can be replaced by anything that does."""

    def before_switch(self) -> None:
        """Have the figures of the last good release, where a gate asks for them: kept ones, else measured now.

        One that does not serve any more, because a run was cut off before it judged, can no longer be measured.

        Raises:
            ZephyrError: they cannot be had, and nothing was changed.
        """
        trial = next((member.trial for member in self.fleet.members if member.trial), None)
        serving = next((member.service for member in self.fleet.members if member.service), None)
        self.before = trial.before if trial else serving.release if serving else ""
        if not self.gating.changes or not self.before:
            return
        state = serving.state if serving is not None and trial is None else ""
        # What does not answer is no measure for what does; but one that starts, as after a boot, did, and will again.
        found = kept(self.fleet, self.before) if state in {"", "ready", "starting"} else None
        if found is not None and (trial or found.answers(self.gating)):
            self.basis = found
        elif state == "ready":
            self.basis = self._measured_now()
        elif state:
            self.unwell = f"{self.before}, which served before, is {state}: no change was judged, but limits alone."

    def _measured_now(self) -> Kept:
        with reached(self.fleet) as endpoint:
            report = measured(endpoint, self.gating, self.fleet.phases, f"{self.before}, which serves now")
        keep(self.fleet, self.before, report)
        found = kept(self.fleet, self.before)
        if found is None:
            raise TypeError("a report that was kept cannot be read")
        return found

    def verdict(self, release: str) -> Verdict:
        """Judge the release that serves; that it cannot be measured is a verdict, too.

        Raises:
            KeyboardInterrupt: the user has ended it; the release is on trial still.
        """
        found = Verdict(release=release, before=self.before, passed=True)
        try:
            with reached(self.fleet) as endpoint:
                if self.gating.smoke:
                    found = self._smoked(endpoint, found)
                if found.passed and self.gating.measures:
                    found = self._measured(endpoint, found)
        except ZephyrError as error:
            failure = f"It could not be measured: {error.message}"
            return found.model_copy(update={"passed": False, "failures": (*found.failures, failure)})
        return found

    def _smoked(self, endpoint: Endpoint, found: Verdict) -> Verdict:
        smoke = smoke_test(endpoint, self.fleet.phases)
        failed = tuple(f"{one.name} failed: {one.detail}" for one in smoke.checks if one.outcome == "failed")
        failures = failed or (() if smoke.passed else ("no check generated anything",))
        return found.model_copy(update={"smoke": smoke, "passed": not failures, "failures": failures})

    def _measured(self, endpoint: Endpoint, found: Verdict) -> Verdict:
        report = measured(endpoint, self.gating, self.fleet.phases, found.release)
        with suppress(ZephyrError):  # `history` has one entry less, and the node has it all the same
            keep_report(report)
        comparison = compare(self.basis.report, report, (found.before, found.release)) if self.basis else None
        failures = (*limits_of(report, self.gating.limits), *self._changes(comparison), *_not_whole(report))
        judged = {
            "passed": not failures,
            "failures": failures,
            "report": without_records(report),
            "comparison": comparison,
            "doubts": (*self._doubts(report), *(comparison.doubts if comparison else ())),
        }
        return found.model_copy(update=judged)

    def _changes(self, comparison: Comparison | None) -> Iterator[str]:
        if comparison is not None:
            yield from changes_of(comparison, self.gating.changes)
        elif self.gating.changes and not self.unwell:
            before = self.before or "a release before it"
            yield f"there are no figures of {before} to hold it against ({self.gating.changes[0].text})"

    def _doubts(self, report: BenchReport) -> Iterator[str]:
        for level in report.levels:
            if level.client.verdict == "client_bottleneck":
                yield f"With {level.load} it may be faster than was seen: {level.client.reason}"
        if self.unwell:
            yield self.unwell
        if self.basis and not self.basis.answers(self.gating):
            yield ELSEWHERE.format(before=self.before, machine=self.basis.machine)


def _not_whole(report: BenchReport) -> Iterator[str]:
    if report.partial:
        yield f"it was not measured to the end: {report.partial}"
    yield from (f"not one request was answered with {level.load}" for level in report.levels if not level.succeeded)
