"""What is on trial on the machines of a run, and how it ends: kept, or taken back.

Loaded with every `up` and `redeploy`: what measures comes with the first gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.gate.verdict import Verdict
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.release.request import judge_request

if TYPE_CHECKING:
    from zephyr_deploy.deploy.fleet import Fleet
    from zephyr_deploy.deploy.gate.keeper import Gatekeeper
    from zephyr_deploy.deploy.gate.wish import Gating
    from zephyr_deploy.deploy.rollout import RolloutOptions
    from zephyr_deploy.deploy.run import Run
    from zephyr_deploy.spec.secret import Secret


class Trials:
    """Those of one run.

    Args:
        fleet: The machines, looked at.
        run: Whose work it is.
        options: How it is done.
        judges: Whether the run judges what it finds: `redeploy` does, and `up` leaves it alone.
    """

    def __init__(self, fleet: Fleet, run: Run, options: RolloutOptions, *, judges: bool) -> None:
        self.fleet = fleet
        self.run = run
        self.options = options
        self.judges = judges

    @property
    def pending(self) -> bool:
        """Whether the run has something to judge."""
        return self.judges and any(member.trial for member in self.fleet.members)

    @property
    def before(self) -> str:
        """The last release that is known to be good: what serves, or served before what is on trial."""
        for member in self.fleet.members:
            if member.found and member.service:  # one without Python could not be looked at yet
                return member.trial.before if member.trial else member.service.release
        return ""

    def tell(self) -> None:
        """Say what is left alone."""
        trial = next((member.trial for member in self.fleet.members if member.trial), None)
        if trial is not None and not self.judges:
            said = (
                f"What serves is on trial ({trial.by}): `zephyr-deploy redeploy` judges it, --no-gate takes it as it is"
            )
            self.fleet.phases.notice(said, warning=True)

    def keeper(self, gate: Gating) -> Gatekeeper:
        """Of the gate, ready for the switch.

        Raises:
            ZephyrError: what it needs of the release before cannot be had.
        """
        from zephyr_deploy.deploy.gate.keeper import Gatekeeper  # for those who have a gate

        keeper = Gatekeeper(self.fleet, gate)
        keeper.before_switch()
        return keeper

    def judge(self, keeper: Gatekeeper | None, release: str, key: Secret, cause: str = "") -> Verdict:
        """Have a release kept or taken back that is on trial.

        Args:
            keeper: Of its gate; None: without one it is kept.
            release: Its id.
            key: What callers show where the release before is gone back to.
            cause: Why it is taken back whatever it would be found like; empty: it is not.

        Raises:
            RefusedError: it did not pass, and what served before serves again.
        """
        from zephyr_deploy.deploy.gate.judging import carry_out

        if keeper is not None and not cause:
            verdict = self._verdict(keeper, release)
        else:
            failures = (cause,) if cause else ()
            verdict = Verdict(release=release, before=self.before, passed=not cause, failures=failures)
        how = judge_request(
            self.fleet.name,
            who=self.run.who,
            api_key=key,
            lock_wait_s=self.options.lock_wait_s,
            ready_s=self.options.ready_deadline_s,
            engine=self.fleet.services[0].engine,
        )
        carry_out(self.fleet, self.run, verdict, how)
        return verdict

    def take_back(self, release: str, key: Secret, error: ZephyrError) -> None:
        """Where it failed before a verdict, what machines have on trial is not kept there; ``error`` tells it."""
        from zephyr_deploy.deploy.gate.verdict import RefusedError

        try:
            self.fleet.look()
            if self.pending:
                self.judge(None, release, key, cause=error.message)
        except RefusedError as refused:
            error.message += f"; {refused.message}"
        except ZephyrError as second:
            error.message += f"; what is on trial on machines is so still: {second.message}"
        error.args = (error.message,)

    def _verdict(self, keeper: Gatekeeper, release: str) -> Verdict:
        try:
            return keeper.verdict(release)
        except KeyboardInterrupt:
            said = f"Release {release} serves, and was not judged: the next `zephyr-deploy redeploy` does that"
            self.fleet.phases.notice(said, warning=True)
            raise
