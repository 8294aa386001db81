"""What came of a gate: plain data for people, for JSON, and for whoever is told of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import GateError
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.bench.compare import Comparison
    from zephyr_deploy.bench.report import BenchReport
    from zephyr_deploy.endpoint.smoke import SmokeReport
else:  # A no-op has no verdict, and does not load the benchmark for the form of one.
    from pydantic import SerializeAsAny

    BenchReport = Comparison = SmokeReport = SerializeAsAny[Frozen]


class Verdict(Frozen):
    """Whether a release that serves is kept, and why not."""

    release: str
    """Id of the one that was judged."""
    before: str = ""
    """Id of the one that served before."""
    passed: bool
    failures: tuple[str, ...] = ()
    """Why it did not pass, in whole sentences with the figures."""
    smoke: SmokeReport | None = None
    """None: it was not asked for."""
    report: BenchReport | None = None
    """What was measured, without the records of single requests; None: nothing was."""
    comparison: Comparison | None = None
    """That beside the figures of ``before``; None: no gate asks for it, or there are none of it."""
    doubts: tuple[str, ...] = ()
    """What makes the figures less than they seem, in whole sentences."""

    @property
    def cause(self) -> str:
        """Why it did not pass, in one line; empty if it did."""
        return "; ".join(self.failures)


class RefusedError(GateError):
    """A release that did not pass its gate, and what serves now on each machine, whether or not all went back."""

    def __init__(self, message: str, *, verdict: Verdict, serves: Mapping[str, str], went_back: bool) -> None:
        hint = "`zephyr-deploy releases` has the figures; redeploy again to have it measured anew."
        found, result = verdict.model_dump(mode="json"), "rolled_back" if went_back else "failed"
        super().__init__(message, hint=hint, details={**found, "serves": dict(serves), "result": result})
        self.verdict = verdict
