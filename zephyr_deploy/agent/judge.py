"""The end of a trial: the release that serves is kept, or what served before it is brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import units
from zephyr_deploy.agent.apply import Apply
from zephyr_deploy.agent.engine import Engine
from zephyr_deploy.agent.gateway import Gateway
from zephyr_deploy.agent.layout import Layout
from zephyr_deploy.agent.store import Store
from zephyr_deploy.agent.working import locked

if TYPE_CHECKING:
    from zephyr_deploy.agent.report import Report


class Judge:
    """One call of ``judge``.

    The request: ``release`` (which was judged), ``passed``, ``cause`` (why it did not), ``levels`` and ``report`` (what
    was measured; see `Store.note_figures` and `Store.note_gate`), and what ``apply`` needs for the way back.
    """

    def __init__(self, request: dict[str, Any], report: Report) -> None:
        self.request = request
        self.report = report
        self.release = str(request["release"])
        self.who: dict[str, Any] = request["who"]
        self.store = Store(Layout(request["name"]))

    def run(self) -> dict[str, Any]:
        """Write the verdict down and act by it; once it is here, that is done whoever listens.

        Raises:
            NodeError: another works on the deployment; what served before does not start, and what is on trial goes on
                serving.
        """
        wait_s = float(self.request.get("lock_wait_s", 0))
        lock = locked(self.store, self.who, wait_s, verb="judge", wanted=self.release, report=self.report)
        with lock as noted, self.report.to_the_end():
            trial = self.store.trial
            if not trial or self.store.current != self.release:
                return self._result("no trial")
            self._keep_figures()
            if self.request["passed"]:
                # In this order: cut off in between it is judged again, and not good without anybody knowing.
                self.store.note(self.release, "passed", self.who)
                self.store.set_current(self.release)
                noted["result"] = "passed"
                return self._result("passed")
            noted.update(result="refused", cause=self.request["cause"])
            before = str(trial.get("before", ""))
            self.store.note(self.release, "refused", self.who, cause=self.request["cause"], before=before)
            self._back_to(before)
            return self._result("refused")

    def _result(self, outcome: str) -> dict[str, Any]:
        return {"outcome": outcome, "release": self.store.current, "judged": self.release}

    def _keep_figures(self) -> None:
        """Figures of a release that did not pass are worth as much to people as those of one that did."""
        if self.request.get("levels"):
            self.store.note_figures(self.release, self.who, self.request["levels"])
        if self.request.get("report"):
            self.store.note_gate(self.release, self.request["report"])

    def _back_to(self, before: str) -> None:
        if before:
            Apply({**self.request, "release": before, "files": None, "trial": False}, self.report).bring()
            return
        # Nothing served here before, as on a machine that is new among others: nothing does now.
        layout = self.store.layout
        with self.report.phase("drain", "Let the refused release end its requests"):
            Engine(layout, self.release, self.store.about(self.release)).stop()
            units.remove([layout.unit(self.release)])
            Gateway(layout).remove()
        self.store.set_current("")


def judge(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """See `Judge`."""
    return Judge(request, report).run()
